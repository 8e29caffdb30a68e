//! Each token less the first one of its grid point; padding becomes 0.
//!
//! Attention sees keys and values only through their differences. Projected from here they keep their digits where all
//! tokens have nearly become one: their own projections are off by ε of the tokens, and two scores of large tokens tie
//! by rounding where they do not.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// Each token less the first one of its grid point.
    pub struct TokenDifferences = token_differences;
    /// The sizes of the state.
    params {
        /// Rows of the state.
        rows: u32,
        /// Its columns, padded.
        columns: u32,
        /// Tokens of a grid point.
        tokens: u32,
    }
    buffers {
        x: read number,
        out: write number,
    }
}

impl Kernel for TokenDifferences {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns.div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { x, out } = views;
        out.fill(T::ZERO);
        let (columns, tokens) = (p.columns as usize, p.tokens as usize);
        for (x, out) in x.chunks_exact(columns).zip(out.chunks_exact_mut(columns)) {
            for (x, out) in x.chunks_exact(tokens).zip(out.chunks_exact_mut(tokens)) {
                out.iter_mut().zip(x).for_each(|(out, &value)| *out = value - x[0]);
            }
        }
    }

    fn cost(p: &Params) -> Cost {
        let elements = (p.rows * p.columns) as f64;
        Cost { flops: elements, bytes: 8.0 * elements }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
