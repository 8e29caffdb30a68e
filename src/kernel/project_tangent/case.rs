//! Parity cases of `project_tangent`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::activation::kind;
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shape = |(rows, inner, points, vectors, members, activation)| Shape {
        rows,
        inner,
        points,
        vectors,
        members,
        activation,
    };
    let shapes = [
        (4, 4, 4, 4, 1, kind::RELU),
        (8, 4, 4, 12, 3, kind::GELU),
        (68, 20, 8, 20, 2, kind::TANH),
        (16, 64, 4, 64, 1, kind::GELU),
        (68, 20, 72, 1, 2, kind::GELU),
        (8, 4, 12, 1, 1, kind::TANH),
    ]
    .map(shape);
    let own = shapes.into_iter().enumerate().map(|(i, shape)| case(1500 + 10 * i as u32, shape, false));
    let shared = [(20, 68, 4, 12, 3, kind::IDENTITY), (12, 4, 8, 1, 2, kind::TANH)].map(shape).into_iter().enumerate();
    own.chain(shared.map(|(i, shape)| case(1560 + 10 * i as u32, shape, true))).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    inner: usize,
    points: usize,
    vectors: usize,
    members: usize,
    activation: u32,
}

/// The product's error as in `project`; the slope, below 1.13, is off by its functions' error.
fn case(stream: u32, Shape { rows, inner, points, vectors, members, activation }: Shape, shared: bool) -> Case<Params> {
    let columns = points * vectors;
    let weights = sample(stream, if shared { 1 } else { members } * rows * inner);
    let input = sample(stream + 1, members * inner * columns);
    let pre = sample(stream + 2, members * rows * points);
    let scale = 1.0 / (inner as f64).sqrt();
    let mut bounds = Vec::with_capacity(members * rows * columns);
    for (m, r) in (0..members).flat_map(|m| (0..rows).map(move |r| (m, r))) {
        for c in 0..columns {
            let w = &weights[(m * rows + r) * inner % weights.len()..][..inner];
            let size: f64 = (0..inner).map(|k| (w[k] * input[(m * inner + k) * columns + c]).abs()).sum();
            bounds.push(scale * size * (1.13 * (inner + 5) as f64 * f32::EPSILON as f64 + 4.0 * ELEMENTARY_ERROR));
        }
    }
    Case {
        name: format!(
            "{rows} x {inner} x {points} x {vectors}, {members} members, activation {activation}, shared weights {shared}"
        ),
        members,
        params: Params {
            rows: rows as u32,
            inner: inner as u32,
            columns: columns as u32,
            vectors: vectors as u32,
            activation,
            scale,
        },
        buffers: vec![
            if shared { CaseBuffer::SharedReal(weights) } else { CaseBuffer::Real(weights) },
            CaseBuffer::Real(input),
            CaseBuffer::Real(pre),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
        ],
        tolerance: vec![bounds],
    }
}
