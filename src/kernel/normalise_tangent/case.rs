//! Parity cases of `normalise_tangent`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 4, 4, 1), (7, 8, 12, 3), (64, 4, 36, 2), (61, 12, 4, 2), (5, 44, 1, 2)]
        .map(|(width, columns, vectors, members)| Shape { width, columns, vectors, members });
    let cases = shapes.into_iter().enumerate();
    cases.flat_map(|(i, shape)| [0, 1].map(|kind| case(1400 + 10 * i as u32, shape, kind))).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    width: usize,
    columns: usize,
    vectors: usize,
    members: usize,
}

/// Two sums of n terms, then three operations on each element.
fn case(stream: u32, Shape { width, columns, vectors, members }: Shape, kind: u32) -> Case<Params> {
    let rows = width.next_multiple_of(4);
    let y = sample(stream, members * rows * columns);
    let inverse = sample(stream + 1, members * columns);
    let deviations = sample(stream + 2, members * rows * columns * vectors);
    let mut bounds = vec![0.0; deviations.len()];
    let ulp = f32::EPSILON as f64;
    for (m, c) in (0..members).flat_map(|m| (0..columns).map(move |c| (m, c))) {
        for k in 0..vectors {
            let at = |r: usize| (m * rows + r) * columns + c;
            let d = |r: usize| deviations[at(r) * vectors + k].abs();
            let n = width as f64;
            let mean = (0..width).map(d).sum::<f64>() / n;
            let along = (0..width).map(|r| d(r) * y[at(r)].abs()).sum::<f64>() / n;
            for r in 0..width {
                let size = d(r) + (n + 5.0) * (mean + y[at(r)].abs() * along);
                bounds[at(r) * vectors + k] = 4.0 * ulp * inverse[m * columns + c].abs() * size;
            }
        }
    }
    Case {
        name: format!("{width} x {columns} x {vectors}, {members} members, kind {kind}"),
        members,
        params: Params {
            width: width as u32,
            rows: rows as u32,
            columns: columns as u32,
            vectors: vectors as u32,
            root_mean_square: kind,
        },
        buffers: vec![
            CaseBuffer::Real(y),
            CaseBuffer::Real(inverse),
            CaseBuffer::Real(deviations),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns * vectors]),
        ],
        tolerance: vec![bounds],
    }
}
