//! Parity cases of `probe_fma`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let case = |(length, trips, members): (usize, u32, usize)| Case {
        name: format!("{length} numbers, {trips} trips, {members} members"),
        members,
        params: Params { length: length as u32, trips, a: 0.75, b: 0.25 },
        buffers: vec![CaseBuffer::Real(sample(71, members * length))],
        // Each step adds one or two roundings of numbers below 4, and shrinks the older ones to 3/4.
        tolerance: vec![vec![8.0 * 4.0 * f32::EPSILON as f64]],
    };
    [(16, 1, 2), (208, 3, 1), (3072, 1024, 1)].into_iter().map(case).collect()
}
