//! Rollouts of the MLP and the Transformer, and their Jacobians along the way.
//!
//! Where only the last step of a Transformer is seen, hardware makes those before it many at a time, by
//! [`transformer_steps`](crate::kernel::transformer_steps): the same arithmetic with sums in another order, so histories
//! are the same within rounding and not to the bit.

use super::{Outcomes, refuse_non_finite};
use crate::device::Device;
use crate::ensemble::Source;
use crate::error::Result;
use crate::kernel::audit::{self, Audit};
use crate::kernel::euler_update::mark;
use crate::kernel::observe::observation;
use crate::layer::{FusedSteps, Jacobian, NonlinearLayer, Part, Point, Tangents, Threshold, jacobian};
use crate::plan::{BufferId, Data, Plan};
use crate::spec::{EnsembleSpec, LayerSpec, Weights};
use std::ops::Range;

/// What to run.
pub struct NonlinearRollout<'a> {
    /// How many members of which width, and the seed.
    pub ensemble: &'a EnsembleSpec,
    /// The layer.
    pub layer: &'a LayerSpec,
    /// Steps.
    pub depth: usize,
    /// Growth of the norm that counts as diverged.
    pub threshold: f64,
    /// The grid.
    pub points: &'a [Point],
}

/// What was seen of one member at one grid point after a step; missing where the state was frozen before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observation {
    /// |x|.
    pub norm: Option<f64>,
    /// The cosine of the angle to the initial state.
    pub cosine: Option<f64>,
    /// The mean cosine of two tokens; missing for one token.
    pub token_similarity: Option<f64>,
    /// The mean entropy of the attention's rows, in nats; missing without attention.
    pub attention_entropy: Option<f64>,
    /// |h f| / |x|.
    pub effective_step: Option<f64>,
    /// 1 - |x_k| / |x_{k+1}|.
    pub effective_damping: Option<f64>,
}

/// The observations of some members: `[members, slots, points]`.
pub struct Observations<'a> {
    data: &'a Data,
    marks: &'a Data,
    slots: usize,
    points: usize,
    tokens: usize,
    attends: bool,
}

impl Observations<'_> {
    /// Of a member of the chunk, a slot that holds step `step`, and a grid point.
    pub fn get(&self, member: usize, slot: usize, step: usize, point: usize) -> Observation {
        let frozen = self.marks.int((member * mark::ROWS + mark::DIVERGED_STEP) * self.points + point);
        if frozen > 0 && step >= frozen as usize {
            return Observation::default();
        }
        let at = |row: usize| ((member * self.slots + slot) * observation::ROWS + row) * self.points + point;
        let value = |row: usize| Some(self.data.real(at(row))).filter(|x| x.is_finite());
        Observation {
            norm: value(observation::NORM),
            cosine: value(observation::COSINE),
            token_similarity: value(observation::SIMILARITY).filter(|_| self.tokens > 1),
            attention_entropy: value(observation::ENTROPY).filter(|_| self.attends),
            effective_step: value(observation::EFFECTIVE_STEP),
            effective_damping: value(observation::EFFECTIVE_DAMPING),
        }
    }
}

/// The Jacobians of some members at all grid points.
pub struct Jacobians {
    /// Which members of the call, from 0.
    pub members: Range<usize>,
    /// n T.
    pub order: usize,
    /// `[members, points]`: M of the step, `[order, order]` row-major; missing where the state was frozen before.
    pub matrices: Vec<Option<Vec<f32>>>,
}

/// A plan being recorded.
struct Recorded {
    plan: Plan,
    source: Source,
    layer: NonlinearLayer,
    x: BufferId,
}

