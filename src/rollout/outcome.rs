//! What becomes of the members of a rollout, and the buffers from which it is read.

use super::kept::{Kept, Norms};
use super::perturbation::{LengthOutputs, Perturbation};
use super::{Rollout, middle};
use crate::error::{Error, Result};
use crate::kernel::audit;
use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::layer::{Layer, Shape};
use crate::plan::{Chunk, Ints, Output, Plan, Reals, Words};
use crate::weights::State;
use std::f64::consts::LN_2;
use std::ops::Range;

/// What became of one member at one grid point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// ln |x_L| / |x_0|; negative infinity when the state collapsed to 0, infinity when it was frozen at 2^48.
    pub log_growth: f64,
    /// The slope of ln |x| over the later half, (ln |x_L| - ln |x_m|) / (L - m) with m = [`middle`]; infinite as
    /// `log_growth` is.
    pub rate: f64,
    /// ln max_k |x_k| / |x_0|; infinity when the state was frozen, for nobody knows how far it would have gone.
    pub log_peak: f64,
    /// The step of the peak, or that at which the state was frozen.
    pub peak_step: u32,
    /// The first step beyond the threshold.
    pub crossing_step: Option<u32>,
    /// The first step at which the state was 0.
    pub collapse_step: Option<u32>,
    /// The step at which the state was frozen: a nonlinear one, because its largest magnitude had reached 2^48, or a
    /// linear one, because its implicit step does not exist.
    pub diverged_step: Option<u32>,
    /// How perturbations grew: of a linear layer as the state, else as a tangent along the trajectory; missing where
    /// none was followed.
    pub perturbation: Option<Growth>,
}

/// How a perturbation grew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// ln |d_L| / |d_0|; negative infinity when it became 0, infinity when the state was frozen or one step stretched it
    /// beyond the device's numbers.
    pub log: f64,
    /// Its slope over the later half, as that of an [`Outcome`].
    pub rate: f64,
}

/// What outcomes are read from, and the audit.
pub(super) struct Outputs {
    pub kept: Kept,
    pub shape: Shape,
    /// Columns of the records of norms and events.
    records: usize,
    pub attends: bool,
    is_linear: bool,
    /// `[now | peak | initial, records]`.
    norms: Output<Reals>,
    /// `[3 scales | 4 events, records]`.
    events: Output<Ints>,
    /// Of numbers that are not finite a count, and the signature of the audit, `[2]`.
    proof: Output<Words>,
    /// The norms that are kept, `[slots, records]`, and their exponents.
    squares: Output<Reals>,
    exponents: Output<Ints>,
    /// `[slots, 6 observations, points]`, if the layer has any.
    pub observations: Option<Output<Reals>>,
    /// The initial state, if every step is observed.
    pub start: Option<Output<Reals>>,
    /// The lengths of the tangent, if there is one.
    pub lengths: Option<LengthOutputs>,
}

/// What was recorded of a rollout.
pub(super) struct Rolled<'a> {
    pub start: State,
    pub end: State,
    pub norms: Norms,
    /// If there is one.
    pub tangent: Option<&'a Perturbation>,
    pub member_ids: Words,
}

impl Outputs {
    /// What a rollout gives back of its layer, which came to its `end`; all of whose numbers are audited.
    pub fn new(
        plan: &mut Plan,
        rollout: &Rollout,
        layer: &dyn Layer,
        Rolled { start, end, norms, tangent, member_ids }: Rolled,
    ) -> Self {
        let (shape, proof) = (layer.shape(), plan.words("proof", 2));
        let params = audit::Params { length: (shape.rows * shape.columns) as u32, step: rollout.depth as u32 };
        plan.run(params, audit::Buffers { values: end.x, member_ids, proof });
        let observations = layer.observations();
        Outputs {
            kept: norms.kept,
            shape,
            records: norms.columns,
            attends: rollout.layer.model.attends(),
            is_linear: layer.is_linear(),
            norms: plan.output(end.norms),
            events: plan.output(end.events),
            proof: plan.output(proof),
            squares: plan.output(norms.squares),
            exponents: plan.output(norms.exponents),
            observations: observations.map(|all| plan.output(all)),
            start: observations.filter(|_| norms.kept.all).map(|_| plan.output(start.x)),
            lengths: tangent.map(|tangent| tangent.output(plan)),
        }
    }

    /// Refuses what cannot come out of a rollout whose first member is `first`: NaN or infinity, for which the device or
    /// we are wrong, and a readback without the signature of its member, for which it is the device.
    pub fn refuse(&self, chunk: &Chunk, first: usize) -> Result<()> {
        for (i, proof) in chunk.words(self.proof).chunks(2).enumerate() {
            let member = first + chunk.members.start + i;
            if proof[1] != audit::signature(member as u32, self.kept.depth as u32) {
                return Err(Error::Device(format!(
                    "the readback of member {member} is not what was asked for: its signature is {:08x}",
                    proof[1]
                )));
            }
            if proof[0] != 0 {
                return Err(Error::Bug(format!("member {member} ended with {} numbers that are not finite", proof[0])));
            }
        }
        Ok(())
    }
}

