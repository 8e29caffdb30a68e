//! The audit: counts numbers that are NaN or infinite, by their bits. WGSL lets an implementation assume that there
//! are none, so only words tell. Any count but 0 is an internal error, never a data point.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The count of numbers that are NaN or infinite.
    pub struct Audit = audit;
    /// What is looked at.
    params {
        /// Numbers of one member.
        length: u32,
    }
    buffers {
        values: read bits,
        count: write word,
    }
}

impl Kernel for Audit {
    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { values, count } = views;
        count[0] = values[..p.length as usize].iter().filter(|value| !value.is_finite()).count() as u32;
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 4.0 * p.length as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
