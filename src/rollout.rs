//! Rollouts: every member and every grid point, many steps of a [`Layer`], nothing but statistics back.

mod history;
mod kept;
mod observation;
mod outcome;
mod perturbation;

pub use history::History;
pub use observation::Observation;
pub use outcome::{Growth, Outcome, Outcomes};

use crate::device::Device;
use crate::error::Result;
use crate::kernel::shared::trajectory::event;
use crate::layer::{Jacobian, Layer, Point, Recipe, Setting, Threshold};
use crate::machine::{Machine, Processor};
use crate::plan::{Ints, Output, Plan};
use crate::spec::{EnsembleSpec, LayerSpec, Weights};
use crate::weights::{Source, State};
use kept::{Kept, Norms};
use outcome::{Outputs, Rolled};
use perturbation::Perturbation;
use rayon::prelude::*;
use std::ops::{ControlFlow, Range};

/// Where the later half of a trajectory begins: after step floor(L/2).
///
/// What grows is told by its rate over the steps behind it, for the steps before it hold the transient: a net ratio over
/// the whole depth says for a non-normal layer how high its hump is. Of a layer whose leading eigenvalues are a complex
/// pair |x| also swings about its trend, by no more than the condition κ of their eigenvectors (1 for a normal layer), so a
/// rate is good to ln κ / (L - m).
pub fn middle(depth: usize) -> usize {
    depth / 2
}

/// A rollout: which members of which layer, at which grid points, for how many steps.
#[derive(Clone, Copy)]
pub struct Rollout<'a> {
    /// How many members of which width, their weights, and the seed.
    pub ensemble: &'a EnsembleSpec,
    /// What the layer computes.
    pub layer: &'a LayerSpec,
    /// The depth L: the number of steps.
    pub depth: usize,
    /// The grid points that share the weights of a member.
    pub points: &'a [Point],
    /// Growth of the norm that counts as diverged.
    pub threshold: f64,
    /// Factors on the weights of each member of the ensemble, of the linear model; or none.
    pub member_gains: Option<&'a [f64]>,
    /// Does a random tangent ride along each trajectory? Not where states are perturbations themselves, in a linear layer.
    pub perturbations: bool,
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

/// A rollout in a plan that is being recorded.
struct Recording<'a> {
    plan: Plan,
    source: Source,
    layer: Box<dyn Layer + 'a>,
    weights: Weights,
    start: State,
    state: State,
}

impl<'a> Rollout<'a> {
    /// A rollout with the threshold 1000, without gains and perturbations.
    pub fn new(ensemble: &'a EnsembleSpec, layer: &'a LayerSpec, depth: usize, points: &'a [Point]) -> Self {
        Rollout { ensemble, layer, depth, points, threshold: 1e3, member_gains: None, perturbations: false }
    }

    /// Runs members `members` of the ensemble, at most `chunk` at a time (0: as many as fit), and hands their outcomes to
    /// `sink` until it breaks.
    ///
    /// # Errors
    /// Whatever the device fails with, and steps that it cannot follow.
    pub fn run(
        &self,
        device: &Device,
        members: Range<usize>,
        chunk: usize,
        sink: &mut dyn FnMut(Outcomes) -> ControlFlow<()>,
    ) -> Result<()> {
        self.observe(device, members, chunk, Kept { depth: self.depth, all: false }, sink)
    }

    /// What members `members` did at every step.
    ///
    /// # Errors
    /// As for [`Rollout::run`].
    pub fn histories(&self, device: &Device, members: Range<usize>) -> Result<History> {
        let kept = Kept { depth: self.depth, all: true };
        let mut history = History::new(self, members.len());
        for places in self.recipe().passes(device.epsilon()) {
            let points: Vec<Point> = places.iter().map(|&place| self.points[place]).collect();
            let own = Rollout { points: &points, ..*self };
            own.observe(device, members.clone(), 0, kept, &mut |outcomes| {
                history.take(&outcomes, &places);
                ControlFlow::Continue(())
            })?;
        }
        Ok(history)
    }

    /// The Jacobian of the whole step `step`, from 1, at the state before it, for members `members`.
    ///
    /// # Errors
    /// As for [`Rollout::run`], and those of `sink`.
    pub fn jacobians(
        &self,
        device: &Device,
        members: Range<usize>,
        step: usize,
        sink: &mut dyn FnMut(Jacobians) -> Result<()>,
    ) -> Result<()> {
        self.recipe().check(device.epsilon())?;
        let (mut plan, source, jacobian, events) = self.record_jacobians(step, device.machine());
        let matrices = plan.output(jacobian.buffer);
        let points = self.points.len();
        device.run(&plan, members.len(), 0, &source.inputs(members.clone()), &mut |chunk| {
            let numbers = chunk.reals(matrices);
            let records = chunk.ints(events).len() / (chunk.members.len() * event::ROWS);
            let matrix = |place: usize| {
                let (member, point) = (place / points, place % points);
                let frozen = chunk.ints(events)[(member * event::ROWS + event::DIVERGED_STEP) * records + point] > 0;
                (!frozen).then(|| jacobian.matrix(numbers, member, point))
            };
            let matrices = (0..chunk.members.len() * points).into_par_iter().map(matrix).collect();
            sink(Jacobians { members: chunk.members.clone(), order: jacobian.order, matrices })
        })
    }

