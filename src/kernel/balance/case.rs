//! Parity cases of `balance`.

use super::{Params, sweeps_at_once};
use crate::kernel::{Case, CaseBuffer, components};
use crate::machine::{Machine, Processor};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 2, 0), (2, 3, 30), (5, 2, -140), (16, 2, 100), (33, 2, 0), (12, 4, -7), (9, 5, 4), (40, 5, -90)]
        .map(|(n, members, e)| Shape { n, members, e });
    shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    members: usize,
    e: i32,
}

/// Random, graded (rows grow, columns shrink), zero, near the identity, and block triangular matrices, at scale 2^e.
/// What couples the blocks of these is up to 2^30 times as large as they are.
fn case(i: u32, Shape { n, members, e }: Shape) -> Case<Params> {
    let mut a = sample(400 + i, members * n * n);
    let mut blocks = Vec::new();
    for (member, matrix) in a.chunks_mut(n * n).enumerate() {
        if member == 4 {
            matrix.copy_from_slice(&components::block_triangular(n, 3, matrix));
        }
        let own = components::blocks_of(matrix, n);
        let block = |i: usize| own.chunks(2).find(|pair| pair[0] == i as u32).map(|pair| pair[1]);
        for (at, x) in matrix.iter_mut().enumerate() {
            let (row, column) = (at / n, at % n);
            let kept = match member {
                0 => *x * f64::powi(8.0, (row as i32 - column as i32).clamp(-8, 8)),
                2 => 0.0,
                3 => *x / 128.0 + f64::from(u8::from(row == column)),
                4 if block(row) != block(column) => *x * f64::powi(2.0, 30),
                _ => *x,
            };
            *x = (kept * f64::powi(2.0, e)) as f32 as f64;
        }
        blocks.extend(components::blocks_of(matrix, n));
    }
    // Exact but for the mean, which the subtraction brings into the diagonal, enlarged by up to 2^7.
    let error = if members > 3 { n as f64 * f32::EPSILON as f64 } else { 0.0 };
    let tolerance = vec![vec![128.0 * error], vec![error]];
    Case {
        name: format!("{n} x {n} at 2^{e}, {members} members"),
        members,
        params: Params { n: n as u32, first: 1, sweeps: sweeps_at_once(n as u32, &Machine::of(Processor::Software)) },
        buffers: vec![
            CaseBuffer::Real(a),
            CaseBuffer::Word(blocks),
            CaseBuffer::Real(vec![0.25; members * n * n]),
            CaseBuffer::Real(vec![0.25; members]),
            CaseBuffer::Int(vec![77; 2 * members]),
        ],
        tolerance,
    }
}
