//! What others wrote: regular files only, of a length that is known, and JSON in which no key is there twice.

use crate::error::{Error, Result};
use crate::invalid;
use crate::spec::grid::shown;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::marker::PhantomData;
use std::path::Path;

/// Opens a regular file. Opening a pipe would wait for its writer, and reading `/dev/zero` would never end.
///
/// # Errors
/// [`Error::Invalid`] for what is no file, [`Error::Io`] if it cannot be opened; both end with `remedy`.
pub fn open(path: &Path, remedy: &'static str) -> Result<File> {
    let unreadable = |source| Error::io(path, source, remedy);
    refuse_unnamed(path, remedy)?;
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if kind.is_dir() {
        return invalid!("{}: is a folder; {remedy}", path.display());
    }
    if !kind.is_file() {
        return invalid!("{}: is a pipe, socket or device; {remedy}", path.display());
    }
    File::open(path).map_err(unreadable)
}

/// Refuses an empty path.
///
/// # Errors
/// [`Error::Invalid`], which ends with `remedy`.
pub fn refuse_unnamed(path: &Path, remedy: &'static str) -> Result<()> {
    match path.as_os_str().is_empty() {
        true => invalid!("the name of a file is empty; {remedy}"),
        false => Ok(()),
    }
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As for [`open`]; [`Error::Invalid`] for a longer one.
pub fn read(path: &Path, most: u64, remedy: &'static str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open(path, remedy)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|source| Error::io(path, source, remedy))?;
    match bytes.len() as u64 > most {
        true => invalid!("{}: is longer than {} MiB; {remedy}", path.display(), most >> 20),
        false => Ok(bytes),
    }
}

/// The keys and values of an object of JSON, in its order. One that is there twice is refused, for readers disagree about
/// which of the two counts.
pub struct Object<V>(pub Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Object<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for ObjectVisitor<V> {
    type Value = Object<V>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Object<V>, A::Error> {
        let (mut fields, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("the key `{}` is there twice", shown(&key))));
            }
            fields.push((key, map.next_value()?));
        }
        Ok(Object(fields))
    }
}
