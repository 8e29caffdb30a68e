//! Copies numbers: the memory ceiling of the bench's roofline.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// A copy, which measures memory.
    pub struct ProbeCopy = probe_copy;
    /// How much is copied.
    params {
        /// Numbers of a member, a multiple of 4.
        length: u32,
    }
    buffers {
        x: read vec4,
        out: write vec4,
    }
}

impl Kernel for ProbeCopy {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.length.div_ceil(4 * 4 * 256), members, 1]
    }

    fn twin<T: Real>(_: &Params, views: Views<T>) {
        let Views { x, out } = views;
        out.copy_from_slice(x);
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 8.0 * p.length as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
