//! Parity cases of `affine`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 4, 1, 1, false), (7, 260, 3, 1, true), (64, 12, 2, 0, true), (5, 36, 2, 0, false)]
        .map(|(rows, columns, members, biased, shared)| Shape { rows, columns, members, biased, shared });
    shapes.into_iter().enumerate().map(|(i, shape)| case(2800 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    members: usize,
    biased: u32,
    shared: bool,
}

/// A product and a sum, fused or not.
fn case(stream: u32, Shape { rows, columns, members, biased, shared }: Shape) -> Case<Params> {
    let owners = if shared { 1 } else { members };
    let (gain, bias) = (sample(stream, owners * rows), sample(stream + 1, owners * rows));
    let x = sample(stream + 2, members * rows * columns);
    let bound = |i: usize| {
        let row = i / columns % (owners * rows);
        2.0 * f64::from(f32::EPSILON) * ((gain[row] * x[i]).abs() + bias[row].abs())
    };
    let bounds = (0..x.len()).map(bound).collect();
    let of_rows = |values| if shared { CaseBuffer::SharedReal(values) } else { CaseBuffer::Real(values) };
    Case {
        name: format!("{rows} x {columns}, {members} members, biased {biased}, shared {shared}"),
        members,
        params: Params { rows: rows as u32, columns: columns as u32, biased },
        tolerance: vec![bounds],
        buffers: vec![
            of_rows(gain),
            of_rows(bias),
            CaseBuffer::Real(x),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
        ],
    }
}
