//! Parity cases of `fill_random`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::normal_table;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let half = (std::f64::consts::FRAC_1_SQRT_2 * 4_294_967_296.0) as u32;
    let mixes = [(0, 0, 0), (half, half, 0), (half, half, 1), (4_148_390_399, 1_111_557_871, 0)]
        .map(|(alpha, beta, beta_negative)| Mix { alpha, beta, beta_negative });
    let shapes =
        [(1, 1, 1), (7, 7, 3), (64, 64, 2), (5, 9, 4)].map(|(rows, columns, members)| Shape { rows, columns, members });
    let mut cases = Vec::new();
    for shape in shapes {
        for mix in mixes {
            if shape.rows == shape.columns || mix.beta == 0 {
                cases.push(case(shape, mix));
            }
        }
    }
    cases
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: u32,
    columns: u32,
    members: usize,
}

/// How an entry is made of two draws.
#[derive(Clone, Copy)]
struct Mix {
    alpha: u32,
    beta: u32,
    beta_negative: u32,
}

fn case(shape: Shape, Mix { alpha, beta, beta_negative }: Mix) -> Case<Params> {
    let Shape { rows, columns, members } = shape;
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
