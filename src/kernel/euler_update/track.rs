//! The record of a column's norm over the steps, shared by the kernels that end a step. Its other half is
//! shaders/shared/track.wgsl, and shaders/shared/freeze.wgsl for nonlinear states, whose columns are grid points.

use super::{mark, norm};
use crate::real::Real;

/// What the record of a step depends on.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Track {
    /// From 1.
    pub step: u32,
    /// Is the next step to divide by a power of two?
    pub renormalise: bool,
    /// On the squared growth of the norm: `threshold_mantissa 2^threshold_exponent`.
    pub threshold: (f32, i32),
    /// Columns of the record.
    pub columns: usize,
}

impl Track {
    /// Records the squared norm of a column after a step: its exponent, its peak and when it crossed the threshold.
    #[inline(always)]
    pub fn observe<T: Real>(&self, norms: &mut [T], marks: &mut [i32], column: usize, square: T) {
        self.observe_columns(norms, marks, column, [square]);
    }

    /// The same for neighbouring columns, from `first`. Without branches, so that compilers make vectors of it.
    #[inline(always)]
    pub fn observe_columns<T: Real, const LANES: usize>(
        &self,
        norms: &mut [T],
        marks: &mut [i32],
        first: usize,
        squares: [T; LANES],
    ) {
        let step = self.step as i32;
        let threshold = (T::from_f64(self.threshold.0 as f64), self.threshold.1);
        let initials: [T; LANES] = self.load(norms, norm::INITIAL, first);
        let mut peaks: [T; LANES] = self.load(norms, norm::PEAK, first);
        let mut scales: [i32; LANES] = self.load(marks, mark::EXPONENT, first);
        let mut pending: [i32; LANES] = self.load(marks, mark::PENDING, first);
        let mut peak_exponents: [i32; LANES] = self.load(marks, mark::PEAK_EXPONENT, first);
        let mut peak_steps: [i32; LANES] = self.load(marks, mark::PEAK_STEP, first);
        let mut crossings: [i32; LANES] = self.load(marks, mark::CROSSING_STEP, first);
        let mut collapses: [i32; LANES] = self.load(marks, mark::COLLAPSE_STEP, first);
        for l in 0..LANES {
            let (square, exponent) = (squares[l], squares[l].exponent());
            let lives = exponent > -127;
            let mantissa = square * T::power_of_two(-exponent);
            scales[l] += pending[l];
            let total = exponent + 2 * scales[l];
            let higher = lives & larger((total, mantissa), (peak_exponents[l], peaks[l]));
            peaks[l] = if higher { mantissa } else { peaks[l] };
            peak_exponents[l] = if higher { total } else { peak_exponents[l] };
            peak_steps[l] = if higher { step } else { peak_steps[l] };
            let limit = initials[l] * threshold.0;
            let limit_exponent = limit.exponent();
            let limit = (limit_exponent + threshold.1, limit * T::power_of_two(-limit_exponent));
            let crosses = lives & (crossings[l] == 0) & larger((total, mantissa), limit);
            crossings[l] = if crosses { step } else { crossings[l] };
            collapses[l] = if !lives & (collapses[l] == 0) { step } else { collapses[l] };
            pending[l] = if lives & self.renormalise { exponent >> 1 } else { 0 };
        }
        self.store(norms, norm::NOW, first, squares);
        self.store(norms, norm::PEAK, first, peaks);
        self.store(marks, mark::EXPONENT, first, scales);
        self.store(marks, mark::PENDING, first, pending);
        self.store(marks, mark::PEAK_EXPONENT, first, peak_exponents);
        self.store(marks, mark::PEAK_STEP, first, peak_steps);
        self.store(marks, mark::CROSSING_STEP, first, crossings);
        self.store(marks, mark::COLLAPSE_STEP, first, collapses);
    }

    #[inline(always)]
    fn load<E: Copy, const LANES: usize>(&self, from: &[E], row: usize, first: usize) -> [E; LANES] {
        from[row * self.columns + first..][..LANES].try_into().expect("LANES long")
    }

    #[inline(always)]
    fn store<E: Copy, const LANES: usize>(&self, to: &mut [E], row: usize, first: usize, values: [E; LANES]) {
        to[row * self.columns + first..][..LANES].copy_from_slice(&values);
    }

    /// Marks a column that diverges in this step; it has crossed every threshold then.
    #[inline(always)]
    pub fn freeze(&self, marks: &mut [i32], column: usize) {
        let step = self.step as i32;
        marks[mark::DIVERGED_STEP * self.columns + column] = step;
        let crossing = &mut marks[mark::CROSSING_STEP * self.columns + column];
        *crossing = if *crossing == 0 { step } else { *crossing };
    }
}

/// Is one pair of exponent and mantissa larger than another? Never, if a mantissa is NaN.
#[inline(always)]
fn larger<T: Real>(a: (i32, T), b: (i32, T)) -> bool {
    (a.0 > b.0) | (a.0 == b.0) & (a.1 > b.1)
}
