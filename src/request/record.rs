//! The record of an earlier run as a specification: what it was asked for can be asked for again.

use super::keys::{BenchKeys, EssayKeys, Keys, LyapunovKeys, Source, SpectrumKeys, SweepKeys, TrainedKeys};
use super::refusal::{in_plain_words, unknown};
use crate::error::{Error, Result};
use crate::input::Object;
use crate::invalid;
use crate::numbers::random::STREAM_VERSION;
use crate::spec::grid::shown;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The record in a folder of results.
pub(super) const NAME: &str = "run.json";

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The commands that can be run again from their record.
const AGAIN: [&str; 5] =
    [SweepKeys::COMMAND, SpectrumKeys::COMMAND, LyapunovKeys::COMMAND, EssayKeys::COMMAND, BenchKeys::COMMAND];

/// What a run says of itself; its results do not matter here.
#[derive(Deserialize)]
struct Record {
    command: Option<String>,
    spec: Option<Object<Value>>,
    /// The version that wrote it.
    eulerscope: Option<String>,
    /// The version of its random numbers, where it drew any.
    stream_version: Option<u32>,
    /// The trained model, where there was one.
    model: Option<Model>,
}

/// What a run says of the files of its model.
#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    files: Vec<ModelFile>,
}

/// A file with the hash of its content.
#[derive(Deserialize)]
struct ModelFile {
    name: String,
    blake3: String,
}

/// Does a file hold a record? An object of JSON begins with a brace, which no TOML does.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Reads the keys of a command from the text of a record, a `run.json` or what `--json` wrote; `place` is the file.
pub(super) fn parse<K: Keys>(text: &str, place: &str) -> Result<K> {
    let record: Record = match serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        Ok(record) => record,
        Err(error) => return invalid!("not the JSON of a run: {error}; give a run.json, or a TOML file"),
    };
    let (Some(command), Some(spec)) = (record.command, record.spec) else {
        return invalid!("JSON without the `command` and the `spec` of a run; give a run.json, or a TOML file");
    };
    if command != K::COMMAND {
        let remedy = match AGAIN.contains(&command.as_str()) {
            true => format!("`eulerscope {command} {place}` runs it again"),
            false => format!("give a run.json of {}", K::COMMAND),
        };
        return invalid!("is the record of {}, not of {}; {remedy}", shown(&command), K::COMMAND);
    }
    check_version(record.eulerscope.as_deref(), record.stream_version)?;
    let mut spec = Map::from_iter(spec.0);
    match spec.keys().find_map(|key| unknown::<K>(key)) {
        Some(refusal) => invalid!("spec: {refusal}"),
        None => {
            let files = record.model.into_iter().flat_map(|model| model.files);
            let hashes: Map<String, Value> = files.map(|file| (file.name, Value::String(file.blake3))).collect();
            spec.insert(TrainedKeys::MODEL.to_owned(), Value::Object(hashes));
            K::read(&Json(spec))
        }
    }
}

/// A newer version may mean something else by the same key, and other random numbers by the same seed.
fn check_version(written: Option<&str>, stream: Option<u32>) -> Result<()> {
    let own = env!("CARGO_PKG_VERSION");
    let series =
        |version: &str| -> Vec<u32> { version.split('.').map_while(|part| part.parse().ok()).take(2).collect() };
    let written = written.unwrap_or(own);
    if series(written) > series(own) {
        return invalid!(
            "is of eulerscope {}, and this is {own}; use that version, or write its keys into a TOML file",
            shown(written)
        );
    }
    match stream {
        Some(stream) if stream != STREAM_VERSION => invalid!(
            "its random numbers are those of stream version {stream}, and here they are of {STREAM_VERSION}; use the version \
             that wrote it, {}",
            shown(written)
        ),
        _ => Ok(()),
    }
}

/// The `spec` of a record.
struct Json(Map<String, Value>);

impl Source for Json {
    fn view<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        let of = |spec: Map<String, Value>| serde_json::from_value::<T>(Value::Object(spec));
        of(self.0.clone()).map_err(|error| {
            // The parser does not say where, so each key is tried alone.
            let wrong =
                |(key, value): &(&String, &Value)| of(Map::from_iter([((*key).clone(), (*value).clone())])).is_err();
            let key = self.0.iter().find(wrong).map(|(key, _)| format!("{key}: ")).unwrap_or_default();
            Error::Invalid(format!("spec: {key}{}", in_plain_words(&error.to_string())))
        })
    }
}
