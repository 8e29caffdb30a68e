//! Results on disk: a folder of Parquet tables and figures, with `run.json` as its seal.
//!
//! A file appears whole or not at all: it is written under a temporary name in the same folder, synced, read back and
//! compared, and only then renamed. `run.json` comes last and names every file with its length and BLAKE3, so that a
//! folder with a `run.json` is a finished one. The tables open in pandas, polars and duckdb as they are.

mod column;
mod file;
mod table;

use crate::error::{Error, Result};
use file::Pending;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use column::Column;
pub use table::TableWriter;

/// The file that seals a results folder.
pub const SEAL: &str = "run.json";

/// What `run.json` remembers of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    bytes: u64,
    blake3: String,
}

/// A results folder that is being written.
#[derive(Debug)]
pub struct Dataset {
    folder: PathBuf,
    notes: Vec<(String, String)>,
    records: BTreeMap<String, Record>,
    /// The files of an earlier run in this folder; those that are not written again go when this run is sealed.
    earlier: Vec<String>,
}

impl Dataset {
    /// Makes the folder (and its parents) and tries to write in it, so that a long run cannot fail at its end for that.
    ///
    /// Results of an earlier run in the same folder stay until the first file of this one is written.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder and the cause.
    pub fn create(folder: &Path) -> Result<Self> {
        if folder.exists() && !folder.is_dir() {
            let cause = std::io::Error::from(std::io::ErrorKind::NotADirectory);
            return Err(Error::io(folder, cause, "a file is in the way; give --out another folder"));
        }
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::io(folder, source, "give --out a folder that can be made"))?;
        file::probe(folder)?;
        let earlier = match read_seal(folder) {
            Ok(run) => recorded(&run, folder).map(|records| records.into_keys().collect()).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let notes = vec![("eulerscope".to_string(), env!("CARGO_PKG_VERSION").to_string())];
        Ok(Dataset { folder: folder.to_path_buf(), notes, records: BTreeMap::new(), earlier })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts a key and a value, such as the hash of the specification, into the metadata of every table begun from now on.
    pub fn note(&mut self, key: &str, value: &str) {
        self.notes.retain(|(known, _)| known != key);
        self.notes.push((key.to_string(), value.to_string()));
    }

    /// Documents a column, in words with its unit: the metadata of the tables begun from now on says it as `column:NAME`.
    pub fn document(&mut self, column: &str, text: &str) {
        self.note(&format!("column:{column}"), text);
    }

    /// Begins the table `name`.parquet, which is filled by [`TableWriter::append`].
    ///
    /// # Errors
    /// [`Error::Io`] if the temporary file cannot be made.
    pub fn table(&mut self, name: &str) -> Result<TableWriter> {
        let pending = self.begin(&format!("{name}.parquet"))?;
        Ok(TableWriter::new(pending, self.notes.clone()))
    }

    /// Closes, checks and names a table.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails, [`Error::Verification`] if the file reads back differently; no file is left then.
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
        pending.commit()?;
        self.records.insert(name.to_string(), record);
        Ok(())
    }

    /// Seals the folder: writes `run.json`, the given object with `files: {name: {bytes, blake3}}` added.
    ///
    /// # Errors
    /// As [`Dataset::finish_table`]; [`Error::Bug`] if `run` is not an object.
    pub fn finish(mut self, run: Value) -> Result<()> {
        let Value::Object(mut run) = run else {
            return Err(Error::Bug(format!("{SEAL} must be an object")));
        };
        let files: Map<String, Value> = self
            .records
            .iter()
            .map(|(name, record)| (name.clone(), json!({"bytes": record.bytes, "blake3": record.blake3})))
            .collect();
        run.insert("files".into(), Value::Object(files));
        let mut text = serde_json::to_string_pretty(&Value::Object(run))
            .map_err(|error| Error::Bug(format!("{SEAL} cannot be written as JSON: {error}")))?;
        text.push('\n');
        self.remove_earlier()?;
        let mut pending = Pending::create(&self.folder, SEAL)?;
        pending.write(text.as_bytes())?;
        pending.check()?;
        pending.commit()
    }

    /// Begins any file but the seal. The first one breaks the seal of an earlier run, whose files are then no longer a whole.
    fn begin(&mut self, name: &str) -> Result<Pending> {
        if !is_plain(name) || name == SEAL {
            return Err(Error::Bug(format!("{name:?} is not a name for a results file")));
        }
        if self.records.contains_key(name) {
            return Err(Error::Bug(format!("the results file {name} is written twice")));
        }
        let pending = Pending::create(&self.folder, name)?;
        file::remove(&self.folder.join(SEAL))?;
        Ok(pending)
    }

    fn remove_earlier(&mut self) -> Result<()> {
        let stale = self.earlier.iter().filter(|name| !self.records.contains_key(*name));
        stale.into_iter().try_for_each(|name| file::remove(&self.folder.join(name)))
    }
}

/// Reads every file of a finished results folder again and compares it with `run.json`.
///
/// # Errors
/// [`Error::Verification`] naming the first file that is missing, cut short or changed, or saying that `run.json` is.
pub fn verify(folder: &Path) -> Result<()> {
    let run = read_seal(folder)?;
    for (name, expected) in recorded(&run, folder)? {
        let path = folder.join(&name);
        let found = file::record(&path).map_err(|error| Error::Verification(error.to_string()))?;
        if found.bytes != expected.bytes {
            return Err(Error::Verification(format!(
                "{}: {} bytes instead of {}; the file is damaged, run again",
                path.display(),
                found.bytes,
                expected.bytes
            )));
        }
        if found.blake3 != expected.blake3 {
            return Err(Error::Verification(format!(
                "{}: the content is not what was written (BLAKE3 {} instead of {}); run again",
                path.display(),
                found.blake3,
                expected.blake3
            )));
        }
    }
    Ok(())
}

/// Whether `name` is a visible file of the folder itself.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0', ':'])
}

fn read_seal(folder: &Path) -> Result<Value> {
    let path = folder.join(SEAL);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) => {
            let path = path.display();
            return Err(Error::Verification(format!(
                "{path}: {error}; without it the results are unfinished, run again"
            )));
        }
    };
    serde_json::from_slice(&text)
        .map_err(|error| Error::Verification(format!("{}: not JSON ({error}); run again", path.display())))
}

fn recorded(run: &Value, folder: &Path) -> Result<BTreeMap<String, Record>> {
    let damaged = |what: &str| {
        Error::Verification(format!("{}: {what}; the file is damaged, run again", folder.join(SEAL).display()))
    };
    let files = run.get("files").and_then(Value::as_object).ok_or_else(|| damaged("\"files\" is missing"))?;
    let mut records = BTreeMap::new();
    for (name, entry) in files {
        let bytes = entry.get("bytes").and_then(Value::as_u64);
        let blake3 = entry.get("blake3").and_then(Value::as_str);
        match (bytes, blake3) {
            (Some(bytes), Some(blake3)) if is_plain(name) => {
                records.insert(name.clone(), Record { bytes, blake3: blake3.to_string() });
            }
            _ => return Err(damaged(&format!("the entry of {name:?} is not one"))),
        }
    }
    Ok(records)
}
