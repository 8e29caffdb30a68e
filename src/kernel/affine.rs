//! A gain and a bias for every row: `out = gain * x + bias`. Gains and biases of norms, and biases of projections (with a
//! gain of 1).
//!
//! Without its bias it is its own tangent, on columns times vectors. |error| <= ε (|gain x| + |out|).

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::{ELEMENT, in_blocks_of_rows};
use crate::numbers::real::Real;

kernel! {
    /// A gain and a bias for every row.
    pub struct Affine = affine;
    /// The sizes, and whether there is a bias.
    params {
        /// Rows of the gain, the bias and the numbers.
        rows: u32,
        /// Columns, a multiple of 4; those of a state times its tangent vectors, if it has some.
        columns: u32,
        /// Add the bias (1), or leave it out (0)? It is then not read, but bound all the same.
        biased: u32,
    }
    buffers {
        gain: read number,
        bias: read number,
        x: read vec4,
        out: write vec4,
    }
}

impl Kernel for Affine {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), p.rows, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { gain, bias, x, out } = views;
        let (rows, columns) = (p.rows as usize, p.columns as usize);
        in_blocks_of_rows(&mut out[..rows * columns], columns, ELEMENT, |first, out| {
            let lines = x[first * columns..].chunks_exact(columns).zip(out.chunks_exact_mut(columns));
            for (row, (x, out)) in (first..).zip(lines) {
                let bias = if p.biased != 0 { bias[row] } else { T::ZERO };
                out.iter_mut().zip(x).for_each(|(out, &x)| *out = gain[row] * x + bias);
            }
        });
    }

    fn cost(p: &Params) -> Cost {
        let elements = p.rows as f64 * p.columns as f64;
        Cost { flops: 2.0 * elements, bytes: 8.0 * elements }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
