//! A results folder belongs to one run at a time, which leaves no trace in it but finished results.

use super::landing::STAGING;
use crate::error::{Error, Result};
use crate::results::remedies::{BUSY, MAKEABLE, WRITABLE};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The file whose lock is the claim.
const LOCK: &str = ".eulerscope.lock";
/// How often a folder that is being tidied away by another run is tried again.
const TRIES: usize = 100;
/// What runs of this process would leave behind if they ended now.
static OPEN: Mutex<Vec<Traces>> = Mutex::new(Vec::new());

/// A folder that no other run writes, for as long as this lives.
#[derive(Debug)]
pub(super) struct Claim {
    traces: Traces,
    guarded: bool,
    /// Closed last: the lock dies with it, and with the process however that ends.
    _lock: File,
}

/// What has to go when a run ends without results.
#[derive(Debug, Clone, PartialEq)]
struct Traces {
    lock: PathBuf,
    /// None once the results in it are complete: then they are worth more than a tidy folder.
    staging: Option<PathBuf>,
    /// Folders that were made for this run, the innermost first.
    made: Vec<PathBuf>,
}

impl Claim {
    /// Makes the folder with its parents and locks it; that is also the proof that files can be written there.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be made or written, or if another run has it.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made: Vec<PathBuf> = folder.ancestors().take_while(missing).map(Path::to_path_buf).collect();
        let lock = folder.join(LOCK);
        let (file, guarded) = match locked(folder, &lock) {
            Ok(taken) => taken,
            Err(error) => {
                remove_empty(&made);
                return Err(error);
            }
        };
        let claim = Claim { traces: Traces { lock, staging: Some(folder.join(STAGING)), made }, guarded, _lock: file };
        claim.enlist();
        sign(&claim._lock).map_err(|source| Error::io(folder, source, WRITABLE))?;
        Ok(claim)
    }

    /// False where the file system has no locks.
    pub(super) fn is_guarded(&self) -> bool {
        self.guarded
    }

    /// From now on the staged files are left alone however the run ends: they are complete.
    pub(super) fn keep_staging(&mut self) {
        self.strike();
        self.traces.staging = None;
        self.enlist();
    }

    fn enlist(&self) {
        if let Ok(mut open) = OPEN.lock() {
            open.push(self.traces.clone());
        }
    }

    fn strike(&self) {
        if let Ok(mut open) = OPEN.lock() {
            open.retain(|traces| *traces != self.traces);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.strike();
        self.traces.remove();
    }
}

impl Traces {
    /// Errors have no reader any more; what is left over is removed by the next run in the folder.
    fn remove(&self) {
        if let Some(staging) = &self.staging {
            let _ = fs::remove_dir_all(staging);
        }
        // While the lock is held, so that nobody has locked the file that goes.
        let _ = fs::remove_file(&self.lock);
        remove_empty(&self.made);
    }
}

/// Removes what unfinished runs of this process have written, before the process ends at once.
pub fn abandon() {
    if let Ok(mut open) = OPEN.lock() {
        open.drain(..).for_each(|traces| traces.remove());
    }
}

/// Takes back folders that have stayed empty.
fn remove_empty(made: &[PathBuf]) {
    // A folder with something in it cannot be removed, and neither can those around it.
    made.iter().all(|folder| fs::remove_dir(folder).is_ok());
}

/// The locked file, and whether the file system knows locks at all.
fn locked(folder: &Path, path: &Path) -> Result<(File, bool)> {
    for _ in 0..TRIES {
        fs::create_dir_all(folder).map_err(|source| Error::io(folder, source, MAKEABLE))?;
        let file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(source) => return Err(Error::io(folder, source, WRITABLE)),
        };
        let guarded = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(taken(folder, file)),
            Err(TryLockError::Error(error)) => {
                log::warn!("{}: no lock: {error}", path.display());
                false
            }
        };
        // The run before may have removed the file between our opening and our locking it.
        if is_at(&file, path) {
            return Ok((file, guarded));
        }
    }
    Err(taken_by(folder, ""))
}

fn taken(folder: &Path, mut file: File) -> Error {
    let mut process = String::new();
    let known = file.read_to_string(&mut process).is_ok() && process.trim().parse::<u32>().is_ok();
    taken_by(folder, &if known { format!(" (process {})", process.trim()) } else { String::new() })
}

fn taken_by(folder: &Path, whom: &str) -> Error {
    let source = io::Error::new(ErrorKind::ResourceBusy, format!("another run{whom} is writing here"));
    Error::io(folder, source, BUSY)
}

/// Is this open file the one at `path`?
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(own), Ok(there)) => identity(own) == identity(there),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Writes who holds the lock.
fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    file.sync_all()
}
