//! A weighted sum of two to five states: what the stages of an integrator are made of.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine, Signature};
use crate::numbers::real::Real;

kernel! {
    /// A weighted sum of two to five states.
    pub struct Combine = combine;
    /// The sizes of the states; columns are padded to a multiple of 4.
    params {
        /// Rows of a state.
        rows: u32,
        /// Columns of a state.
        columns: u32,
        /// States that count, 2 to 5; the others may be any, and are not read beyond the second.
        terms: u32,
    }
    buffers {
        a: read vec4,
        b: read vec4,
        c: read vec4,
        d: read vec4,
        e: read vec4,
        factors: read number,
        out: write vec4,
    }
}

/// The most terms of a sum: all bindings but the factors and the result.
pub const MOST_TERMS: usize = Combine::BUFFERS.len() - 2;

impl Kernel for Combine {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { a, b, c, d, e, factors, out } = views;
        for (i, out) in out.iter_mut().enumerate() {
            *out = factors[0] * a[i] + factors[1] * b[i];
        }
        for (term, state) in [c, d, e].into_iter().enumerate().take(p.terms as usize - 2) {
            let factor = factors[term + 2];
            out.iter_mut().zip(state).for_each(|(out, &x)| *out += factor * x);
        }
    }

    fn cost(p: &Params) -> Cost {
        let (terms, size) = (f64::from(p.terms), f64::from(p.rows) * f64::from(p.columns));
        Cost { flops: (2.0 * terms - 1.0) * size, bytes: 4.0 * (terms + 1.0) * size }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
