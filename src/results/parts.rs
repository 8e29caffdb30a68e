//! Parts of a sweep on disk, from which a run that was cut off goes on, and several machines make one result.
//!
//! The folder `parts` inside a results folder holds Parquet tables of the units that are done and a manifest that names
//! them: of each file the length and the BLAKE3, and the specification that they are parts of. A file is written under
//! another name, synced, read back and compared, then renamed, and its folder synced, before the manifest names it; the
//! manifest's own generation before is kept. So whenever a run is cut off, what the manifest names is whole.

mod manifest;
mod of_lyapunov;
mod of_spectra;
mod of_sweep;
mod of_trained_spectrum;
mod of_trained_sweep;
mod reader;
mod room;
mod store;
mod survey;
mod tabled;
mod together;
pub mod wire;

pub use manifest::{Origin, differences};
pub use store::{Progress, Store, Terms};
pub use survey::{Survey, listed, shard_folder, survey, tables, verify};
pub use tabled::{Tabled, Tables};
pub use together::Together;

use crate::error::{Error, Result};
use crate::results::dataset;
use crate::results::remedies::{IN_THE_WAY, UNFINISHED};
use std::fs;
use std::io::{Error as IoError, ErrorKind};
use std::path::Path;

/// The folder of the parts, inside a results folder.
pub const FOLDER: &str = "parts";

/// What a folder of parts is called while it is removed.
const GOING: &str = ".parts.old";

/// Removes the parts in a results folder at once: under another name first, for a manifest whose files are going would be a
/// lie.
///
/// # Errors
/// [`Error::Io`] if that fails.
pub fn discard(results: &Path) -> Result<()> {
    let (folder, gone) = (results.join(FOLDER), results.join(GOING));
    let failed = |source: IoError| Error::io(&folder, source, IN_THE_WAY);
    let there = |found: std::io::Result<()>| match found {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(failed(source)),
        _ => Ok(()),
    };
    there(fs::remove_dir_all(&gone))?;
    there(fs::rename(&folder, &gone))?;
    there(fs::remove_dir_all(&gone))
}

/// Refuses a folder with the parts of a run that was cut off, for one that begins.
///
/// # Errors
/// [`Error::Io`] with what can be done.
pub fn refuse_unfinished(folder: &Path) -> Result<()> {
    let is_finished = || dataset::standing(folder).is_ok_and(|run| run.is_some_and(|run| dataset::is_whole(&run)));
    if !folder.join(FOLDER).is_dir() || is_finished() {
        return Ok(());
    }
    let source = IoError::new(ErrorKind::AlreadyExists, "holds parts of a run that was cut off");
    Err(Error::io(folder, source, UNFINISHED))
}
