//! Parity cases of `watch_power`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    vec![case(4), case(12), case(36)]
}

/// Members: a first step; one whose last norm was a peak; one whose last norm was that of a contraction; one that has
/// vanished; one that is given up; one that is finished; one of Frobenius norm 1, which is a contraction; two below their
/// peaks, at step 8 and at step 9; one whose last norm is above its peak within rounding.
fn case(n: usize) -> Case<Params> {
    let scales = [1.0, 3.0, 1.0, 0.0, 5.0, 7.0, 0.0, 1.0, 1.0, 2.0];
    let members = scales.len();
    let mut power = sample(2500 + n as u32, members * n * n);
    power.iter_mut().enumerate().for_each(|(i, x)| *x = (*x * scales[i / (n * n)]) as f32 as f64);
    power[6 * n * n] = 1.0;
    // The other exponents put the norms far from the limits at which a decision turns.
    let state = [
        [0, 0, 0, 0],
        [3, 5, 2, 4],
        [8, -4, 6, 20],
        [2, 1, 0, 0],
        [9, 2, 0, 0],
        [5, 0, 4, 2],
        [4, 0, 1, 0],
        [7, 9, 2, 60],
        [8, 9, 2, 60],
        [2, 5, 1, 10],
    ];
    Case {
        name: format!("{n} x {n}"),
        members,
        params: Params { n: n as u32, most: 10, band: f64::powi(2.0, -12) },
        buffers: vec![
            CaseBuffer::Real(power),
            CaseBuffer::Int(vec![2, -1, 0, 0, 1, 0, 0, 0, 0, 3]),
            CaseBuffer::Real(vec![0.0, 6.5, 3.0, 2.0, 1.5, 9.0, 1.0, 1.0, 1.0, 1.5 + f64::powi(2.0, -13)]),
            CaseBuffer::Int(state.concat()),
            CaseBuffer::Real(vec![0.0, 1.25, 1.5, 1.0, 1.0, 1.5, 1.0, 1.0, 1.0, 1.5]),
            CaseBuffer::Word(vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 1]),
            CaseBuffer::Word(vec![0, 1, 1, 1, 1, 0, 1, 1, 1, 1]),
            CaseBuffer::Word(vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
        ],
        // Scaling is exact, and so is the mantissa of a value.
        tolerance: vec![vec![0.0], vec![0.0]],
    }
}