/// The outcomes of some members, `[members, points]`.
pub struct Outcomes<'a> {
    pub(super) chunk: &'a Chunk,
    pub(super) outputs: &'a Outputs,
}

impl Outcomes<'_> {
    /// The members of the call that these outcomes are of.
    pub fn members(&self) -> Range<usize> {
        self.chunk.members.clone()
    }

    /// The number of grid points.
    pub fn points(&self) -> usize {
        self.outputs.shape.points
    }

    /// The outcome of member `member` of this chunk, from 0, at a grid point.
    pub fn get(&self, member: usize, point: usize) -> Outcome {
        let depth = self.outputs.kept.depth;
        let (now, initial) = (self.norm(norm::NOW, member, point), self.norm(norm::INITIAL, member, point));
        let event = |row: usize| self.event(row, member, point);
        let step = |row: usize| Some(event(row) as u32).filter(|&step| step > 0);
        let collapse_step = step(event::COLLAPSE_STEP);
        let diverged_step = step(event::DIVERGED_STEP);
        let ended = |value: f64| match (collapse_step, diverged_step) {
            (Some(_), _) => f64::NEG_INFINITY,
            (None, Some(_)) => f64::INFINITY,
            (None, None) => value,
        };
        let exponent = event(scale::EXPONENT);
        let (then, exponent_then) = match middle(depth) {
            0 => (initial, 0),
            middle => self.kept_norm(member, middle, point),
        };
        let since = f64::from(exponent - exponent_then) * LN_2 + 0.5 * (now / then).ln();
        let peak_step = event(event::PEAK_STEP) as u32;
        // The peak is at least the start, whatever rounding says.
        let log_peak = match peak_step {
            0 => 0.0,
            _ => {
                let peak = (self.norm(norm::PEAK, member, point) / initial).ln();
                (0.5 * (f64::from(event(scale::PEAK_EXPONENT)) * LN_2 + peak)).max(0.0)
            }
        };
        // One logarithm of a ratio, so that a norm that has not changed gives exactly 0.
        let log_growth = ended(f64::from(exponent) * LN_2 + 0.5 * (now / initial).ln());
        let rate = ended(since / (depth - middle(depth)) as f64);
        Outcome {
            log_growth,
            rate,
            log_peak: if diverged_step.is_some() { f64::INFINITY } else { log_peak },
            peak_step: diverged_step.unwrap_or(peak_step),
            crossing_step: step(event::CROSSING_STEP),
            collapse_step,
            diverged_step,
            perturbation: match self.outputs.is_linear {
                true => Some(Growth { log: log_growth, rate }),
                false => self.growth_of_tangent(member, point),
            },
        }
    }

    /// ln |x_k| / |x_0| at a step that is kept; infinite where there is no finite state any more.
    pub fn log_growth(&self, member: usize, step: usize, point: usize) -> f64 {
        let initial = 0.5 * self.norm(norm::INITIAL, member, point).ln();
        match step {
            0 => 0.0,
            _ if self.is_frozen(member, step, point) => f64::INFINITY,
            _ => {
                let (square, exponent) = self.kept_norm(member, step, point);
                f64::from(exponent) * LN_2 + 0.5 * square.ln() - initial
            }
        }
    }

    /// The growth of the tangent of a member, if there is one.
    fn growth_of_tangent(&self, member: usize, point: usize) -> Option<Growth> {
        let depth = self.outputs.kept.depth;
        let log = self.stretch(member, depth, point)?;
        let end = if self.is_frozen(member, depth, point) { f64::INFINITY } else { log };
        if !end.is_finite() {
            return Some(Growth { log: end, rate: end });
        }
        let since = log - self.stretch(member, middle(depth), point)?;
        Some(Growth { log, rate: since / (depth - middle(depth)) as f64 })
    }

    /// Is there no finite state after a step?
    pub(super) fn is_frozen(&self, member: usize, step: usize, point: usize) -> bool {
        let frozen = self.event(event::DIVERGED_STEP, member, point);
        frozen > 0 && step >= frozen as usize
    }

    /// ln |d_k| / |d_0| at a step that is kept, if there is a tangent.
    pub(super) fn stretch(&self, member: usize, step: usize, point: usize) -> Option<f64> {
        self.outputs.lengths.map(|lengths| lengths.log(self.chunk, member, step, point))
    }

    fn norm(&self, row: usize, member: usize, point: usize) -> f64 {
        self.chunk.reals(self.outputs.norms).at((member * norm::ROWS + row) * self.outputs.records + point)
    }

    fn event(&self, row: usize, member: usize, point: usize) -> i32 {
        self.chunk.ints(self.outputs.events)[(member * event::ROWS + row) * self.outputs.records + point]
    }

    /// The squared norm at a step that is kept: its mantissa and its exponent.
    fn kept_norm(&self, member: usize, step: usize, point: usize) -> (f64, i32) {
        let Outputs { kept, records, squares, exponents, .. } = self.outputs;
        let at = (member * kept.slots() + kept.slot(step)) * records + point;
        (self.chunk.reals(*squares).at(at), self.chunk.ints(*exponents)[at])
    }
}
