//! The header of a GGUF file: metadata and the list of tensors.

use super::super::store::quoted;
use super::metadata::{List, Metadata, Value};
use std::collections::BTreeMap;

/// The most axes of a tensor.
const MOST_AXES: u32 = 4;
/// What tensors are aligned to, if the file does not say.
const ALIGNMENT: i64 = 32;
/// Strings.
pub(super) const TEXT: u32 = 8;
const LIST: u32 = 9;
const SHORT: &str = "the header is cut short or damaged; fetch the file again";

/// Why a header is refused.
type Parsed<T> = Result<T, String>;

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
            listed.push(cursor.listed()?);
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

/// Reads from the front of bytes.
pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..count)).ok_or(SHORT)?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| SHORT.to_owned())
    }

    fn word(&mut self) -> Parsed<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn long(&mut self) -> Parsed<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A string behind its length.
    pub fn text(&mut self) -> Parsed<&'a str> {
        let length = usize::try_from(self.long()?).map_err(|_| SHORT)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| "a string is no UTF-8; fetch the file again".to_owned())
    }

    /// A value of this kind.
    pub fn value(&mut self, kind: u32) -> Parsed<Value> {
        Ok(match kind {
            TEXT => Value::Text(self.text()?.to_owned()),
            LIST => Value::List(self.list()?),
            _ => {
                let size =
                    size(kind).ok_or_else(|| format!("its type {kind} is not known; convert the model again"))?;
                scalar(kind, self.take(size)?)
            }
        })
    }

    fn list(&mut self) -> Parsed<List> {
        let (kind, count) = (self.word()?, self.long()?);
        let start = self.at;
        if kind == TEXT {
            for _ in 0..count {
                self.text()?;
            }
        } else {
            let size =
                size(kind).ok_or_else(|| format!("a list of type {kind} is not known; convert the model again"))?;
            let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(size)).ok_or(SHORT)?;
            self.take(bytes)?;
        }
        Ok(List { kind, count, start })
    }

    fn listed(&mut self) -> Parsed<Listed> {
        let name = self.text()?.to_owned();
        let axes = self.word()?;
        if axes == 0 || axes > MOST_AXES {
            return Err(format!("tensor {} has {axes} axes; 1 to {MOST_AXES} can be", quoted(&name)));
        }
        let mut shape = Vec::new();
        for _ in 0..axes {
            // The file's first axis is the contiguous one.
            shape.insert(0, usize::try_from(self.long()?).unwrap_or(usize::MAX));
        }
        Ok(Listed { name, shape, kind: self.word()?, offset: self.long()? })
    }
}

/// Bytes of a number of this kind.
fn size(kind: u32) -> Option<usize> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

/// A number of as many bytes as its kind has.
fn scalar(kind: u32, bytes: &[u8]) -> Value {
    let mut long = [0; 8];
    long[..bytes.len()].copy_from_slice(bytes);
    let (bits, width) = (u64::from_le_bytes(long), 64 - 8 * bytes.len() as u32);
    match kind {
        6 => Value::Real(f64::from(f32::from_bits(bits as u32))),
        12 => Value::Real(f64::from_bits(bits)),
        7 => Value::Flag(bits != 0),
        // Signed.
        1 | 3 | 5 | 11 => Value::Integer((bits << width) as i64 >> width),
        _ => Value::Integer(i64::try_from(bits).unwrap_or(i64::MAX)),
    }
}
