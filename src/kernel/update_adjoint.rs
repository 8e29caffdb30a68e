//! The adjoint of an update of a sublayer, `out = keep * base + gain * image`: what the update keeps of a cotangent, and what
//! it takes through the sublayer's branch, whose adjoint made `image` of it.
//!
//! The update itself, [`euler_update`](super::euler_update), has the branch's output projection in it, which comes first here.
//! |error| <= ε (|keep base| + |gain image| + |out|).

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::{ELEMENT, in_blocks_of_rows};
use crate::numbers::real::Real;

kernel! {
    /// The adjoint of an update of a sublayer.
    pub struct UpdateAdjoint = update_adjoint;
    /// The sizes of the cotangents.
    params {
        /// Rows of the state.
        rows: u32,
        /// Columns of the state times cotangent vectors, a multiple of 4.
        columns: u32,
    }
    buffers {
        coefficients: read vec4,
        base: read vec4,
        image: read vec4,
        out: write vec4,
    }
}

impl Kernel for UpdateAdjoint {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), p.rows, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { coefficients, base, image, out } = views;
        let (rows, columns) = (p.rows as usize, p.columns as usize);
        let (keep, gain) = coefficients.split_at(columns);
        in_blocks_of_rows(&mut out[..rows * columns], columns, ELEMENT, |first, out| {
            for (row, out) in (first..).zip(out.chunks_exact_mut(columns)) {
                let (base, image) = (&base[row * columns..][..columns], &image[row * columns..][..columns]);
                for (c, out) in out.iter_mut().enumerate() {
                    *out = keep[c] * base[c] + gain[c] * image[c];
                }
            }
        });
    }

    fn cost(p: &Params) -> Cost {
        let elements = p.rows as f64 * p.columns as f64;
        Cost { flops: 3.0 * elements, bytes: 12.0 * elements }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
