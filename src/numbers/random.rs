//! Counter-based random numbers: every number is a pure function of its address, so no result depends on
//! chunk, order, shard or device.
//!
//! The generator is Threefry-4x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", SC 2011). It needs only addition, rotation and exclusive-or, which WGSL has exactly.
//! Normal numbers come from the inverse of the normal distribution, tabulated in fixed point: integer arithmetic
//! only, so they are the same bits on every device. The WGSL half is `shaders/shared/random.wgsl`.
//!
//! # Addresses
//!
//! The key is (low half of the seed, high half, [`STREAM_VERSION`], 0), the counter (element / 4, tensor, step, member);
//! element e is word e modulo 4 of the result. Elements are numbered without padding:
//!
//! | tensor | shape | element | step |
//! |---|---|---|---|
//! | weights | `[rows, columns]` | row columns + column | k - 1 for the layer of step k of iid weights, else 0 |
//! | state | `[width, T]` | row T + token | 0 |
//! | tangents of linear layers | `[width, k]` of k vectors | row k + vector | 0 |
//! | tangents of nonlinear layers | `[k, width, T]` | (vector width + row) T + token | 0 |
//!
//! # Normal numbers
//!
//! Bit 31 of a word is the sign, the others are v, and p = (2 v + 1) / 2^33 is the tail probability. With p = 2^(-k - 2)
//! (1 + (s + t) / 32), k and s whole and 0 <= t < 1, its quantile is c0 - t (c1 - t c2), the parabola through the quantiles
//! at t = 0, 1/2 and 1: c0 = z(0), c2 = 2 (z(0) - 2 z(1/2) + z(1)), c1 = z(0) - z(1) + c2. All three are rounded to 2^-28,
//! products (with 32 bits of t) are rounded down to 2^-28, and the result is rounded to 2^-21.
//!
//! # Tried and rejected
//!
//! All but the look into the table in vectors, with AVX-512's count of leading zeros and without: 3.3 ns a number of
//! `fill_random` on one core of a Zen 4, as before.

use crate::numbers::simd::{Work, dispatch, lanes};
use std::sync::OnceLock;

/// Changes whenever the numbers behind an address change. Recorded with every result.
pub const STREAM_VERSION: u32 = 1;

/// What a random number is for. Part of its address, so no two uses share a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Tensor {
    /// The random part G of a linear layer.
    Linear = 1,
    /// The initial state.
    State = 2,
    /// Initial tangent vectors.
    Deviations = 3,
    /// Attention: the query, key and value projections, stacked.
    QueryKeyValue = 4,
    /// Attention: output projection.
    Output = 7,
    /// FFN: from the stream to the hidden units.
    Up = 8,
    /// FFN: from the hidden units to the stream.
    Down = 9,
    /// The tangent along a trajectory of a sweep, at the start.
    Perturbation = 10,
    /// The order of a trained matrix's entries, as a control.
    Order = 11,
    /// The embedding of a token, as a control.
    Embedding = 12,
    /// That of a position, as a control.
    Position = 13,
    /// That of a token's type, as a control.
    TokenType = 14,
    /// Attention: the biases of queries, keys and values, stacked.
    QueryKeyValueBias = 15,
    /// Attention: those of the output projection.
    OutputBias = 16,
    /// FFN: the biases of the hidden units.
    UpBias = 17,
    /// FFN: those on the way back to the stream.
    DownBias = 18,
    /// Anything a test wants to draw.
    Test = 255,
}

const ROTATIONS: [[u32; 2]; 8] = [[10, 26], [11, 21], [13, 27], [23, 5], [6, 20], [17, 11], [25, 10], [18, 20]];
const PARITY: u32 = 0x1BD1_1BDA;

/// Threefry-4x32, 20 rounds.
#[inline]
pub fn threefry(key: [u32; 4], counter: [u32; 4]) -> [u32; 4] {
    let k = [key[0], key[1], key[2], key[3], PARITY ^ key[0] ^ key[1] ^ key[2] ^ key[3]];
    let mut x = counter;
    for i in 0..4 {
        x[i] = x[i].wrapping_add(k[i]);
    }
    for round in 0..20 {
        let [r0, r1] = ROTATIONS[round % 8];
        let (a, b) = if round % 2 == 0 { (1, 3) } else { (3, 1) };
        x[0] = x[0].wrapping_add(x[a]);
        x[a] = x[a].rotate_left(r0) ^ x[0];
        x[2] = x[2].wrapping_add(x[b]);
        x[b] = x[b].rotate_left(r1) ^ x[2];
        if round % 4 == 3 {
            let s = round / 4 + 1;
            for i in 0..4 {
                x[i] = x[i].wrapping_add(k[(s + i) % 5]);
            }
            x[3] = x[3].wrapping_add(s as u32);
        }
    }
    x
}

