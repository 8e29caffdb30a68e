//! The adjoint of attention, up to its keys and values: of cotangents g of the heads of some tokens, with m the key of the
//! largest score and u = V - V_m,
//!
//! ```text
//! dS_s = scale P_s (g u_s - sum_r P_r g u_r)        dQ = sum_s dS_s (K_s - K_m)
//! ```
//!
//! and the weights P themselves; [`attend_adjoint_keys`](super::attend_adjoint_keys) makes dK and dV of them. It is the
//! transpose of [`attend_tangent`](super::attend_tangent), or of [`attend_own_tangent`](super::attend_own_tangent) where only
//! the query's own token moves; then dS and P of the token's own key alone are kept.
//!
//! The dS add up to 0, so keys and values count from any origin; counted from m nothing large cancels where one key takes
//! all. With T tokens and heads of width d the error of dS_s is at most
//!
//! ```text
//! (2 d + 2 T + 12) ε scale P_s (|g u_s| + sum_r P_r |g u_r|)
//! ```
//!
//! where |g u| is the sum of its terms' sizes, that of dQ the sum of these times |K_s - K_m|, and both that of the weights P.

use crate::kernel::shared::query_factors::Factors;
use crate::kernel::shared::query_softmax::{LANES, Scores};
use crate::kernel::shared::stack::Stack;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::{Epilogue, Extent, Matrix, product_of_columns};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

pub(in crate::kernel) mod case;

/// The largest tokens * head_width, as of the tangents.
pub use super::attend_tangent::MOST_WORK;

kernel! {
    /// The adjoint of [`Attend`](super::attend::Attend) at its queries, and what keys and values are multiplied by.
    pub struct AttendAdjoint = attend_adjoint;
    shared { elementary, query_softmax }
    /// The sizes of the heads and their cotangents, the mask and the scale: see [`attend`](super::attend).
    params {
        /// Rows of a head.
        head_width: u32,
        /// Tokens of a grid point, at most 512.
        tokens: u32,
        /// Columns of the state.
        columns: u32,
        /// Columns of the cotangents, each with a column of the state.
        selected: u32,
        /// Those of them that count, the first ones; the others are left alone.
        used: u32,
        /// Cotangent vectors of each, a multiple of 4.
        vectors: u32,
        /// Rows of `stacked` and of `out`; those beyond the queries are left alone.
        rows: u32,
        /// Rows of the cotangents.
        out_rows: u32,
        /// Heads of queries.
        heads: u32,
        /// Heads of keys and of values, a divisor of `heads`: each serves so many neighbouring heads of queries.
        key_value_heads: u32,
        /// Keys whose dS and P are kept: `tokens`, or 1 for the query's own one.
        keys: u32,
        /// Does a token only attend to itself and those before it? What others have of it is left alone.
        causal: u32,
        /// The factor on the scores.
        scale: f32,
    }
    buffers {
        columns_of: read word,
        stacked: read number,
        cotangents: read vec4,
        out: write vec4,
        slopes: write vec4,
        shares: write number,
    }
}

impl Kernel for AttendAdjoint {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.used * p.vectors.div_ceil(4 * LANES), p.heads, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        dispatch(Adjoint { p, views });
    }

    fn cost(p: &Params) -> Cost {
        let (n, t) = ((p.heads * p.head_width) as f64, p.tokens as f64);
        let (used, vectors) = (p.used as f64, p.vectors as f64);
        let shared = f64::from(p.key_value_heads) / f64::from(p.heads);
        Cost {
            flops: used * n * (6.0 * t + (4.0 * t + 2.0) * vectors),
            bytes: 4.0 * n * (2.0 * used * vectors + p.columns as f64 * (1.0 + 2.0 * shared)),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The attention of a member.
struct Adjoint<'a, T> {
    p: &'a Params,
    views: Views<'a, T>,
}

impl<T: Real> Work for Adjoint<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        for head in 0..self.p.heads as usize {
            for selected in 0..self.p.used as usize {
                self.query::<BYTES, FUSED>(head, selected);
            }
        }
    }
}

impl<T: Real> Adjoint<'_, T> {
    #[inline(always)]
    fn query<const BYTES: usize, const FUSED: bool>(&mut self, head: usize, selected: usize) {
        let p = self.p;
        let (d, vectors) = (p.head_width as usize, p.vectors as usize);
        let (line, own) = ((p.selected * p.vectors) as usize, selected * vectors);
        let column = self.views.columns_of[selected] as usize;
        let scores = Scores {
            stack: Stack { heads: p.heads, key_value_heads: p.key_value_heads, head_width: p.head_width },
            tokens: p.tokens as usize,
            columns: p.columns as usize,
            causal: p.causal != 0,
            scale: p.scale,
            queries: self.views.stacked,
            keys: self.views.stacked,
        };
        let Factors { used, terms, stride, weights, keys, pulls, .. } = scores.factors::<FUSED>(head, column);
        let mut slopes = vec![T::ZERO; terms * vectors];
        let mut store = Rows { rows: terms, stride: vectors, out: &mut slopes };
        let extent = |rows, inner| Extent { rows, inner, columns: vectors };
        let cotangents = Matrix { values: &self.views.cotangents[head * d * line + own..], stride: line };
        let pulls = Matrix { values: &pulls, stride: terms + 4 };
        product_of_columns::<T, _, BYTES, FUSED>(pulls, 0, extent(terms, d), cotangents, &mut store);
        let mut store = Rows { rows: d, stride: line, out: &mut self.views.out[head * d * line + own..] };
        let (keys, input) = (Matrix { values: &keys, stride }, Matrix { values: &slopes, stride: vectors });
        product_of_columns::<T, _, BYTES, FUSED>(keys, 0, extent(stride, terms), input, &mut store);
        let kept = p.keys as usize;
        let all = 0..used;
        let t = column % p.tokens as usize;
        for (place, s) in (if kept == p.tokens as usize { all } else { t..t + 1 }).enumerate() {
            let row = (head * kept + place) * p.selected as usize + selected;
            self.views.shares[row] = weights[s];
            self.views.slopes[row * vectors..][..vectors].copy_from_slice(&slopes[s * vectors..][..vectors]);
        }
    }
}

/// Stores the sums as they are; rows beyond these are dropped.
struct Rows<'a, T> {
    rows: usize,
    stride: usize,
    out: &'a mut [T],
}

impl<T: Real> Epilogue<T> for Rows<'_, T> {
    #[inline(always)]
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, sums: [T; LANES]) {
        if row < self.rows {
            self.out[row * self.stride + column..][..LANES].copy_from_slice(&sums);
        }
    }
}
