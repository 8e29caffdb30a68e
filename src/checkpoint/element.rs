//! How the numbers of a tensor are stored.

use super::block::Block;
use half::{bf16, f16};

/// The format of the numbers of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    F32,
    F16,
    Bf16,
    /// Integers in blocks, with scales of each block.
    Quantised(Block),
}

impl Element {
    /// How many numbers are stored as one piece.
    pub fn numbers(self) -> usize {
        match self {
            Element::Quantised(block) => block.numbers(),
            _ => 1,
        }
    }

    /// Bytes of such a piece.
    pub fn bytes(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::F16 | Element::Bf16 => 2,
            Element::Quantised(block) => block.bytes(),
        }
    }

    /// The format's name.
    pub fn name(self) -> &'static str {
        match self {
            Element::F32 => "F32",
            Element::F16 => "F16",
            Element::Bf16 => "BF16",
            Element::Quantised(block) => block.name(),
        }
    }

    /// Bytes of so many numbers, which are whole pieces; None if they are not, or too many for this machine.
    pub fn size(self, numbers: usize) -> Option<usize> {
        let whole = numbers.is_multiple_of(self.numbers());
        (numbers / self.numbers()).checked_mul(self.bytes()).filter(|_| whole)
    }

    /// Whole pieces as numbers. All formats are little endian.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let mut numbers = vec![0.0; bytes.len() / self.bytes() * self.numbers()];
        match self {
            Element::F32 => each(bytes, &mut numbers, f32::from_le_bytes),
            Element::F16 => each(bytes, &mut numbers, |word| f16::from_le_bytes(word).to_f32()),
            Element::Bf16 => each(bytes, &mut numbers, |word| bf16::from_le_bytes(word).to_f32()),
            Element::Quantised(block) => {
                let pieces = bytes.chunks_exact(block.bytes());
                pieces.zip(numbers.chunks_exact_mut(block.numbers())).for_each(|(piece, to)| block.decode(piece, to));
            }
        }
        numbers
    }
}

/// One number out of every `BYTES` bytes.
fn each<const BYTES: usize>(bytes: &[u8], numbers: &mut [f32], number: impl Fn([u8; BYTES]) -> f32) {
    let (words, _) = bytes.as_chunks::<BYTES>();
    words.iter().zip(numbers).for_each(|(word, to)| *to = number(*word));
}
