//! Parity cases of `tridiagonal`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 2, 4), (2, 2, 4), (3, 1, 3), (17, 2, 20), (33, 3, 36), (92, 1, 92)]
        .map(|(n, members, stride)| Shape { n, members, stride });
    shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    members: usize,
    stride: usize,
}

/// Symmetric parts of random matrices of norm about 2. The last of three members is not wanted.
fn case(i: u32, Shape { n, members, stride }: Shape) -> Case<Params> {
    let mut s = sample(2100 + i, members * stride * stride);
    s.iter_mut().for_each(|x| *x = (*x / (n as f64).sqrt()) as f32 as f64);
    // At most 16 columns: late columns depend on rounding errors ever more, though the eigenvalues do not.
    // 2 n reflectors with dot products of n terms.
    let error = 16.0 * (n * n) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32, stride: stride as u32, first: 0, last: 16.min((n as u32).saturating_sub(2)) },
        buffers: vec![
            CaseBuffer::Word((0..members).map(|member| u32::from(member < 2)).collect()),
            CaseBuffer::Real(s),
            CaseBuffer::Real(vec![0.25; members * n * n]),
            CaseBuffer::Real(vec![0.25; members * n]),
            CaseBuffer::Real(vec![0.25; members * n]),
        ],
        tolerance: vec![vec![error], vec![error], vec![error]],
    }
}
