//! Parts read back from their files, of a few units at a time.

use super::manifest::{Entry, Manifest};
use super::table::{self, Columns, Rows, damaged};
use crate::error::{Error, Result};
use crate::results::dataset::{file, read, seal};
use crate::sweep::Part;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Endings of the names of the tables of some units.
pub(super) const STATISTICS: &str = "statistics";
/// See [`STATISTICS`].
pub(super) const MEMBERS: &str = "members";
/// See [`STATISTICS`].
pub(super) const SPECTRA: &str = "spectra";

/// The name of a table of some units.
pub(super) fn file_name(units: &Range<usize>, table: &str) -> String {
    format!("{:06}-{:06}.{table}.parquet", units.start, units.end - 1)
}

/// Reads the parts of a folder; the files of one entry stay in memory.
#[derive(Debug)]
pub(super) struct Reader {
    folder: PathBuf,
    loaded: Option<Loaded>,
}

/// The tables of some units.
#[derive(Debug)]
struct Loaded {
    units: Range<usize>,
    statistics: Loading,
    members: Option<Loading>,
    spectra: Option<Loading>,
}

#[derive(Debug)]
struct Loading {
    path: PathBuf,
    columns: Columns,
    rows: BTreeMap<usize, Rows>,
}

impl Loading {
    fn rows(&self, unit: usize) -> Rows {
        self.rows.get(&unit).copied().unwrap_or_default()
    }
}

impl Reader {
    pub fn new(folder: &Path) -> Self {
        Reader { folder: folder.to_path_buf(), loaded: None }
    }

    /// The part of a unit, whose shape `empty` has.
    ///
    /// # Errors
    /// [`Error::Verification`] if its files are not as they were written, [`Error::Bug`] if there are none.
    pub fn take(&mut self, manifest: &Manifest, unit: usize, mut empty: Part) -> Result<Part> {
        let entry = manifest.entry(unit).ok_or_else(|| Error::Bug(format!("unit {unit} has no part")))?;
        if self.loaded.as_ref().is_none_or(|loaded| loaded.units != entry.units) {
            self.loaded = None;
            self.loaded = Some(self.load(entry)?);
        }
        let Some(Loaded { statistics, members, spectra, .. }) = &self.loaded else { return Ok(empty) };
        table::read_statistics(&statistics.columns, &statistics.rows(unit), &mut empty)
            .map_err(|why| damaged(&statistics.path, &why))?;
        if let Some(own) = members {
            table::read(&own.path, table::read_members(&own.columns, &own.rows(unit), &mut empty))?;
        }
        if let Some(own) = spectra {
            table::read(&own.path, table::read_spectra(&own.columns, &own.rows(unit), &mut empty))?;
        }
        Ok(empty)
    }

    fn load(&self, entry: &Entry) -> Result<Loaded> {
        verify(&self.folder, entry)?;
        let load = |name: &str| -> Result<Option<Loading>> {
            let name = file_name(&entry.units, name);
            if !entry.files.contains_key(&name) {
                return Ok(None);
            }
            let path = self.folder.join(name);
            let columns = read::whole_table(&path)?;
            Ok(Some(Loading { rows: table::rows(&columns), path, columns }))
        };
        let statistics = load(STATISTICS)?.ok_or_else(|| damaged(&self.folder, "a unit has no statistics"))?;
        Ok(Loaded { units: entry.units.clone(), statistics, members: load(MEMBERS)?, spectra: load(SPECTRA)? })
    }
}

/// Are the files of an entry as they were written?
///
/// # Errors
/// [`Error::Verification`] naming the first that is not.
pub(super) fn verify(folder: &Path, entry: &Entry) -> Result<()> {
    seal::verify_files(folder, &entry.files)
}

/// Removes what no manifest names.
pub(super) fn tidy(folder: &Path, manifest: &Manifest) -> Result<()> {
    let named = |name: &str| manifest.entries.iter().any(|entry| entry.files.contains_key(name));
    let Ok(listing) = std::fs::read_dir(folder) else { return Ok(()) };
    for found in listing.flatten() {
        let name = found.file_name().to_string_lossy().into_owned();
        if name.ends_with(".parquet") && !named(&name) {
            file::remove(&found.path())?;
        }
    }
    Ok(())
}
