//! Parity cases of `add_bias`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 4, 1, true), (8, 12, 3, true), (64, 68, 2, false), (4, 260, 1, true), (12, 8, 3, false)]
        .map(|(rows, columns, members, shared)| Shape { rows, columns, members, shared });
    shapes.into_iter().enumerate().map(|(i, shape)| case(2900 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    members: usize,
    shared: bool,
}

/// A product and a sum are off by two roundings, of a sum of magnitudes.
fn case(stream: u32, Shape { rows, columns, members, shared }: Shape) -> Case<Params> {
    let owners = if shared { 1 } else { members };
    let (bias, coefficients) = (sample(stream, owners * rows), sample(stream + 1, 2 * columns));
    let x = sample(stream + 2, members * rows * columns);
    let magnitude =
        |i: usize| x[i].abs() + (coefficients[columns + i % columns] * bias[i / columns % (owners * rows)]).abs();
    let bounds = (0..x.len()).map(|i| 2.0 * f32::EPSILON as f64 * magnitude(i)).collect();
    let bias = if shared { CaseBuffer::SharedReal(bias) } else { CaseBuffer::Real(bias) };
    Case {
        name: format!("{rows} x {columns}, {members} members, shared {shared}"),
        members,
        params: Params { rows: rows as u32, columns: columns as u32 },
        buffers: vec![bias, CaseBuffer::SharedReal(coefficients), CaseBuffer::Real(x)],
        tolerance: vec![bounds],
    }
}
