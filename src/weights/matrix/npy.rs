//! NumPy's `.npy`: a short header, then the raw values.

use super::{Array, MAX_VALUES, MatrixStack, Parsed, check_shape, excerpt, inexact};

/// The first bytes of every `.npy` file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// What the header says; `None` where it says nothing.
#[derive(Default)]
struct Header {
    descr: Option<String>,
    fortran_order: Option<bool>,
    shape: Option<Vec<u64>>,
}

/// Parses one square matrix (2-D) or a stack (3-D, the matrix index first).
pub(super) fn parse(bytes: &[u8]) -> Parsed<MatrixStack> {
    let stored = Stored::open(bytes)?;
    let (matrices, n, _) = match *stored.shape.as_slice() {
        [rows, columns] => check_shape(1, rows, columns)?,
        [matrices, rows, columns] => check_shape(matrices, rows, columns)?,
        ref shape => {
            return Err(format!(
                "the array has {} dimensions; give [n, n] or a stack [matrices, n, n] (numpy.reshape)",
                shape.len()
            ));
        }
    };
    Ok(MatrixStack { n, matrices, values: stored.values(&[matrices, n, n])? })
}

/// Parses an array of any shape.
pub(super) fn parse_array(bytes: &[u8]) -> Parsed<Array> {
    let stored = Stored::open(bytes)?;
    let count = stored.shape.iter().fold(1, |count: u64, &length| count.saturating_mul(length));
    if count > MAX_VALUES {
        return Err(format!("{count} values are more than the limit of {MAX_VALUES}; split the file"));
    }
    let shape: Vec<usize> = stored.shape.iter().map(|&length| length as usize).collect();
    Ok(Array { values: stored.values(&shape)?, shape })
}

/// An array as the file has it.
struct Stored<'a> {
    element: Element,
    fortran_order: bool,
    shape: Vec<u64>,
    data: &'a [u8],
}

impl<'a> Stored<'a> {
    fn open(bytes: &'a [u8]) -> Parsed<Self> {
        let (header, data) = split(bytes)?;
        let header = parse_header(header)?;
        let missing = |key| format!("the header has no {key}; write the file again with numpy.save");
        let element = Element::from_descr(&header.descr.ok_or_else(|| missing("descr"))?)?;
        let fortran_order = header.fortran_order.ok_or_else(|| missing("fortran_order"))?;
        let shape = header.shape.ok_or_else(|| missing("shape"))?;
        Ok(Stored { element, fortran_order, shape, data })
    }

    /// All values, the last axis of `shape`, which is that of the file but for axes of length 1, running fastest.
    fn values(&self, shape: &[usize]) -> Parsed<Vec<f64>> {
        let length: usize = shape.iter().product();
        let needed = length * self.element.size;
        if self.data.len() != needed {
            return Err(format!(
                "the header promises {needed} bytes of values and {} are there; the file is cut short or damaged",
                self.data.len()
            ));
        }
        // In Fortran's order the first axis runs fastest.
        let place = |index: usize| {
            let (mut rest, mut stride, mut place) = (index, length, 0);
            for axis in shape.iter().rev() {
                stride /= axis;
                place += rest % axis * stride;
                rest /= axis;
            }
            place
        };
        let at = |index| if self.fortran_order { place(index) } else { index };
        (0..length).map(|index| self.element.value(self.data, at(index))).collect()
    }
}

/// The header's text and the bytes of the values.
fn split(bytes: &[u8]) -> Parsed<(&str, &[u8])> {
    let cut = || "the file ends inside its header; it is cut short or damaged".to_string();
    let rest = bytes.strip_prefix(MAGIC).ok_or("this is not a NumPy file; write it with numpy.save")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = match version[0] {
        1 => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest)),
        2 | 3 => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
        other => return Err(format!("format version {other} is not known; versions 1 to 3 are")),
    }
    .ok_or_else(cut)?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| "the header is not text; the file is damaged")?;
    Ok((header, data))
}

/// Reads the header, a Python dictionary such as `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 3), }`.
fn parse_header(text: &str) -> Parsed<Header> {
    let damaged = || format!("the header is damaged near {}; write the file again with numpy.save", excerpt(text));
    let mut header = Header::default();
    let mut rest = text.trim().strip_prefix('{').ok_or_else(damaged)?.trim_start();
    while !rest.starts_with('}') {
        let (key, after) = quoted(rest).ok_or_else(damaged)?;
        let value = after.trim_start().strip_prefix(':').ok_or_else(damaged)?.trim_start();
        let known = match key {
            "descr" => header.descr.is_some(),
            "fortran_order" => header.fortran_order.is_some(),
            _ => header.shape.is_some(),
        };
        if known {
            return Err(format!("the header gives {} twice; write the file again with numpy.save", excerpt(key)));
        }
        let after = match key {
            "descr" if value.starts_with('[') => {
                return Err("the values are records; save one plain array of numbers".into());
            }
            "descr" => {
                let (descr, after) = quoted(value).ok_or_else(damaged)?;
                header.descr = Some(descr.to_string());
                after
            }
            "fortran_order" => {
                let (order, after) = boolean(value).ok_or_else(damaged)?;
                header.fortran_order = Some(order);
                after
            }
            "shape" => {
                let (shape, after) = tuple(value).ok_or_else(damaged)?;
                header.shape = Some(shape);
                after
            }
            other => return Err(format!("the header's key {} is not known to NumPy's format", excerpt(other))),
        };
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.starts_with('}') => after,
            None => return Err(damaged()),
        };
    }
    Ok(header)
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|&c| c == '\'' || c == '"')?;
    text[1..].split_once(quote)
}

