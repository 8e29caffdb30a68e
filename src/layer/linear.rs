//! The linear layer f(x) = A x.

use crate::integrator::Scheme;
use crate::kernel::euler_steps;
use crate::kernel::euler_update;
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trajectory::{event, norm};
use crate::layer::implicit::Implicit;
use crate::layer::{Coefficients, State, Threshold};
use crate::plan::{Ints, Plan, Reals};
use crate::spec::EnsembleSpec;
use crate::weights::Source;
use std::ops::RangeInclusive;

/// The linear layer f(x) = A x of the whole grid: each grid point is a column with its own coefficients.
pub struct LinearLayer {
    padded: usize,
    columns: usize,
    /// The matrix of the current layer as its source has it, `[padded width, padded width]`.
    pub weights: Reals,
    member_gain: Reals,
    threshold: Threshold,
    step: Step,
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
    /// The record of states that are not the end of a step.
    unrecorded: Unrecorded,
}

/// The record of states that are not the end of a step, which nobody reads.
#[derive(Clone, Copy)]
struct Unrecorded {
    norms: Reals,
    events: Ints,
}

impl Products {
    fn new(plan: &mut Plan, size: (usize, usize), points: &[Coefficients], scheme: &Scheme) -> Self {
        let (rows, columns) = size;
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
        // Only what a bracket's record is written to; without brackets in between it is not used.
        let record = if degree * substeps > 1 { columns } else { 1 };
        let norms = plan.reals("norms", norm::ROWS * record);
        let unrecorded = Unrecorded { norms, events: plan.ints("events", event::ROWS * record) };
        Products { brackets, substeps, within, between, unrecorded }
    }

    /// The runs of a step; the last one keeps the record.
    fn record(
        &self,
        plan: &mut Plan,
        params: euler_update::Params,
        [weights, member_gain]: [Reals; 2],
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
                let own = Unrecorded { norms: state.norms, events: state.events };
                let Unrecorded { norms, events } = if last { own } else { self.unrecorded };
                let own = euler_update::Params { renormalise: if last { params.renormalise } else { 0 }, ..params };
                let buffers =
                    euler_update::Buffers { weights, input, x, coefficients, member_gain, out, norms, events };
                plan.run(own, buffers);
                input = out;
            }
            x = input;
        }
    }
}

impl LinearLayer {
    /// The layer of width `width` for grid points with these coefficients.
    ///
    /// `member_gain` holds a factor on the gain of each member, or one for all.
    pub fn new(
        plan: &mut Plan,
        width: usize,
        points: &[Coefficients],
        scheme: &Scheme,
        member_gain: Reals,
        threshold: Threshold,
    ) -> Self {
        let padded = width.next_multiple_of(PADDING);
        let columns = points.len().next_multiple_of(PADDING);
        let step = match scheme {
            Scheme::Inverse => Step::Implicit(Implicit::new(plan, width, points)),
            _ => Step::Products(Products::new(plan, (padded, columns), points, scheme)),
        };
        LinearLayer {
            padded,
            columns,
            weights: plan.reals("weights", padded * padded),
            member_gain,
            threshold,
            step,
            other: plan.reals("x", padded * columns),
        }
    }

    /// Takes the weights of layer `layer`, from 0, from their source.
    pub fn load(&mut self, plan: &mut Plan, source: &mut Source, spec: &EnsembleSpec, layer: u32) {
        self.weights = source.square(plan, spec, layer, self.weights);
        if let Step::Implicit(implicit) = &self.step {
            implicit.factorise(plan, self.weights, self.member_gain);
        }
    }

    /// One step. The state moves to the other of two buffers, so the result names it anew.
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
        match &self.step {
            Step::Products(products) => {
                products.record(plan, params, [self.weights, self.member_gain], state, self.other)
            }
            Step::Implicit(implicit) => implicit.solve(plan, params, state, self.other),
        }
        let moved = State { x: self.other, ..state };
        self.other = state.x;
        moved
    }

    /// Steps `steps`, from 1, of tied weights, renormalised: where a step is one product, `at_once` of them in one run.
    pub fn steps(&mut self, plan: &mut Plan, mut state: State, steps: RangeInclusive<usize>, at_once: usize) -> State {
        let one = match &self.step {
            Step::Products(Products { brackets, substeps: 1, .. }) if brackets.len() == 1 => Some(brackets[0]),
            _ => None,
        };
        let Some(coefficients) = one.filter(|_| at_once > 1) else {
            for step in steps {
                state = self.step(plan, state, step as u32, true);
            }
            return state;
        };
        let end = *steps.end();
        for first in steps.step_by(at_once) {
            let params = euler_steps::Params {
                rows: self.padded as u32,
                columns: self.columns as u32,
                first: first as u32,
                steps: at_once.min(end + 1 - first) as u32,
                renormalise: 1,
                threshold_exponent: self.threshold.exponent,
                threshold_mantissa: self.threshold.mantissa,
            };
            let State { x, norms, events } = state;
            let LinearLayer { weights, member_gain, .. } = *self;
            plan.run(params, euler_steps::Buffers { weights, coefficients, member_gain, x, norms, events });
        }
        state
    }
}
