//! Parity cases of `activate_tangent`.

use super::Params;
use crate::kernel::activate::case::of_every_size;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::activation::kind;
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [
        (1, 4, 1, 1, 0, kind::GELU),
        (7, 9, 8, 3, 1, kind::SILU),
        (64, 12, 1, 2, 1, kind::GELU),
        (10, 65, 4, 1, 0, kind::TANH_GELU),
        (5, 1, 20, 2, 1, kind::TANH_GELU),
        (6, 16, 4, 2, 0, kind::SILU),
        (6, 16, 1, 1, 1, kind::RELU),
        (3, 3, 12, 2, 1, kind::IDENTITY),
    ]
    .map(|(hidden, columns, vectors, members, gated, activation)| Shape {
        hidden,
        columns,
        vectors,
        members,
        gated,
        activation,
    });
    shapes.into_iter().enumerate().map(|(i, shape)| case(3200 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    hidden: usize,
    columns: usize,
    vectors: usize,
    members: usize,
    gated: u32,
    activation: u32,
}

/// The errors of the slope, of the activation relative to its argument, and of two products and a sum.
fn case(stream: u32, Shape { hidden, columns, vectors, members, gated, activation }: Shape) -> Case<Params> {
    let (rows, stacked_rows) = (hidden.next_multiple_of(4), (hidden << gated).next_multiple_of(4));
    let stacked = of_every_size(stream, members * stacked_rows * columns);
    let deviations = sample(stream + 1, members * stacked_rows * columns * vectors);
    let ulp = f64::from(f32::EPSILON);
    let mut bounds = vec![0.0; members * rows * columns * vectors];
    for (m, r) in (0..members).flat_map(|m| (0..hidden).map(move |r| (m, r))) {
        for (c, v) in (0..columns).flat_map(|c| (0..vectors).map(move |v| (c, v))) {
            let of = |row: usize| {
                let at = (m * stacked_rows + row) * columns + c;
                (stacked[at].abs(), deviations[at * vectors + v].abs())
            };
            let ((gate, of_gate), (up, of_up)) = (of(r), if gated != 0 { of(hidden + r) } else { (1.0, 0.0) });
            bounds[((m * rows + r) * columns + c) * vectors + v] = (4.0 * ELEMENTARY_ERROR + 4.0 * ulp) * up * of_gate
                + (2.0 * ELEMENTARY_ERROR + 3.0 * ulp) * gate * of_up;
        }
    }
    Case {
        name: format!(
            "{hidden} units, {columns} x {vectors}, {members} members, gated {gated}, activation {activation}"
        ),
        members,
        params: Params {
            hidden: hidden as u32,
            stacked_rows: stacked_rows as u32,
            rows: rows as u32,
            columns: columns as u32,
            vectors: vectors as u32,
            gated,
            activation,
        },
        buffers: vec![
            CaseBuffer::Real(stacked),
            CaseBuffer::Real(deviations),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns * vectors]),
        ],
        tolerance: vec![bounds],
    }
}
