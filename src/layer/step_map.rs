//! A step of the linear model as a map of columns, each with its own coefficients: states at all grid points, or
//! deviations.

use crate::integrator::Scheme;
use crate::kernel::shared::PADDING;
use crate::kernel::{euler_steps, euler_update};
use crate::layer::implicit::Implicit;
use crate::layer::{Coefficients, State, Threshold};
use crate::plan::{Plan, Reals};
use std::ops::Range;

/// What a step multiplies by.
#[derive(Clone, Copy)]
pub(super) struct Matrix {
    /// `[padded width, padded width]`.
    pub weights: Reals,
    /// A factor on the gain of each member, or one for all.
    pub member_gain: Reals,
}

/// The step of so many columns.
pub(super) struct StepMap {
    rows: usize,
    columns: usize,
    step: Step,
    threshold: Threshold,
    renormalise: bool,
    other: Reals,
}

/// How a step is made.
enum Step {
    Products(Products),
    Implicit(Implicit),
}

/// x⁺ = q_0 x + g G (q_1 x + g G (.. (q_(p-1) x + q_p g G x))), by Horner's rule: one Euler update for each bracket, from
/// the innermost. The series of an exponential are applied one after the other.
struct Products {
    /// `[keep | gain, columns]` of each bracket.
    brackets: Vec<Reals>,
    substeps: usize,
    /// Results within a series, in turn.
    within: [Reals; 2],
    /// Results of series, in turn.
    between: [Reals; 2],
}

impl Products {
    fn new(plan: &mut Plan, rows: usize, points: &[Coefficients], scheme: &Scheme) -> Self {
        let columns = points.len().next_multiple_of(PADDING);
        let (degree, substeps) = (scheme.products() / scheme.substeps(), scheme.substeps());
        let expansions: Vec<Vec<f64>> = points.iter().map(|point| scheme.expanded(point.keep)).collect();
        let bracket = |j: usize| {
            let mut values = vec![0.0; 2 * columns];
            for (column, (point, q)) in points.iter().zip(&expansions).enumerate() {
                let innermost = if j + 1 == degree { q[degree] } else { 1.0 };
                values[column] = q[j];
                values[columns + column] = innermost * point.gain / substeps as f64;
            }
            values
        };
        let brackets = (0..degree).rev().map(|j| plan.shared_reals("coefficients", bracket(j))).collect();
        let mut states = |needed: bool| [(); 2].map(|()| plan.reals("stage", if needed { rows * columns } else { 1 }));
        let (within, between) = (states(degree > 1), states(substeps > 1));
        Products { brackets, substeps, within, between }
    }

    /// The runs of a step; the last one keeps the record.
    fn record(
        &self,
        plan: &mut Plan,
        params: euler_update::Params,
        Matrix { weights, member_gain }: Matrix,
        state: State,
        end: Reals,
    ) {
        let mut x = state.x;
        for substep in 1..=self.substeps {
            let mut input = x;
            for (i, &coefficients) in self.brackets.iter().enumerate() {
                let outermost = i + 1 == self.brackets.len();
                let last = outermost && substep == self.substeps;
                let out = match (last, outermost) {
                    (true, _) => end,
                    (false, true) => self.between[substep % 2],
                    (false, false) => self.within[i % 2],
                };
                let own = match last {
                    true => params,
                    false => euler_update::Params { record: 0, renormalise: 0, ..params },
                };
                let State { norms, events, .. } = state;
                let buffers =
                    euler_update::Buffers { weights, input, x, coefficients, member_gain, out, norms, events };
                plan.run(own, buffers);
                input = out;
            }
            x = input;
        }
    }
}

impl StepMap {
    /// For states of this width whose columns have these coefficients, brought back to a size near 1 by powers of two if
    /// wanted.
    pub fn new(
        plan: &mut Plan,
        width: usize,
        columns: &[Coefficients],
        scheme: &Scheme,
        threshold: Threshold,
        renormalise: bool,
    ) -> Self {
        let (rows, count) = (width.next_multiple_of(PADDING), columns.len().next_multiple_of(PADDING));
        let step = match scheme {
            Scheme::Inverse => Step::Implicit(Implicit::new(plan, width, columns)),
            _ => Step::Products(Products::new(plan, rows, columns, scheme)),
        };
        let other = plan.reals("x", rows * count);
        StepMap { rows, columns: count, step, threshold, renormalise, other }
    }

    /// Room for a state.
    pub fn state(&self, plan: &mut Plan) -> State {
        State::new(plan, self.rows, self.columns)
    }

    /// Prepares for another matrix.
    pub fn load(&self, plan: &mut Plan, matrix: Matrix) {
        if let Step::Implicit(implicit) = &self.step {
            implicit.factorise(plan, matrix.weights, matrix.member_gain);
        }
    }

    /// One step. The state moves to the other of two buffers.
    pub fn step(&mut self, plan: &mut Plan, matrix: Matrix, state: State, step: usize) -> State {
        let params = euler_update::Params {
            rows: self.rows as u32,
            inner: self.rows as u32,
            columns: self.columns as u32,
            step: step as u32,
            record: 1,
            renormalise: u32::from(self.renormalise),
            threshold_exponent: self.threshold.exponent,
            threshold_mantissa: self.threshold.mantissa,
        };
        match &self.step {
            Step::Products(products) => products.record(plan, params, matrix, state, self.other),
            Step::Implicit(implicit) => implicit.solve(plan, params, state, self.other),
        }
        State { x: std::mem::replace(&mut self.other, state.x), ..state }
    }

    /// Several steps in one run, of a step that is one product. Says whether it is.
    pub fn fused(&self, plan: &mut Plan, matrix: Matrix, state: State, steps: Range<usize>) -> bool {
        let Step::Products(Products { brackets, substeps: 1, .. }) = &self.step else { return false };
        let [coefficients] = brackets[..] else { return false };
        let params = euler_steps::Params {
            rows: self.rows as u32,
            columns: self.columns as u32,
            first: steps.start as u32,
            steps: steps.len() as u32,
            renormalise: u32::from(self.renormalise),
            threshold_exponent: self.threshold.exponent,
            threshold_mantissa: self.threshold.mantissa,
        };
        let (Matrix { weights, member_gain }, State { x, norms, events }) = (matrix, state);
        plan.run(params, euler_steps::Buffers { weights, coefficients, member_gain, x, norms, events });
        true
    }
}
