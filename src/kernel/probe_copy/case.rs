//! Parity cases of `probe_copy`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let case = |(length, members): (usize, usize)| Case {
        name: format!("{length} numbers, {members} members"),
        members,
        params: Params { length: length as u32 },
        buffers: vec![
            CaseBuffer::Real(sample(70, members * length)),
            CaseBuffer::Real(vec![f64::NAN; members * length]),
        ],
        tolerance: vec![vec![0.0]],
    };
    [(4, 3), (4096 + 2056, 2), (1 << 17, 1)].into_iter().map(case).collect()
}
