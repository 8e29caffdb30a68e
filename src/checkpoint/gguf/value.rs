//! The values of a GGUF file's header, read one behind the other.

/// Strings.
pub(super) const TEXT: u32 = 8;
const LIST: u32 = 9;
const SHORT: &str = "the header is cut short or damaged; fetch the file again";

/// What was read, or why the header is refused.
pub(super) type Parsed<T> = Result<T, String>;

/// A value of the metadata.
pub(super) enum Value {
    Integer(i64),
    Real(f64),
    Flag(bool),
    Text(String),
    List(List),
}

/// A list of values, which stay in the file.
pub(super) struct List {
    /// The type of its items.
    pub kind: u32,
    pub count: u64,
    /// The first byte of the first one.
    pub start: usize,
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

    pub fn word(&mut self) -> Parsed<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn long(&mut self) -> Parsed<u64> {
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