impl NonlinearRollout<'_> {
    /// Runs members `members` and hands `sink` their outcomes and the observations of the last step.
    pub fn run(
        &self,
        device: &Device,
        members: Range<usize>,
        chunk: usize,
        sink: &mut dyn FnMut(Outcomes, Observations) -> Result<()>,
    ) -> Result<()> {
        self.observe(device, members, chunk, 1, sink)
    }

    /// As [`NonlinearRollout::run`], with the observations of every step: slot k holds step k + 1.
    pub fn histories(
        &self,
        device: &Device,
        members: Range<usize>,
        sink: &mut dyn FnMut(Outcomes, Observations) -> Result<()>,
    ) -> Result<()> {
        self.observe(device, members, 0, self.depth, sink)
    }

    fn observe(
        &self,
        device: &Device,
        members: Range<usize>,
        chunk: usize,
        slots: usize,
        sink: &mut dyn FnMut(Outcomes, Observations) -> Result<()>,
    ) -> Result<()> {
        let mut recorded = self.start(slots);
        if slots == self.depth {
            (1..=self.depth).for_each(|step| self.step(&mut recorded, step, step - 1));
        } else {
            self.steps_to_the_last(&mut recorded, device);
        }
        let Recorded { mut plan, source, layer, x } = recorded;
        let count = plan.words("count", 1);
        let length = (layer.shape().rows * layer.shape().columns) as u32;
        plan.run::<Audit>(audit::Params { length }, &[x, count]);
        for output in [layer.record.norms, layer.record.marks, count, layer.record.observations] {
            plan.output(output);
        }
        let points = self.points.len();
        device.run(&plan, members.len(), chunk, &source.inputs(members), &mut |chunk| {
            refuse_non_finite(&chunk)?;
            let observations = Observations {
                data: &chunk.outputs[3],
                marks: &chunk.outputs[1],
                slots,
                points,
                tokens: self.layer.tokens,
                attends: self.layer.model.attends(),
            };
            sink(Outcomes { chunk: &chunk, columns: points, points }, observations)
        })
    }

    /// The Jacobian of the whole step `step`, from 1, at the state before it, for members `members`.
    pub fn jacobians(
        &self,
        device: &Device,
        members: Range<usize>,
        step: usize,
        sink: &mut dyn FnMut(Jacobians) -> Result<()>,
    ) -> Result<()> {
        let (plan, source, jacobian) = self.record_jacobians(step);
        let order = jacobian.order;
        let points = self.points.len();
        device.run(&plan, members.len(), 0, &source.inputs(members), &mut |chunk| {
            let marks = &chunk.outputs[1];
            let matrix = |member: usize, point: usize| {
                let frozen = marks.int((member * mark::ROWS + mark::DIVERGED_STEP) * points + point) > 0;
                let values = || jacobian.matrix(&chunk.outputs[0], member, point);
                (!frozen).then(|| values().into_iter().map(|x| x as f32).collect())
            };
            let pairs = (0..chunk.members.len()).flat_map(|member| (0..points).map(move |point| (member, point)));
            let matrices = pairs.map(|(member, point)| matrix(member, point)).collect();
            sink(Jacobians { members: chunk.members.clone(), order, matrices })
        })
    }

    /// The plan that makes the Jacobians of the first step, for what it takes.
    pub fn plan_of_jacobians(&self) -> Plan {
        self.record_jacobians(1).0
    }

    /// The plan of a step's Jacobians; its outputs are they and the marks of the state before.
    fn record_jacobians(&self, step: usize) -> (Plan, Source, Jacobian) {
        let mut recorded = self.start(1);
        for step in 1..=step {
            self.step(&mut recorded, step, 0);
        }
        let Recorded { mut plan, source, layer, .. } = recorded;
        let tangents = Tangents::new(&mut plan, &layer, layer.shape().width * layer.shape().tokens);
        let jacobian = jacobian(&mut plan, &layer, &tangents, Part::Step);
        plan.output(jacobian.buffer);
        plan.output(layer.record.marks);
        (plan, source, jacobian)
    }

    /// The plan of one step, for what a run would take.
    pub fn plan_of_a_step(&self) -> Plan {
        let mut recorded = self.start(1);
        self.step(&mut recorded, 1, 0);
        for output in [recorded.layer.record.norms, recorded.layer.record.marks, recorded.layer.record.observations] {
            recorded.plan.output(output);
        }
        recorded.plan
    }

    fn start(&self, slots: usize) -> Recorded {
        let mut plan = Plan::new();
        let source = Source::new(&mut plan, self.ensemble.seed);
        let threshold = Threshold::new(self.threshold);
        let layer = NonlinearLayer::new(&mut plan, self.layer, self.ensemble.width, self.points, threshold, slots);
        let x = layer.start(&mut plan, &source);
        Recorded { plan, source, layer, x }
    }

    fn step(&self, recorded: &mut Recorded, step: usize, slot: usize) {
        self.draw(recorded, step);
        let Recorded { plan, layer, x, .. } = recorded;
        *x = layer.step(plan, *x, step as u32, slot);
    }

    /// Draws the weights that step `step` needs and the one before it did not have.
    fn draw(&self, Recorded { plan, source, layer, .. }: &mut Recorded, step: usize) {
        if step == 1 || self.layer.weights == Weights::Iid {
            layer.draw(plan, source, step as u32 - 1);
        }
    }

    /// All steps, with the observations of the last one. The first one sets the record and the last one is observed, so
    /// where the device gains by it only those in between are made some at a time, of fresh layers one at a time.
    fn steps_to_the_last(&self, recorded: &mut Recorded, device: &Device) {
        let fused = FusedSteps::new(&mut recorded.plan, &recorded.layer, device);
        let mut step = 1;
        while step <= self.depth {
            match &fused {
                Some(fused) if (2..self.depth).contains(&step) => {
                    let most = if self.layer.weights == Weights::Iid { 1 } else { fused.at_once() };
                    let steps = most.min(self.depth - step);
                    self.draw(recorded, step);
                    fused.run(&mut recorded.plan, recorded.x, step, steps);
                    step += steps;
                }
                _ => {
                    self.step(recorded, step, 0);
                    step += 1;
                }
            }
        }
    }
}
