//! Parity cases of `fill_random`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::normal_table;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let half = (std::f64::consts::FRAC_1_SQRT_2 * 4_294_967_296.0) as u32;
    let mixes = [(0, 0, 0), (half, half, 0), (half, half, 1), (4_148_390_399, 1_111_557_871, 0)];
    let shapes = [(1, 1, 1), (7, 7, 3), (64, 64, 2), (5, 9, 4)];
    let mut cases = Vec::new();
    for (rows, columns, members) in shapes {
        for (alpha, beta, beta_negative) in mixes {
            if rows == columns || beta == 0 {
                cases.push(case((rows, columns, members), (alpha, beta, beta_negative)));
            }
        }
    }
    cases
}

fn case((rows, columns, members): (u32, u32, usize), (alpha, beta, beta_negative): (u32, u32, u32)) -> Case<Params> {
    let (padded_rows, padded_columns) = (rows.next_multiple_of(4), columns.next_multiple_of(4));
    let size = members * (padded_rows * padded_columns) as usize;
    Case {
        name: format!("{rows} x {columns}, {members} members, beta {beta}"),
        members,
        params: Params {
            rows,
            columns,
            padded_rows,
            padded_columns,
            seed_low: 0xDEAD_BEEF,
            seed_high: 1,
            tensor: 1,
            step: 3,
            alpha,
            beta,
            beta_negative,
        },
        buffers: vec![
            CaseBuffer::Word((0..members as u32).map(|m| m * 1000 + 5).collect()),
            CaseBuffer::SharedWord(normal_table().to_vec()),
            CaseBuffer::Real(vec![0.5; size]),
        ],
        // Bit-identical on every device.
        tolerance: vec![vec![0.0]],
    }
}
