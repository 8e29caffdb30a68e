//! One file of a run: written, synced, read back and compared.

use crate::error::{Error, Result};
use crate::input;
use crate::results::remedies::{OLD_FILE, ROOM, WRITABLE};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `run.json` remembers of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::results) struct Record {
    /// The length.
    pub(in crate::results) bytes: u64,
    /// The hash of the content, hexadecimal.
    pub(in crate::results) blake3: String,
}

/// A staged file. Dropped before it is whole ([`Pending::check`]), it vanishes.
#[derive(Debug)]
pub(in crate::results) struct Pending {
    name: String,
    staged: PathBuf,
    target: PathBuf,
    sink: Sink,
    whole: bool,
}

/// Writes to a file and hashes what it writes.
#[derive(Debug)]
pub(in crate::results) struct Sink {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Sink {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        let written = self.file.write(content)?;
        self.hasher.update(&content[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Pending {
    /// Makes the file `name` in `staging`; errors name the place that it will have in `folder`.
    pub(in crate::results) fn create(staging: &Path, folder: &Path, name: &str) -> Result<Self> {
        let staged = staging.join(name);
        let target = folder.join(name);
        let file = File::create(&staged).map_err(|source| Error::io(&target, source, WRITABLE))?;
        let sink = Sink { file, hasher: blake3::Hasher::new(), bytes: 0 };
        Ok(Pending { name: name.to_string(), staged, target, sink, whole: false })
    }

    /// The file name that it will have.
    pub(in crate::results) fn name(&self) -> &str {
        &self.name
    }

    /// The path that it will have.
    pub(in crate::results) fn target(&self) -> &Path {
        &self.target
    }

    /// The path that it has now.
    pub(in crate::results) fn staged(&self) -> &Path {
        &self.staged
    }

    /// Appends `content`.
    pub(in crate::results) fn write(&mut self, content: &[u8]) -> Result<()> {
        self.sink.write_all(content).map_err(|source| self.failed(source))
    }

    /// What a failed write means, named by the final path.
    pub(in crate::results) fn failed(&self, source: io::Error) -> Error {
        Error::io(&self.target, source, ROOM)
    }

    /// Syncs the file, reads it back from its path and compares it with what was written.
    pub(in crate::results) fn check(&mut self) -> Result<Record> {
        self.sink.flush().and_then(|()| self.sink.file.sync_all()).map_err(|source| self.failed(source))?;
        let written = Record { bytes: self.sink.bytes, blake3: self.sink.hasher.finalize().to_hex().to_string() };
        let found = record(&self.staged)?;
        if found != written {
            let path = self.target.display();
            return Err(Error::Verification(format!("{path}: reads back differently than written; check the disk")));
        }
        self.whole = true;
        Ok(written)
    }
}

impl Write for Pending {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.sink.write(content)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.whole {
            // The failure that led here is already being reported; a second one would hide it.
            let _ = fs::remove_file(&self.staged);
        }
    }
}

/// Makes the names in a folder durable; only Unix lets a folder be synced.
pub(in crate::results) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes a file, if it is there.
pub(in crate::results) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::io(path, source, OLD_FILE)),
        _ => Ok(()),
    }
}

/// The length and hash of a file on disk.
pub(in crate::results) fn record(path: &Path) -> Result<Record> {
    let mut hasher = blake3::Hasher::new();
    let remedy = "the file is missing or unreadable, run again";
    let mut file = input::open(path, remedy)?;
    let bytes = io::copy(&mut file, &mut hasher).map_err(|source| Error::io(path, source, remedy))?;
    Ok(Record { bytes, blake3: hasher.finalize().to_hex().to_string() })
}
