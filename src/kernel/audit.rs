//! The audit: counts numbers that are NaN or infinite, by their bits. WGSL lets an implementation assume that there
//! are none, so only words tell. Any count but 0 is an internal error, never a data point.

use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The count of numbers that are NaN or infinite.
    pub struct Audit = audit;
    /// What to look at.
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
        let poisons = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f32::MAX as f64, f32::MIN_POSITIVE as f64];
        let case = |(length, members): (usize, usize)| {
            let mut values = vec![1.5; length * members];
            for (i, value) in values.iter_mut().enumerate().skip(length / 2) {
                *value = poisons[i % poisons.len()];
            }
            Case {
                name: format!("{length} numbers, {members} members"),
                members,
                params: Params { length: length as u32 },
                buffers: vec![CaseBuffer::Real(values), CaseBuffer::Word(vec![99; members])],
                tolerance: vec![],
            }
        };
        [(1, 1), (2, 5), (300, 2)].into_iter().map(case).collect()
    }
}
