//! The tangent of attention: with S = scale Q^T K and P = softmax(S), `dS = scale (dQ^T K + Q^T dK)`,
//! `dP = P o (dS - rowsum(P o dS))`, `out = dP V + P dV`.
//!
//! Written like that, dP V subtracts terms of size P dS V where one key takes all: an error of ε |x|² in a tangent of
//! size 1. But the rows of dP add up to 0, so dS and V count from any origin. With both counted from the key m of the
//! largest score, δ = dS - dS_m and u = V - V_m,
//!
//! ```text
//! out = sum_s P_s (δ_s - sum_r P_r δ_r) u_s + sum_s P_s dV_s
//! ```
//!
//! and nothing is left of key m itself. The error is at most, with T tokens, heads of width d and dS_s as sums of sizes
//! |dS_s|,
//!
//! ```text
//! (2 d + 2 T + 12) ε (sum_{s≠m} P_s (|dS_s| + |dS_m|) (|u_s| + sum_r P_r |u_r|) + sum_s P_s |dV_s|)
//! ```
//!
//! and that of the weights P, which is no worse than rounding Q and K. As P_m >= 1 / T, the variance of δ under P is at
//! least 1 / T of its mean square, so that this is no more than T times what a covariance of that size must cost. It
//! vanishes with the weights of all keys but one, and for a single token.
//!
//! Keys and values only count by their differences, so they may be given less any one token
//! ([`token_differences`](crate::kernel::token_differences)): as `differences`, while queries are read from `stacked`.

use crate::kernel::shared::query_softmax::{LANES, Query, Scores};
use crate::kernel::shared::stack::{Rows, Stack};
use crate::kernel::shared::trips::MOST_TRIPS;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};
use crate::spec::MOST_TOKENS;

pub(in crate::kernel) mod case;
mod single;

use single::Single;

kernel! {
    /// The tangent of [`Attend`](super::attend::Attend).
    pub struct AttendTangent = attend_tangent;
    shared { elementary, query_softmax }
    /// The sizes of the heads and their tangents, the mask and the scale: see [`attend`](super::attend).
    params {
        /// Rows of a head.
        head_width: u32,
        /// Tokens of a grid point, at most 512.
        tokens: u32,
        /// Columns of the state; only whole grid points are touched.
        columns: u32,
        /// Tangent vectors of each column: 1, or a multiple of 4.
        vectors: u32,
        /// Rows of `stacked`.
        rows: u32,
        /// Rows of `out`.
        out_rows: u32,
        /// Heads of queries.
        heads: u32,
        /// Heads of keys and of values, a divisor of `heads`: each serves so many neighbouring heads of queries.
        key_value_heads: u32,
        /// Does a token only attend to itself and those before it?
        causal: u32,
        /// The factor on the scores.
        scale: f32,
    }
    buffers {
        stacked: read number,
        differences: read number,
        deviations: read vec4,
        out: write vec4,
    }
}

/// The largest tokens * head_width: an invocation makes 2.25 loop trips for each.
pub const MOST_WORK: usize = (MOST_TRIPS / 5 * 2) as usize;

/// The same for one vector a column, whose keys and rows 64 invocations share.
pub const MOST_WORK_OF_ONE: usize = 1_000_000;

impl Kernel for AttendTangent {
    const TRUSTED: bool = true;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns / p.tokens * p.tokens * p.vectors.div_ceil(4 * LANES), p.heads, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { stacked, differences, deviations, out } = views;
        let tangents = Tangents { p, stacked, differences, deviations, out };
        if p.vectors == 1 { dispatch(Single(tangents)) } else { dispatch(tangents) }
    }

    fn cost(p: &Params) -> Cost {
        let (n, t, points) = ((p.heads * p.head_width) as f64, p.tokens as f64, (p.columns / p.tokens) as f64);
        Cost {
            flops: points * t * t * n * (2.0 + 8.0 * p.vectors as f64),
            bytes: 4.0 * points * t * n * 4.0 * (1.0 + p.vectors as f64),
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

/// The tangents of a member.
struct Tangents<'a, T> {
    p: &'a Params,
    stacked: &'a [T],
    differences: &'a [T],
    deviations: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Work for Tangents<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let tokens = self.p.tokens as usize;
        let mut weights = [T::ZERO; MOST_TOKENS];
        let mut scratch = [[T::ZERO; 16]; MOST_TOKENS];
        let scores = self.scores();
        for column in 0..self.p.columns as usize / tokens * tokens {
            for head in 0..self.p.heads as usize {
                let query = scores.softmax::<FUSED>(head, column, &mut weights);
                let mut vector = 0;
                while vector + 16 <= self.p.vectors as usize {
                    self.panel::<FUSED, 16>(Place { head, column, vector }, &query, &weights, &mut scratch);
                    vector += 16;
                }
                while vector < self.p.vectors as usize {
                    self.panel::<FUSED, 4>(Place { head, column, vector }, &query, &weights, &mut scratch);
                    vector += 4;
                }
            }
        }
    }
}

