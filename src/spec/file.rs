//! A specification as a TOML file: the same keys as the flags, with `_` for `-`.

use super::grid::shown;
use super::keys::{EnsembleKeys, LayerKeys, SweepKeys};
use crate::error::{Error, Result};
use crate::invalid;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use toml::de::DeTable;

/// The largest specification file, in bytes.
const LARGEST_FILE: u64 = 1 << 20;
const NOT_READABLE: &str = "give the path of a readable TOML file";

/// Reads the keys of a sweep from a file.
pub fn read(path: &Path) -> Result<SweepKeys> {
    let place = shown(&path.display().to_string());
    let bytes = read_bytes(path, &place)?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            return invalid!("{place}: not UTF-8 at byte {}; save the file as UTF-8", error.valid_up_to());
        }
    };
    parse(text).map_err(|error| Error::Invalid(format!("{place}: {error}")))
}

/// Reads the keys of a sweep from the text of a TOML file.
pub fn parse(text: &str) -> Result<SweepKeys> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table = DeTable::parse(text).map_err(|error| located(text, &error))?;
    for key in table.get_ref().keys() {
        known(text, key.get_ref(), key.span())?;
    }
    // One text, three views of it: so each key is listed once and errors keep their line and column.
    let mut keys: SweepKeys = view(text)?;
    keys.ensemble = view::<EnsembleKeys>(text)?;
    keys.layer = view::<LayerKeys>(text)?;
    Ok(keys)
}

fn view<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| located(text, &error))
}

/// Opens regular files only: reading a pipe would wait for ever, reading /dev/zero would never end.
fn read_bytes(path: &Path, place: &str) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io(path, error, NOT_READABLE))?;
    if metadata.is_dir() {
        return invalid!("{place}: is a directory; give a TOML file");
    }
    if !metadata.is_file() {
        return invalid!("{place}: is not a regular file; give a TOML file");
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| Error::io(path, error, NOT_READABLE))?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| Error::io(path, error, NOT_READABLE))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return invalid!("{place}: is larger than 1 MiB; a specification is a few lines, is this the right file?");
    }
    Ok(bytes)
}

/// The names of all keys, taken from the flags, and of the two that are global options.
pub fn names() -> Vec<String> {
    let flags = <SweepKeys as clap::Args>::augment_args(clap::Command::new("keys"));
    let mut names: Vec<String> = flags.get_arguments().map(|flag| flag.get_id().to_string()).collect();
    names.extend(["seed".to_owned(), "chunk".to_owned()]);
    names
}

fn known(text: &str, key: &str, span: Range<usize>) -> Result<()> {
    let names = names();
    if names.iter().any(|name| name == key) {
        return Ok(());
    }
    let (line, column) = position(text, span.start);
    let spelled = key.replace('-', "_").to_lowercase();
    let nearest = names
        .iter()
        .map(|name| (strsim::jaro_winkler(name, &spelled), name))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .filter(|(likeness, _)| *likeness > 0.7);
    match nearest {
        Some((_, name)) => {
            invalid!("line {line}, column {column}: unknown key `{}`; did you mean `{name}`?", shown(key))
        }
        None => invalid!("line {line}, column {column}: unknown key `{}`; `sweep --help` lists the keys", shown(key)),
    }
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

/// The parser's message without the names of Rust's types.
fn in_plain_words(message: &str) -> String {
    const WORDS: [(&str, &str); 17] = [
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected i64", "expected a whole number"),
        ("expected a string", "expected text"),
        ("expected string or table", "expected text"),
        ("invalid type: ", "found "),
        ("invalid value: ", "found "),
        ("floating point `", "the number `"),
        ("integer `", "the whole number `"),
        ("boolean `", "`"),
        ("` as i128", "`"),
        ("` as u128", "`"),
        ("unknown variant", "unknown word"),
        ("found string \"", "found the text \""),
        ("found sequence", "found an array"),
        ("found map", "found a table"),
    ];
    WORDS.iter().fold(message.to_owned(), |message, (rust, plain)| message.replace(rust, plain))
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
