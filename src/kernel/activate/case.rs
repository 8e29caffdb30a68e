//! Parity cases of `activate`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::activation::kind;
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [
        (1, 4, 1, 0, kind::GELU),
        (7, 12, 3, 1, kind::SILU),
        (64, 36, 2, 1, kind::GELU),
        (10, 260, 1, 0, kind::TANH_GELU),
        (5, 20, 2, 1, kind::TANH_GELU),
        (6, 16, 2, 0, kind::SILU),
        (6, 16, 1, 1, kind::RELU),
        (3, 8, 2, 1, kind::IDENTITY),
    ]
    .map(|(hidden, columns, members, gated, activation)| Shape { hidden, columns, members, gated, activation });
    shapes.into_iter().enumerate().map(|(i, shape)| case(3100 + 10 * i as u32, shape)).collect()
}

/// Numbers of both signs and every size up to 2^48, which states keep below, 0 among them.
pub(in crate::kernel) fn of_every_size(stream: u32, count: usize) -> Vec<f64> {
    let large = |i: usize| if i % 5 == 4 { ((i % 53) as f64 - 4.0).exp2() } else { 2.0 };
    sample(stream, count).into_iter().enumerate().map(|(i, x)| if i % 17 == 3 { 0.0 } else { x * large(i) }).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    hidden: usize,
    columns: usize,
    members: usize,
    gated: u32,
    activation: u32,
}

/// The activation's own error, relative to its argument (beyond -87 the tail of the sigmoid stays e^-87 times that),
/// and that of a product.
fn case(stream: u32, Shape { hidden, columns, members, gated, activation }: Shape) -> Case<Params> {
    let rows = hidden.next_multiple_of(4);
    let stacked_rows = (hidden << gated).next_multiple_of(4);
    let stacked = of_every_size(stream, members * stacked_rows * columns);
    let mut bounds = vec![0.0; members * rows * columns];
    for (m, r) in (0..members).flat_map(|m| (0..hidden).map(move |r| (m, r))) {
        for c in 0..columns {
            let at = |row: usize| stacked[(m * stacked_rows + row) * columns + c].abs();
            let up = if gated != 0 { at(hidden + r) } else { 1.0 };
            bounds[(m * rows + r) * columns + c] =
                (2.0 * ELEMENTARY_ERROR + f64::from(f32::EPSILON)) * at(r).max(1e-30) * up;
        }
    }
    Case {
        name: format!("{hidden} units, {columns} columns, {members} members, gated {gated}, activation {activation}"),
        members,
        params: Params {
            hidden: hidden as u32,
            stacked_rows: stacked_rows as u32,
            rows: rows as u32,
            columns: columns as u32,
            gated,
            activation,
        },
        buffers: vec![CaseBuffer::Real(stacked), CaseBuffer::Real(vec![f64::NAN; members * rows * columns])],
        tolerance: vec![bounds],
    }
}
