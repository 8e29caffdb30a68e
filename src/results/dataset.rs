//! Results on disk: a folder of Parquet tables and figures, with `run.json` as its seal.
//!
//! One run at a time has a folder. Its files are staged in a hidden folder inside, each written, synced, read back and
//! compared; when the last one is there they are sealed by a `run.json` that names every file with its length and BLAKE3,
//! and moved into their place. Until then whatever was in the folder stays; a run that fails leaves it as it was. The
//! tables open in pandas, polars and duckdb as they are.

mod claim;
mod column;
pub mod dictionary;
pub(super) mod file;
mod finished;
mod landing;
pub mod read;
pub(super) mod seal;
mod table;

use crate::error::{Error, Result};
use crate::results::remedies::{KEEP, NO_FOLDER, REPLACE, WRITTEN};
use claim::Claim;
use file::{Pending, Record};
use landing::Earlier;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

pub use claim::abandon;
pub use column::Column;
pub use finished::Finished;
pub use landing::Landed;
pub use seal::verify;
pub use table::TableWriter;

/// The file that seals a results folder.
pub const SEAL: &str = "run.json";

/// A results folder that is being written. Dropped before [`Dataset::finish`], it leaves the folder as it was.
#[derive(Debug)]
pub struct Dataset {
    folder: PathBuf,
    staging: PathBuf,
    notes: Vec<(String, String)>,
    records: BTreeMap<String, Record>,
    page: Option<Page>,
    claim: Claim,
}

/// A page about a folder, made last of all: its name, and what makes it of the folder's files and the record that will seal
/// them.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The file.
    pub name: &'static str,
    /// Its text.
    pub text: fn(&Path, &Value) -> Result<String>,
}

impl Dataset {
    /// Makes the folder (and its parents) and claims it for this run, so that a long run cannot fail at its end because the
    /// folder cannot be written or is another's.
    ///
    /// Results of an earlier run are refused, unless they are to be replaced: then they stay until the new ones are
    /// complete. Other files in the folder are left alone.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder and the cause: it cannot be made or written, another run is writing there, or it
    /// holds results and `replace` is false.
    pub fn create(folder: &Path, replace: bool) -> Result<Self> {
        if folder.exists() && !folder.is_dir() {
            let cause = IoError::from(ErrorKind::NotADirectory);
            return Err(Error::io(folder, cause, NO_FOLDER));
        }
        let claim = Claim::take(folder)?;
        let staging = landing::stage(folder)?;
        if !replace {
            refuse(folder, landing::earlier(folder))?;
        }
        let notes = vec![("eulerscope".to_string(), env!("CARGO_PKG_VERSION").to_string())];
        Ok(Dataset { folder: folder.to_path_buf(), staging, notes, records: BTreeMap::new(), page: None, claim })
    }

    /// Adds a page when everything else is there.
    pub fn with_page(mut self, page: Page) -> Self {
        self.page = Some(page);
        self
    }

    /// False where the file system has no locks, so that another run is not kept out.
    pub fn is_guarded(&self) -> bool {
        self.claim.is_guarded()
    }

    /// Puts a key and a value, such as the hash of the specification, into the metadata of every table begun from now on.
    pub fn note(&mut self, key: &str, value: &str) {
        self.notes.retain(|(known, _)| known != key);
        self.notes.push((key.to_string(), value.to_string()));
    }

    /// Begins the table `name`.parquet, which is filled by [`TableWriter::append`].
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be made.
    pub fn table(&mut self, name: &str) -> Result<TableWriter> {
        let pending = self.begin(&format!("{name}.parquet"))?;
        Ok(TableWriter::new(pending, self.notes.clone()))
    }

    /// Closes and checks a table.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails, [`Error::Verification`] if the file reads back differently.
    pub fn finish_table(&mut self, table: TableWriter) -> Result<()> {
        let (name, record) = table.finish()?;
        self.records.insert(name, record);
        Ok(())
    }

    /// Writes the table `name`.parquet in one go: columns of equal length with their names.
    ///
    /// # Errors
    /// As [`TableWriter::append`] and [`Dataset::finish_table`].
    pub fn write_table(&mut self, name: &str, columns: &[(&str, Column)]) -> Result<()> {
        let mut table = self.table(name)?;
        table.append(columns)?;
        self.finish_table(table)
    }

    /// Writes a figure or a report under its full file name.
    ///
    /// # Errors
    /// As [`Dataset::finish_table`].
    pub fn write_bytes(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let mut pending = self.begin(name)?;
        pending.write(content)?;
        let record = pending.check()?;
        self.records.insert(name.to_string(), record);
        Ok(())
    }

    /// Seals the results with `run.json`, the given object with `files: {name: {bytes, blake3}}` added, and moves
    /// everything into its place. Results of an interrupted run (`"interrupted": true`) do not replace earlier ones; they
    /// get a folder inside; they do replace those of another interrupted run. A page that cannot be made is left out: the results are worth more.
    ///
    /// # Errors
    /// As [`Dataset::finish_table`]; [`Error::Bug`] if `run` is not an object.
    pub fn finish(mut self, run: Value) -> Result<Landed> {
        let no_page = self.write_page(&run)?;
        let text = seal::text(&seal::sealed(run, &self.records)?)?;
        let mut pending = Pending::create(&self.staging, &self.folder, SEAL)?;
        pending.write(text.as_bytes())?;
        pending.check()?;
        self.claim.keep_staging();
        Ok(Landed { no_page, ..landing::land(&self.folder)? })
    }

    /// Makes the page, if there is to be one; or says why it cannot be made.
    fn write_page(&mut self, run: &Value) -> Result<Option<String>> {
        let Some(page) = self.page else { return Ok(None) };
        match (page.text)(&self.staging, &seal::sealed(run.clone(), &self.records)?) {
            Ok(text) => self.write_bytes(page.name, text.as_bytes()).map(|()| None),
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    /// Begins any file but the seal.
    fn begin(&mut self, name: &str) -> Result<Pending> {
        if !seal::is_plain(name) || name == SEAL {
            return Err(Error::Bug(format!("{name:?} is not a name for a results file")));
        }
        if self.records.contains_key(name) {
            return Err(Error::Bug(format!("the results file {name} is written twice")));
        }
        Pending::create(&self.staging, &self.folder, name)
    }
}

/// What the record of the run in a folder says, if there is one of ours, finished or interrupted.
///
/// # Errors
/// [`Error::Io`] if there is no such folder, [`Error::Verification`] if its record is not whole.
pub fn standing(folder: &Path) -> Result<Option<Value>> {
    let found = std::fs::metadata(folder).map_err(|source| Error::io(folder, source, WRITTEN))?;
    if !found.is_dir() {
        return Err(Error::io(folder, IoError::from(ErrorKind::NotADirectory), WRITTEN));
    }
    if folder.join(SEAL).exists() { seal::read(folder).map(|seal| Some(seal.run)) } else { Ok(None) }
}

/// Is a run whose record this is as far as it was to come?
pub fn is_whole(run: &Value) -> bool {
    run["interrupted"] != Value::Bool(true) && run.get("failed_units").is_none()
}

/// Refuses what a run would have to replace.
fn refuse(folder: &Path, earlier: Earlier) -> Result<()> {
    let (what, remedy) = match earlier {
        Earlier::Nothing => return Ok(()),
        Earlier::Results(command) => (format!("holds the results of an earlier run ({command})"), REPLACE),
        Earlier::Unknown(name) => (format!("holds a {name} of unknown origin"), KEEP),
    };
    Err(Error::io(folder, IoError::new(ErrorKind::AlreadyExists, what), remedy))
}