fn boolean(text: &str) -> Option<(bool, &str)> {
    let yes = text.strip_prefix("True").map(|rest| (true, rest));
    yes.or_else(|| text.strip_prefix("False").map(|rest| (false, rest)))
}

fn tuple(text: &str) -> Option<(Vec<u64>, &str)> {
    let (inside, rest) = text.strip_prefix('(')?.split_once(')')?;
    let words = inside.split(',').map(str::trim).filter(|word| !word.is_empty());
    // Python 2 wrote long integers as "3L".
    let shape: Option<Vec<u64>> = words.map(|word| word.strip_suffix('L').unwrap_or(word).parse().ok()).collect();
    Some((shape?, rest))
}

/// How one value is stored.
struct Element {
    kind: char,
    /// Bytes of one value.
    size: usize,
    big_endian: bool,
}

/// NumPy's names of types, which older and other writers put where `<f8` and the like belong.
const NAMES: [(&str, char, usize); 29] = [
    ("float64", 'f', 8),
    ("float32", 'f', 4),
    ("float16", 'f', 2),
    ("double", 'f', 8),
    ("single", 'f', 4),
    ("half", 'f', 2),
    ("float", 'f', 8),
    ("d", 'f', 8),
    ("f", 'f', 4),
    ("e", 'f', 2),
    ("int64", 'i', 8),
    ("int32", 'i', 4),
    ("int16", 'i', 2),
    ("int8", 'i', 1),
    ("int", 'i', 8),
    ("q", 'i', 8),
    ("i", 'i', 4),
    ("h", 'i', 2),
    ("b", 'i', 1),
    ("uint64", 'u', 8),
    ("uint32", 'u', 4),
    ("uint16", 'u', 2),
    ("uint8", 'u', 1),
    ("Q", 'u', 8),
    ("I", 'u', 4),
    ("H", 'u', 2),
    ("B", 'u', 1),
    ("bool", 'b', 1),
    ("?", 'b', 1),
];

impl Element {
    /// Reads NumPy's type string, such as `<f8`, or the name of a type, such as `float64`.
    fn from_descr(descr: &str) -> Parsed<Self> {
        let advice = "save it with .astype('float64')";
        let (order, rest) = match descr.chars().next() {
            Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
            _ => ('=', descr),
        };
        let big_endian = order == '>' || (order == '=' && cfg!(target_endian = "big"));
        if let Some(&(_, kind, size)) = NAMES.iter().find(|(name, ..)| *name == rest) {
            return Ok(Element { kind, size, big_endian });
        }
        let mut chars = rest.chars();
        let kind = chars.next().ok_or_else(|| format!("the header names no type; {advice}"))?;
        let size = chars.as_str();
        match (kind, size) {
            ('f', "2" | "4" | "8") | ('i' | 'u', "1" | "2" | "4" | "8") | ('b', "1") => {
                let size = size.parse().map_err(|_| format!("type {} is not known; {advice}", excerpt(descr)))?;
                Ok(Element { kind, size, big_endian })
            }
            ('c' | 'D' | 'F' | 'G', _) => {
                Err("the values are complex; only real matrices are read (save A.real if that is what you mean)".into())
            }
            ('O' | 'o', _) => Err(format!("the values are Python objects; {advice}")),
            _ => Err(format!("type {} is not read; {advice}", excerpt(descr))),
        }
    }

    /// The value at `index`; the caller has checked that the data is long enough.
    fn value(&self, data: &[u8], index: usize) -> Parsed<f64> {
        let stored = &data[index * self.size..][..self.size];
        let bits = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        let bits = if self.big_endian { stored.iter().fold(0, bits) } else { stored.iter().rev().fold(0, bits) };
        let unused = 64 - 8 * self.size as u32;
        match (self.kind, self.size) {
            ('f', 8) => Ok(f64::from_bits(bits)),
            ('f', 4) => Ok(f64::from(f32::from_bits(bits as u32))),
            ('f', _) => Ok(half(bits as u16)),
            ('i', _) => exact(i128::from((bits << unused) as i64 >> unused), index),
            _ => exact(i128::from(bits), index),
        }
    }
}

/// The value of an IEEE 754 binary16: a sign, 5 bits of exponent, 10 of the fraction.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match bits >> 10 & 0x1f {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

fn exact(whole: i128, index: usize) -> Parsed<f64> {
    let value = whole as f64;
    if value as i128 == whole { Ok(value) } else { Err(format!("value {index}: {}", inexact(whole))) }
}
