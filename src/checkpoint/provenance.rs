//! Which files a model came from.

use super::Checkpoint;
use super::config;
use crate::error::remedy::{CHECKPOINT, Piece::Text};
use crate::error::{Error, Remedy, Result};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Which files a model came from, and what they say of themselves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// What the files call the model; the folder's or file's name where they do not.
    pub name: String,
    /// The formats of the stored numbers.
    pub elements: Vec<&'static str>,
    /// Every file that says what the model computes.
    pub files: Vec<FileRecord>,
}

/// A file and its content's hash.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileRecord {
    /// Its name without its folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The BLAKE3 hash of its content, in hexadecimal digits.
    pub blake3: String,
}

impl Checkpoint {
    /// Which files this is made of. Hashes all of them, which reads them whole; the second time it knows.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read any more.
    pub fn provenance(&self) -> Result<&Provenance> {
        if let Some(known) = self.provenance.get() {
            return Ok(known);
        }
        let mut files = Vec::new();
        for path in self.documents.iter().filter(|path| path.is_file()) {
            files.push(record(path, &config::content(path)?));
        }
        files.extend(self.store.files.iter().map(|file| record(&file.path, file.bytes())));
        let found = Provenance { name: self.name.clone(), elements: self.store.elements(), files };
        Ok(self.provenance.get_or_init(|| found))
    }
}

/// The names of the files that are in one of two models alone, or have another hash there; files by their names.
pub fn changed_files<'a, H: PartialEq>(
    one: &'a BTreeMap<String, H>,
    other: &'a BTreeMap<String, H>,
) -> BTreeSet<&'a String> {
    one.keys().chain(other.keys()).filter(|name| one.get(*name) != other.get(*name)).collect()
}

impl Checkpoint {
    /// Refuses files that are not those of a run that is made again; any if nothing is recorded.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming those that have changed, [`Error::Io`] if one cannot be read.
    pub fn refuse_changed(&self, recorded: &BTreeMap<String, String>) -> Result<()> {
        if recorded.is_empty() {
            return Ok(());
        }
        let hash = |file: &FileRecord| (file.name.clone(), file.blake3.clone());
        let own = self.provenance()?.files.iter().map(hash).collect();
        let changed = changed_files(&own, recorded);
        if changed.is_empty() {
            return Ok(());
        }
        let names = changed.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let what = format!("checkpoint: {}: not as in the run that is recorded: {names}", self.path.display());
        Err(Error::Invalid(what).remedied(AS_IT_IS))
    }
}

/// Where a model is another one than before.
const AS_IT_IS: Remedy = Remedy::of(&[Text("give "), CHECKPOINT, Text(" to take it as it is now")]);

fn record(path: &Path, content: &[u8]) -> FileRecord {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    FileRecord { name, bytes: content.len() as u64, blake3: blake3::hash(content).to_hex().to_string() }
}
