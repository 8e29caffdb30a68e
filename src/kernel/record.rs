//! Keeps the norm of every column at one step of a trajectory: its mantissa and exponent.

mod case;

use crate::kernel::euler_update::{mark, norm};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The norms of all columns at one step, kept in a history.
    pub struct Record = record;
    shared { trajectory }
    /// The row of the history that a run writes.
    params {
        /// Columns of the state.
        columns: u32,
        /// The row to write.
        row: u32,
        /// Rows of the history.
        rows: u32,
    }
    buffers {
        norms: read number,
        marks: read int,
        history: write number,
        history_exponents: write int,
    }
}

impl Kernel for Record {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns.div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { norms, marks, history, history_exponents: exponents } = views;
        let columns = p.columns as usize;
        let to = p.row as usize * columns;
        history[to..to + columns].copy_from_slice(&norms[norm::NOW * columns..][..columns]);
        exponents[to..to + columns].copy_from_slice(&marks[mark::EXPONENT * columns..][..columns]);
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 16.0 * p.columns as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
