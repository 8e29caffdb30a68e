//! The header of a GGUF file: metadata and the list of tensors.

use super::super::store::quoted;
use super::metadata::Metadata;
use super::value::{Cursor, Parsed};
use std::collections::BTreeMap;

/// The most axes of a tensor.
const MOST_AXES: u32 = 4;
/// What tensors are aligned to, if the file does not say.
const ALIGNMENT: i64 = 32;

/// What stands before the data.
pub(super) struct Header {
    pub metadata: Metadata,
    pub tensors: Vec<Listed>,
    /// What tensors are aligned to, in bytes.
    pub alignment: usize,
    /// The first byte of the data.
    pub data: usize,
}

/// A tensor as it is listed.
pub(super) struct Listed {
    pub name: String,
    /// The last axis is contiguous.
    pub shape: Vec<usize>,
    /// A number of ggml's formats.
    pub kind: u32,
    /// From the first byte of the data.
    pub offset: u64,
}

impl Header {
    /// Reads a header. What it counts is read one by one until the bytes end: no count, however large, allocates anything.
    pub fn parse(bytes: &[u8]) -> Parsed<Self> {
        let mut cursor = Cursor { bytes, at: 4 };
        match cursor.word()? {
            2 | 3 => {}
            version if version.swap_bytes() <= 3 => return Err("is big endian; convert it to little endian".into()),
            version => return Err(format!("is of GGUF version {version}; 2 and 3 are read")),
        }
        let (tensors, keys) = (cursor.long()?, cursor.long()?);
        let metadata = metadata(&mut cursor, keys)?;
        let mut listed = Vec::new();
        for _ in 0..tensors {
            listed.push(one_listed(&mut cursor)?);
        }
        let alignment = metadata.integer("general.alignment").unwrap_or(ALIGNMENT);
        let alignment = usize::try_from(alignment).ok().filter(|a| a.is_power_of_two() && *a <= 1 << 16);
        let Some(alignment) = alignment else {
            return Err("general.alignment is no power of two up to 65536; convert the model again".into());
        };
        Ok(Header { metadata, tensors: listed, alignment, data: cursor.at.next_multiple_of(alignment) })
    }
}

fn metadata(cursor: &mut Cursor, keys: u64) -> Parsed<Metadata> {
    let mut values = BTreeMap::new();
    for _ in 0..keys {
        let key = cursor.text()?.to_owned();
        let kind = cursor.word()?;
        let value = cursor.value(kind).map_err(|why| format!("key {}: {why}", quoted(&key)))?;
        if values.insert(key.clone(), value).is_some() {
            return Err(format!("key {} is there twice; convert the model again", quoted(&key)));
        }
    }
    Ok(Metadata { values })
}

fn one_listed(cursor: &mut Cursor) -> Parsed<Listed> {
    let name = cursor.text()?.to_owned();
    let axes = cursor.word()?;
    if axes == 0 || axes > MOST_AXES {
        return Err(format!("tensor {} has {axes} axes; 1 to {MOST_AXES} can be", quoted(&name)));
    }
    let mut shape = Vec::new();
    for _ in 0..axes {
        // The file's first axis is the contiguous one.
        shape.insert(0, usize::try_from(cursor.long()?).unwrap_or(usize::MAX));
    }
    Ok(Listed { name, shape, kind: cursor.word()?, offset: cursor.long()? })
}
