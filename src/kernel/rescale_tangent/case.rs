//! Parity cases of `rescale_tangent`.

use super::{OVERFLOWED, Params};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 1, 4, 1), (8, 5, 3, 2), (64, 16, 2, 3), (12, 70, 1, 2), (260, 3, 5, 1)]
        .map(|(rows, tokens, points, members)| Shape { rows, tokens, points, members });
    shapes.into_iter().enumerate().map(|(i, shape)| case(2300 + i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    tokens: usize,
    points: usize,
    members: usize,
}

/// Tangents of every size. A sum of m squares is off by m 2^-23 of itself; numbers and exponents are exact.
fn case(stream: u32, Shape { rows, tokens, points, members }: Shape) -> Case<Params> {
    let columns = (tokens * points).next_multiple_of(4);
    let sizes = [1.0, 2.0_f64.powi(100), 2.0_f64.powi(-90), 0.0, 3e38];
    let mut deviations = sample(stream, members * rows * columns);
    for (i, x) in deviations.iter_mut().enumerate() {
        // The first member begins where nothing overflows but its last point.
        let (member, point) = (i / (rows * columns), i % columns / tokens);
        *x = (x.clamp(-1.0, 1.0) * sizes[(member + point) % sizes.len()]) as f32 as f64;
    }
    let kept = 3 * points * members;
    let m = (rows * tokens) as f64;
    Case {
        name: format!("{rows} x {tokens}, {points} points, {members} members"),
        members,
        params: Params {
            rows: rows as u32,
            columns: columns as u32,
            tokens: tokens as u32,
            points: points as u32,
            previous: 0,
            row: 2,
            lengths: 3,
            begin: u32::from(tokens == 1),
        },
        buffers: vec![
            CaseBuffer::Real(deviations),
            CaseBuffer::Real(vec![0.25; kept]),
            CaseBuffer::Int((0..kept as i32).map(|i| if i == 1 { OVERFLOWED } else { 7 * i }).collect()),
        ],
        tolerance: vec![vec![0.0], vec![4.0 * m * (m + 4.0) * f32::EPSILON as f64]],
    }
}
