//! Parity cases of `inverse_lanczos`.

use super::{PARTS, POINTS, Params, start};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    vec![case(1, 1, true), case(2, 1, true), case(3, 2, true), case(16, 3, true), case(37, 2, false)]
}

/// Three blocks of points at 3 to 4 from the origin around a Hessenberg matrix of norm about 2; the last one may be
/// finished.
fn case(n: usize, steps: u32, finished: bool) -> Case<Params> {
    let (members, most) = (3, 4);
    let scaled = |x: f64| (x / (n as f64).sqrt()) as f32 as f64;
    let h: Vec<f64> = sample(2800 + n as u32, n * n).into_iter().map(scaled).collect();
    let h = h.into_iter().enumerate().map(|(i, x)| if i / n > i % n + 1 { 0.0 } else { x }).collect();
    let place = |i: usize| {
        let (radius, angle) = (3.0 + (i % 7) as f64 / 7.0, (i % POINTS) as f64 / 10.0);
        (radius * if (i / POINTS).is_multiple_of(2) { angle.cos() } else { angle.sin() }) as f32 as f64
    };
    let length = |i: usize| u32::from(finished && i / POINTS == 5);
    // Condition about 5 at most: a solution is off by 5 n epsilon, a step by five times that, and a vector of the next
    // step, divided by its norm of about 1/10 of the diagonal, by ten times more. State: 3 steps of it.
    let error = 250.0 * 3.0 * (n + 8) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{n} x {n}, {steps} steps{}", if finished { ", a finished block" } else { "" }),
        members,
        params: Params { n: n as u32, most, steps },
        buffers: vec![
            CaseBuffer::SharedReal(h),
            CaseBuffer::Real((0..members * 2 * POINTS).map(place).collect()),
            CaseBuffer::SharedReal(start(n)),
            CaseBuffer::Real(vec![0.0; members * n * PARTS * POINTS]),
            CaseBuffer::Real(vec![0.0; members * most as usize * 2 * POINTS]),
            CaseBuffer::Real(vec![0.0; members * POINTS]),
            CaseBuffer::Word((0..members * 2 * POINTS).map(length).collect()),
            CaseBuffer::Word(vec![0, 0, u32::from(finished)]),
        ],
        tolerance: vec![vec![error], vec![error], vec![error]],
    }
}