/// The stream of one tensor of one member: what is left of an address when the element is taken away.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// The run's seed.
    pub seed: u64,
    /// The ensemble member.
    pub member: u32,
    /// `Tensor as u32`.
    pub tensor: u32,
    /// The layer's step, 0 for tied weights.
    pub step: u32,
}

impl Stream {
    /// The four random words of elements `4 block .. 4 block + 4`.
    #[inline]
    pub fn block(&self, block: u32) -> [u32; 4] {
        let key = [self.seed as u32, (self.seed >> 32) as u32, STREAM_VERSION, 0];
        threefry(key, [block, self.tensor, self.step, self.member])
    }

    /// `LANES` blocks from `first`, in vectors: `[word, lane]`.
    #[inline(always)]
    fn blocks<const LANES: usize>(&self, first: u32) -> [[u32; LANES]; 4] {
        let k = [self.seed as u32, (self.seed >> 32) as u32, STREAM_VERSION, 0];
        let k = [k[0], k[1], k[2], k[3], PARITY ^ k[0] ^ k[1] ^ k[2] ^ k[3]];
        let plus = |x: [u32; LANES], add: u32| -> [u32; LANES] { lanes(|l| x[l].wrapping_add(add)) };
        let mut a = lanes(|l| first.wrapping_add(l as u32).wrapping_add(k[0]));
        let mut b = plus([self.tensor; LANES], k[1]);
        let mut c = plus([self.step; LANES], k[2]);
        let mut d = plus([self.member; LANES], k[3]);
        for s in 1..=5 {
            let [first, second, third, fourth] = if s % 2 == 1 {
                [ROTATIONS[0], ROTATIONS[1], ROTATIONS[2], ROTATIONS[3]]
            } else {
                [ROTATIONS[4], ROTATIONS[5], ROTATIONS[6], ROTATIONS[7]]
            };
            for [even, odd] in [[first, second], [third, fourth]] {
                mix(&mut a, &mut b, even[0]);
                mix(&mut c, &mut d, even[1]);
                mix(&mut a, &mut d, odd[0]);
                mix(&mut c, &mut b, odd[1]);
            }
            a = plus(a, k[s % 5]);
            b = plus(b, k[(s + 1) % 5]);
            c = plus(c, k[(s + 2) % 5]);
            d = plus(d, k[(s + 3) % 5].wrapping_add(s as u32));
        }
        [a, b, c, d]
    }

    /// The standard normal numbers of elements 0, 1, .., as multiples of 2^-21.
    pub fn normals(&self, to: &mut [i32]) {
        dispatch(Normals { stream: *self, to });
    }

    /// Normal numbers of this standard deviation, elements 0, 1, ..
    pub fn fill(&self, deviation: f64, to: &mut [f32]) {
        let mut normals = vec![0; to.len()];
        self.normals(&mut normals);
        to.iter_mut().zip(normals).for_each(|(x, normal)| *x = (f64::from(normal) * NORMAL_UNIT * deviation) as f32);
    }

    /// A standard normal number.
    #[inline]
    pub fn standard(&self, element: u32) -> f64 {
        f64::from(self.normal(element)) * NORMAL_UNIT
    }

    /// A standard normal number, as a multiple of 2^-21.
    #[inline]
    pub fn normal(&self, element: u32) -> i32 {
        normal_from_word(self.block(element / 4)[element as usize % 4])
    }
}

/// See [`Stream::normals`].
struct Normals<'a> {
    stream: Stream,
    to: &'a mut [i32],
}

/// Blocks of random words that are made at once.
const LANES: usize = 16;

impl Work for Normals<'_> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let table = normal_table();
        for (i, to) in self.to.chunks_mut(4 * LANES).enumerate() {
            let words = self.stream.blocks::<LANES>((i * LANES) as u32);
            let mut normals = [0; 4 * LANES];
            for (lane, normals) in normals.chunks_exact_mut(4).enumerate() {
                for (normal, words) in normals.iter_mut().zip(&words) {
                    *normal = normal_from_table(table, words[lane]);
                }
            }
            to.copy_from_slice(&normals[..to.len()]);
        }
    }
}

/// Half a round of Threefry in every lane.
#[inline(always)]
fn mix<const LANES: usize>(a: &mut [u32; LANES], b: &mut [u32; LANES], rotation: u32) {
    *a = lanes(|l| a[l].wrapping_add(b[l]));
    *b = lanes(|l| b[l].rotate_left(rotation) ^ a[l]);
}

/// The unit of the fixed-point normal numbers: 2^-21.
pub const NORMAL_UNIT: f64 = 1.0 / (1u64 << 21) as f64;

/// Segments of the table in each octave of the tail probability.
const SEGMENTS: usize = 32;

