//! Copies numbers: the memory ceiling of the bench's roofline.

use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

kernel! {
    /// A copy, which measures memory.
    pub struct ProbeCopy = probe_copy;
    /// How much to copy.
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
        [p.length.div_ceil(256), members, 1]
    }

    fn twin<T: Real>(_: &Params, views: Views<T>) {
        let Views { x, out } = views;
        out.copy_from_slice(x);
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 8.0 * p.length as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        let case = |(length, members): (usize, usize)| Case {
            name: format!("{length} numbers, {members} members"),
            members,
            params: Params { length: length as u32 },
            buffers: vec![
                CaseBuffer::Real(sample(70, members * length)),
                CaseBuffer::Real(vec![f64::NAN; members * length]),
            ],
            tolerance: vec![vec![0.0]],
        };
        [(4, 3), (1 << 17, 1)].into_iter().map(case).collect()
    }
}
