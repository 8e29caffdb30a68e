//! Unit tangent vectors: vector k of every grid point is 1 at element (row, token) = divmod(first + k, T), 0 elsewhere.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// Unit tangent vectors.
    pub struct FillBasis = fill_basis;
    /// The sizes of the tangents, and the directions of a run.
    params {
        /// The width n of the state.
        width: u32,
        /// Rows of the buffer.
        rows: u32,
        /// The tokens T of a grid point.
        tokens: u32,
        /// Columns of the state, padded.
        columns: u32,
        /// Tangent vectors of each column, a multiple of 4.
        vectors: u32,
        /// The direction of the first one.
        first: u32,
    }
    buffers {
        deviations: write number,
    }
}

impl Kernel for FillBasis {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns * p.vectors).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { deviations } = views;
        deviations.fill(T::ZERO);
        let (tokens, columns, vectors) = (p.tokens as usize, p.columns as usize, p.vectors as usize);
        for k in 0..vectors {
            let direction = p.first as usize + k;
            let (row, token) = (direction / tokens, direction % tokens);
            if row < p.width as usize {
                for point in 0..columns / tokens {
                    deviations[(row * columns + point * tokens + token) * vectors + k] = T::ONE;
                }
            }
        }
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 4.0 * (p.rows * p.columns) as f64 * p.vectors as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
