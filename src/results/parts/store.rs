//! The parts of one run: kept as they are done, and brought back when the run goes on.

use super::manifest::{
    Entry, MOST_UNITS, Manifest, NAME, Origin, WAITING, are_of_model, device_in_words, differences, same_numbers,
};
use super::reader::{Reader, file_name, tidy, verify};
use super::tabled::{Columns, Tabled, Tables, damaged, numbered};
use super::{FOLDER, discard, room};
use crate::error::remedy::{ANY_DEVICE, FORCE, OUT, Piece::Text, RESUME, SHARD};
use crate::error::{Error, Remedy, Result};
use crate::results::dataset::TableWriter;
use crate::results::dataset::file::{self, Pending};
use crate::results::remedies::ROOM_FOR_PARTS;
use crate::spec::Shard;
use crate::units::Parts;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Parts wait in memory until they are this large,
const MOST_WAITING: u64 = 64 << 20;
/// or, where nobody will go on from them, this large: a disk is only to relieve the memory then.
const MOST_WAITING_OF_SCRATCH: u64 = 512 << 20;

/// On what terms a run keeps its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Which share of the units is this run's; none: all.
    pub shard: Option<Shard>,
    /// or for so long; with none they are there for this process alone.
    pub every: Option<Duration>,
    /// May parts that another device has made be gone on from?
    pub any_device: bool,
}

/// The parts of a run.
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    wanted: Range<usize>,
    is_whole: bool,
    every: Option<Duration>,
    /// Units that are done and on no disk yet.
    waiting: BTreeMap<usize, Tables>,
    waiting_bytes: u64,
    flushed: Instant,
    reader: Reader,
}

impl Store {
    /// Parts of a run in its results folder that begins; from now on it can be gone on with.
    ///
    /// # Errors
    /// [`Error::Io`] if those of an earlier run cannot be removed, or the manifest cannot be written.
    pub fn begin(results: &Path, origin: Origin, terms: &Terms) -> Result<Self> {
        let folder = results.join(FOLDER);
        if origin.units() > MOST_UNITS {
            return Err(Error::Invalid(format!(
                "sweep_over: {} units of work are too many to keep; at most {MOST_UNITS} fit, so sweep fewer values at once",
                origin.units()
            )));
        }
        discard(results)?;
        let shard = terms.shard.map(|shard| shard.to_string());
        let manifest =
            Manifest { origin, shard, entries: Vec::new(), failed: BTreeMap::new(), other_devices: Vec::new() };
        let mut store = Store::of(folder, manifest, terms);
        match store.flush() {
            Ok(()) => Ok(store),
            Err(error) => {
                // Where nothing is done yet nothing is left behind; a second failure would hide the first.
                let _ = store.remove();
                Err(error)
            }
        }
    }

    /// Parts of a run that goes on, where there are any. Those whose files are damaged are worked out again; `note` is told.
    ///
    /// # Errors
    /// [`Error::Resume`] if they are of another specification, device or shard.
    pub fn resume(results: &Path, origin: Origin, terms: &Terms, note: &mut dyn FnMut(&str)) -> Result<Option<Self>> {
        let folder = results.join(FOLDER);
        let Some(mut manifest) = Manifest::read(&folder, note)? else { return Ok(None) };
        refuse_others(results, &manifest, &origin, terms)?;
        let whole = |entry: &Entry| match verify(&folder, entry) {
            Ok(()) => true,
            Err(error) => {
                note(&format!("{error}: its units are worked out again"));
                false
            }
        };
        manifest.entries.retain(whole);
        manifest.failed.clear();
        let own = origin.device();
        let known = std::iter::once(manifest.origin.device()).chain(&manifest.other_devices);
        if !known.map(same_numbers).any(|known| known == same_numbers(own)) {
            manifest.other_devices.push(own.clone());
        }
        tidy(&folder, &manifest)?;
        Ok(Some(Store::of(folder, manifest, terms)))
    }

