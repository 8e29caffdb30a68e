//! Parity cases of `audit`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let poisons = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f32::MAX as f64, f32::MIN_POSITIVE as f64];
    let case = |(length, members): (usize, usize)| {
        let mut values = vec![1.5; length * members];
        for (i, value) in values.iter_mut().enumerate().skip(length / 2) {
            *value = poisons[i % poisons.len()];
        }
        Case {
            name: format!("{length} numbers, {members} members"),
            members,
            params: Params { length: length as u32, step: 80 + length as u32 },
            buffers: vec![
                CaseBuffer::Real(values),
                CaseBuffer::Word((0..members as u32).map(|member| 3_000_000_000 + member).collect()),
                CaseBuffer::Word(vec![99; 2 * members]),
            ],
            tolerance: vec![],
        }
    };
    [(1, 1), (2, 5), (300, 2)].into_iter().map(case).collect()
}
