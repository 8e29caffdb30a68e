//! Quantised numbers in blocks, as ggml stores them: small integers q with a scale d, and in some formats a minimum, for
//! each block. The K formats have blocks of 256 numbers in groups of 16 or 32, whose own scales are small integers, too.
//!
//! Source: ggml, `ggml-common.h` (layouts) and `ggml-quants.c` (`dequantize_row_*`); the numbers agree bit by bit with
//! those of the Python package `gguf`.

use half::f16;

/// A quantised format.
#[allow(non_camel_case_types, reason = "the names of the formats")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Block {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
}

impl Block {
    /// Numbers of a block.
    pub fn numbers(self) -> usize {
        match self {
            Block::Q4_0 | Block::Q4_1 | Block::Q5_0 | Block::Q5_1 | Block::Q8_0 => 32,
            Block::Q2_K | Block::Q3_K | Block::Q4_K | Block::Q5_K | Block::Q6_K => 256,
        }
    }

    /// Bytes of a block.
    pub fn bytes(self) -> usize {
        match self {
            Block::Q4_0 => 18,
            Block::Q4_1 => 20,
            Block::Q5_0 => 22,
            Block::Q5_1 => 24,
            Block::Q8_0 => 34,
            Block::Q2_K => 84,
            Block::Q3_K => 110,
            Block::Q4_K => 144,
            Block::Q5_K => 176,
            Block::Q6_K => 210,
        }
    }

    /// The format's name.
    pub fn name(self) -> &'static str {
        match self {
            Block::Q4_0 => "Q4_0",
            Block::Q4_1 => "Q4_1",
            Block::Q5_0 => "Q5_0",
            Block::Q5_1 => "Q5_1",
            Block::Q8_0 => "Q8_0",
            Block::Q2_K => "Q2_K",
            Block::Q3_K => "Q3_K",
            Block::Q4_K => "Q4_K",
            Block::Q5_K => "Q5_K",
            Block::Q6_K => "Q6_K",
        }
    }

    /// The numbers of one block.
    pub fn decode(self, bytes: &[u8], to: &mut [f32]) {
        match self {
            Block::Q4_0 => {
                let d = scale(bytes, 0);
                nibbles(to, &bytes[2..], |_, q| d * (q as i32 - 8) as f32);
            }
            Block::Q4_1 => {
                let (d, least) = (scale(bytes, 0), scale(bytes, 2));
                nibbles(to, &bytes[4..], |_, q| d * q as f32 + least);
            }
            Block::Q5_0 => {
                let (d, high) = (scale(bytes, 0), fifth_bits(&bytes[2..6]));
                nibbles(to, &bytes[6..], |i, q| d * ((q | high(i)) as i32 - 16) as f32);
            }
            Block::Q5_1 => {
                let (d, least, high) = (scale(bytes, 0), scale(bytes, 2), fifth_bits(&bytes[4..8]));
                nibbles(to, &bytes[8..], |i, q| d * (q | high(i)) as f32 + least);
            }
            Block::Q8_0 => {
                let d = scale(bytes, 0);
                to.iter_mut().zip(&bytes[2..]).for_each(|(to, q)| *to = d * f32::from(*q as i8));
            }
            Block::Q2_K => q2_k(bytes, to),
            Block::Q3_K => q3_k(bytes, to),
            Block::Q4_K => grouped(&bytes[..16], &bytes[16..], to, |_, _| 0),
            Block::Q5_K => {
                let high = &bytes[16..48];
                grouped(&bytes[..16], &bytes[48..], to, |group, i| (high[i] >> group & 1) << 4);
            }
            Block::Q6_K => q6_k(bytes, to),
        }
    }
}

