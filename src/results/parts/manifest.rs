//! `manifest.json`: which units are done, in which files, and what they are units of.

use crate::checkpoint;
use crate::device::Description;
use crate::error::remedy::{FORCE, Piece::Text, RESUME};
use crate::error::{Error, Remedy, Result};
use crate::input;
use crate::results::dataset::file::Record;
use crate::results::dataset::file::{self, Pending};
use crate::results::dataset::seal;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

/// The manifest.
pub(super) const NAME: &str = "manifest.json";
/// The manifest before it.
const BEFORE: &str = "manifest.prev.json";
/// Where files wait until they are whole, inside the folder of the parts.
pub(super) const WAITING: &str = ".new";
/// The longest manifest, in bytes.
const LONGEST: u64 = 1 << 30;
const MOVE: Remedy =
    Remedy::of(&[Text("make the folder writable; "), RESUME, Text(" goes on from the parts that are there")]);

/// Units of a run whose parts can be kept.
pub(super) const MOST_UNITS: usize = 1 << 24;

/// What parts are parts of: the record of the run as far as it decides what a unit is.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin(pub Value);

impl Origin {
    /// The run of a command on a device, which was asked for by a word.
    pub fn of(command: &str, spec: &impl Serialize, device: &Description, word: &str, units: usize) -> Self {
        Origin(json!({
            "eulerscope": env!("CARGO_PKG_VERSION"),
            "command": command,
            "stream_version": crate::numbers::random::STREAM_VERSION,
            "spec": spec,
            "device": device,
            "device_asked_for": word,
            "units": units,
        }))
    }

    /// The same of a trained model, whose files these are; of none for nothing.
    pub fn of_model(mut self, files: Value) -> Self {
        if files != Value::Null {
            self.0["model"] = files;
        }
        self
    }

    /// The command.
    pub fn command(&self) -> &str {
        self.0["command"].as_str().unwrap_or("sweep")
    }

    /// The number of units of the whole.
    pub fn units(&self) -> usize {
        self.0["units"].as_u64().unwrap_or(0) as usize
    }

    /// The device.
    pub fn device(&self) -> &Value {
        &self.0["device"]
    }

    /// The word by which the device was asked for.
    pub fn device_asked_for(&self) -> &str {
        self.0["device_asked_for"].as_str().unwrap_or("auto")
    }
}

/// A device in a record, in the words of its [`Description`].
pub(super) fn device_in_words(device: &Value) -> String {
    let description = serde_json::from_value::<Description>(device.clone());
    description.map_or("an unknown device".to_string(), |description| description.to_string())
}

/// What tells two runs apart: keys of the specification that differ, `eulerscope` and `stream_version` for other versions,
/// the files of a trained model that are others, and `device` for one whose numbers may be others.
pub fn differences(one: &Origin, other: &Origin) -> Vec<String> {
    if one.command() != other.command() {
        return vec!["command".to_string()];
    }
    let (one, other) = (&one.0, &other.0);
    let empty = Map::new();
    let spec = |run: &Value| run["spec"].as_object().unwrap_or(&empty).clone();
    let (own, others) = (spec(one), spec(other));
    let mut keys: Vec<String> =
        own.keys().chain(others.keys()).filter(|key| own.get(*key) != others.get(*key)).cloned().collect();
    keys.sort();
    keys.dedup();
    if keys.is_empty() {
        keys = differing_files(&one["model"], &other["model"]);
    }
    for key in ["eulerscope", "stream_version", "units", "model"] {
        if one[key] != other[key] && keys.is_empty() {
            keys.push(key.to_string());
        }
    }
    if same_numbers(&one["device"]) != same_numbers(&other["device"]) {
        keys.push("device".to_string());
    }
    keys
}

/// What the differences of two runs say of a model's file that is another one.
const OF_MODEL: &str = " of the model";

/// Are changed files of a model all that tells two runs apart?
pub(super) fn are_of_model(differences: &[String]) -> bool {
    differences.iter().all(|key| key.ends_with(OF_MODEL))
}

/// The files of two models that are not the same.
fn differing_files(one: &Value, other: &Value) -> Vec<String> {
    let files = |model: &Value| -> BTreeMap<String, Value> {
        let all = model["files"].as_array().into_iter().flatten();
        all.filter_map(|file| Some((file["name"].as_str()?.to_string(), file["blake3"].clone()))).collect()
    };
    let (one, other) = (files(one), files(other));
    checkpoint::changed_files(&one, &other).into_iter().map(|name| format!("{name}{OF_MODEL}")).collect()
}

/// [`differences`] of runs whose parts make one result, whichever devices have made them; whoever puts them together says
/// which those were.
pub(super) fn differences_but_device(one: &Origin, other: &Origin) -> Vec<String> {
    let mut keys = differences(one, other);
    keys.retain(|key| key != "device");
    keys
}

/// What decides the last bits of a device's numbers: all but how many threads it has.
pub(super) fn same_numbers(device: &Value) -> [String; 4] {
    ["kind", "name", "backend", "driver"].map(|key| {
        let text = device[key].as_str().unwrap_or_default();
        let kept = text.split(", ").filter(|word| !word.ends_with(" threads"));
        kept.collect::<Vec<_>>().join(", ")
    })
}

/// The files of some units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Consecutive units.
    pub units: Range<usize>,
    pub files: BTreeMap<String, Record>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    pub origin: Origin,
    /// Which shard of the run this is, such as 1/8; none where it is the whole.
    pub shard: Option<String>,
    pub entries: Vec<Entry>,
    /// Units that could not be worked on, and why.
    pub failed: BTreeMap<usize, String>,
    /// Devices besides that of the origin that have made some of the parts.
    pub other_devices: Vec<Value>,
}

