//! Parity cases of `francis`.

use super::{PROGRESS, Params};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 1, 2), (2, 1, 3), (3, 1, 2), (4, 2, 3), (9, 3, 2), (17, 2, 2), (33, 1, 1)]
        .map(|(n, sweeps, members)| Shape { n, sweeps, members });
    shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    sweeps: u32,
    members: usize,
}

/// Well-separated matrices, so that f32 and f64 take the same decisions: a random Hessenberg matrix, coupled to a
/// block that is finished already where it has room.
fn case(i: u32, Shape { n, sweeps, members }: Shape) -> Case<Params> {
    let noise = sample(300 + i, members * n * n);
    let mut h = vec![0.0; members * n * n];
    for (at, (value, noise)) in h.iter_mut().zip(&noise).enumerate() {
        let (row, column) = (at / n % n, at % n);
        let cut = n >= 9 && row == n - 3 && column == n - 4;
        let below = n >= 9 && row == n - 1 && column == n - 2;
        *value = match (row, column) {
            _ if cut || below || row > column + 1 => 0.0,
            _ if row == column + 1 => 1.0 + 0.25 * noise.abs(),
            _ => 0.5 * noise,
        } as f32 as f64;
    }
    // Each sweep is a product of 2 n reflectors of rounding error 8 ulp each on entries of size 4, and the shifts'
    // own rounding is amplified by the start of the bulge.
    let error = 64.0 * (n * n) as f64 * sweeps as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{n} x {n}, {sweeps} sweeps, {members} members"),
        members,
        params: Params { n: n as u32, sweeps, limit: 30 * n.max(10) as u32 },
        buffers: vec![
            CaseBuffer::Real(h),
            CaseBuffer::Word(vec![0; PROGRESS * members]),
            CaseBuffer::Word(vec![0; members]),
            CaseBuffer::Word(vec![0; members]),
        ],
        tolerance: vec![vec![error]],
    }
}
