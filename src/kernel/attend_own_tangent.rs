//! The tangent of attention where only the query's own token moves: the diagonal blocks of its Jacobian, of all wanted
//! tokens at once.
//!
//! Of the formula of [`attend_tangent`](super::attend_tangent), with m the key of the largest score and u = V - V_m, what
//! is left for token t is
//!
//! ```text
//! out = sum_s P_s (δ_s - sum_r P_r δ_r) u_s + P_t dV_t,   δ_s = scale (dQ (K_s - K_m) + ([s = t] - [m = t]) Q dK_t)
//! ```
//!
//! and so two thin products for each token and head: of the differences of keys with dQ, and of P_s (u_s - sum_r P_r u_r)
//! with that, 4 tokens * head_width operations a vector. The error is that of `attend_tangent`, at most
//!
//! ```text
//! (2 d + 2 T + 12) ε (sum_{s≠m} P_s |δ_s| (|u_s| + sum_r P_r |u_r|) + P_t |dV_t|)
//! ```
//!
//! and that of the weights P.

use crate::kernel::shared::query_factors::Factors;
use crate::kernel::shared::query_softmax::{LANES, Scores};
use crate::kernel::shared::stack::{Rows, Stack};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::in_parts;
use crate::numbers::matmul::{Epilogue, Extent, Matrix, multiply_add, product};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

mod case;

/// The largest tokens * head_width, as of the tangents of all tokens.
pub use super::attend_tangent::MOST_WORK;

kernel! {
    /// The tangent of [`Attend`](super::attend::Attend) in the query's own token.
    pub struct AttendOwnTangent = attend_own_tangent;
    shared { elementary, query_softmax }
    /// The sizes of the heads and their tangents, the mask and the scale: see [`attend`](super::attend).
    params {
        /// Rows of a head.
        head_width: u32,
        /// Tokens of a grid point, at most 512.
        tokens: u32,
        /// Columns of the state.
        columns: u32,
        /// Tokens that are wanted, each a column of the state.
        selected: u32,
        /// Tangent vectors of each of them, a multiple of 4.
        vectors: u32,
        /// Rows of `stacked` and of its tangents.
        rows: u32,
        /// Rows of `out`; those beyond the heads are left alone.
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
        columns_of: read word,
        stacked: read number,
        deviations: read vec4,
        out: write vec4,
    }
}

impl Kernel for AttendOwnTangent {
    const TRUSTED: bool = true;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.selected * p.vectors.div_ceil(4 * LANES), p.heads, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { columns_of, stacked, deviations, out } = views;
        let length = (p.head_width * p.selected) as usize * p.vectors as usize;
        let operations = 4.0 * f64::from(p.tokens);
        in_parts(&mut out[..p.heads as usize * length], length, operations, |head, out| {
            dispatch(Head { p, head, columns_of, stacked, deviations, out });
        });
    }

    fn cost(p: &Params) -> Cost {
        let (n, t) = ((p.heads * p.head_width) as f64, p.tokens as f64);
        let (selected, vectors) = (p.selected as f64, p.vectors as f64);
        let shared = f64::from(p.key_value_heads) / f64::from(p.heads);
        Cost {
            flops: selected * n * (6.0 * t + (4.0 * t + 4.0) * vectors),
            bytes: 4.0 * n * (selected * vectors + p.columns as f64) * (2.0 + 2.0 * shared),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// One head of a member.
struct Head<'a, T> {
    p: &'a Params,
    head: usize,
    columns_of: &'a [u32],
    stacked: &'a [T],
    deviations: &'a [T],
    /// Its rows, `[head_width, selected, vectors]`.
    out: &'a mut [T],
}

impl<T: Real> Work for Head<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let p = self.p;
        let d = p.head_width as usize;
        let (vectors, stride) = (p.vectors as usize, (p.selected * p.vectors) as usize);
        let Rows { queries, keys, values } = self.stack().rows_of(self.head);
        for selected in 0..p.selected as usize {
            let column = self.columns_of[selected] as usize;
            let factors = self.scores().factors::<FUSED>(self.head, column);
            let Factors { terms, stride: own, .. } = factors;
            let tangents = |row: usize| {
                let values = &self.deviations[row * stride + selected * vectors..];
                Matrix { values, stride }
            };
            let mut slopes = vec![T::ZERO; (terms + 4) * vectors];
            let (of_keys, of_own) = slopes.split_at_mut(terms * vectors);
            let matrix = |values, stride| Matrix { values, stride };
            let extent = |rows, inner| Extent { rows, inner, columns: vectors };
            let mut store = Store { stride: vectors, out: of_keys };
            product::<T, _, BYTES, FUSED>(matrix(&factors.keys, own), extent(terms, d), tangents(queries), &mut store);
            let mut store = Store { stride: vectors, out: of_own };
            product::<T, _, BYTES, FUSED>(matrix(&factors.query, own), extent(4, d), tangents(keys), &mut store);
            let out = &mut self.out[selected * vectors..];
            let mut store = Sum {
                d,
                stride,
                own_weight: factors.weights[column % p.tokens as usize],
                values: tangents(values).values,
                out,
            };
            product::<T, _, BYTES, FUSED>(
                matrix(&factors.pulls, terms + 4),
                extent(own, terms + 4),
                matrix(&slopes, vectors),
                &mut store,
            );
        }
    }
}

impl<T: Real> Head<'_, T> {
    fn stack(&self) -> Stack {
        let Params { heads, key_value_heads, head_width, .. } = *self.p;
        Stack { heads, key_value_heads, head_width }
    }

    fn scores(&self) -> Scores<'_, T> {
        Scores {
            stack: self.stack(),
            tokens: self.p.tokens as usize,
            columns: self.p.columns as usize,
            causal: self.p.causal != 0,
            scale: self.p.scale,
            queries: self.stacked,
            keys: self.stacked,
        }
    }
}

/// Stores the sums as they are.
struct Store<'a, T> {
    stride: usize,
    out: &'a mut [T],
}

impl<T: Real> Epilogue<T> for Store<'_, T> {
    #[inline(always)]
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, sums: [T; LANES]) {
        self.out[row * self.stride + column..][..LANES].copy_from_slice(&sums);
    }
}

/// Adds P_t dV_t; rows beyond the head's are dropped.
struct Sum<'a, T> {
    d: usize,
    stride: usize,
    own_weight: T,
    values: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Epilogue<T> for Sum<'_, T> {
    #[inline(always)]
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, sums: [T; LANES]) {
        if row >= self.d {
            return;
        }
        let at = row * self.stride + column;
        let values: &[T; LANES] = self.values[at..][..LANES].try_into().expect("LANES long");
        let own: [T; LANES] = lanes(|l| multiply_add::<T, FUSED>(self.own_weight, values[l], sums[l]));
        self.out[at..][..LANES].copy_from_slice(&own);
    }
}