    /// The plan of the rollout on a host in f32, for what it takes.
    pub fn plan(&self) -> Plan {
        self.record(Kept { depth: self.depth, all: false }, Machine::of(Processor::Host)).0
    }

    /// The same of the Jacobians of the first step.
    pub fn plan_of_jacobians(&self) -> Plan {
        let (mut plan, _, jacobian, _) = self.record_jacobians(1, Machine::of(Processor::Host));
        plan.output(jacobian.buffer);
        plan
    }

    /// The layer before it is in a plan.
    pub fn recipe(&self) -> Recipe<'a> {
        Recipe { ensemble: self.ensemble, spec: self.layer, points: self.points }
    }

    fn observe(
        &self,
        device: &Device,
        members: Range<usize>,
        chunk: usize,
        kept: Kept,
        sink: &mut dyn FnMut(Outcomes) -> ControlFlow<()>,
    ) -> Result<()> {
        self.recipe().check(device.epsilon())?;
        let (plan, source, outputs) = self.record(kept, device.machine());
        let _ = device.run_until(&plan, members.len(), chunk, &source.inputs(members.clone()), &mut |chunk| {
            outputs.refuse(&chunk, members.start)?;
            Ok(sink(Outcomes { chunk: &chunk, outputs: &outputs }))
        })?;
        Ok(())
    }

    /// All steps: one by one where somebody looks at them, else as many at a time as the layer makes.
    fn record(&self, kept: Kept, machine: Machine) -> (Plan, Source, Outputs) {
        let mut own = self.start(kept.slots(), machine);
        let records = own.state.records(&own.plan);
        let norms = Norms::new(&mut own.plan, records, kept);
        let mut tangent = (self.perturbations && !own.layer.is_linear())
            .then(|| Perturbation::new(&mut own.plan, &mut *own.layer, &own.source, kept));
        let looks = kept.all || tangent.is_some();
        let last = if own.layer.observations().is_some() { self.depth - 1 } else { self.depth };
        let mut step = 0;
        while step < self.depth {
            if looks || step == last {
                step += 1;
                own.step(step, kept.slot(step));
            } else {
                step = own.steps(step + 1, if step < middle(self.depth) { middle(self.depth) } else { last });
            }
            let Recording { plan, layer, state, .. } = &mut own;
            if let Some(tangent) = &mut tangent {
                tangent.step(plan, &mut **layer, step);
            }
            norms.take(plan, *state, step);
        }
        let Recording { mut plan, source, layer, start, state, .. } = own;
        let tangent = tangent.as_ref();
        let rolled = Rolled { start, end: state, norms, tangent, member_ids: source.member_ids };
        let outputs = Outputs::new(&mut plan, self, &*layer, rolled);
        (plan, source, outputs)
    }

    /// The plan of a step's Jacobians with the events of the state behind it as its first output.
    fn record_jacobians(&self, step: usize, machine: Machine) -> (Plan, Source, Jacobian, Output<Ints>) {
        let mut own = self.start(1, machine);
        (1..=step).for_each(|step| own.step(step, 0));
        let jacobian = own.layer.jacobian(&mut own.plan);
        let events = own.plan.output(own.state.events);
        (own.plan, own.source, jacobian, events)
    }

    fn start(&self, slots: usize, machine: Machine) -> Recording<'a> {
        let mut plan = Plan::new();
        let source = Source::of(&mut plan, self.ensemble, self.layer.weights, self.layer.tokens);
        let source = source.with_gains(&mut plan, self.member_gains);
        let setting = Setting { threshold: Threshold::new(self.threshold), slots, machine };
        let mut layer = self.recipe().layer(&mut plan, &source, setting);
        let start = layer.start(&mut plan, &source);
        Recording { plan, source, layer, weights: self.layer.weights, start, state: start }
    }
}

impl Recording<'_> {
    fn load(&mut self, step: usize) {
        if self.weights.are_new_at(step) {
            self.layer.load(&mut self.plan, &mut self.source, step - 1);
        }
    }

    fn step(&mut self, step: usize, slot: usize) {
        self.load(step);
        self.state = self.layer.step(&mut self.plan, self.state, step, slot);
    }

    /// Some steps from `first`, at most to `end`; the last one that was made.
    fn steps(&mut self, first: usize, end: usize) -> usize {
        self.load(first);
        let end = if self.weights == Weights::Tied { end } else { first };
        let (state, last) = self.layer.steps(&mut self.plan, self.state, first..=end);
        self.state = state;
        last
    }
}
