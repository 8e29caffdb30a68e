//! A specification as a file: TOML with the same keys as the flags, with `_` for `-`, or the record of an earlier run.

use super::keys::{BenchKeys, Keys, Source, SpectrumKeys};
use super::record;
use super::refusal::{in_plain_words, unknown};
use crate::error::{Error, Result};
use crate::invalid;
use crate::spec::grid::shown;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use toml::de::DeTable;

/// The largest specification file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;
/// The largest record: it may hold the results too.
const LARGEST_RECORD: u64 = 1 << 30;
/// Endings of files of matrices.
const MATRICES: [&str; 5] = ["npy", "mtx", "mm", "csv", "tsv"];
const NOT_READABLE: &str = "give the path of a readable TOML file, or of the run.json of an earlier run";

/// Reads the keys of a command from a file.
pub fn read<K: Keys>(path: &Path) -> Result<K> {
    let place = shown(&path.display().to_string());
    if path.extension().is_some_and(|ending| MATRICES.iter().any(|matrix| ending.eq_ignore_ascii_case(matrix))) {
        // The bench has no matrices of its own.
        let command = if K::COMMAND == BenchKeys::COMMAND { SpectrumKeys::COMMAND } else { K::COMMAND };
        return invalid!("{place}: is a matrix by its ending, and no specification; use {command} --matrix {place}");
    }
    let bytes = read_bytes(path, &place)?;
    if bytes.contains(&0) {
        return invalid!("{place}: is no text; give a TOML file, or the run.json of an earlier run");
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            return invalid!("{place}: not UTF-8 at byte {}; save the file as UTF-8", error.valid_up_to());
        }
    };
    let keys = if record::is_one(&bytes) { record::parse(text, &place) } else { parse(text) };
    keys.map_err(|error| Error::Invalid(format!("{place}: {error}")))
}

/// Reads the keys of a command from the text of a TOML file.
pub fn parse<K: Keys>(text: &str) -> Result<K> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table = DeTable::parse(text).map_err(|error| located(text, &error))?;
    for key in table.get_ref().keys() {
        if let Some(refusal) = unknown::<K>(key.get_ref()) {
            let (line, column) = position(text, key.span().start);
            return invalid!("line {line}, column {column}: {refusal}");
        }
    }
    K::read(&Toml(text))
}

/// Reads the keys of a command from the record of a run.
pub fn of_record<K: Keys>(record: &serde_json::Value) -> Result<K> {
    record::parse(&record.to_string(), record::NAME)
}

/// The text of a TOML file.
struct Toml<'a>(&'a str);

impl Source for Toml<'_> {
    fn view<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(self.0).map_err(|error| located(self.0, &error))
    }
}

/// Opens regular files only: reading a pipe would wait for ever, reading /dev/zero would never end.
fn read_bytes(path: &Path, place: &str) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io(path, error, NOT_READABLE))?;
    if metadata.is_dir() {
        let record = if path.join(record::NAME).is_file() { "the run.json in it" } else { "a TOML file" };
        return invalid!("{place}: is a directory; give {record}");
    }
    if !metadata.is_file() {
        return invalid!("{place}: is not a regular file; give a TOML file");
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(|error| Error::io(path, error, NOT_READABLE))?;
    let mut more = |bytes: &mut Vec<u8>, most: u64| {
        (&mut file).take(most).read_to_end(bytes).map_err(|error| Error::io(path, error, NOT_READABLE))
    };
    more(&mut bytes, LARGEST_FILE + 1)?;
    if record::is_one(&bytes) {
        more(&mut bytes, LARGEST_RECORD)?;
    } else if bytes.len() as u64 > LARGEST_FILE {
        return invalid!("{place}: is larger than 1 MiB; a specification is a few lines, is this the right file?");
    }
    Ok(bytes)
}

/// A TOML error in one line, with its place.
fn located(text: &str, error: &toml::de::Error) -> Error {
    let message: Vec<&str> = error.message().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let message: String = in_plain_words(&message.join(", ")).chars().flat_map(escaped).take(400).collect();
    Error::Invalid(match error.span() {
        Some(span) => {
            let (line, column) = position(text, span.start);
            format!("line {line}, column {column}: {message}")
        }
        None => message,
    })
}

fn escaped(character: char) -> Vec<char> {
    if character.is_control() { character.escape_debug().collect() } else { vec![character] }
}

/// Line and column of a byte offset, both from 1, columns in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
