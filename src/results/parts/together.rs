//! The parts of several runs, together all of one.

use super::FOLDER;
use super::manifest::{Manifest, Origin, differences_but_device};
use super::reader::{Reader, verify};
use super::survey::{folders, listed};
use super::tabled::Tabled;
use crate::error::remedy::{Piece::Text, RESUME_AUTO, SHARD};
use crate::error::{Error, Remedy, Result};
use crate::units::Parts;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Parts of one run in several folders.
pub struct Together {
    sources: Vec<Source>,
}

struct Source {
    place: PathBuf,
    manifest: Manifest,
    reader: Reader,
}

impl Together {
    /// The parts of these folders, and of the shards inside them.
    ///
    /// # Errors
    /// [`Error::Invalid`] where they are of different runs or hold no parts, [`Error::Verification`] where a file is
    /// damaged or units are missing.
    pub fn open(given: &[PathBuf]) -> Result<Self> {
        let mut sources = Vec::new();
        for place in folders(given)? {
            let folder = place.join(FOLDER);
            if let Some(manifest) = Manifest::read(&folder, &mut |_| {})? {
                manifest.entries.iter().try_for_each(|entry| verify(&folder, entry))?;
                sources.push(Source { place, manifest, reader: Reader::new(&folder) });
            }
        }
        let own = Together { sources };
        own.check(given)?;
        Ok(own)
    }

    fn check(&self, given: &[PathBuf]) -> Result<()> {
        let Some(first) = self.sources.first() else {
            let places: Vec<_> = given.iter().map(|place| place.display().to_string()).collect();
            let nothing = Error::Invalid(format!("{}: holds no parts of a run", places.join(", ")));
            return Err(nothing.remedied(Remedy::of(&[Text("give folders that "), SHARD, Text(" has written")])));
        };
        for source in &self.sources {
            let keys = differences_but_device(&first.manifest.origin, &source.manifest.origin);
            if !keys.is_empty() {
                return Err(Error::Invalid(format!(
                    "{}: its run is another than that of {}, in {}; merge folders of one specification",
                    source.place.display(),
                    first.place.display(),
                    keys.join(", ")
                )));
            }
        }
        let missing: Vec<usize> = (0..self.origin().units()).filter(|&unit| !self.has(unit)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let which = match super::survey(&given[0]) {
            Ok(found) if found.shards > 1 => format!("of shards {}", listed(found.missing)),
            _ => format!("units {}", listed(missing.iter().copied())),
        };
        let incomplete = Error::Verification(format!(
            "{}: {} of {} units are missing, {which}",
            given[0].display(),
            missing.len(),
            self.origin().units()
        ));
        Err(incomplete.remedied(Remedy::of(&[Text("run those again with "), RESUME_AUTO])))
    }

    /// What the parts are parts of.
    pub fn origin(&self) -> &Origin {
        &self.sources[0].manifest.origin
    }

    /// In words the devices that made some of them whose numbers may be others than those of this one, each once.
    pub fn other_devices(&self, own: &Value) -> Vec<String> {
        let of = |source: &Source| source.manifest.other_devices(own);
        self.sources.iter().flat_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn has(&self, unit: usize) -> bool {
        self.sources.iter().any(|source| source.manifest.entry(unit).is_some())
    }
}

impl<P: Tabled> Parts<P> for Together {
    fn wants(&self, _unit: usize) -> bool {
        false
    }

    fn has(&self, unit: usize) -> bool {
        Together::has(self, unit)
    }

    fn take(&mut self, unit: usize, empty: P) -> Result<P> {
        let found = self.sources.iter_mut().find(|source| source.manifest.entry(unit).is_some());
        let source = found.ok_or_else(|| Error::Bug(format!("unit {unit} has no part")))?;
        source.reader.take(&source.manifest, unit, empty)
    }
}
