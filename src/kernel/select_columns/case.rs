//! Parity cases of `select_columns`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree: exactly, for nothing is computed.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 4, 4, 1, true), (7, 9, 12, 3, true), (64, 68, 1, 2, false), (5, 12, 100, 2, false)]
        .map(|(rows, columns, selected, members, shared)| Shape { rows, columns, selected, members, shared });
    shapes.into_iter().enumerate().map(|(i, shape)| case(3000 + i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    selected: usize,
    members: usize,
    shared: bool,
}

fn case(stream: u32, Shape { rows, columns, selected, members, shared }: Shape) -> Case<Params> {
    let owners = if shared { 1 } else { members };
    // Neither in order nor once each.
    let columns_of = (0..owners * selected).map(|j| ((5 * j + j / columns) % columns) as u32).collect();
    Case {
        name: format!("{selected} of {columns} columns, {rows} rows, {members} members, shared {shared}"),
        members,
        params: Params { rows: rows as u32, columns: columns as u32, selected: selected as u32 },
        tolerance: vec![vec![0.0]],
        buffers: vec![
            if shared { CaseBuffer::SharedWord(columns_of) } else { CaseBuffer::Word(columns_of) },
            CaseBuffer::Real(sample(stream, members * rows * columns)),
            CaseBuffer::Real(vec![f64::NAN; members * rows * selected]),
        ],
    }
}
