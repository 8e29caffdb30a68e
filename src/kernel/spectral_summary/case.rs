//! Parity cases of `spectral_summary`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    vec![case(1, 1, 2), case(5, 3, 3), case(4, 2, 37), case(33, 70, 2)]
}

/// Random eigenvalues, every third one real, in units that make |phi| about 1 for some.
fn case(n: usize, points: usize, members: usize) -> Case<Params> {
    let mut eigenvalues = sample(500 + n as u32, 2 * n * members);
    eigenvalues.iter_mut().skip(1).step_by(6).for_each(|im| *im = 0.0);
    let steps: Vec<f64> = (0..points).map(|point| point as f64 / points as f64).collect();
    // A few roundings of |phi| below 1 + 4 * 8.
    let error = 128.0 * f32::EPSILON as f64;
    Case {
        name: format!("{n} eigenvalues, {points} points, {members} members"),
        members,
        params: Params { n: n as u32, points: points as u32 },
        buffers: vec![
            CaseBuffer::Real(eigenvalues),
            CaseBuffer::Real((0..members).map(|member| 0.5 * member as f64).collect()),
            CaseBuffer::Int((0..members as i32).flat_map(|member| [2 - member, 1]).collect()),
            CaseBuffer::SharedReal(steps.iter().map(|step| (1.0 - step / 2.0) as f32 as f64).collect()),
            CaseBuffer::SharedReal(steps.iter().map(|&step| step as f32 as f64).collect()),
            CaseBuffer::Real(vec![0.25; 2 * points * members]),
            CaseBuffer::Word(vec![99; 2 * points * members]),
        ],
        tolerance: vec![vec![error]],
    }
}
