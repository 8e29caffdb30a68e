//! Parity cases of `save`.

use super::Params;
use crate::kernel::shared::trajectory::{event, norm};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let case = |(columns, members): (usize, usize)| Case {
        name: format!("{columns} columns, {members} members"),
        members,
        params: Params { columns: columns as u32, row: 1, rows: 3 },
        buffers: vec![
            CaseBuffer::Real(sample(50, members * norm::ROWS * columns)),
            CaseBuffer::Int((0..(members * event::ROWS * columns) as i32).collect()),
            CaseBuffer::Real(vec![0.75; members * 3 * columns]),
            CaseBuffer::Int(vec![-1; members * 3 * columns]),
        ],
        tolerance: vec![vec![0.0]],
    };
    [(4, 1), (68, 3)].into_iter().map(case).collect()
}
