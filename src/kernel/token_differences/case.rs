//! Parity cases of `token_differences`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 4, 1, 1), (8, 12, 5, 2), (12, 68, 3, 3)].map(|(rows, columns, tokens, members)| Shape {
        rows,
        columns,
        tokens,
        members,
    });
    shapes.into_iter().enumerate().map(|(i, shape)| case(1650 + i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: u32,
    columns: u32,
    tokens: u32,
    members: usize,
}

/// One rounding of a difference of numbers below 6.3.
fn case(stream: u32, Shape { rows, columns, tokens, members }: Shape) -> Case<Params> {
    let x = sample(stream, members * (rows * columns) as usize);
    Case {
        name: format!("{rows} x {columns}, {tokens} tokens, {members} members"),
        members,
        params: Params { rows, columns, tokens },
        buffers: vec![CaseBuffer::Real(x.clone()), CaseBuffer::Real(vec![f64::NAN; x.len()])],
        tolerance: vec![vec![12.6 * f32::EPSILON as f64; x.len()]],
    }
}
