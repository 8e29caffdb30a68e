//! Parity cases of `fill_state`.

use super::Params;
use crate::kernel::shared::trajectory::{event, norm};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::{normal_table, sample};

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let drawn = [(1, 1, 1, 1, false), (64, 20, 1, 3, false), (7, 30, 5, 2, false), (5, 66, 3, 2, false)];
    let shapes = drawn.into_iter().chain([(7, 30, 5, 2, true), (3, 5, 1, 3, true)]);
    let shape = |(rows, columns, tokens, members, given)| Shape { rows, columns, tokens, members, given };
    shapes.map(|row| case(shape(row))).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: u32,
    columns: u32,
    tokens: u32,
    members: usize,
    /// Is the state given, not drawn?
    given: bool,
}

fn case(Shape { rows, columns, tokens, members, given }: Shape) -> Case<Params> {
    let (padded_rows, padded_columns) = (rows.next_multiple_of(4), columns.next_multiple_of(4));
    let size = (padded_rows * padded_columns) as usize * members;
    let records = padded_columns as usize * members;
    // A sum of `rows` squares of numbers below 6.3, and a mantissa below 2.
    let error = 2.0 * (rows + 2) as f64 * f32::EPSILON as f64 * rows as f64 * 6.3 * 6.3;
    Case {
        name: format!("{rows} x {columns}, {tokens} tokens, {members} members{}", if given { ", given" } else { "" }),
        members,
        params: Params {
            rows,
            padded_rows,
            columns,
            padded_columns,
            tokens,
            seed_low: 7,
            seed_high: 0,
            tensor: 2,
            renormalise: tokens % 2,
            given: u32::from(given),
        },
        buffers: vec![
            CaseBuffer::Word((0..members as u32).collect()),
            CaseBuffer::SharedWord(normal_table().to_vec()),
            CaseBuffer::Real(if given { sample(9, members * (rows * tokens) as usize) } else { vec![0.0; members] }),
            CaseBuffer::Real(vec![0.25; size]),
            CaseBuffer::Real(vec![0.0; records * norm::ROWS]),
            CaseBuffer::Int(vec![0; records * event::ROWS]),
        ],
        tolerance: vec![vec![0.0], vec![error]],
    }
}