/// Where some tangents of a query are.
#[derive(Clone, Copy)]
struct Place {
    head: usize,
    /// That of the query.
    column: usize,
    /// The first tangent vector.
    vector: usize,
}

impl<'a, T: Real> Tangents<'a, T> {
    fn scores(&self) -> Scores<'a, T> {
        Scores {
            stack: self.p.stack(),
            tokens: self.p.tokens as usize,
            columns: self.p.columns as usize,
            causal: self.p.causal != 0,
            scale: self.p.scale,
            queries: self.stacked,
            keys: self.differences,
        }
    }

    /// `LANES` tangent vectors of one query.
    #[inline(always)]
    fn panel<const FUSED: bool, const LANES: usize>(
        &mut self,
        Place { head, column, vector }: Place,
        &Query { used, top }: &Query,
        weights: &[T; MOST_TOKENS],
        scratch: &mut [[T; 16]; MOST_TOKENS],
    ) {
        let p = self.p;
        let (columns, vectors, d) = (p.columns as usize, p.vectors as usize, p.head_width as usize);
        let (deviations, stacked, weights) = (self.deviations, self.stacked, &weights[..used]);
        let differences = self.differences;
        let first = column - column % p.tokens as usize;
        let tangent = |row: usize, column: usize| -> &[T; LANES] {
            deviations[(row * columns + column) * vectors + vector..][..LANES].try_into().expect("LANES long")
        };
        let scale = T::from_f64(p.scale);
        let Rows { queries, keys, values } = p.stack().rows_of(head);
        for (s, slopes) in scratch[..used].iter_mut().enumerate() {
            let mut sum = [T::ZERO; LANES];
            for i in 0..d {
                let key = differences[(keys + i) * columns + first + s];
                let own = stacked[(queries + i) * columns + column];
                let (change, of_key) = (tangent(queries + i, column), tangent(keys + i, first + s));
                for l in 0..LANES {
                    sum[l] = multiply_add::<T, FUSED>(change[l], key, sum[l]);
                    sum[l] = multiply_add::<T, FUSED>(own, of_key[l], sum[l]);
                }
            }
            slopes[..LANES].copy_from_slice(&sum);
        }
        let (origin, mut along) = (scratch[top], [T::ZERO; LANES]);
        for (slopes, &weight) in scratch.iter_mut().zip(weights) {
            let factor = weight * scale;
            for l in 0..LANES {
                slopes[l] = (slopes[l] - origin[l]) * factor;
                along[l] += slopes[l];
            }
        }
        for (slopes, &weight) in scratch.iter_mut().zip(weights) {
            for l in 0..LANES {
                slopes[l] -= weight * along[l];
            }
        }
        for i in 0..d {
            let own = &differences[(values + i) * columns + first..][..used];
            let mut sum = [T::ZERO; LANES];
            for (s, &weight) in weights.iter().enumerate() {
                let (value, of_value) = (own[s] - own[top], tangent(values + i, first + s));
                for l in 0..LANES {
                    sum[l] = multiply_add::<T, FUSED>(scratch[s][l], value, sum[l]);
                    sum[l] = multiply_add::<T, FUSED>(weight, of_value[l], sum[l]);
                }
            }
            self.out[((queries + i) * columns + column) * vectors + vector..][..LANES].copy_from_slice(&sum);
        }
    }
}
