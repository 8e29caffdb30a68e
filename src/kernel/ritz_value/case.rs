//! Parity cases of `ritz_value`.

use super::Params;
use crate::kernel::inverse_lanczos::POINTS;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    vec![case(1, 4), case(3, 30), case(7, 7), case(7, 30)]
}

/// Bands as they come: a diagonal that falls off from 1 and smaller elements beside it. Every third point has stopped.
fn case(length: usize, most: usize) -> Case<Params> {
    let members = 2;
    let noise = sample(2790 + most as u32, members * most * 2 * POINTS);
    let band = |(i, x): (usize, f64)| {
        let (step, beside) = (i / (2 * POINTS) % most, i / POINTS % 2 == 1);
        let size = if beside { 0.5 } else { 1.0 } / (1 + step) as f64;
        (size * (1.0 + 0.2 * x.abs().min(3.0))) as f32 as f64
    };
    let lengths =
        |i: usize| if (i / POINTS).is_multiple_of(2) { length as u32 } else { u32::from(i.is_multiple_of(3)) };
    // sigma below 2 is off by half the relative error of theta, the residual, below 1, by some 10 roundings for each
    // element of the vector, whose pivots are above 1/10 of theta.
    let error = 100.0 * (length + 1) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{length} of {most} steps"),
        members,
        // Far from the residuals of 3 and of 7 steps.
        params: Params { most: most as u32, tolerance: 1e-3 },
        buffers: vec![
            CaseBuffer::Real(noise.into_iter().enumerate().map(band).collect()),
            CaseBuffer::Real((0..members * POINTS).map(|i| 1.0 + i as f64).collect()),
            CaseBuffer::Word((0..members * 2 * POINTS).map(lengths).collect()),
            CaseBuffer::Real(vec![f64::NAN; members * 2 * POINTS]),
            CaseBuffer::Word(vec![7; members]),
        ],
        tolerance: vec![vec![error]],
    }
}
