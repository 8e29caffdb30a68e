//! Good input made bad.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// One change, at a place of the part that is edited.
#[derive(Clone, Debug)]
pub enum Edit {
    Replace(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
    /// Puts a word in the place of as many bytes, or between two.
    Word(Index, &'static str, bool),
    /// Writes a number of 8 bytes, little endian.
    Number(Index, u64),
}

/// Numbers at which sizes and offsets overflow.
const NUMBERS: [u64; 8] = [0, 1, 0x7f, 0x7fff_ffff, 0xffff_ffff, 1 << 53, i64::MAX as u64, u64::MAX];

/// A few edits, with words that the format knows.
pub fn edits(words: &'static [&'static str]) -> impl Strategy<Value = Vec<Edit>> + Clone {
    let at = any::<Index>;
    let edit = prop_oneof![
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        2 => (at(), 0..8_u32).prop_map(|(at, bit)| Edit::Flip(at, 1 << bit)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        2 => (at(), 1..20_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        2 => (at(), 1..80_usize).prop_map(|(at, count)| Edit::Repeat(at, count)),
        1 => at().prop_map(Edit::Cut),
        4 => (at(), select(words), any::<bool>()).prop_map(|(at, word, over)| Edit::Word(at, word, over)),
        2 => (at(), select(&NUMBERS[..])).prop_map(|(at, number)| Edit::Number(at, number)),
    ];
    prop::collection::vec(edit, 0..5)
}

/// Makes the edits in the first `end` bytes.
pub fn edited(good: &[u8], edits: &[Edit], end: usize) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for edit in edits {
        let place = |at: &Index, length: usize| if length == 0 { 0 } else { at.index(length.min(end).max(1)) };
        let length = bytes.len();
        match edit {
            Edit::Replace(at, byte) => bytes.iter_mut().skip(place(at, length)).take(1).for_each(|own| *own = *byte),
            Edit::Flip(at, bits) => bytes.iter_mut().skip(place(at, length)).take(1).for_each(|own| *own ^= bits),
            Edit::Insert(at, byte) => bytes.insert(place(at, length), *byte),
            Edit::Remove(at, count) => {
                let from = place(at, length);
                bytes.drain(from..length.min(from + count));
            }
            Edit::Repeat(at, count) => {
                let from = place(at, length);
                let part = bytes[from..length.min(from + count)].to_vec();
                bytes.splice(from..from, part);
            }
            Edit::Cut(at) => bytes.truncate(place(at, length)),
            Edit::Word(at, word, over) => {
                let from = place(at, length);
                let to = if *over { length.min(from + word.len()) } else { from };
                bytes.splice(from..to, word.bytes());
            }
            Edit::Number(at, number) => {
                let from = place(at, length);
                bytes.iter_mut().skip(from).zip(number.to_le_bytes()).for_each(|(own, byte)| *own = byte);
            }
        }
    }
    bytes
}
