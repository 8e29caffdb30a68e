//! The adjoint of attention at its keys and values: with the cotangents g and the dS and P of
//! [`attend_adjoint`](super::attend_adjoint), of all queries t that see key s,
//!
//! ```text
//! dK_s = sum_t dS_ts Q_t        dV_s = sum_t P_ts g_t
//! ```
//!
//! summed over the heads of queries that share the key, too. Where only the own token moves, t = s alone.
//!
//! |error| <= (terms + 2) ε of the sum of the terms' sizes.

mod case;

use crate::kernel::shared::stack::{Rows, Stack};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::in_blocks_of_rows;
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};
use std::ops::Range;

kernel! {
    /// The adjoint of [`Attend`](super::attend::Attend) at its keys and values.
    pub struct AttendAdjointKeys = attend_adjoint_keys;
    /// The sizes, as those of [`attend_adjoint`](super::attend_adjoint).
    params {
        /// Rows of a head.
        head_width: u32,
        /// Tokens of a grid point.
        tokens: u32,
        /// Columns of the state.
        columns: u32,
        /// Columns of the cotangents, each with a column of the state: all of them in order, where `keys` is `tokens`.
        selected: u32,
        /// Those of them that count, the first ones; the others are left alone.
        used: u32,
        /// Cotangent vectors of each, a multiple of 4.
        vectors: u32,
        /// Rows of `stacked` and of `out`; those of the queries, and those beyond the values, are left alone.
        rows: u32,
        /// Rows of the cotangents.
        out_rows: u32,
        /// Heads of queries.
        heads: u32,
        /// Heads of keys and of values.
        key_value_heads: u32,
        /// Keys whose dS and P are there: `tokens`, or 1 for the query's own one.
        keys: u32,
        /// Does a token only attend to itself and those before it?
        causal: u32,
    }
    buffers {
        columns_of: read word,
        stacked: read number,
        cotangents: read vec4,
        slopes: read vec4,
        shares: read number,
        out: write vec4,
    }
}

impl Params {
    /// The heads of queries that share one of keys.
    fn group(&self) -> usize {
        (self.heads / self.key_value_heads) as usize
    }

    /// The place of the key of column `selected` among those kept, and the queries that see it.
    fn seen(&self, selected: usize) -> (usize, Range<usize>) {
        if self.keys != self.tokens {
            return (0, selected..selected + 1);
        }
        let tokens = self.tokens as usize;
        let (key, first) = (selected % tokens, selected - selected % tokens);
        (key, (if self.causal != 0 { selected } else { first })..first + tokens)
    }
}

impl Kernel for AttendAdjointKeys {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.used * p.vectors / 4).div_ceil(64), 2 * p.key_value_heads * p.head_width, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { columns_of, stacked, cotangents, slopes, shares, out } = views;
        let line = (p.selected * p.vectors) as usize;
        let rows = (p.head_width * 2 * p.key_value_heads) as usize;
        let operations = 2.0 * p.group() as f64 * f64::from(p.keys);
        let out = &mut out[(p.heads * p.head_width) as usize * line..][..rows * line];
        in_blocks_of_rows(out, line, operations, |first, out| {
            dispatch(Adjoint { p, columns_of, stacked, cotangents, slopes, shares, first, out });
        });
    }

    fn cost(p: &Params) -> Cost {
        let (n, keys) = (f64::from(p.heads * p.head_width), f64::from(p.keys));
        let columns = f64::from(p.used) * f64::from(p.vectors);
        let shared = f64::from(p.key_value_heads) / f64::from(p.heads);
        Cost {
            flops: 4.0 * n * keys * columns,
            bytes: 4.0 * columns * (n * (1.0 + 2.0 * shared) + f64::from(p.heads) * keys),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Rows of the keys' and values' cotangents of a member, from row `first` of them on.
struct Adjoint<'a, T> {
    p: &'a Params,
    columns_of: &'a [u32],
    stacked: &'a [T],
    cotangents: &'a [T],
    slopes: &'a [T],
    shares: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Real> Work for Adjoint<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let p = self.p;
        let (d, columns, selected) = (p.head_width as usize, p.columns as usize, p.selected as usize);
        let (vectors, line) = (p.vectors as usize, (p.selected * p.vectors) as usize);
        let of_keys = p.key_value_heads as usize * d;
        let stack = Stack { heads: p.heads, key_value_heads: p.key_value_heads, head_width: p.head_width };
        for (row, out) in (self.first..).zip(self.out.chunks_exact_mut(line)) {
            let (is_value, row) = (row >= of_keys, row % of_keys);
            for (j, out) in out.chunks_exact_mut(vectors).take(p.used as usize).enumerate() {
                out.fill(T::ZERO);
                let (key, queries) = p.seen(j);
                for head in row / d * p.group()..(row / d + 1) * p.group() {
                    let Rows { queries: of_head, .. } = stack.rows_of(head);
                    let of_key = (head * p.keys as usize + key) * selected;
                    for q in queries.clone() {
                        let (factor, own) = if is_value {
                            let own = &self.cotangents[(of_head + row % d) * line + q * vectors..];
                            (self.shares[of_key + q], own)
                        } else {
                            let column = self.columns_of[q] as usize;
                            let own = &self.slopes[(of_key + q) * vectors..];
                            (self.stacked[(of_head + row % d) * columns + column], own)
                        };
                        for (out, &own) in out.iter_mut().zip(&own[..vectors]) {
                            *out = multiply_add::<T, FUSED>(factor, own, *out);
                        }
                    }
                }
            }
        }
    }
}
