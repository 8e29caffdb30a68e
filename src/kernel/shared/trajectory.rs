//! The record of a column's norm over the steps, shared by the kernels that end a step. Its other half is
//! shaders/shared/track.wgsl, and shaders/shared/freeze.wgsl for nonlinear states, whose columns are grid points.

use crate::numbers::real::Real;

/// Rows of the buffer `norms`: squared norms of columns.
pub mod norm {
    /// The norm of the column now, in its own scale.
    pub const NOW: usize = 0;
    /// The mantissa of the largest norm so far.
    pub const PEAK: usize = 1;
    /// The norm at the start.
    pub const INITIAL: usize = 2;
    /// The number of rows.
    pub const ROWS: usize = 3;
}

/// Rows of the buffer `events` that hold the scale of a column: powers of two, in integers.
pub mod scale {
    /// The state is the stored column times 2^EXPONENT.
    pub const EXPONENT: usize = 0;
    /// The power of two by which the next update divides.
    pub const PENDING: usize = 1;
    /// The largest squared norm so far is its mantissa in `norms` times 2^PEAK_EXPONENT.
    pub const PEAK_EXPONENT: usize = 2;
}

/// Rows of the buffer `events`, behind those of [`scale`]: the steps at which something happened to a column.
pub mod event {
    /// The step of the largest norm so far.
    pub const PEAK_STEP: usize = 3;
    /// The first step beyond the threshold, 0: none.
    pub const CROSSING_STEP: usize = 4;
    /// The first step with norm 0, 0: none.
    pub const COLLAPSE_STEP: usize = 5;
    /// The step at which the state crossed 2^48 and was frozen, 0: none. Only nonlinear states: see `end_step`.
    pub const DIVERGED_STEP: usize = 6;
    /// The number of rows of the buffer, those of [`scale`](super::scale) included.
    pub const ROWS: usize = 7;
}

/// The exponent of the magnitude at which a nonlinear state is frozen.
pub const DIVERGED_EXPONENT: i32 = 48;

/// What the record of a step depends on.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Track {
    /// The number of the step, from 1.
    pub step: u32,
    /// Is the next step to divide by a power of two?
    pub renormalise: bool,
    /// The mantissa and the exponent of the threshold on the squared growth of the norm.
    pub threshold: (f64, i32),
    /// The number of columns.
    pub columns: usize,
}

impl Track {
    /// Records the squared norm of a column after a step: its exponent, its peak and when it crossed the threshold.
    #[inline(always)]
    pub fn observe<T: Real>(&self, norms: &mut [T], events: &mut [i32], column: usize, square: T) {
        let at = |row: usize| row * self.columns + column;
        let step = self.step as i32;
        norms[at(norm::NOW)] = square;
        events[at(scale::EXPONENT)] += events[at(scale::PENDING)];
        events[at(scale::PENDING)] = 0;
        let exponent = square.exponent();
        if exponent <= -127 {
            if events[at(event::COLLAPSE_STEP)] == 0 {
                events[at(event::COLLAPSE_STEP)] = step;
            }
            return;
        }
        let mantissa = square * T::power_of_two(-exponent);
        let total = exponent + 2 * events[at(scale::EXPONENT)];
        let peak = (events[at(scale::PEAK_EXPONENT)], norms[at(norm::PEAK)]);
        if (total, mantissa) > peak {
            events[at(scale::PEAK_EXPONENT)] = total;
            norms[at(norm::PEAK)] = mantissa;
            events[at(event::PEAK_STEP)] = step;
        }
        let limit = norms[at(norm::INITIAL)] * T::from_f64(self.threshold.0);
        let limit_exponent = limit.exponent();
        let limit = (limit_exponent + self.threshold.1, limit * T::power_of_two(-limit_exponent));
        if events[at(event::CROSSING_STEP)] == 0 && (total, mantissa) > limit {
            events[at(event::CROSSING_STEP)] = step;
        }
        if self.renormalise {
            events[at(scale::PENDING)] = exponent >> 1;
        }
    }

    /// Marks a column that diverges in this step; it has crossed every threshold then.
    #[inline(always)]
    pub fn freeze(&self, events: &mut [i32], column: usize) {
        let step = self.step as i32;
        events[event::DIVERGED_STEP * self.columns + column] = step;
        let crossing = &mut events[event::CROSSING_STEP * self.columns + column];
        *crossing = if *crossing == 0 { step } else { *crossing };
    }
}
