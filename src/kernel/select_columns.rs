//! Some columns of a state, exactly: `out[row, j] = x[row, columns_of[j]]`.
//!
//! So the tokens whose blocks of the Jacobian are wanted become a state of their own. A column may be wanted more than
//! once, which fills a number of columns up to a multiple of 4.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// Some columns of a state.
    pub struct SelectColumns = select_columns;
    /// The sizes.
    params {
        /// Rows of the state.
        rows: u32,
        /// Columns of the state; all that are wanted are below.
        columns: u32,
        /// Columns that are wanted.
        selected: u32,
    }
    buffers {
        columns_of: read word,
        x: read number,
        out: write number,
    }
}

impl Kernel for SelectColumns {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.selected.div_ceil(64), p.rows, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { columns_of, x, out } = views;
        let lines = x.chunks_exact(p.columns as usize).zip(out.chunks_exact_mut(p.selected as usize));
        for (x, out) in lines.take(p.rows as usize) {
            out.iter_mut().zip(columns_of).for_each(|(out, &column)| *out = x[column as usize]);
        }
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 8.0 * p.rows as f64 * p.selected as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
