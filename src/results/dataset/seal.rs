//! `run.json`: the seal that names every file of finished results with its length and hash.

use super::file::Record;
use super::{SEAL, file};
use crate::error::{Error, Result};
use crate::input;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The longest seal, in bytes: a run's results stand in it too.
const LONGEST: u64 = 1 << 30;

/// What a `run.json` says of its folder.
#[derive(Debug)]
pub(in crate::results) struct Seal {
    /// Which command wrote it.
    pub(in crate::results) command: String,
    /// Was the run stopped before its end?
    pub(in crate::results) interrupted: bool,
    /// The files by their names.
    pub(in crate::results) files: BTreeMap<String, Record>,
    /// All that it says.
    pub(in crate::results) run: Value,
}

/// A seal: the given object with `files: {name: {bytes, blake3}}` added.
pub(in crate::results) fn sealed(run: Value, records: &BTreeMap<String, Record>) -> Result<Value> {
    let Value::Object(mut run) = run else {
        return Err(Error::Bug(format!("{SEAL} must be an object")));
    };
    // What tells our seal from any other file of this name.
    run.entry("eulerscope").or_insert_with(|| json!(env!("CARGO_PKG_VERSION")));
    let entry = |record: &Record| json!({"bytes": record.bytes, "blake3": record.blake3});
    let files: Map<String, Value> = records.iter().map(|(name, record)| (name.clone(), entry(record))).collect();
    run.insert("files".into(), Value::Object(files));
    Ok(Value::Object(run))
}

/// The text of a seal.
pub(in crate::results) fn text(sealed: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(sealed)
        .map_err(|error| Error::Bug(format!("{SEAL} cannot be written as JSON: {error}")))?;
    Ok(text + "\n")
}

/// Reads the seal of a folder.
///
/// # Errors
/// [`Error::Verification`] if there is none or it is not one of ours.
pub(in crate::results) fn read(folder: &Path) -> Result<Seal> {
    read_at(&folder.join(SEAL))
}

/// Reads a seal under any name.
pub(in crate::results) fn read_at(path: &Path) -> Result<Seal> {
    let refused = |why: String| Error::Verification(format!("{}: {why}", path.display()));
    let text = input::read(path, LONGEST, "without it the results are unfinished, run again")
        .map_err(|error| Error::Verification(error.to_string()))?;
    let run: Value =
        serde_json::from_slice(&text).map_err(|error| refused(format!("not JSON ({error}); run again")))?;
    if run.get("eulerscope").is_none() {
        return Err(refused("not a record of eulerscope's; run again".to_string()));
    }
    let damaged = |what: &str| refused(format!("{what}; the file is damaged, run again"));
    let files = run.get("files").and_then(Value::as_object).ok_or_else(|| damaged("\"files\" is missing"))?;
    let mut records = BTreeMap::new();
    for (name, entry) in files {
        let bytes = entry.get("bytes").and_then(Value::as_u64);
        let blake3 = entry.get("blake3").and_then(Value::as_str);
        match (bytes, blake3) {
            (Some(bytes), Some(blake3)) if is_plain(name) && name != SEAL => {
                records.insert(name.clone(), Record { bytes, blake3: blake3.to_string() });
            }
            _ => return Err(damaged(&format!("the entry of {name:?} is not one"))),
        }
    }
    let command = run.get("command").and_then(Value::as_str).unwrap_or("run").to_string();
    Ok(Seal { command, interrupted: run.get("interrupted") == Some(&Value::Bool(true)), files: records, run })
}

/// Whether `name` is a visible file of the folder itself.
pub(in crate::results) fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0', ':'])
}

/// Reads every file of a finished results folder again and compares it with `run.json`.
///
/// # Errors
/// [`Error::Verification`] naming the first file that is missing, cut short or changed, or saying that `run.json` is.
pub fn verify(folder: &Path) -> Result<()> {
    verify_files(folder, &read(folder)?.files)
}

/// The same of some of its files.
pub(in crate::results) fn verify_files<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a String, &'a Record)>,
) -> Result<()> {
    for (name, expected) in files {
        let path = folder.join(name);
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
