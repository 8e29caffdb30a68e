//! Parity cases of `project_adjoint`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 4, 4, 1, false), (12, 68, 40, 3, true), (68, 20, 12, 2, false), (128, 4, 260, 1, true)]
        .map(|(rows, inner, columns, members, shared)| Shape { rows, inner, columns, members, shared });
    shapes.into_iter().enumerate().map(|(i, shape)| case(3400 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    inner: usize,
    columns: usize,
    members: usize,
    shared: bool,
}

/// A sum of as many products as there are rows, and its factor.
fn case(stream: u32, Shape { rows, inner, columns, members, shared }: Shape) -> Case<Params> {
    let weights = sample(stream, if shared { 1 } else { members } * rows * inner);
    let input = sample(stream + 1, members * rows * columns);
    let scale = 1.0 / (rows as f64).sqrt();
    let bound = |i: usize| {
        let (m, k, c) = (i / (inner * columns), i / columns % inner, i % columns);
        let weight = |r: usize| weights[((m * rows + r) * inner + k) % weights.len()];
        let size: f64 = (0..rows).map(|r| (weight(r) * input[(m * rows + r) * columns + c]).abs()).sum();
        (rows + 4) as f64 * f64::from(f32::EPSILON) * scale * size
    };
    let bounds = (0..members * inner * columns).map(bound).collect();
    Case {
        name: format!("{rows} x {inner} x {columns}, {members} members, shared weights {shared}"),
        members,
        params: Params { rows: rows as u32, inner: inner as u32, columns: columns as u32, scale },
        tolerance: vec![bounds],
        buffers: vec![
            if shared { CaseBuffer::SharedReal(weights.clone()) } else { CaseBuffer::Real(weights.clone()) },
            CaseBuffer::Real(input.clone()),
            CaseBuffer::Real(vec![f64::NAN; members * inner * columns]),
        ],
    }
}
