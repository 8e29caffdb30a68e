//! Parts read back from their files, of a few units at a time.

use super::manifest::{Entry, Manifest};
use super::tabled::{Columns, Places, Rows, Tabled, damaged};
use crate::error::{Error, Result};
use crate::results::dataset::{file, read, seal};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The name of a table of some units.
pub(super) fn file_name(units: &Range<usize>, table: &str) -> String {
    format!("{:06}-{:06}.{table}.parquet", units.start, units.end - 1)
}

/// The table that a file holds.
pub(super) fn table_of(file_name: &str) -> &str {
    file_name.split('.').nth(1).unwrap_or_default()
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
    tables: Vec<Loading>,
}

#[derive(Debug)]
struct Loading {
    name: String,
    path: PathBuf,
    columns: Columns,
    places: Places,
}

impl Reader {
    pub fn new(folder: &Path) -> Self {
        Reader { folder: folder.to_path_buf(), loaded: None }
    }

    /// The part of a unit, whose shape `empty` has.
    ///
    /// # Errors
    /// [`Error::Verification`] if its files are not as they were written, [`Error::Bug`] if there are none.
    pub fn take<P: Tabled>(&mut self, manifest: &Manifest, unit: usize, mut empty: P) -> Result<P> {
        let entry = manifest.entry(unit).ok_or_else(|| Error::Bug(format!("unit {unit} has no part")))?;
        if self.loaded.as_ref().is_none_or(|loaded| loaded.units != entry.units) {
            // The memory of the ones before is given back first.
            self.loaded = None;
            self.loaded = Some(self.load(entry)?);
        }
        let tables = self.loaded.iter().flat_map(|loaded| &loaded.tables);
        let (first, others): (Vec<_>, Vec<_>) = tables.partition(|own| own.name == P::FIRST);
        if first.is_empty() {
            return Err(damaged(&self.folder, &format!("a unit has no {}", P::FIRST)));
        }
        for own in first.into_iter().chain(others) {
            let rows = Rows::of_unit(&own.columns, &own.places, unit);
            empty.read(&own.name, &rows).map_err(|why| damaged(&own.path, &why))?;
        }
        Ok(empty)
    }

    fn load(&self, entry: &Entry) -> Result<Loaded> {
        verify(&self.folder, entry)?;
        let load = |file: &String| -> Result<Loading> {
            let path = self.folder.join(file);
            let columns = read::whole_table(&path)?;
            Ok(Loading { name: table_of(file).to_string(), places: Places::of(&columns), path, columns })
        };
        Ok(Loaded { units: entry.units.clone(), tables: entry.files.keys().map(load).collect::<Result<_>>()? })
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
