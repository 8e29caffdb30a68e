//! Parity cases of `largest_eigenvalue`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    [(1, 3), (2, 3), (17, 4), (64, 3), (130, 3)].into_iter().map(|(n, members)| case(n, members)).collect()
}

/// Random matrices; then a constant one, whose pivots vanish; then zero; then one that is not wanted.
fn case(n: usize, members: usize) -> Case<Params> {
    let keep = |values: Vec<f64>| -> Vec<f64> {
        let scale = |(i, x): (usize, f64)| [x as f32 as f64, 1.0, 0.0, x][i / n];
        values.into_iter().enumerate().map(scale).collect()
    };
    let diagonal = keep(sample(2200 + n as u32, members * n));
    let mut beside = keep(sample(2400 + n as u32, members * n));
    beside.iter_mut().skip(n - 1).step_by(n).for_each(|x| *x = 0.0);
    let reach = |i: usize| diagonal[i].abs() + beside[i].abs() + if i > 0 { beside[i - 1].abs() } else { 0.0 };
    let size = (0..members * n).map(reach).fold(0.0, f64::max);
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32 },
        buffers: vec![
            CaseBuffer::Word((0..members).map(|member| u32::from(member < 3)).collect()),
            CaseBuffer::Real(diagonal),
            CaseBuffer::Real(beside),
            CaseBuffer::Real(vec![0.25; members]),
        ],
        tolerance: vec![vec![8.0 * f32::EPSILON as f64 * size]],
    }
}
