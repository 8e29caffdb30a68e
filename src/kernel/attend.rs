//! Attention of every head: `out = softmax(scale * Q^T K) V` over the tokens of a grid point, and the entropy of each
//! row of the softmax in nats.
//!
//! `scale` is the logit gain times 1/sqrt(head width d); head i has rows i d .. (i + 1) d of Q, and of K and of V as well where
//! there are as many heads of them. Where there are fewer (grouped queries: Ainslie et al. 2023), heads of queries share
//! them in turn, neighbours first. Scores are never stored for all tokens. The row maximum is
//! subtracted, arguments below -80 count as -80, masked keys are excluded by their index (not by a large negative
//! number, which fails for large logits). The entropy is ln sum w - sum w x / sum w with weights w = e^x, x <= 0: both
//! terms are at least 0, so nothing cancels; with T keys it is off by (T + 8) ε (2 + ln T), absolutely, and the weights'
//! own error, so that it tells a row from one with a single key only that far.

mod case;

use crate::kernel::shared::stack::Stack;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::{Matrix, multiply_add, tile, tile_of_columns};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};
use crate::spec::MOST_TOKENS;

kernel! {
    /// Softmax attention of every head over the tokens of a grid point.
    pub struct Attend = attend;
    shared { elementary }
    constants {
        /// Invocations of a workgroup.
        LANES: u32 = 64,
        /// A score below all others.
        pub LOWEST: f64 = -3e38,
        /// The least argument of the exponential, scores less the largest one.
        pub LEAST: f64 = -80.0,
    }
    /// The sizes of the heads, the mask and the scale.
    params {
        /// Rows of a head.
        head_width: u32,
        /// Tokens of a grid point, at most 512.
        tokens: u32,
        /// Columns of the buffers; only whole grid points are touched.
        columns: u32,
        /// Rows of `stacked`: at least those of all heads of queries, of keys and of values, one behind the other.
        rows: u32,
        /// Rows of `out`, at least those of all heads of queries; those beyond are left alone.
        out_rows: u32,
        /// Heads of queries.
        heads: u32,
        /// Heads of keys and of values, a divisor of `heads`: each serves so many neighbouring heads of queries.
        key_value_heads: u32,
        /// Does a token only attend to itself and those before it?
        causal: u32,
        /// A power of two, at most 64, at least `tokens` if that is smaller: see [`key_lanes`].
        key_lanes: u32,
        /// The factor on the scores.
        scale: f32,
    }
    buffers {
        stacked: read number,
        out: write number,
        entropy: write number,
    }
}

/// The number of invocations of a GPU that share the keys of four queries.
pub fn key_lanes(tokens: u32) -> u32 {
    tokens.next_power_of_two().clamp(4, LANES)
}

impl Kernel for Attend {
    const TRUSTED: bool = true;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        let queries = 4 * (LANES / p.key_lanes);
        [p.columns / p.tokens * p.tokens.div_ceil(queries), p.heads, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { stacked, out, entropy } = views;
        dispatch(Attention { p, stacked, out, entropy });
    }

    fn cost(p: &Params) -> Cost {
        let (n, t, points) = ((p.heads * p.head_width) as f64, p.tokens as f64, (p.columns / p.tokens) as f64);
        let shared = f64::from(p.key_value_heads) / f64::from(p.heads);
        Cost {
            flops: points * t * t * (4.0 * n + 12.0 * p.heads as f64),
            bytes: 4.0 * points * t * (n * (2.0 + 2.0 * shared) + p.heads as f64),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

impl Params {
    fn stack(&self) -> Stack {
        Stack { heads: self.heads, key_value_heads: self.key_value_heads, head_width: self.head_width }
    }
}

/// The attention of a member.
struct Attention<'a, T> {
    p: &'a Params,
    stacked: &'a [T],
    out: &'a mut [T],
    entropy: &'a mut [T],
}

impl<T: Real> Work for Attention<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let tokens = self.p.tokens as usize;
        // Scores of up to 16 queries, which fill the lanes: [keys, queries].
        let mut wide = [[T::ZERO; 16]; MOST_TOKENS];
        for point in 0..self.p.columns as usize / tokens {
            for head in 0..self.p.heads as usize {
                let mut query = 0;
                while query + 16 <= tokens && 16 * size_of::<T>() <= 2 * BYTES {
                    self.queries::<BYTES, FUSED, 16>(point, head, query, &mut wide);
                    query += 16;
                }
                while query + 4 <= tokens {
                    self.queries::<BYTES, FUSED, 4>(point, head, query, &mut wide);
                    query += 4;
                }
                while query < tokens {
                    self.queries::<BYTES, FUSED, 1>(point, head, query, &mut wide);
                    query += 1;
                }
            }
        }
    }
}

