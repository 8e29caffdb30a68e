//! One layer as a list of kernel runs, written once for every device.

use crate::ensemble::{PADDING, State};
use crate::kernel::euler_update::{self, EulerUpdate};
use crate::plan::{BufferId, Plan};

/// Growth of the norm that counts as diverged, squared, as mantissa and exponent: it may be beyond f32.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    mantissa: f32,
    exponent: i32,
}

impl Threshold {
    /// The threshold `factor` on the norm.
    pub fn new(factor: f64) -> Self {
        let exponent = (2.0 * factor.log2()).floor();
        Threshold { mantissa: (factor * factor / exponent.exp2()) as f32, exponent: exponent as i32 }
    }
}

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

/// What a column does in one step: `x <- keep x + gain G x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// 1 - damping - step_size * shift.
    pub keep: f64,
    /// step_size * radius * unit.
    pub gain: f64,
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
