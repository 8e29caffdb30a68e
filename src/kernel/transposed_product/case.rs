//! Parity cases of `transposed_product`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 3), (8, 2), (36, 2), (64, 1)].map(|(n, members)| Shape { n, members });
    shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    members: usize,
}

/// The second member does not want its product, and its output stays what it was.
fn case(i: u32, Shape { n, members }: Shape) -> Case<Params> {
    let (x, y) = (sample(2000 + 2 * i, members * n * n), sample(2001 + 2 * i, members * n * n));
    let bound = |at: usize| {
        let (member, row, column) = (at / (n * n), at / n % n, at % n);
        let size = |k: usize| (x[(member * n + k) * n + row] * y[(member * n + k) * n + column]).abs();
        (n + 2) as f64 * f32::EPSILON as f64 * (0..n).map(size).sum::<f64>()
    };
    let tolerance = vec![(0..members * n * n).map(bound).collect()];
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32 },
        buffers: vec![
            CaseBuffer::Word((0..members).map(|member| u32::from(member != 1)).collect()),
            CaseBuffer::Real(x),
            CaseBuffer::Real(y),
            CaseBuffer::Real(vec![0.25; members * n * n]),
        ],
        tolerance,
    }
}
