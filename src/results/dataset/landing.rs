//! How results come into their folder: staged in a folder of their own inside it, complete and sealed, then moved.
//!
//! Until the staged seal is written the folder stays as it was. From then on the move can be cut off anywhere: the next
//! run in the folder finds the staged seal and ends the move. Nothing is deleted but what the earlier `run.json` vouches
//! for, byte for byte; anything else that is in the way gets another name.

use super::file::Record;
use super::seal;
use super::{SEAL, dictionary, file};
use crate::error::{Error, Result};
use crate::results::remedies::IN_THE_WAY;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder inside the results folder where a run's files wait for each other.
pub(super) const STAGING: &str = ".eulerscope.new";
/// The seal of the results that are being replaced, inside [`STAGING`].
const REPLACED: &str = ".replaced.json";
const MOVE: &str = "make the folder writable; the results are complete in its .eulerscope.new";

/// Results that are in their place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landed {
    /// Where they are: the folder, or one inside it for an interrupted run that may not replace what is there.
    pub folder: PathBuf,
    /// Files of the user's that were in the way, and what they are called now.
    pub kept: Vec<(String, String)>,
    /// Why there is no page about them, if one was wanted.
    pub no_page: Option<String>,
}

/// What stands in a folder before a run, under names that the run could need.
#[derive(Debug, PartialEq)]
pub(super) enum Earlier {
    /// Nothing.
    Nothing,
    /// The results of this command.
    Results(String),
    /// A file of that name which no `run.json` of ours vouches for.
    Unknown(String),
}

/// Looks into a folder.
pub(super) fn earlier(folder: &Path) -> Earlier {
    if is_there(&folder.join(SEAL)) {
        return match seal::read(folder) {
            Ok(seal) => Earlier::Results(seal.command),
            Err(_) => Earlier::Unknown(SEAL.to_string()),
        };
    }
    let table = tables().find(|name| is_there(&folder.join(name)));
    table.map_or(Earlier::Nothing, Earlier::Unknown)
}

/// The file names of all tables.
fn tables() -> impl Iterator<Item = String> {
    dictionary::TABLES.iter().map(|table| format!("{}.parquet", table.name))
}

/// Makes the staging folder, empty; ends the move of an earlier run that was cut off.
pub(super) fn stage(folder: &Path) -> Result<PathBuf> {
    let staging = folder.join(STAGING);
    // A seal that was cut off in the making seals nothing: the move begins when it is whole and synced.
    if seal::read(&staging).is_ok() || is_there(&staging.join(REPLACED)) {
        land(folder)?;
    }
    let failed = |source| Error::io(&staging, source, IN_THE_WAY);
    match fs::remove_dir_all(&staging) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => fs::create_dir(&staging).map_err(failed)?,
    }
    Ok(staging)
}

/// Moves complete, sealed, staged results into their place.
pub(super) fn land(folder: &Path) -> Result<Landed> {
    let staging = folder.join(STAGING);
    let new = seal::read(&staging)?;
    file::sync_folder(&staging).map_err(|source| Error::io(&staging, source, MOVE))?;
    let begun = is_there(&staging.join(REPLACED));
    let ours = if begun { None } else { seal::read(folder).ok() };
    if new.interrupted && ours.as_ref().is_some_and(|ours| !ours.interrupted) {
        return beside(folder, &staging);
    }
    if ours.is_some() {
        rename(&folder.join(SEAL), &staging.join(REPLACED))?;
    }
    let old = seal::read_at(&staging.join(REPLACED)).map(|seal| seal.files).unwrap_or_default();
    let kept = replace(folder, &staging, &old, &new.files)?;
    file::sync_folder(folder).map_err(|source| Error::io(folder, source, MOVE))?;
    // The results are in their place; what is left of the staging folder is removed by the next run if not now.
    let _ = fs::remove_dir_all(&staging);
    Ok(Landed { folder: folder.to_path_buf(), kept, no_page: None })
}

/// Removes the old files and moves the new ones in, the seal last. Files that were moved before a cut are passed over.
fn replace(
    folder: &Path,
    staging: &Path,
    old: &BTreeMap<String, Record>,
    new: &BTreeMap<String, Record>,
) -> Result<Vec<(String, String)>> {
    let mut kept = Vec::new();
    let mut clear = |name: &str| -> Result<()> {
        let path = folder.join(name);
        if !is_there(&path) {
            return Ok(());
        }
        if old.get(name).is_some_and(|record| file::record(&path).is_ok_and(|found| found == *record)) {
            return file::remove(&path);
        }
        kept.push((name.to_string(), put_aside(folder, name)?));
        Ok(())
    };
    let stale = old.keys().cloned().chain(tables()).filter(|name| !new.contains_key(name));
    stale.into_iter().try_for_each(|name| clear(&name))?;
    for name in new.keys().map(String::as_str).chain([SEAL]) {
        let staged = staging.join(name);
        if is_there(&staged) {
            clear(name)?;
            rename(&staged, &folder.join(name))?;
        }
    }
    Ok(kept)
}

/// Gives the results of an interrupted run a folder inside the one whose complete results stay.
fn beside(folder: &Path, staging: &Path) -> Result<Landed> {
    let free = free_name(folder, "interrupted");
    rename(staging, &folder.join(&free))?;
    file::sync_folder(folder).map_err(|source| Error::io(folder, source, MOVE))?;
    Ok(Landed { folder: folder.join(free), ..Landed::default() })
}

/// Renames a file that is not ours, and says how.
fn put_aside(folder: &Path, name: &str) -> Result<String> {
    let free = free_name(folder, &format!("{name}.old"));
    rename(&folder.join(name), &folder.join(&free))?;
    Ok(free)
}

/// `name`, or `name-2` and so on: the first that is not there.
fn free_name(folder: &Path, name: &str) -> String {
    let names = std::iter::once(name.to_string()).chain((2_u64..).map(|count| format!("{name}-{count}")));
    names.into_iter().find(|name| !is_there(&folder.join(name))).unwrap_or_default()
}

/// Is something of that name there, be it a dangling link?
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|source| Error::io(to, source, MOVE))
}
