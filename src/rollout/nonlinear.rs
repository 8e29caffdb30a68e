//! Rollouts of the MLP and the Transformer, and their Jacobians along the way.
//!
//! Where only the last step of a Transformer is seen, hardware makes those before it many at a time, by
//! [`transformer_steps`](crate::kernel::transformer_steps): the same arithmetic with sums in another order, so histories
//! are the same within rounding and not to the bit.

use super::perturbation::{LengthOutputs, Lengths, Perturbation};
use super::{Growth, Outcomes, Outputs, Snapshot, middle};
use crate::device::Device;
use crate::error::Result;
use crate::kernel::end_step::observation;
use crate::kernel::shared::trajectory::event;
use crate::layer::nonlinear::Record;
use crate::layer::sublayer::Shape;
use crate::layer::{FusedSteps, Jacobian, NonlinearLayer, Part, Point, Tangents, Threshold, jacobian};
use crate::plan::{Chunk, Ints, Output, Plan, Reals};
use crate::spec::{EnsembleSpec, LayerSpec, Weights};
use crate::weights::{Source, State};
use std::ops::{ControlFlow, Range, RangeInclusive};

/// A rollout of a nonlinear layer: which members, at which grid points, for how many steps.
pub struct NonlinearRollout<'a> {
    /// How many members of which width, and the seed.
    pub ensemble: &'a EnsembleSpec,
    /// What the layer computes.
    pub layer: &'a LayerSpec,
    /// The depth L: the number of steps.
    pub depth: usize,
    /// Growth of the norm that counts as diverged.
    pub threshold: f64,
    /// The grid points that share the weights of a member.
    pub points: &'a [Point],
    /// Does a random tangent ride along each trajectory?
    pub perturbations: bool,
}

/// What was seen of one member at one grid point after a step; missing where the state was frozen before, and where a
/// state of norm 0 has no such number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observation {
    /// The norm |x| of the state after the step.
    pub norm: Option<f64>,
    /// The cosine of the angle to the initial state.
    pub cosine: Option<f64>,
    /// The mean cosine of two tokens; missing for one token, and where a token is 0.
    pub token_similarity: Option<f64>,
    /// The mean entropy of the attention's rows, in nats; missing without attention.
    pub attention_entropy: Option<f64>,
    /// The effective step |h f| / |x|.
    pub effective_step: Option<f64>,
    /// The effective damping 1 - |x_k| / |x_{k+1}|.
    pub effective_damping: Option<f64>,
    /// ln |d_k| / |d_0| of the tangent d; missing without one.
    pub log_perturbation_growth: Option<f64>,
}

/// What observations are read from.
#[derive(Clone, Copy)]
struct Seen {
    outcomes: Outputs,
    /// `[slots, 6 observations, points]`.
    observations: Output<Reals>,
    /// The lengths of the tangent, if there is one.
    lengths: Option<LengthOutputs>,
    /// The initial state, if every step is observed.
    start: Option<Output<Reals>>,
}

/// The observations of some members: `[members, slots, points]`.
pub struct Observations<'a> {
    chunk: &'a Chunk,
    outputs: Seen,
    shape: Shape,
    slots: usize,
    depth: usize,
    attends: bool,
    perturbations: bool,
}

impl Observations<'_> {
    /// Of a member of the chunk, a slot that holds step `step`, and a grid point.
    pub fn get(&self, member: usize, slot: usize, step: usize, point: usize) -> Observation {
        if self.is_frozen(member, step, point) {
            return Observation::default();
        }
        let points = self.shape.points;
        let at = |row: usize| ((member * self.slots + slot) * observation::ROWS + row) * points + point;
        let there = |x: &f64| x.is_finite() && *x != observation::MISSING;
        let value = |row: usize| Some(self.chunk.reals(self.outputs.observations).at(at(row))).filter(there);
        Observation {
            norm: value(observation::NORM),
            cosine: value(observation::COSINE),
            token_similarity: value(observation::SIMILARITY).filter(|_| self.shape.tokens > 1),
            attention_entropy: value(observation::ENTROPY).filter(|_| self.attends),
            effective_step: value(observation::EFFECTIVE_STEP),
            effective_damping: value(observation::EFFECTIVE_DAMPING),
            log_perturbation_growth: self.stretch(member, step, point).filter(|x| x.is_finite()),
        }
    }

    /// Of a member's initial state at a grid point, in a rollout whose every step is observed.
    pub fn start(&self, member: usize, point: usize) -> Observation {
        let Shape { width, rows, tokens, columns, .. } = self.shape;
        let state = self.chunk.reals(self.outputs.start.expect("every step is observed"));
        let x = |row: usize, token: usize| state.at((member * rows + row) * columns + point * tokens + token);
        let norm = |token: usize| (0..width).map(|row| x(row, token).powi(2)).sum::<f64>().sqrt();
        let norms: Vec<f64> = (0..tokens).map(norm).collect();
        // The sum of the cosines of all pairs is the squared length of the sum of the directions.
        let direction = |row: usize| (0..tokens).map(|token| x(row, token) / norms[token]).sum::<f64>();
        let directions: f64 = (0..width).map(|row| direction(row).powi(2)).sum();
        let count = tokens as f64;
        let similarity = (directions - count) / (count * (count - 1.0));
        let size = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        Observation {
            norm: Some(size),
            cosine: (size > 0.0).then_some(1.0),
            token_similarity: Some(similarity).filter(|similarity| similarity.is_finite()),
            log_perturbation_growth: self.perturbations.then_some(0.0),
            ..Observation::default()
        }
    }

    /// The growth of the tangent of a member of the chunk at a grid point, if there is one.
    pub fn growth(&self, member: usize, point: usize) -> Option<Growth> {
        let log = self.stretch(member, self.depth, point)?;
        let end = if self.is_frozen(member, self.depth, point) { f64::INFINITY } else { log };
        if !end.is_finite() {
            return Some(Growth { log: end, rate: end });
        }
        let then = middle(self.depth);
        let since = log - self.stretch(member, then, point)?;
        Some(Growth { log, rate: since / (self.depth - then) as f64 })
    }

    fn is_frozen(&self, member: usize, step: usize, point: usize) -> bool {
        let at = (member * event::ROWS + event::DIVERGED_STEP) * self.shape.points + point;
        let frozen = self.chunk.ints(self.outputs.outcomes.events)[at];
        frozen > 0 && step >= frozen as usize
    }

    /// ln |d_k| / |d_0| at a step that is kept.
    fn stretch(&self, member: usize, step: usize, point: usize) -> Option<f64> {
        let lengths = Lengths { depth: self.depth, slots: self.slots };
        Some(lengths.log(self.chunk, self.outputs.lengths?, member, step, (point, self.shape.points)))
    }
}

