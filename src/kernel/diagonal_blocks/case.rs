//! Parity cases of `diagonal_blocks`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    vec![case(1, 2), case(2, 3), case(9, 2), case(67, 1)]
}

/// Blocks of one and two rows in turn, the latter with real and with complex pairs.
fn case(n: usize, members: usize) -> Case<Params> {
    let mut h = vec![0.0; members * n * n];
    for (at, value) in h.iter_mut().enumerate() {
        let (member, row, column) = (at / (n * n), at / n % n, at % n);
        *value = match row as i64 - column as i64 {
            0 => 1.0 + 0.5 * ((row * 7 + member) % 5) as f64,
            -1 => 0.75,
            1 if column % 3 == member % 3 => [-2.0, 2.0, 0.125][row % 3],
            1.. => 0.0,
            _ => 9.0,
        };
    }
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32 },
        buffers: vec![CaseBuffer::Real(h), CaseBuffer::Real(vec![0.25; 2 * n * members])],
        // A few roundings of numbers below 8.
        tolerance: vec![vec![64.0 * f32::EPSILON as f64]],
    }
}
