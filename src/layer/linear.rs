//! The linear layer f(x) = A x.

use crate::ensemble::PADDING;
use crate::kernel::euler_steps::{self, EulerSteps};
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
    /// Where a single step moves the state.
    other: Option<BufferId>,
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
            other: None,
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
        let LinearLayer { weights, coefficients, member_gain, padded, columns, .. } = *self;
        let other = *self.other.get_or_insert_with(|| plan.reals("x", padded * columns));
        plan.run::<EulerUpdate>(params, &[weights, x, x, coefficients, member_gain, other, norms, marks]);
        self.other = Some(x);
        State { x: other, ..state }
    }

    /// Steps 1 to `depth` of tied weights, renormalised: some in one run where the state fits workgroup memory.
    pub fn steps(&mut self, plan: &mut Plan, mut state: State, depth: usize) -> State {
        if self.padded > euler_steps::MOST_ROWS {
            for step in 1..=depth {
                state = self.step(plan, state, step as u32, true);
            }
            return state;
        }
        let LinearLayer { weights, coefficients, member_gain, .. } = *self;
        for first in (1..=depth).step_by(euler_steps::STEPS) {
            let params = euler_steps::Params {
                rows: self.padded as u32,
                columns: self.columns as u32,
                first: first as u32,
                steps: euler_steps::STEPS.min(depth + 1 - first) as u32,
                threshold_exponent: self.threshold.exponent,
                threshold_mantissa: self.threshold.mantissa,
            };
            plan.run::<EulerSteps>(params, &[weights, coefficients, member_gain, state.x, state.norms, state.marks]);
        }
        state
    }
}