    fn of(folder: PathBuf, manifest: Manifest, terms: &Terms) -> Self {
        let units = manifest.origin.units();
        Store {
            reader: Reader::new(&folder),
            wanted: terms.shard.map_or(0..units, |shard| shard.units(units)),
            is_whole: terms.shard.is_none(),
            every: terms.every,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            flushed: Instant::now(),
            folder,
            manifest,
        }
    }

    /// How many units are this run's, and how many of them are done.
    pub fn progress(&self) -> Progress {
        let done = self.wanted.clone().filter(|&unit| self.has(unit)).count();
        Progress { units: self.wanted.len(), done }
    }

    /// Is this unit done?
    pub fn has(&self, unit: usize) -> bool {
        self.manifest.entry(unit).is_some() || self.waiting.contains_key(&unit)
    }

    /// Is this unit still to be worked on?
    pub fn is_left(&self, unit: usize) -> bool {
        self.wanted.contains(&unit) && !self.has(unit) && !self.manifest.failed.contains_key(&unit)
    }

    /// Keeps the tables of a unit that is done.
    ///
    /// # Errors
    /// As for [`Store::flush`].
    pub fn keep_tables(&mut self, unit: usize, tables: Tables) -> Result<()> {
        self.waiting_bytes += tables.bytes();
        self.waiting.insert(unit, tables);
        let (most, is_due) = match self.every {
            Some(every) => (MOST_WAITING, self.flushed.elapsed() >= every),
            None => (MOST_WAITING_OF_SCRATCH, false),
        };
        if is_due || self.waiting_bytes >= most { self.flush() } else { Ok(()) }
    }

    /// Notes that a unit cannot be worked on, and why.
    pub fn fail(&mut self, unit: usize, why: &str) {
        self.manifest.failed.insert(unit, why.to_string());
    }

    /// The units that could not be worked on, and why.
    pub fn failed(&self) -> &BTreeMap<usize, String> {
        &self.manifest.failed
    }

    /// What the parts are parts of.
    pub fn origin(&self) -> &Origin {
        &self.manifest.origin
    }

    /// Writes the parts that wait in memory, and the manifest that names them.
    ///
    /// # Errors
    /// [`Error::Io`] if writing fails or there is no room, [`Error::Verification`] if a file reads back differently; what
    /// was written before stays.
    pub fn flush(&mut self) -> Result<()> {
        let waiting = self.folder.join(WAITING);
        make(&self.folder, &waiting)?;
        room::check(&self.folder, self.waiting_bytes, "the parts that are done")?;
        let mut parts = std::mem::take(&mut self.waiting).into_iter().peekable();
        while let Some((first, tables)) = parts.next() {
            let mut run = vec![tables];
            while let Some((_, tables)) = parts.next_if(|(unit, _)| *unit == first + run.len()) {
                run.push(tables);
            }
            let entry = self.write(first, run)?;
            self.manifest.entries.push(entry);
        }
        file::sync_folder(&self.folder).map_err(|source| failed(&self.folder, source))?;
        self.manifest.entries.sort_by_key(|entry| entry.units.start);
        self.manifest.write(&self.folder)?;
        let _ = fs::remove_dir_all(waiting);
        (self.waiting_bytes, self.flushed) = (0, Instant::now());
        Ok(())
    }

    /// Writes the tables of consecutive units from this one on and moves them into their place.
    fn write(&self, first: usize, parts: Vec<Tables>) -> Result<Entry> {
        let units = first..first + parts.len();
        let mut writers: BTreeMap<String, TableWriter> = BTreeMap::new();
        for (unit, tables) in units.clone().zip(parts) {
            for (name, columns) in tables.0 {
                let name = file_name(&units, &name);
                let columns: Columns = numbered(unit, columns);
                if !writers.contains_key(&name) {
                    writers.insert(name.clone(), self.writer(&name)?);
                }
                writers.get_mut(&name).map_or(Ok(()), |writer| writer.append(&columns))?;
            }
        }
        let mut files = BTreeMap::new();
        for (_, writer) in writers {
            let (name, record) = writer.finish()?;
            self.place(&name)?;
            files.insert(name, record);
        }
        Ok(Entry { units, files })
    }

