//! Saves the norm of every column at one step of a trajectory: its mantissa and exponent.

mod case;

use crate::kernel::shared::trajectory::{norm, scale};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The norms of all columns at one step, saved in a history.
    pub struct Save = save;
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
        events: read int,
        history: write number,
        history_exponents: write int,
    }
}

impl Kernel for Save {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns.div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { norms, events, history, history_exponents: exponents } = views;
        let columns = p.columns as usize;
        let to = p.row as usize * columns;
        history[to..to + columns].copy_from_slice(&norms[norm::NOW * columns..][..columns]);
        exponents[to..to + columns].copy_from_slice(&events[scale::EXPONENT * columns..][..columns]);
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 16.0 * p.columns as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
