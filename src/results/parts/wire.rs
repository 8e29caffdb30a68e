//! Parts as bytes, from one process to another: frames, each with its length and its hash.
//!
//! ```text
//! magic u32 | kind u32 | unit u64 | length u64 | payload | the first 16 bytes of the BLAKE3 of all before
//! ```
//! Numbers are little-endian; a payload of a part is a list of 64-bit words.

use crate::numbers::statistics::Field;
use crate::spectrum::{Spectrum, Status};
use crate::sweep::{Course, Member, Part};
use std::io::{self, Error, ErrorKind, Read, Write};

/// What a frame begins with.
const MAGIC: u32 = 0x4555_5350;
/// Bytes in front of the payload, and behind it.
const HEAD: usize = 24;
/// See [`HEAD`].
const HASH: usize = 16;
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
        /// Its part, see [`encode`].
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
    let (kind, unit, payload): (u32, usize, Vec<u8>) = match message {
        Message::Progress(fraction) => (0, 0, fraction.to_le_bytes().to_vec()),
        Message::Done { unit, part } => (1, *unit, part.clone()),
        Message::Over => (2, 0, Vec::new()),
        Message::Refused { code, line } => (3, usize::from(*code), line.as_bytes().to_vec()),
        Message::Failed(line) => (4, 0, line.as_bytes().to_vec()),
    };
    let mut frame = Vec::with_capacity(HEAD + payload.len() + HASH);
    frame.extend(MAGIC.to_le_bytes());
    frame.extend(kind.to_le_bytes());
    frame.extend((unit as u64).to_le_bytes());
    frame.extend((payload.len() as u64).to_le_bytes());
    frame.extend(payload);
    let hash = blake3::hash(&frame);
    frame.extend(&hash.as_bytes()[..HASH]);
    to.write_all(&frame)?;
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
    // What was promised may never come, so memory follows what does.
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

/// A part as words.
pub fn encode(part: &mut Part) -> Vec<u8> {
    let mut words: Vec<u64> = vec![part.points() as u64];
    for point in 0..part.points() {
        part.fields(point, &mut |_, field| match field {
            Field::Real(number) => words.push(number.to_bits()),
            Field::Count(count) => words.push(*count),
            Field::Values(values) => {
                words.push(values.len() as u64);
                words.extend(values.iter().map(|value| value.to_bits()));
            }
        });
    }
    words.push(part.members.len() as u64);
    for own in &part.members {
        let Member { gain, spectral_radius, real_eigenvalues, status } = own;
        words.extend([gain.to_bits(), spectral_radius.to_bits(), *real_eigenvalues as u64, number(*status)]);
    }
    words.push(part.courses.len() as u64);
    for own in &part.courses {
        let Course { predicted_rate, observed_rate, norm_rate, log_growth, log_perturbation_growth, .. } = own;
        for rate in [predicted_rate, observed_rate, norm_rate, log_growth, log_perturbation_growth] {
            words.extend(optional(rate.map(f64::to_bits)));
        }
        words.extend(optional(own.frozen_step.map(u64::from)));
        words.extend(optional(own.collapse_step.map(u64::from)));
    }
    words.push(part.spectra.len() as u64);
    for own in &part.spectra {
        words.extend([number(own.status), own.real as u64, u64::from(own.solved_again), own.epsilon.to_bits()]);
        words.push(own.eigenvalues.len() as u64);
        words.extend(own.eigenvalues.as_flattened().iter().map(|x| x.to_bits()));
    }
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

const STATUSES: [Status; 4] = [Status::Ok, Status::NoConvergence, Status::Refused, Status::Overflow];

fn number(status: Status) -> u64 {
    STATUSES.iter().position(|own| *own == status).unwrap_or(0) as u64
}

fn optional(word: Option<u64>) -> [u64; 2] {
    [u64::from(word.is_some()), word.unwrap_or(0)]
}

/// Reads a part into one of its shape; none if these are not the words of one.
pub fn decode(bytes: &[u8], mut empty: Part) -> Option<Part> {
    let mut words = Words(bytes);
    (words.next()? as usize == empty.points() && bytes.len().is_multiple_of(8)).then_some(())?;
    for point in 0..empty.points() {
        let mut whole = true;
        empty.fields(point, &mut |_, field| {
            let read = match field {
                Field::Real(number) => words.real().map(|read| *number = read),
                Field::Count(count) => words.next().map(|read| *count = read),
                Field::Values(values) => words.reals().map(|read| *values = read),
            };
            whole &= read.is_some();
        });
        whole.then_some(())?;
    }
    for _ in 0..words.count(4)? {
        empty.members.push(Member {
            gain: words.real()?,
            spectral_radius: words.real()?,
            real_eigenvalues: words.next()? as usize,
            status: words.status()?,
        });
    }
    for _ in 0..words.count(14)? {
        let mut rate = || words.optional().map(|word| word.map(f64::from_bits));
        let [predicted_rate, observed_rate, norm_rate] = [rate()?, rate()?, rate()?];
        let [log_growth, log_perturbation_growth] = [rate()?, rate()?];
        let mut step = || words.optional().map(|word| word.map(|word| word as u32));
        let [frozen_step, collapse_step] = [step()?, step()?];
        empty.courses.push(Course {
            predicted_rate,
            observed_rate,
            norm_rate,
            log_growth,
            log_perturbation_growth,
            frozen_step,
            collapse_step,
        });
    }
    for _ in 0..words.count(5)? {
        let (status, real) = (words.status()?, words.next()? as usize);
        let (solved_again, epsilon) = (words.next()? != 0, words.real()?);
        let count = words.count(2)?;
        let eigenvalues = (0..count).map(|_| Some([words.real()?, words.real()?])).collect::<Option<_>>()?;
        empty.spectra.push(Spectrum { eigenvalues, status, real, solved_again, epsilon });
    }
    words.0.is_empty().then_some(empty)
}

/// Words that are read one by one.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn next(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn real(&mut self) -> Option<f64> {
        self.next().map(f64::from_bits)
    }

    /// A number of things of so many words each at least, which has to fit into what is left.
    fn count(&mut self, words_each: usize) -> Option<usize> {
        let count = self.next()? as usize;
        (count.checked_mul(8 * words_each)? <= self.0.len()).then_some(count)
    }

    fn reals(&mut self) -> Option<Vec<f64>> {
        (0..self.count(1)?).map(|_| self.real()).collect()
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        let (is_there, word) = (self.next()?, self.next()?);
        Some((is_there != 0).then_some(word))
    }

    fn status(&mut self) -> Option<Status> {
        STATUSES.get(self.next()? as usize).copied()
    }
}