/// The f16 at a place.
fn scale(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// 32 numbers from 16 bytes, whose lower halves come first; `number` takes place and integer.
#[inline(always)]
fn nibbles(to: &mut [f32], bytes: &[u8], number: impl Fn(usize, u32) -> f32) {
    let (low, high) = to.split_at_mut(16);
    for (i, (byte, (low, high))) in bytes.iter().zip(low.iter_mut().zip(high)).enumerate() {
        *low = number(i, u32::from(byte & 15));
        *high = number(i + 16, u32::from(byte >> 4));
    }
}

/// The highest bit of each of 32 integers of five, as 16 or 0.
fn fifth_bits(bytes: &[u8]) -> impl Fn(usize) -> u32 {
    let bits = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    move |i| (bits >> i & 1) << 4
}

/// The byte that holds the two bits of number i of a K block, and how far up they are.
fn pair(i: usize) -> (usize, usize) {
    (i / 128 * 32 + i % 32, i % 128 / 32 * 2)
}

/// Groups of 16: scales in four bits, minima in four bits; numbers in two.
fn q2_k(bytes: &[u8], to: &mut [f32]) {
    let (groups, pairs) = bytes.split_at(16);
    let (d, least) = (scale(bytes, 80), scale(bytes, 82));
    for (group, to) in to.chunks_exact_mut(16).enumerate() {
        let (factor, lowest) = (d * f32::from(groups[group] & 15), least * f32::from(groups[group] >> 4));
        for (i, to) in to.iter_mut().enumerate() {
            let (at, shift) = pair(16 * group + i);
            *to = factor * f32::from(pairs[at] >> shift & 3) - lowest;
        }
    }
}

/// Groups of 16: signed scales in six bits; numbers in three, the highest of them elsewhere and upside down.
fn q3_k(bytes: &[u8], to: &mut [f32]) {
    let (high, pairs, scales) = (&bytes[..32], &bytes[32..96], &bytes[96..108]);
    let d = scale(bytes, 108);
    for (group, to) in to.chunks_exact_mut(16).enumerate() {
        let low = if group < 8 { scales[group] & 15 } else { scales[group - 8] >> 4 };
        let top = scales[8 + group % 4] >> (2 * (group / 4)) & 3;
        let factor = d * (i32::from(low | top << 4) - 32) as f32;
        for (i, to) in to.iter_mut().enumerate() {
            let i = 16 * group + i;
            let (at, shift) = pair(i);
            let below = if high[i % 32] >> (i / 32) & 1 == 1 { 0 } else { 4 };
            *to = factor * (i32::from(pairs[at] >> shift & 3) - below) as f32;
        }
    }
}

/// Scale and minimum of one of the 8 groups of Q4_K and Q5_K, six bits each.
fn scale_and_least(scales: &[u8], group: usize) -> (f32, f32) {
    let (scale, least) = match group {
        0..4 => (scales[group] & 63, scales[group + 4] & 63),
        _ => {
            let low = scales[group + 4];
            (low & 15 | scales[group - 4] >> 6 << 4, low >> 4 | scales[group] >> 6 << 4)
        }
    };
    (f32::from(scale), f32::from(least))
}

/// Groups of 32, numbers in four bits, or in five with the `high` one of number i of a group. `head` is d, the scale of the
/// minima and those of the groups.
#[inline(always)]
fn grouped(head: &[u8], nibbles: &[u8], to: &mut [f32], high: impl Fn(usize, usize) -> u8) {
    let (d, least) = (scale(head, 0), scale(head, 2));
    for (group, to) in to.chunks_exact_mut(32).enumerate() {
        let (factor, lowest) = scale_and_least(&head[4..], group);
        let (factor, lowest) = (d * factor, least * lowest);
        for (i, to) in to.iter_mut().enumerate() {
            let q = nibbles[group / 2 * 32 + i] >> (4 * (group % 2)) & 15;
            *to = factor * f32::from(q | high(group, i)) - lowest;
        }
    }
}

/// Groups of 16 with signed scales of eight bits; numbers in six, the highest two of them elsewhere.
fn q6_k(bytes: &[u8], to: &mut [f32]) {
    let (low, high, scales) = (&bytes[..128], &bytes[128..192], &bytes[192..208]);
    let d = scale(bytes, 208);
    for (group, to) in to.chunks_exact_mut(16).enumerate() {
        let factor = d * f32::from(scales[group] as i8);
        for (i, to) in to.iter_mut().enumerate() {
            let i = 16 * group + i;
            let ((at, shift), quarter) = (pair(i), i % 128 / 32);
            let nibble = low[i / 128 * 64 + quarter % 2 * 32 + i % 32] >> (quarter / 2 * 4) & 15;
            *to = factor * (i32::from(nibble | (high[at] >> shift & 3) << 4) - 32) as f32;
        }
    }
}
