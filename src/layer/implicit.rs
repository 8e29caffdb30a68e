//! The backward Euler step of the linear layer: x⁺ solves (1 - Z) x⁺ = x with Z = (keep - 1) + gain G.
//!
//! Every grid point has its own matrix, factorised once for each layer and solved with in each step.

use crate::kernel::euler_update;
use crate::kernel::shared::PADDING;
use crate::kernel::{factorise, solve};
use crate::layer::{Coefficients, State};
use crate::plan::{Ints, Plan, Reals};

/// The factors of all grid points.
pub(super) struct Implicit {
    width: usize,
    columns: usize,
    /// `[2 - keep | gain, columns]`.
    coefficients: Reals,
    /// `[columns, width, width]`, see [`factorise`].
    factors: Reals,
    /// `[columns, width]`.
    pivots: Ints,
}

impl Implicit {
    pub(super) fn new(plan: &mut Plan, width: usize, points: &[Coefficients]) -> Self {
        let columns = points.len().next_multiple_of(PADDING);
        // Columns that only pad have the matrix 1, which is never singular.
        let mut values = [vec![1.0; columns], vec![0.0; columns]].concat();
        for (column, point) in points.iter().enumerate() {
            values[column] = 2.0 - point.keep;
            values[columns + column] = point.gain;
        }
        Implicit {
            width,
            columns,
            coefficients: plan.shared_reals("coefficients", values),
            factors: plan.reals("factors", columns * width * width),
            pivots: plan.ints("pivots", columns * width),
        }
    }

    /// Factorises the matrices of the layer that has just been drawn.
    pub(super) fn factorise(&self, plan: &mut Plan, weights: Reals, member_gain: Reals) {
        for range in factorise::pivot_ranges(self.width as u32) {
            let params = factorise::Params {
                width: self.width as u32,
                padded: self.width.next_multiple_of(PADDING) as u32,
                columns: self.columns as u32,
                first: range.start,
                end: range.end,
            };
            let Implicit { coefficients, factors, pivots, .. } = *self;
            plan.run(params, factorise::Buffers { weights, coefficients, member_gain, factors, pivots });
        }
    }

    /// One step from `state` to `end`.
    pub(super) fn solve(&self, plan: &mut Plan, like: euler_update::Params, state: State, end: Reals) {
        let params = solve::Params {
            width: self.width as u32,
            rows: like.rows,
            columns: like.columns,
            step: like.step,
            renormalise: like.renormalise,
            threshold_exponent: like.threshold_exponent,
            threshold_mantissa: like.threshold_mantissa,
        };
        let Implicit { factors, pivots, .. } = *self;
        let State { x, norms, events } = state;
        plan.run(params, solve::Buffers { factors, pivots, x, out: end, norms, events });
    }
}