impl Manifest {
    /// The files of a unit.
    pub fn entry(&self, unit: usize) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.units.contains(&unit))
    }

    /// In words the devices that have made some of the parts whose numbers may be others than those of this one, each once.
    pub fn other_devices(&self, own: &Value) -> Vec<String> {
        let all = std::iter::once(self.origin.device()).chain(&self.other_devices);
        let others = all.filter(|device| same_numbers(device) != same_numbers(own));
        others.map(device_in_words).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Reads the manifest of a folder of parts, or the one before it where that is damaged, of which `note` is told; none if
    /// there is neither.
    ///
    /// # Errors
    /// [`Error::Verification`] where one is there and none can be read.
    pub fn read(folder: &Path, note: &mut dyn FnMut(&str)) -> Result<Option<Self>> {
        let mut damage = None;
        for name in [NAME, BEFORE] {
            let path = folder.join(name);
            match input::read(&path, LONGEST, "make the manifest readable") {
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(text) => match parse(&text) {
                    Ok(manifest) => {
                        if damage.is_some() {
                            note("the manifest of the parts is damaged; the one before it is taken");
                        }
                        return Ok(Some(manifest));
                    }
                    Err(why) => {
                        let damaged = Error::Verification(format!(
                            "{}: {why}; the manifest is damaged, and so is that before it",
                            path.display()
                        ));
                        let anew = Remedy::of(&[Text("start anew with "), FORCE]);
                        damage.get_or_insert(damaged.remedied(anew));
                    }
                },
            }
        }
        damage.map_or(Ok(None), Err)
    }

    /// Puts it in the place of the one that is there, which becomes the one before.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails, [`Error::Verification`] if it reads back differently.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let waiting = folder.join(WAITING);
        let mut pending = Pending::create(&waiting, folder, NAME)?;
        pending.write(self.text()?.as_bytes())?;
        pending.check()?;
        let (path, before) = (folder.join(NAME), folder.join(BEFORE));
        if path.exists() {
            fs::rename(&path, &before).map_err(|source| Error::io(&before, source, MOVE))?;
        }
        fs::rename(waiting.join(NAME), &path).map_err(|source| Error::io(&path, source, MOVE))?;
        file::sync_folder(folder).map_err(|source| Error::io(folder, source, MOVE))
    }

    fn text(&self) -> Result<String> {
        let mut whole = self.value();
        whole["blake3"] = json!(hash(&whole));
        serde_json::to_string_pretty(&whole).map(|text| text + "\n").map_err(|error| Error::Bug(error.to_string()))
    }

    fn value(&self) -> Value {
        let record = |record: &Record| json!({ "bytes": record.bytes, "blake3": record.blake3 });
        let entry = |entry: &Entry| {
            let files: Map<String, Value> = entry.files.iter().map(|(name, own)| (name.clone(), record(own))).collect();
            json!({ "units": [entry.units.start, entry.units.end], "files": files })
        };
        let mut whole = self.origin.0.clone();
        whole["shard"] = json!(self.shard);
        whole["parts"] = self.entries.iter().map(entry).collect();
        let failed: Map<String, Value> = self.failed.iter().map(|(unit, why)| (unit.to_string(), json!(why))).collect();
        whole["failed"] = Value::Object(failed);
        whole["other_devices"] = json!(self.other_devices);
        whole
    }
}

/// The hash of a manifest without its hash.
fn hash(whole: &Value) -> String {
    blake3::hash(whole.to_string().as_bytes()).to_hex().to_string()
}

/// A manifest from its text, if it is as it was written.
pub(super) fn parse(text: &[u8]) -> std::result::Result<Manifest, String> {
    let mut whole: Value = serde_json::from_slice(text).map_err(|error| format!("not JSON ({error})"))?;
    let object = whole.as_object_mut().ok_or("not an object")?;
    let kept = object.shift_remove("blake3");
    if kept.as_ref().and_then(Value::as_str) != Some(&hash(&whole)) {
        return Err("the content is not what was written".to_string());
    }
    let object = whole.as_object_mut().ok_or("not an object")?;
    let mut take = |key: &str| object.shift_remove(key).unwrap_or_default();
    let (shard, parts, failed, others) = (take("shard"), take("parts"), take("failed"), take("other_devices"));
    let manifest = Manifest {
        entries: parts.as_array().into_iter().flatten().map(entry).collect::<Option<_>>().ok_or("a part is none")?,
        shard: shard.as_str().map(str::to_string),
        failed: failed.as_object().into_iter().flatten().filter_map(|(unit, why)| failure(unit, why)).collect(),
        other_devices: others.as_array().cloned().unwrap_or_default(),
        origin: Origin(whole),
    };
    let units = manifest.origin.units();
    if units > MOST_UNITS {
        return Err(format!("{units} units are more than {MOST_UNITS}"));
    }
    let sound = |entry: &Entry| entry.units.start < entry.units.end && entry.units.end <= units;
    if manifest.entries.iter().all(sound) { Ok(manifest) } else { Err("a part has units that there are not".into()) }
}

fn entry(value: &Value) -> Option<Entry> {
    let end = |place: usize| value["units"][place].as_u64().map(|unit| unit as usize);
    let file = |(name, own): (&String, &Value)| {
        let record = Record { bytes: own["bytes"].as_u64()?, blake3: own["blake3"].as_str()?.to_string() };
        seal::is_plain(name).then(|| (name.clone(), record))
    };
    let files = value["files"].as_object()?.iter().map(file).collect::<Option<_>>()?;
    Some(Entry { units: end(0)?..end(1)?, files })
}

fn failure(unit: &str, why: &Value) -> Option<(usize, String)> {
    Some((unit.parse().ok()?, why.as_str()?.to_string()))
}
