//! Parity cases of `project`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::activation::kind;
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shape = |(rows, inner, columns, members, activation)| Shape { rows, inner, columns, members, activation };
    let shapes = [
        (4, 4, 4, 1, kind::IDENTITY),
        (8, 4, 12, 3, kind::RELU),
        (192, 64, 32, 2, kind::IDENTITY),
        (68, 20, 40, 2, kind::GELU),
        (12, 68, 4, 5, kind::TANH),
        (4, 128, 64, 1, kind::GELU),
        (68, 20, 136, 2, kind::TANH),
    ]
    .map(shape);
    let own = shapes.into_iter().enumerate().map(|(i, shape)| case(1000 + 10 * i as u32, shape, false));
    let shared = [(20, 68, 36, 3, kind::IDENTITY), (8, 4, 4, 2, kind::TANH)].map(shape).into_iter().enumerate();
    own.chain(shared.map(|(i, shape)| case(1080 + 10 * i as u32, shape, true))).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    inner: usize,
    columns: usize,
    members: usize,
    activation: u32,
}

/// A sum of k products is off by at most (k + 2) 2^-23 times the sum of magnitudes; all activations have slopes below
/// 1.13, and their own error is relative, for GELU relative to its argument.
fn case(stream: u32, Shape { rows, inner, columns, members, activation }: Shape, shared: bool) -> Case<Params> {
    let weights = sample(stream, if shared { 1 } else { members } * rows * inner);
    let input = sample(stream + 1, members * inner * columns);
    let scale = 1.0 / (inner as f64).sqrt();
    let mut bounds = Vec::with_capacity(members * rows * columns);
    for (m, r) in (0..members).flat_map(|m| (0..rows).map(move |r| (m, r))) {
        for c in 0..columns {
            let w = &weights[(m * rows + r) * inner % weights.len()..][..inner];
            let products = (0..inner).map(|k| w[k] * input[(m * inner + k) * columns + c]);
            let (sum, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
            let ulp = f32::EPSILON as f64;
            bounds
                .push(1.13 * (inner + 4) as f64 * ulp * scale * size + 2.0 * ELEMENTARY_ERROR * scale * f64::abs(sum));
        }
    }
    Case {
        name: format!(
            "{rows} x {inner} x {columns}, {members} members, activation {activation}, shared weights {shared}"
        ),
        members,
        params: Params { rows: rows as u32, inner: inner as u32, columns: columns as u32, activation, scale },
        buffers: vec![
            if shared { CaseBuffer::SharedReal(weights) } else { CaseBuffer::Real(weights) },
            CaseBuffer::Real(input),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
        ],
        tolerance: vec![bounds],
    }
}
