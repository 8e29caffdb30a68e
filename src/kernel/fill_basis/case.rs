//! Parity cases of `fill_basis`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 1, 4, 4, 0, 1), (6, 3, 8, 20, 0, 2), (5, 5, 12, 8, 20, 3)];
    shapes
        .into_iter()
        .map(|(width, tokens, columns, vectors, first, members)| {
            case(Params { width, rows: u32::next_multiple_of(width, 4), tokens, columns, vectors, first }, members)
        })
        .collect()
}

/// Zeros and ones are exact.
fn case(params: Params, members: usize) -> Case<Params> {
    let size = members * (params.rows * params.columns * params.vectors) as usize;
    Case {
        name: format!("{} vectors from {} of {} x {}", params.vectors, params.first, params.width, params.tokens),
        members,
        params,
        buffers: vec![CaseBuffer::Real(vec![f64::NAN; size])],
        tolerance: vec![vec![0.0]],
    }
}
