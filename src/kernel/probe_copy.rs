//! Copies numbers: the memory ceiling of the bench's roofline.

use crate::kernel::Access::{Read, Write};
use crate::kernel::Element::Real4;
use crate::kernel::{Binding, Case, CaseBuffer, Cost, Kernel, Machine, View, mismatch};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

params! {
    /// How much to copy.
    pub struct Params {
        /// Numbers of a member, a multiple of 4.
        length: u32,
    }
}

/// The kernel.
pub struct ProbeCopy;

impl Kernel for ProbeCopy {
    const NAME: &'static str = "probe_copy";
    const SOURCE: &'static str = include_str!("../../shaders/probe_copy.wgsl");
    const BUFFERS: &'static [Binding] = &[("x", Read, Real4), ("out", Write, Real4)];
    type Params = Params;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.length.div_ceil(256), members, 1]
    }

    fn twin<T: Real>(_: &Params, views: &mut [View<T>]) {
        let [View::Real(x), View::RealMut(out)] = views else { mismatch(Self::NAME) };
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
