//! What is done of a run in a folder, and what is missing.

use super::manifest::{Manifest, Origin, differences_but_device};
use super::{FOLDER, reader};
use crate::error::{Error, Result};
use crate::results::remedies::WRITTEN;
use crate::spec::Shard;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a shard inside that of the whole.
pub fn shard_folder(folder: &Path, shard: Shard) -> PathBuf {
    folder.join(format!("shard-{}-of-{}", shard.index + 1, shard.count))
}

/// Is this the name of a shard's folder? The shard, if so.
fn shard_of(name: &str) -> Option<Shard> {
    Shard::parse(&name.strip_prefix("shard-")?.replacen("-of-", "/", 1)).ok()
}

/// What is done of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Into how many shards it is divided; 1 where it is not.
    pub shards: usize,
    /// Those with units that are not done, counted from 1.
    pub missing: Vec<usize>,
    /// The units of the whole.
    pub units: usize,
    /// Those that are done.
    pub done: usize,
    /// What it is a run of.
    pub origin: Origin,
}

/// Looks into a folder that holds parts, or shards with parts.
///
/// # Errors
/// [`Error::Invalid`] where there are none, [`Error::Verification`] where a manifest cannot be read, and for shards of several
/// runs.
pub fn survey(folder: &Path) -> Result<Survey> {
    let mut found: Vec<(Shard, Manifest)> = Vec::new();
    for place in folders(&[folder.to_path_buf()])? {
        let Some(manifest) = Manifest::read(&place.join(FOLDER), &mut |_| {})? else { continue };
        let all = Shard { index: 0, count: 1 };
        let shard = manifest.shard.as_deref().and_then(|text| Shard::parse(text).ok()).unwrap_or(all);
        found.push((shard, manifest));
    }
    let Some((Shard { count, .. }, first)) = found.first() else {
        let nothing = Error::Invalid(format!("{}: holds no parts of a run", folder.display()));
        return Err(nothing.remedied(WRITTEN));
    };
    for (_, other) in &found[1..] {
        let keys = differences_but_device(&first.origin, &other.origin);
        if !keys.is_empty() {
            return Err(Error::Verification(format!(
                "{}: holds shards of different runs, which differ in {}; move one of them elsewhere",
                folder.display(),
                keys.join(", ")
            )));
        }
    }
    let (shards, units) = (*count, first.origin.units());
    let has = |unit: usize| found.iter().any(|(_, manifest)| manifest.entry(unit).is_some());
    let unfinished = |index: &usize| !Shard { index: *index, count: shards }.units(units).all(has);
    Ok(Survey {
        shards,
        missing: (0..shards).filter(unfinished).map(|index| index + 1).collect(),
        units,
        done: (0..units).filter(|&unit| has(unit)).count(),
        origin: first.origin.clone(),
    })
}

/// Are the parts in a folder, and those of shards inside it, as they were written? How many files that are; none where it
/// has no parts.
///
/// # Errors
/// [`Error::Verification`] naming the first file that is not.
pub fn verify(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for place in folders(&[folder.to_path_buf()])? {
        let folder = place.join(FOLDER);
        let Some(manifest) = Manifest::read(&folder, &mut |_| {})? else { continue };
        for entry in &manifest.entries {
            reader::verify(&folder, entry)?;
            files += entry.files.len();
        }
    }
    Ok(files)
}

/// The tables of the parts in a folder, and of those of shards inside it, with what they are tables of.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read, [`Error::Verification`] where a manifest cannot.
pub fn tables(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut tables = Vec::new();
    for place in folders(&[folder.to_path_buf()])? {
        let folder = place.join(FOLDER);
        let Some(manifest) = Manifest::read(&folder, &mut |_| {})? else { continue };
        for name in manifest.entries.iter().flat_map(|entry| entry.files.keys()) {
            tables.push((reader::table_of(name).to_string(), folder.join(name)));
        }
    }
    Ok(tables)
}

/// These folders, those of shards inside them in place of a folder that has any.
pub(super) fn folders(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for folder in given {
        let listing = fs::read_dir(folder).map_err(|source| Error::io(folder, source, WRITTEN))?;
        let mut shards: Vec<(usize, PathBuf)> = Vec::new();
        for found in listing.flatten() {
            if let Some(shard) = shard_of(&found.file_name().to_string_lossy()) {
                shards.push((shard.index, found.path()));
            }
        }
        shards.sort();
        if folder.join(FOLDER).is_dir() || shards.is_empty() {
            all.push(folder.clone());
        }
        all.extend(shards.into_iter().map(|(_, path)| path));
    }
    Ok(all)
}

/// Numbers as a list with ranges, such as 3,7-9.
pub fn listed(numbers: impl IntoIterator<Item = usize>) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let said = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    runs.iter().map(said).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{listed, shard_of};
    use crate::spec::Shard;

    #[test]
    fn numbers_are_listed_as_array_jobs_take_them() {
        assert_eq!(listed([3, 7, 8, 9, 11]), "3,7-9,11");
        assert_eq!(listed([1]), "1");
        assert_eq!(listed([]), "");
    }

    #[test]
    fn folders_of_shards_are_known_by_their_names() {
        assert_eq!(shard_of("shard-3-of-8"), Some(Shard { index: 2, count: 8 }));
        for other in ["shard-0-of-8", "shard-9-of-8", "shard-3", "parts", "shard-3-of-8-old"] {
            assert_eq!(shard_of(other), None, "{other}");
        }
    }
}