/// A standard normal number from 32 random bits, as a multiple of 2^-21; |result| < 2^24, hence exact in f32.
///
/// Bit 31 is the sign. The others give the tail probability p = (2 v + 1) / 2^33 in (0, 1/2); its octave and the
/// five bits below the leading one select a parabola for the quantile, in fixed point with 28 fractional bits.
/// The error is below 4.8e-7, one unit.
#[inline]
pub fn normal_from_word(word: u32) -> i32 {
    normal_from_table(normal_table(), word)
}

/// The same with the table at hand, for many in a row.
#[inline(always)]
fn normal_from_table(table: &[u32], word: u32) -> i32 {
    let v = (word << 1) | 1;
    let octave = v.leading_zeros();
    let leading = v << octave;
    let segment = (octave as usize * SEGMENTS + (leading >> 26) as usize % SEGMENTS) * 3;
    let [c0, c1, c2] = table[segment..segment + 3] else { unreachable!("three coefficients a segment") };
    let t = leading << 6;
    let quantile = c0 - multiply_high(t, c1 - multiply_high(t, c2));
    let magnitude = ((quantile + 64) >> 7) as i32;
    if word >> 31 == 1 { -magnitude } else { magnitude }
}

#[inline(always)]
fn multiply_high(a: u32, b: u32) -> u32 {
    ((a as u64 * b as u64) >> 32) as u32
}

/// The parabolas of [`normal_from_word`], `[32 octaves, 32 segments, 3 coefficients]`, with 28 fractional bits.
///
/// Made with +, -, *, / alone (no libm), so that every machine makes the same table.
pub fn normal_table() -> &'static [u32] {
    static TABLE: OnceLock<Vec<u32>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Vec::with_capacity(32 * SEGMENTS * 3);
        for octave in 0..32 {
            for segment in 0..SEGMENTS {
                table.extend(parabola(octave, segment));
            }
        }
        table
    })
}

/// The parabola through the quantiles at the ends and the middle of one segment.
fn parabola(octave: i32, segment: usize) -> [u32; 3] {
    let width = 1.0 / SEGMENTS as f64;
    let p = |t: f64| power_of_two(-2 - octave) * (1.0 + (segment as f64 + t) * width);
    let (z0, z1, z2) = (upper_quantile(p(0.0)), upper_quantile(p(0.5)), upper_quantile(p(1.0)));
    let fixed = |z: f64| (z * (1u64 << 28) as f64 + 0.5) as u32;
    let curvature = 2.0 * (z0 - 2.0 * z1 + z2);
    [fixed(z0), fixed(z0 - z2 + curvature), fixed(curvature)]
}

/// 2^e, exactly.
fn power_of_two(e: i32) -> f64 {
    f64::from_bits(((1023 + e) as u64) << 52)
}

/// z with P(N(0,1) > z) = p, for p in (0, 1/2], by Newton's method from a bisection.
fn upper_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 9.0);
    for _ in 0..12 {
        let middle = 0.5 * (low + high);
        if upper_tail(middle) > p { low = middle } else { high = middle }
    }
    let mut z = 0.5 * (low + high);
    for _ in 0..6 {
        z += (upper_tail(z) - p) / density(z);
    }
    // p = 1/2 has the quantile 0; rounding may leave it a hair below.
    if z > 0.0 { z } else { 0.0 }
}

/// The standard normal density.
fn density(z: f64) -> f64 {
    const INVERSE_SQRT_TWO_PI: f64 = 0.398_942_280_401_432_7;
    INVERSE_SQRT_TWO_PI * exp_negative(0.5 * z * z)
}

/// P(N(0,1) > z) for z >= 0: the series of the distribution below 3, Laplace's continued fraction above.
fn upper_tail(z: f64) -> f64 {
    if z < 3.0 {
        let (mut term, mut sum) = (z, z);
        for k in 1..80 {
            term *= z * z / (2 * k + 1) as f64;
            sum += term;
        }
        0.5 - density(z) * sum
    } else {
        let mut fraction = z;
        for k in (1..120).rev() {
            fraction = z + k as f64 / fraction;
        }
        density(z) / fraction
    }
}

/// exp(-x) for x >= 0, with +, -, *, / only: exp(-x) = exp(-x / 2^10)^(2^10).
fn exp_negative(x: f64) -> f64 {
    let y = x / 1024.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..18 {
        term *= y / k as f64;
        sum += term;
    }
    for _ in 0..10 {
        sum *= sum;
    }
    1.0 / sum
}

/// `count` normal numbers that are exact in f32, for parity cases and tests; `stream` tells them apart.
pub fn sample(stream: u32, count: usize) -> Vec<f64> {
    let address = Stream { seed: 0x5EED, member: 0, tensor: Tensor::Test as u32, step: stream };
    (0..count as u32).map(|element| address.normal(element) as f64 * NORMAL_UNIT).collect()
}
