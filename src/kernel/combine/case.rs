//! Parity cases of `combine`.

use super::{MOST_TERMS, Params};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 4, 1, 2), (8, 12, 3, 3), (64, 68, 2, 5), (4, 260, 1, 4)]
        .map(|(rows, columns, members, terms)| Shape { rows, columns, members, terms });
    shapes.into_iter().enumerate().map(|(i, shape)| case(1900 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    members: usize,
    terms: usize,
}

/// A sum of five products is off by at most 6 roundings of the sum of their magnitudes.
fn case(stream: u32, Shape { rows, columns, members, terms }: Shape) -> Case<Params> {
    let size = members * rows * columns;
    let states: Vec<Vec<f64>> = (0..MOST_TERMS).map(|k| sample(stream + k as u32, size)).collect();
    let factors = sample(stream + 5, MOST_TERMS);
    let magnitude = |i: usize| (0..terms).map(|k| (factors[k] * states[k][i]).abs()).sum::<f64>();
    let bounds = (0..size).map(|i| 6.0 * f32::EPSILON as f64 * magnitude(i)).collect();
    let mut buffers: Vec<CaseBuffer> = states.into_iter().map(CaseBuffer::Real).collect();
    buffers.push(CaseBuffer::SharedReal(factors));
    buffers.push(CaseBuffer::Real(vec![f64::NAN; size]));
    Case {
        name: format!("{terms} states of {rows} x {columns}, {members} members"),
        members,
        params: Params { rows: rows as u32, columns: columns as u32, terms: terms as u32 },
        buffers,
        tolerance: vec![bounds],
    }
}
