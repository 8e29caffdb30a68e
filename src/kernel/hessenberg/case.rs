//! Parity cases of `hessenberg`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(3, 1), (4, 3), (8, 2), (17, 2), (33, 2), (92, 1)].map(|(n, members)| Shape { n, members });
    shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    members: usize,
}

fn case(i: u32, Shape { n, members }: Shape) -> Case<Params> {
    let mut a = sample(200 + i, members * n * n);
    a.iter_mut().for_each(|x| *x = (*x / (n as f64).sqrt()) as f32 as f64);
    // The entries below the first column's subdiagonal are zero already in the last member: nothing to reflect.
    let last = (members - 1) * n * n;
    (2..n).for_each(|row| a[last + row * n] = 0.0);
    // At most 16 columns: late columns depend on rounding errors ever more, though the eigenvalues do not.
    // 2 n reflectors with dot products of n terms on a matrix of norm 2.
    let error = 16.0 * (n * n) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32, first: 0, last: 16.min(n as u32 - 2) },
        buffers: vec![CaseBuffer::Real(a)],
        tolerance: vec![vec![error]],
    }
}
