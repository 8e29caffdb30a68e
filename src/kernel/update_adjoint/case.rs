//! Parity cases of `update_adjoint`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 4, 1), (8, 12, 3), (68, 260, 2), (4, 1028, 1)].map(|(rows, columns, members)| Shape {
        rows,
        columns,
        members,
    });
    shapes.into_iter().enumerate().map(|(i, shape)| case(3600 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    members: usize,
}

/// Two products and their sum.
fn case(stream: u32, Shape { rows, columns, members }: Shape) -> Case<Params> {
    let coefficients = sample(stream, 2 * columns);
    let (base, image) = (sample(stream + 1, members * rows * columns), sample(stream + 2, members * rows * columns));
    let bound = |i: usize| {
        let c = i % columns;
        2.0 * f64::from(f32::EPSILON)
            * ((coefficients[c] * base[i]).abs() + (coefficients[columns + c] * image[i]).abs())
    };
    Case {
        name: format!("{rows} x {columns}, {members} members"),
        members,
        params: Params { rows: rows as u32, columns: columns as u32 },
        tolerance: vec![(0..base.len()).map(bound).collect()],
        buffers: vec![
            CaseBuffer::SharedReal(coefficients.clone()),
            CaseBuffer::Real(base.clone()),
            CaseBuffer::Real(image.clone()),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
        ],
    }
}
