//! Parity cases of `fill_tangents`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::{Tensor, normal_table};

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 1, 1, 1, 1, 1), (6, 3, 2, 8, 5, 2), (5, 5, 3, 1, 1, 3), (64, 2, 17, 4, 4, 2)].map(
        |(width, tokens, points, vectors, drawn, members)| Shape { width, tokens, points, vectors, drawn, members },
    );
    shapes.into_iter().map(case).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    width: u32,
    tokens: u32,
    points: u32,
    vectors: u32,
    drawn: u32,
    members: usize,
}

/// The numbers are exact in f32.
fn case(Shape { width, tokens, points, vectors, drawn, members }: Shape) -> Case<Params> {
    let (rows, columns) = (width.next_multiple_of(4), (tokens * points).next_multiple_of(4));
    Case {
        name: format!("{drawn} of {vectors} vectors of {width} x {tokens}, {points} points, {members} members"),
        members,
        params: Params {
            width,
            rows,
            tokens,
            columns,
            used_columns: tokens * points,
            vectors,
            drawn,
            seed_low: 7,
            seed_high: 1,
            tensor: Tensor::Deviations as u32,
        },
        buffers: vec![
            CaseBuffer::Word((0..members as u32).collect()),
            CaseBuffer::SharedWord(normal_table().to_vec()),
            CaseBuffer::Real(vec![f64::NAN; members * (rows * columns * vectors) as usize]),
        ],
        tolerance: vec![vec![0.0]],
    }
}
