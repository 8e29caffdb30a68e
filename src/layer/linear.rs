//! The linear layer f(x) = A x.

use crate::ensemble::PADDING;
use crate::kernel::euler_update::{self, EulerUpdate};
use crate::layer::{Coefficients, State, Threshold};
use crate::plan::{BufferId, Plan};

/// The linear layer f(x) = A x of the whole grid: each grid point is a column with its own coefficients.
pub struct LinearLayer {
    padded: usize,
    columns: usize,
    /// G as it is drawn, `[padded width, padded width]`.
    pub weights: BufferId,
    coefficients: BufferId,
    member_gain: BufferId,
    other: BufferId,
    threshold: Threshold,
}

impl LinearLayer {
    /// The layer of width `width` for grid points with these coefficients.
    ///
    /// `member_gain` holds a factor on the gain of each member, or one for all.
    pub fn new(
        plan: &mut Plan,
        width: usize,
        points: &[Coefficients],
        member_gain: BufferId,
        threshold: Threshold,
    ) -> Self {
        let padded = width.next_multiple_of(PADDING);
        let columns = points.len().next_multiple_of(PADDING);
        let mut values = vec![0.0; 2 * columns];
        for (column, point) in points.iter().enumerate() {
            values[column] = point.keep;
            values[columns + column] = point.gain;
        }
        LinearLayer {
            padded,
            columns,
            weights: plan.reals("weights", padded * padded),
            coefficients: plan.shared_reals("coefficients", values),
            member_gain,
            other: plan.reals("x", padded * columns),
            threshold,
        }
    }

    /// One Euler step. The state moves to the other of two buffers, so the result names it anew.
    pub fn step(&mut self, plan: &mut Plan, state: State, step: u32, renormalise: bool) -> State {
        let params = euler_update::Params {
            rows: self.padded as u32,
            inner: self.padded as u32,
            columns: self.columns as u32,
            step,
            renormalise: u32::from(renormalise),
            threshold_exponent: self.threshold.exponent,
            threshold_mantissa: self.threshold.mantissa,
        };
        let State { x, norms, marks } = state;
        let LinearLayer { weights, coefficients, member_gain, other, .. } = *self;
        plan.run::<EulerUpdate>(params, &[weights, x, x, coefficients, member_gain, other, norms, marks]);
        let moved = State { x: self.other, ..state };
        self.other = x;
        moved
    }
}