    fn writer(&self, name: &str) -> Result<TableWriter> {
        let pending = Pending::create(&self.folder.join(WAITING), &self.folder, name)?;
        let spec = self.manifest.origin.0["spec"].to_string();
        let notes = vec![
            ("eulerscope".to_string(), env!("CARGO_PKG_VERSION").to_string()),
            ("spec_hash".to_string(), blake3::hash(spec.as_bytes()).to_hex().to_string()),
        ];
        Ok(TableWriter::new(pending, notes))
    }

    fn place(&self, name: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::rename(self.folder.join(WAITING).join(name), &path).map_err(|source| failed(&path, source))
    }

    /// In words the devices that have made some of the parts whose numbers may be others than those of this one.
    pub fn other_devices(&self, own: &Value) -> Vec<String> {
        self.manifest.other_devices(own)
    }

    /// Removes all of them, when the results that they make are in their place.
    ///
    /// # Errors
    /// [`Error::Io`] if that fails.
    pub fn remove(self) -> Result<()> {
        self.folder.parent().map_or(Ok(()), discard)
    }
}

/// Units of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// All of them.
    pub units: usize,
    /// Those that are done.
    pub done: usize,
}

impl<P: Tabled> Parts<P> for Store {
    fn wants(&self, unit: usize) -> bool {
        self.wanted.contains(&unit)
    }

    fn has(&self, unit: usize) -> bool {
        Store::has(self, unit)
    }

    fn is_left(&self, unit: usize) -> bool {
        Store::is_left(self, unit)
    }

    fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn take(&mut self, unit: usize, empty: P) -> Result<P> {
        match self.waiting.get(&unit) {
            Some(own) => own.part(empty).map_err(|why| damaged(&self.folder, &why)),
            None => self.reader.take(&self.manifest, unit, empty),
        }
    }

    fn keep(&mut self, unit: usize, part: &mut P) -> Result<()> {
        self.keep_tables(unit, Tables::of(part))
    }
}

fn refuse_others(results: &Path, manifest: &Manifest, origin: &Origin, terms: &Terms) -> Result<()> {
    let place = results.display();
    let mut keys = differences(&manifest.origin, origin);
    keys.retain(|key| key != "device" || !terms.any_device);
    let shard = terms.shard.map(|shard| shard.to_string());
    if manifest.shard != shard {
        let said = |shard: &Option<String>| shard.clone().map_or("all of it".to_string(), |own| format!("shard {own}"));
        let other = Error::Resume(format!(
            "{place}: holds parts of {}, and this run is {}",
            said(&manifest.shard),
            said(&shard)
        ));
        return Err(other.remedied(Remedy::of(&[
            Text("give the same "),
            SHARD,
            Text(", or "),
            OUT,
            Text(" another folder"),
        ])));
    }
    if keys.is_empty() {
        return Ok(());
    }
    let (differs, remedy) = match () {
        () if keys == ["device"] => (
            format!(
                "its parts are of {}, whose last bits may differ from those of {}",
                device_in_words(manifest.origin.device()),
                device_in_words(origin.device())
            ),
            Remedy::of(&[Text("take that device, or give "), ANY_DEVICE, Text(" to go on with this one")]),
        ),
        () if are_of_model(&keys) => (
            format!("is a run of other files: {}", keys.join(", ")),
            Remedy::of(&[Text("put those of before back, or give "), FORCE, Text(" to start anew")]),
        ),
        () => (
            format!(
                "is the run of another specification, which is in {}, and differs in {}",
                results.join(FOLDER).join(NAME).display(),
                keys.join(", ")
            ),
            Remedy::of(&[Text("give that file with "), RESUME, Text(" to go on, or "), FORCE, Text(" to start anew")]),
        ),
    };
    Err(Error::Resume(format!("{place}: {differs}")).remedied(remedy))
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::io(path, source, ROOM_FOR_PARTS)
}

fn make(folder: &Path, waiting: &Path) -> Result<()> {
    fs::create_dir_all(waiting).map_err(|source| failed(folder, source))
}
