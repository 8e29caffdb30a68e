//! Finished results that get one more file, which is then sealed like the others.

use super::claim::Claim;
use super::file::Pending;
use super::landing::{self, STAGING};
use super::{SEAL, seal};
use crate::error::{Error, Result};
use crate::invalid;
use crate::results::remedies::WRITTEN;
use serde_json::Value;
use std::fs;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

/// A folder of a finished run, held by this process alone, each of its files as it was written.
#[derive(Debug)]
pub struct Finished {
    folder: PathBuf,
    seal: seal::Seal,
    _claim: Claim,
}

impl Finished {
    /// Opens the folder of a run of this version and checks its files, but for `except`, which may be made anew.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such folder or it cannot be written, [`Error::Invalid`] if it holds no run of this
    /// version, [`Error::Verification`] if a file is not what was written.
    pub fn open(folder: &Path, except: &str) -> Result<Self> {
        match fs::metadata(folder) {
            Err(source) => return Err(Error::io(folder, source, WRITTEN)),
            Ok(found) if !found.is_dir() => {
                return Err(Error::io(folder, IoError::from(ErrorKind::NotADirectory), WRITTEN));
            }
            Ok(_) => {}
        }
        let is_one = |folder: &Path| folder.join(SEAL).exists();
        if !is_one(folder) && !is_one(&folder.join(STAGING)) {
            return Err(Error::Invalid(format!("{}: holds no {SEAL}", folder.display())).remedied(WRITTEN));
        }
        let claim = Claim::take(folder)?;
        landing::stage(folder)?;
        let seal = seal::read(folder)?;
        check_version(folder, &seal.run)?;
        seal::verify_files(folder, seal.files.iter().filter(|(name, _)| *name != except))?;
        Ok(Finished { folder: folder.to_path_buf(), seal, _claim: claim })
    }

    /// What its seal says.
    pub fn run(&self) -> &Value {
        &self.seal.run
    }

    /// Writes a file, or writes it anew, and the seal that names it.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails, [`Error::Verification`] if a file reads back differently.
    pub fn add(mut self, name: &str, content: &[u8]) -> Result<()> {
        let staging = self.folder.join(STAGING);
        let stage = |name: &str, content: &[u8]| {
            let mut pending = Pending::create(&staging, &self.folder, name)?;
            pending.write(content)?;
            pending.check()
        };
        self.seal.files.insert(name.to_string(), stage(name, content)?);
        let text = seal::text(&seal::sealed(self.seal.run, &self.seal.files)?)?;
        stage(SEAL, text.as_bytes())?;
        for name in [name, SEAL] {
            let target = self.folder.join(name);
            fs::rename(staging.join(name), &target)
                .map_err(|source| Error::io(&target, source, "make the folder writable"))?;
        }
        Ok(())
    }
}

/// Tables of another version may have other columns.
fn check_version(folder: &Path, run: &Value) -> Result<()> {
    let series = |version: &str| version.split('.').take(2).map(str::to_string).collect::<Vec<_>>();
    let (own, written) = (env!("CARGO_PKG_VERSION"), run["eulerscope"].as_str().unwrap_or_default());
    if series(own) == series(written) {
        return Ok(());
    }
    let path = folder.join(SEAL);
    invalid!("{}: is of eulerscope {written}, this is {own}; use that version, or run again", path.display())
}