impl<T: Real> Attention<'_, T> {
    /// `LANES` neighbouring queries of a head.
    #[inline(always)]
    fn queries<const BYTES: usize, const FUSED: bool, const LANES: usize>(
        &mut self,
        point: usize,
        head: usize,
        query: usize,
        scratch: &mut [[T; 16]; MOST_TOKENS],
    ) {
        let p = self.p;
        let (d, tokens, columns) = (p.head_width as usize, p.tokens as usize, p.columns as usize);
        let rows = p.stack().rows_of(head);
        let from = |row: usize| Matrix { values: &self.stacked[row * columns + point * tokens..], stride: columns };
        let (keys, values) = (from(rows.keys), from(rows.values));
        let queries =
            Matrix { values: &self.stacked[rows.queries * columns + point * tokens + query..], stride: columns };
        let used = if p.causal != 0 { (query + LANES).min(tokens) } else { tokens };
        let weights = &mut scratch[..used];
        // Scores: some keys at a time, queries along the lanes. Eight at a time need the registers of AVX-512.
        let mut s = 0;
        while s + 8 <= used && BYTES == 64 {
            scores::<T, FUSED, 8, LANES>(queries, keys, d, s, weights);
            s += 8;
        }
        while s + 4 <= used {
            scores::<T, FUSED, 4, LANES>(queries, keys, d, s, weights);
            s += 4;
        }
        while s < used {
            scores::<T, FUSED, 1, LANES>(queries, keys, d, s, weights);
            s += 1;
        }
        // The last key that each query sees.
        let last: [u32; LANES] = lanes(|l| if p.causal != 0 { (query + l) as u32 } else { used as u32 });
        let softmax = Softmax::of::<FUSED>(weights, &last, T::from_f64(p.scale));
        let weights = Matrix { values: weights.as_flattened(), stride: 16 };
        let first = point * tokens + query;
        let mut row = 0;
        while row + 8 <= d && BYTES == 64 {
            let sums = tile::<T, FUSED, 8, LANES>(values, row, used, weights, 0);
            for (r, sums) in sums.iter().enumerate() {
                self.store::<LANES>((head * d + row + r) * columns + first, sums, &softmax.inverse);
            }
            row += 8;
        }
        while row + 4 <= d {
            let sums = tile::<T, FUSED, 4, LANES>(values, row, used, weights, 0);
            for (r, sums) in sums.iter().enumerate() {
                self.store::<LANES>((head * d + row + r) * columns + first, sums, &softmax.inverse);
            }
            row += 4;
        }
        while row < d {
            let [sums] = tile::<T, FUSED, 1, LANES>(values, row, used, weights, 0);
            self.store::<LANES>((head * d + row) * columns + first, &sums, &softmax.inverse);
            row += 1;
        }
        self.entropy[head * columns + first..][..LANES].copy_from_slice(&softmax.entropy);
    }

    #[inline(always)]
    fn store<const LANES: usize>(&mut self, at: usize, sums: &[T; LANES], inverse: &[T; LANES]) {
        let out: [T; LANES] = lanes(|l| sums[l] * inverse[l]);
        self.out[at..][..LANES].copy_from_slice(&out);
    }
}

/// What is left of a softmax when the weights are not yet divided by their sum.
struct Softmax<T, const LANES: usize> {
    /// 1 / the sum of the weights.
    inverse: [T; LANES],
    /// -sum p ln p.
    entropy: [T; LANES],
}

impl<T: Real, const LANES: usize> Softmax<T, LANES> {
    /// Makes weights `e^(scale (score - largest))` of the scores of `LANES` queries; keys behind `last` get 0.
    #[inline(always)]
    fn of<const FUSED: bool>(weights: &mut [[T; 16]], last: &[u32; LANES], scale: T) -> Self {
        let lowest = T::from_f64(LOWEST);
        let mut largest = [lowest; LANES];
        for (s, weights) in weights.iter_mut().enumerate() {
            let scores: [T; LANES] = lanes(|l| weights[l] * scale);
            let seen: [T; LANES] = lanes(|l| if s as u32 <= last[l] { scores[l] } else { lowest });
            largest = lanes(|l| if seen[l] > largest[l] { seen[l] } else { largest[l] });
            weights[..LANES].copy_from_slice(&scores);
        }
        let least = T::from_f64(LEAST);
        let mut total = [T::ZERO; LANES];
        let mut spread = [T::ZERO; LANES];
        for (s, weights) in weights.iter_mut().enumerate() {
            let x: [T; LANES] = lanes(|l| weights[l] - largest[l]);
            let x: [T; LANES] = lanes(|l| if x[l] > least { x[l] } else { least });
            let seen: [T; LANES] = lanes(|l| x[l].exponential::<FUSED>());
            let seen: [T; LANES] = lanes(|l| if s as u32 <= last[l] { seen[l] } else { T::ZERO });
            total = lanes(|l| total[l] + seen[l]);
            spread = lanes(|l| multiply_add::<T, FUSED>(seen[l], x[l], spread[l]));
            weights[..LANES].copy_from_slice(&seen);
        }
        let inverse: [T; LANES] = lanes(|l| T::ONE / total[l]);
        let entropy = lanes(|l| total[l].logarithm::<FUSED>() - spread[l] * inverse[l]);
        Softmax { inverse, entropy }
    }
}

/// Scores of `ROWS` keys from `s`: `weights[s + r][l] = sum_i keys[i, s + r] queries[i, l]`.
#[inline(always)]
fn scores<T: Real, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    queries: Matrix<T>,
    keys: Matrix<T>,
    d: usize,
    s: usize,
    weights: &mut [[T; 16]],
) {
    let sums = tile_of_columns::<T, FUSED, ROWS, LANES>(keys, s, d, queries, 0);
    for (weights, sums) in weights[s..s + ROWS].iter_mut().zip(&sums) {
        weights[..LANES].copy_from_slice(sums);
    }
}
