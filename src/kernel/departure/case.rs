//! Parity cases of `departure`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    [(1, 4), (5, 8), (33, 36), (130, 132)].into_iter().map(|(n, stride)| case(n, stride)).collect()
}

/// Random entries with eigenvalues of about half their squares; then such that the difference is below 0.
fn case(n: usize, stride: usize) -> Case<Params> {
    let members = 2;
    let matrices = sample(2600 + n as u32, members * stride * stride);
    let mut eigenvalues = sample(2700 + n as u32, members * 2 * n);
    eigenvalues.iter_mut().for_each(|x| *x = (*x * 0.5 * (n as f64).sqrt()) as f32 as f64);
    eigenvalues[2 * n] = (2 * n) as f64 * 4.0;
    let bound = |i: usize| {
        let rows = (0..n).map(|row| &matrices[(i / 2 * stride + row) * stride..][..n]);
        let square: f64 = rows.flatten().map(|x| x * x).sum();
        let normal: f64 = eigenvalues[i / 2 * 2 * n..][..2 * n].iter().map(|x| x * x).sum();
        let error = (2 * n + 64) as f64 * f32::EPSILON as f64 * square;
        // |sqrt(x + e) - sqrt(x)| <= e / sqrt(x), and 4 roundings of the root.
        let of = if i.is_multiple_of(2) { square - normal } else { square };
        if of > 0.0 { error / of.sqrt() + 4.0 * f32::EPSILON as f64 * of.sqrt() } else { 0.0 }
    };
    Case {
        name: format!("{n} x {n}"),
        members,
        params: Params { n: n as u32, stride: stride as u32 },
        tolerance: vec![(0..2 * members).map(bound).collect()],
        buffers: vec![
            CaseBuffer::Real(matrices),
            CaseBuffer::Real(eigenvalues),
            CaseBuffer::Real(vec![f64::NAN; 2 * members]),
        ],
    }
}
