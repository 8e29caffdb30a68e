//! Parity cases of `components`.

use super::{Params, block_triangular, words};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 2), (2, 4), (5, 4), (8, 9), (16, 5), (33, 4), (70, 4)].map(|(n, members)| Shape { n, members });
    shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    members: usize,
}

/// In turn: full matrices, zeros, one cycle through all indices, and block triangular ones in a mixed order.
fn case(i: u32, Shape { n, members }: Shape) -> Case<Params> {
    let mut a = sample(700 + i, members * n * n);
    for (member, matrix) in a.chunks_mut(n * n).enumerate() {
        let cycle = |at: usize| at % n == (at / n + 1) % n;
        match member % 4 {
            0 => {}
            1 => matrix.fill(0.0),
            2 => (0..n * n).filter(|&at| !cycle(at)).for_each(|at| matrix[at] = 0.0),
            _ => matrix.copy_from_slice(&block_triangular(n, 2 + member / 4, matrix)),
        }
        matrix.iter_mut().for_each(|x| *x = *x as f32 as f64);
    }
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32, first: 0, last: n as u32 },
        buffers: vec![
            CaseBuffer::Real(a),
            CaseBuffer::Word(vec![0; members * n * words(n)]),
            CaseBuffer::Word(vec![77; 2 * members * n]),
        ],
        tolerance: vec![],
    }
}
