//! Parts as bytes, from one process to another: frames, each with its length and its hash.
//!
//! ```text
//! magic u32 | kind u32 | unit u64 | length u64 | payload | the first 16 bytes of the BLAKE3 of all before
//! ```
//! Numbers are little-endian; a payload of a part is a list of 64-bit words.

use super::tabled::{Columns, Tables};
use crate::results::dataset::Column;
use std::io::{self, Error, ErrorKind, Read, Write};

/// What a frame begins with.
const MAGIC: u32 = 0x4555_5350;
/// Bytes in front of the payload, and behind it.
const HEAD: usize = 24;
/// See [`HEAD`].
const HASH: usize = 16;
/// Bytes that are reserved for a payload at most.
const MOST_RESERVED: u64 = 1 << 26;
/// The longest payload: what is longer is damage.
const LONGEST: u64 = 1 << 32;

/// What a worker tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// How much of what was asked for is done.
    Progress(f64),
    /// A unit is done; the bytes are its part.
    Done {
        /// Which.
        unit: usize,
        /// The tables of its part, see [`encode`].
        part: Vec<u8>,
    },
    /// All that was asked for is done.
    Over,
    /// It went wrong in a way that another worker would meet too: the exit code, and the line.
    Refused {
        /// The exit code of the error.
        code: u8,
        /// What, where, what to change.
        line: String,
    },
    /// The device failed.
    Failed(String),
}

/// Sends a message.
///
/// # Errors
/// Where the other end is gone.
pub fn send(to: &mut impl Write, message: &Message) -> io::Result<()> {
    let fraction;
    let (kind, unit, payload): (u32, usize, &[u8]) = match message {
        Message::Progress(share) => {
            fraction = share.to_le_bytes();
            (0, 0, &fraction)
        }
        Message::Done { unit, part } => (1, *unit, part),
        Message::Over => (2, 0, &[]),
        Message::Refused { code, line } => (3, usize::from(*code), line.as_bytes()),
        Message::Failed(line) => (4, 0, line.as_bytes()),
    };
    let mut head = Vec::with_capacity(HEAD);
    head.extend(MAGIC.to_le_bytes());
    head.extend(kind.to_le_bytes());
    head.extend((unit as u64).to_le_bytes());
    head.extend((payload.len() as u64).to_le_bytes());
    let hash = blake3::Hasher::new().update(&head).update(payload).finalize();
    to.write_all(&head)?;
    to.write_all(payload)?;
    to.write_all(&hash.as_bytes()[..HASH])?;
    to.flush()
}

/// Receives a message.
///
/// # Errors
/// At the end of the stream, and for whatever is no frame.
pub fn receive(from: &mut impl Read) -> io::Result<Message> {
    let mut frame = vec![0; HEAD];
    from.read_exact(&mut frame)?;
    let length = u64_at(&frame, 16);
    if u32_at(&frame, 0) != MAGIC || length > LONGEST {
        return Err(damaged("no frame"));
    }
    // What was promised may never come, so memory follows what does, but for room that is not touched before.
    frame.reserve(length.min(MOST_RESERVED) as usize + HASH);
    from.take(length + HASH as u64).read_to_end(&mut frame)?;
    let end = HEAD + length as usize;
    if frame.len() != end + HASH {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if blake3::hash(&frame[..end]).as_bytes()[..HASH] != frame[end..] {
        return Err(damaged("a frame with another hash"));
    }
    let (kind, unit, payload) = (u32_at(&frame, 4), u64_at(&frame, 8), &frame[HEAD..end]);
    let text = || String::from_utf8_lossy(payload).into_owned();
    Ok(match kind {
        0 if payload.len() == 8 => Message::Progress(f64::from_bits(u64_at(payload, 0))),
        1 => Message::Done { unit: unit as usize, part: payload.to_vec() },
        2 => Message::Over,
        3 => Message::Refused { code: unit as u8, line: text() },
        4 => Message::Failed(text()),
        _ => return Err(damaged("a frame of no kind")),
    })
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_string())
}

fn u32_at(bytes: &[u8], place: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|byte| bytes[place + byte]))
}

fn u64_at(bytes: &[u8], place: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|byte| bytes[place + byte]))
}

/// The tables of a part as words: each with its name and its columns, each of which has its name, its kind and its rows.
pub fn encode(tables: &Tables) -> Vec<u8> {
    // Room for lists and numbers that may be missing; growing would copy all of it some times over.
    let mut words = Words(Vec::with_capacity(2 * tables.bytes() as usize));
    words.word(tables.0.len() as u64);
    for (name, columns) in &tables.0 {
        words.text(name);
        words.word(columns.len() as u64);
        for (name, column) in columns {
            words.text(name);
            words.column(column);
        }
    }
    words.0
}