/// The Jacobians of some members at all grid points.
pub struct Jacobians {
    /// Which members of the call, from 0.
    pub members: Range<usize>,
    /// Rows and columns of the matrices: width times tokens.
    pub order: usize,
    /// `[members, points]`: M of the step, `[order, order]` row-major; missing where the state is frozen,
    /// by this step or before it.
    pub matrices: Vec<Option<Vec<f64>>>,
}

/// A plan being recorded.
struct Recorded {
    plan: Plan,
    source: Source,
    layer: NonlinearLayer,
    x: Reals,
    perturbation: Option<Perturbation>,
}

impl NonlinearRollout<'_> {
    /// Runs members `members` and hands `sink` their outcomes and the observations of the last step, until it
    /// breaks.
    pub fn run(
        &self,
        device: &Device,
        members: Range<usize>,
        chunk: usize,
        sink: &mut dyn FnMut(Outcomes, Observations) -> ControlFlow<()>,
    ) -> Result<()> {
        self.observe(device, members, chunk, false, sink)
    }

    /// As [`NonlinearRollout::run`], with the observations of every step: slot k holds step k + 1.
    pub fn histories(
        &self,
        device: &Device,
        members: Range<usize>,
        sink: &mut dyn FnMut(Outcomes, Observations) -> ControlFlow<()>,
    ) -> Result<()> {
        self.observe(device, members, 0, true, sink)
    }

    fn observe(
        &self,
        device: &Device,
        members: Range<usize>,
        chunk: usize,
        whole: bool,
        sink: &mut dyn FnMut(Outcomes, Observations) -> ControlFlow<()>,
    ) -> Result<()> {
        let slots = if whole { self.depth } else { 1 };
        let mut recorded = self.start(slots);
        let points = self.points.len();
        let snapshot = Snapshot::new(&mut recorded.plan, points);
        // Tangents need every state, and histories its observations.
        let fused = match !whole && !self.perturbations {
            true => FusedSteps::new(&mut recorded.plan, &recorded.layer, device),
            false => None,
        };
        for steps in [1..=middle(self.depth), middle(self.depth) + 1..=self.depth] {
            self.steps(&mut recorded, steps.clone(), (slots, fused.as_ref()));
            if *steps.end() == middle(self.depth) {
                let Recorded { plan, layer, .. } = &mut recorded;
                snapshot.take(plan, points, layer.record.norms, layer.record.events);
            }
        }
        let Recorded { mut plan, source, layer, x, perturbation } = recorded;
        let Record { norms, events, observations } = layer.record;
        let shape = layer.shape();
        let outcomes = Outputs::new(&mut plan, State { x, norms, events }, shape.rows * shape.columns, snapshot);
        let outputs = Seen {
            outcomes,
            observations: plan.output(observations),
            lengths: perturbation.map(|perturbation| perturbation.output(&mut plan)),
            start: whole.then(|| plan.output(layer.start_buffer())),
        };
        let _ = device.run_until(&plan, members.len(), chunk, &source.inputs(members), &mut |chunk| {
            outcomes.refuse_non_finite(&chunk)?;
            let observations = Observations {
                chunk: &chunk,
                outputs,
                shape,
                slots,
                depth: self.depth,
                attends: self.layer.model.attends(),
                perturbations: self.perturbations,
            };
            let own = Outcomes { chunk: &chunk, outputs: outcomes, columns: points, points, depth: self.depth };
            Ok(sink(own, observations))
        })?;
        Ok(())
    }

    /// The Jacobian of the whole step `step`, from 1, at the state before it, for members `members`.
    pub fn jacobians(
        &self,
        device: &Device,
        members: Range<usize>,
        step: usize,
        sink: &mut dyn FnMut(Jacobians) -> Result<()>,
    ) -> Result<()> {
        let (mut plan, source, jacobian, events) = self.record_jacobians(step);
        let (matrices, events) = (plan.output(jacobian.buffer), plan.output(events));
        let order = jacobian.order;
        let points = self.points.len();
        device.run(&plan, members.len(), 0, &source.inputs(members), &mut |chunk| {
            let (matrices, events) = (chunk.reals(matrices), chunk.ints(events));
            let matrix = |member: usize, point: usize| {
                let frozen = events[(member * event::ROWS + event::DIVERGED_STEP) * points + point] > 0;
                (!frozen).then(|| jacobian.matrix(matrices, member, point))
            };
            let pairs = (0..chunk.members.len()).flat_map(|member| (0..points).map(move |point| (member, point)));
            let matrices = pairs.map(|(member, point)| matrix(member, point)).collect();
            sink(Jacobians { members: chunk.members.clone(), order, matrices })
        })
    }

    /// The plan that makes the Jacobians of the first step, for what it takes.
    pub fn plan_of_jacobians(&self) -> Plan {
        let (mut plan, _, jacobian, _) = self.record_jacobians(1);
        plan.output(jacobian.buffer);
        plan
    }

    /// The plan of a step's Jacobians, still without outputs, and the events of the state before.
    fn record_jacobians(&self, step: usize) -> (Plan, Source, Jacobian, Ints) {
        let mut recorded = NonlinearRollout { perturbations: false, ..*self }.start(1);
        for step in 1..=step {
            self.step(&mut recorded, step, 0);
        }
        let Recorded { mut plan, source, layer, .. } = recorded;
        let tangents = Tangents::new(&mut plan, &layer, layer.shape().width * layer.shape().tokens);
        let jacobian = jacobian(&mut plan, &layer, &tangents, Part::Step);
        (plan, source, jacobian, layer.record.events)
    }

    /// The plan of one step, for what a run would take.
    pub fn plan_of_a_step(&self) -> Plan {
        let mut recorded = self.start(1);
        self.step(&mut recorded, 1, 0);
        let Record { norms, events, observations } = recorded.layer.record;
        let mut plan = recorded.plan;
        plan.output(norms);
        plan.output(events);
        plan.output(observations);
        plan
    }

    fn start(&self, slots: usize) -> Recorded {
        let mut plan = Plan::new();
        let source = Source::of(&mut plan, self.ensemble, self.layer.weights, self.layer.tokens);
        let threshold = Threshold::new(self.threshold);
        let layer = NonlinearLayer::new(&mut plan, self.layer, self.ensemble.width, self.points, threshold, slots);
        let x = layer.start(&mut plan, &source);
        let lengths = Lengths { depth: self.depth, slots };
        let perturbation = self.perturbations.then(|| Perturbation::new(&mut plan, &layer, &source, lengths));
        Recorded { plan, source, layer, x, perturbation }
    }

    fn step(&self, recorded: &mut Recorded, step: usize, slot: usize) {
        self.draw(recorded, step);
        let Recorded { plan, layer, x, perturbation, .. } = recorded;
        *x = layer.step(plan, *x, step as u32, slot);
        if let Some(perturbation) = perturbation {
            perturbation.step(plan, layer, step);
        }
    }

    /// Draws the weights that step `step` needs and the one before it did not have.
    fn draw(&self, Recorded { plan, source, layer, .. }: &mut Recorded, step: usize) {
        if step == 1 || self.layer.weights == Weights::Iid {
            layer.draw(plan, source, step as u32 - 1);
        }
    }

    /// Steps `steps`, each with its own slot of observations if there is one. The first step of all sets the record and
    /// the last one is observed, so where the device gains by it only others are made some at a time, of fresh layers one
    /// at a time.
    fn steps(
        &self,
        recorded: &mut Recorded,
        steps: RangeInclusive<usize>,
        (slots, fused): (usize, Option<&FusedSteps>),
    ) {
        let (mut step, end) = (*steps.start(), *steps.end());
        while step <= end {
            match fused {
                Some(fused) if (2..self.depth).contains(&step) => {
                    let most = if self.layer.weights == Weights::Iid { 1 } else { fused.at_once() };
                    let steps = most.min(self.depth.min(end + 1) - step);
                    self.draw(recorded, step);
                    fused.run(&mut recorded.plan, recorded.x, step, steps);
                    step += steps;
                }
                _ => {
                    self.step(recorded, step, (step - 1) % slots);
                    step += 1;
                }
            }
        }
    }
}
