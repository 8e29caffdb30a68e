//! Parity cases of `orthonormalise`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 1, 1), (4, 4, 3), (8, 7, 2), (64, 64, 2), (68, 5, 2), (32, 32, 5)]
        .map(|(rows, columns, members)| Shape { rows, columns, members });
    shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    members: usize,
}

/// Well-conditioned vectors: unit vectors with a little noise, in scales from 2^-8 to 2^8.
fn case(i: u32, Shape { rows, columns, members }: Shape) -> Case<Params> {
    let stride = columns.next_multiple_of(4);
    let mut deviations = vec![0.0; members * rows * stride];
    let noise = sample(100 + i, members * rows * columns);
    for m in 0..members {
        for r in 0..rows {
            for c in 0..columns {
                let scale = ((c % 5) as f64 * 4.0 - 8.0).exp2();
                let unit = if r == c { 1.0 } else { 0.0 };
                let value = scale * (unit + 0.05 * noise[(m * rows + r) * columns + c] / (rows as f64).sqrt());
                deviations[(m * rows + r) * stride + c] = value as f32 as f64;
            }
        }
    }
    // Each vector takes part in at most `columns` projections of `rows` terms, each off by (rows + 4) ulp of its
    // length, amplified by the condition of the noise, which is below 2.
    let error = 2.0 * (columns * (rows + 4)) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{columns} vectors of {rows}, {members} members"),
        members,
        params: Params {
            rows: rows as u32,
            columns: columns as u32,
            stride: stride as u32,
            first: 0,
            last: columns as u32,
            block: 1,
            blocks: 2,
            begin: i % 2,
        },
        buffers: vec![
            CaseBuffer::Real(deviations),
            CaseBuffer::Real(vec![1.25; members * 2 * stride]),
            CaseBuffer::Int(vec![3; members * 2 * stride]),
        ],
        tolerance: vec![vec![error], vec![2.0 * error]],
    }
}
