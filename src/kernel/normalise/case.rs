//! Parity cases of `normalise`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [
        (1, 4, 1, 1e-5),
        (7, 12, 3, 1e-5),
        (64, 32, 2, 1e-5),
        (61, 68, 2, 1e-12),
        (421, 12, 1, 1e-5),
        (128, 40, 1, 1e-6),
    ]
    .map(|(width, columns, members, epsilon)| Shape { width, columns, members, epsilon });
    let cases = shapes.into_iter().enumerate();
    cases.flat_map(|(i, shape)| [0, 1].map(|kind| case(1100 + i as u32, shape, kind))).collect()
}

/// The sizes of a case, and its ε.
#[derive(Clone, Copy)]
struct Shape {
    width: usize,
    columns: usize,
    members: usize,
    epsilon: f64,
}

/// With u = 2^-23, n rows and the largest element a of a column: the corrected mean is off by 2 u a and (n + 3) u times
/// the largest centred element, so a centred element by e / inverse with e = (3 a + (n + 3) largest centred) u inverse;
/// hence inverse by relative e + (n / 2 + 8) u.
fn case(stream: u32, shape: Shape, root_mean_square: u32) -> Case<Params> {
    let Shape { width, columns, members, epsilon } = shape;
    let rows = width.next_multiple_of(4);
    let mut x = vec![0.0; members * rows * columns];
    let values = sample(stream, members * rows * columns);
    for (i, value) in x.iter_mut().enumerate() {
        let (row, column) = (i / columns % rows, i % columns);
        // Columns of every scale, some far from 0 and one constant.
        let spread = if column == 1 { 0.0 } else { ((column % 9) as f64 - 4.0).exp2() };
        if row < width {
            *value = (spread * values[i] + (column % 3) as f64 * ((column % 4) as f64 * 5.0).exp2()) as f32 as f64;
        }
    }
    let ulp = f32::EPSILON as f64;
    let (mut out, mut inverse) = (vec![0.0; x.len()], vec![0.0; members * columns]);
    for (m, c) in (0..members).flat_map(|m| (0..columns).map(move |c| (m, c))) {
        let column: Vec<f64> = (0..width).map(|r| x[(m * rows + r) * columns + c]).collect();
        let mean = if root_mean_square == 1 { 0.0 } else { column.iter().sum::<f64>() / width as f64 };
        let variance = column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / width as f64;
        let scale = 1.0 / (variance + epsilon).sqrt();
        let largest = column.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        let centred = column.iter().fold(0.0, |a: f64, x| a.max((x - mean).abs()));
        // The mean itself is off by (n + 1) u a, which its correction has to carry.
        let carried = centred + (width + 1) as f64 * ulp * largest;
        let e = (3.0 * largest + (width + 3) as f64 * carried) * ulp * scale;
        let relative = e + (width as f64 / 2.0 + 8.0) * ulp;
        inverse[m * columns + c] = scale * relative;
        for r in 0..width {
            let y = ((column[r] - mean) * scale).abs();
            out[(m * rows + r) * columns + c] = (e + y * relative) * 1.01;
        }
    }
    Case {
        name: format!("{width} x {columns}, {members} members, kind {root_mean_square}, epsilon {epsilon:e}"),
        members,
        params: Params { width: width as u32, rows: rows as u32, columns: columns as u32, root_mean_square, epsilon },
        buffers: vec![
            CaseBuffer::Real(x),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
            CaseBuffer::Real(vec![f64::NAN; members * columns]),
        ],
        tolerance: vec![out, inverse],
    }
}
