//! One file that appears whole or not at all.

use super::Record;
use crate::error::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const ROOM: &str = "make room or give --out another folder";

/// A file under its temporary name. Dropped before [`Pending::commit`], it vanishes.
#[derive(Debug)]
pub(super) struct Pending {
    name: String,
    temporary: PathBuf,
    target: PathBuf,
    sink: Sink,
    committed: bool,
}

/// Writes to a file and hashes what it writes.
#[derive(Debug)]
pub(super) struct Sink {
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
    /// Opens the temporary file of `name` in `folder`.
    pub(super) fn create(folder: &Path, name: &str) -> Result<Self> {
        let temporary = temporary_name(folder, name);
        let target = folder.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)
            .map_err(|source| Error::io(&target, source, "give --out a folder that can be written"))?;
        let sink = Sink { file, hasher: blake3::Hasher::new(), bytes: 0 };
        Ok(Pending { name: name.to_string(), temporary, target, sink, committed: false })
    }

    /// The file name that it will have.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The path that it will have.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// The path that it has now.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Appends `content`.
    pub(super) fn write(&mut self, content: &[u8]) -> Result<()> {
        self.sink.write_all(content).map_err(|source| self.failed(source))
    }

    /// What a failed write means, named by the final path.
    pub(super) fn failed(&self, source: io::Error) -> Error {
        Error::io(&self.target, source, ROOM)
    }

    /// Syncs the file, reads it back from its path and compares it with what was written.
    pub(super) fn check(&mut self) -> Result<Record> {
        self.sink.flush().and_then(|()| self.sink.file.sync_all()).map_err(|source| self.failed(source))?;
        let written = Record { bytes: self.sink.bytes, blake3: self.sink.hasher.finalize().to_hex().to_string() };
        let found = record(&self.temporary)?;
        if found != written {
            let path = self.target.display();
            return Err(Error::Verification(format!("{path}: reads back differently than written; check the disk")));
        }
        Ok(written)
    }

    /// Gives the file its name and makes the name durable.
    pub(super) fn commit(mut self) -> Result<()> {
        fs::rename(&self.temporary, &self.target).map_err(|source| self.failed(source))?;
        self.committed = true;
        sync_folder(&self.target).map_err(|source| self.failed(source))
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
        if !self.committed {
            // The failure that led here is already being reported; a second one would hide it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn temporary_name(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.{}.tmp", std::process::id()))
}

/// Makes the new name durable; only Unix lets a folder be synced.
fn sync_folder(target: &Path) -> io::Result<()> {
    match target.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Writes, syncs and removes a byte in `folder`.
pub(super) fn probe(folder: &Path) -> Result<()> {
    let path = temporary_name(folder, "probe");
    let attempt = File::create(&path).and_then(|mut file| file.write_all(b"?").and_then(|()| file.sync_all()));
    let removal = fs::remove_file(&path);
    attempt.and(removal).map_err(|source| Error::io(folder, source, "give --out a folder that can be written"))
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(path, source, "delete this old file or give --out another folder"))
        }
        _ => Ok(()),
    }
}

/// The length and hash of a file on disk.
pub(super) fn record(path: &Path) -> Result<Record> {
    let mut hasher = blake3::Hasher::new();
    let bytes = File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut hasher))
        .map_err(|source| Error::io(path, source, "the file is missing or unreadable, run again"))?;
    Ok(Record { bytes, blake3: hasher.finalize().to_hex().to_string() })
}