/// Words that are written.
struct Words(Vec<u8>);

impl Words {
    fn word(&mut self, word: u64) {
        self.0.extend(word.to_le_bytes());
    }

    fn reals(&mut self, values: &[f64]) {
        let start = self.0.len();
        self.0.resize(start + 8 * values.len(), 0);
        let (places, _) = self.0[start..].as_chunks_mut::<8>();
        places.iter_mut().zip(values).for_each(|(place, value)| *place = value.to_le_bytes());
    }

    /// Its length, then its bytes, filled up to whole words.
    fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        self.0.extend(text.as_bytes());
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }

    fn column(&mut self, column: &Column) {
        self.word(kind(column));
        self.word(column.rows() as u64);
        match column {
            Column::F64(values) => self.reals(values),
            Column::OptionalF64(values) => values.iter().for_each(|value| self.optional(value.map(f64::to_bits))),
            Column::I64(values) => values.iter().for_each(|value| self.word(*value as u64)),
            Column::OptionalI64(values) => values.iter().for_each(|value| self.optional(value.map(i64::cast_unsigned))),
            Column::U32(values) => values.iter().for_each(|value| self.word(u64::from(*value))),
            Column::Text(values) => values.iter().for_each(|value| self.text(value)),
            Column::ListF64(values) => values.iter().for_each(|value| {
                self.optional(value.as_ref().map(|list| list.len() as u64));
                self.reals(value.as_deref().unwrap_or_default());
            }),
        }
    }

    fn optional(&mut self, word: Option<u64>) {
        self.word(u64::from(word.is_some()));
        self.word(word.unwrap_or(0));
    }
}

fn kind(column: &Column) -> u64 {
    match column {
        Column::F64(_) => 0,
        Column::OptionalF64(_) => 1,
        Column::I64(_) => 2,
        Column::OptionalI64(_) => 3,
        Column::U32(_) => 4,
        Column::Text(_) => 5,
        Column::ListF64(_) => 6,
    }
}

/// Reads the tables of a part; none if these are not the words of any.
pub fn decode(bytes: &[u8]) -> Option<Tables> {
    let mut words = Rest(bytes);
    let table = |words: &mut Rest| -> Option<(String, Columns)> {
        let name = words.text()?;
        Some((name, words.several(3, |words| Some((words.text()?, words.column()?)))?))
    };
    let tables = words.several(2, table)?;
    words.0.is_empty().then_some(Tables(tables))
}

/// Words that are read one by one.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn reals(&mut self, count: usize) -> Option<Vec<f64>> {
        let (own, rest) = self.0.split_at_checked(count.checked_mul(8)?)?;
        self.0 = rest;
        let (words, _) = own.as_chunks::<8>();
        Some(words.iter().map(|&word| f64::from_le_bytes(word)).collect())
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        let (is_there, word) = (self.word()?, self.word()?);
        Some((is_there != 0).then_some(word))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.word()? as usize;
        let text = self.0.get(..length)?;
        self.0 = self.0.get(length.next_multiple_of(8)..)?;
        String::from_utf8(text.to_vec()).ok()
    }

    /// So many things as the next word says, of so many words each at least, which has to fit into what is left.
    fn several<T>(&mut self, words_each: usize, one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.word()? as usize;
        self.as_many(count, words_each, one)
    }

    fn as_many<T>(
        &mut self,
        count: usize,
        words_each: usize,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        (count.checked_mul(8 * words_each)? <= self.0.len()).then_some(())?;
        (0..count).map(|_| one(self)).collect()
    }

    fn column(&mut self) -> Option<Column> {
        Some(match self.word()? {
            0 => {
                let count = self.word()? as usize;
                Column::F64(self.reals(count)?)
            }
            1 => Column::OptionalF64(self.several(2, |own| Some(own.optional()?.map(f64::from_bits)))?),
            2 => Column::I64(self.several(1, |own| own.word().map(u64::cast_signed))?),
            3 => Column::OptionalI64(self.several(2, |own| Some(own.optional()?.map(u64::cast_signed)))?),
            4 => Column::U32(self.several(1, |own| u32::try_from(own.word()?).ok())?),
            5 => Column::Text(self.several(1, Self::text)?),
            6 => Column::ListF64(self.several(2, Self::list)?),
            _ => return None,
        })
    }

    fn list(&mut self) -> Option<Option<Vec<f64>>> {
        match self.optional()? {
            None => Some(None),
            Some(length) => self.reals(length as usize).map(Some),
        }
    }
}
