//! Rollouts: every member and every grid point, many Euler steps, nothing but statistics back. The linear model is
//! here, the MLP and the Transformer are in [`nonlinear`].

pub mod nonlinear;
mod outcome;
mod perturbation;

use crate::device::Device;
use crate::error::Result;
use crate::integrator::Scheme;
use crate::kernel::euler_steps::{STEPS, steps_at_once};
use crate::kernel::save;
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trajectory::event;
use crate::layer::{Coefficients, LinearLayer, Threshold};
use crate::numbers::random::Tensor;
use crate::plan::{Chunk, Data, Ints, Plan, Reals};
use crate::spec::{EnsembleSpec, Integrator, Weights};
use crate::weights::ensemble::norm_bound;
use crate::weights::{Columns, Source, State};
use outcome::Outputs;
pub use outcome::{Outcome, Outcomes};
use std::f64::consts::LN_2;
use std::ops::{ControlFlow, Range};

/// Grid points that ride through one rollout; more are run in several.
const MOST_POINTS: usize = 1024;
/// Bytes of the factors of an implicit integrator, of one member.
const FACTOR_BYTES: usize = 64 << 20;

/// Grid points of one rollout; fewer where each has a matrix of its own.
pub fn points_at_once(integrator: Integrator, width: usize) -> usize {
    match integrator {
        Integrator::BackwardEuler => (FACTOR_BYTES / (4 * width * width)).clamp(PADDING, MOST_POINTS),
        _ => MOST_POINTS,
    }
}

/// Where the later half of a trajectory begins: after step floor(L/2).
///
/// What grows is told by its rate over the steps behind it, for the steps before it hold the transient: a net ratio over
/// the whole depth says for a non-normal layer how high its hump is. Of a layer whose leading eigenvalues are a complex
/// pair |x| also swings about its trend, by no more than the condition κ of their eigenvectors (1 for a normal layer), so a
/// rate is good to ln κ / (L - m).
pub fn middle(depth: usize) -> usize {
    depth / 2
}

/// A rollout of the linear model: which members, at which grid points, for how many steps.
pub struct Rollout<'a> {
    /// Which matrices the members have.
    pub ensemble: &'a EnsembleSpec,
    /// Tied, iid or given.
    pub weights: Weights,
    /// The depth L: the number of steps.
    pub depth: usize,
    /// Growth of the norm that counts as diverged.
    pub threshold: f64,
    /// How a step is made.
    pub integrator: Integrator,
    /// What each grid point does in an Euler step.
    pub points: &'a [Coefficients],
    /// Factors on the gain of each member of the ensemble, or none.
    pub member_gain: Option<&'a [f64]>,
}

/// How a tangent grew along a nonlinear trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// ln |d_L| / |d_0|; negative infinity when it became 0, infinity when the state was frozen or one step stretched it
    /// beyond the device's numbers.
    pub log: f64,
    /// Its slope over the later half, as that of an [`Outcome`].
    pub rate: f64,
}

/// The norms of all columns at one step of a rollout, as mantissas and exponents: `[columns]` each.
#[derive(Clone, Copy)]
struct Snapshot {
    norms: Reals,
    exponents: Ints,
}

impl Snapshot {
    fn new(plan: &mut Plan, columns: usize) -> Self {
        Snapshot { norms: plan.reals("history", columns), exponents: plan.ints("history_exponents", columns) }
    }

    /// Keeps the norms as they are now.
    fn take(&self, plan: &mut Plan, columns: usize, norms: Reals, events: Ints) {
        let params = save::Params { columns: columns as u32, row: 0, rows: 1 };
        let (history, history_exponents) = (self.norms, self.exponents);
        plan.run(params, save::Buffers { norms, events, history, history_exponents });
    }
}

/// The plan of a rollout, with what it needs and gives.
struct Recorded {
    plan: Plan,
    source: Source,
    member_gain: Option<Reals>,
    columns: usize,
}

impl Rollout<'_> {
    /// Runs members `members` of the ensemble and hands their outcomes to `sink`, chunk by chunk, until it breaks.
    ///
    /// # Errors
    /// Whatever the device fails with, and steps that it cannot make.
    pub fn run(
        &self,
        device: &Device,
        members: Range<usize>,
        chunk: usize,
        sink: &mut dyn FnMut(Outcomes) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut recorded = self.start();
        let (mut layer, state) = self.layer(&mut recorded, &self.checked_scheme(device)?);
        let (state, middle) =
            self.steps(&mut recorded, &mut layer, state, steps_at_once(self.padded(), &device.machine()));
        let columns = recorded.columns;
        let outputs = Outputs::new(&mut recorded.plan, state, self.padded() * columns, middle);
        self.execute(device, recorded, members, chunk, &mut |chunk| {
            outputs.refuse_non_finite(&chunk)?;
            Ok(sink(Outcomes { chunk: &chunk, outputs, columns, points: self.points.len(), depth: self.depth }))
        })
    }

    /// The growth ln |x_k| / |x_0| of few members at every step: `[members, steps 0..=depth, points]`; infinite where
    /// there is no finite state any more.
    pub fn histories(&self, device: &Device, members: Range<usize>) -> Result<Vec<f64>> {
        let (points, rows) = (self.points.len(), members.len() * (self.depth + 1));
        let mut growth = vec![f64::NAN; rows * points];
        for places in self.passes(device.epsilon()) {
            let own: Vec<Coefficients> = places.iter().map(|&place| self.points[place]).collect();
            let values = Rollout { points: &own, ..*self }.histories_at_once(device, members.clone())?;
            for (row, values) in values.chunks(places.len()).enumerate() {
                places.iter().zip(values).for_each(|(&place, &value)| growth[row * points + place] = value);
            }
        }
        Ok(growth)
    }

    /// Places of the points that ride through one rollout: those whose steps are made alike, so that a point with a
    /// small exponent does not take the products of a large one, and its result does not depend on its neighbours.
    pub fn passes(&self, epsilon: f64) -> Vec<Vec<usize>> {
        let groups = match self.integrator {
            Integrator::ExponentialEuler => self.places_by_scheme(epsilon),
            _ => vec![(0..self.points.len()).collect()],
        };
        let at_once = points_at_once(self.integrator, self.ensemble.width);
        groups.iter().flat_map(|places| places.chunks(at_once).map(<[usize]>::to_vec)).collect()
    }

    fn places_by_scheme(&self, epsilon: f64) -> Vec<Vec<usize>> {
        let mut groups: Vec<(Scheme, Vec<usize>)> = Vec::new();
        for place in 0..self.points.len() {
            let scheme = Rollout { points: &self.points[place..=place], ..*self }.scheme(epsilon);
            match groups.iter_mut().find(|(other, _)| *other == scheme) {
                Some((_, places)) => places.push(place),
                None => groups.push((scheme, vec![place])),
            }
        }
        groups.into_iter().map(|(_, places)| places).collect()
    }

    fn histories_at_once(&self, device: &Device, members: Range<usize>) -> Result<Vec<f64>> {
        let mut recorded = self.start();
        let (mut layer, mut state) = self.layer(&mut recorded, &self.checked_scheme(device)?);
        let (rows, columns) = (self.depth + 1, recorded.columns);
        let history = recorded.plan.reals("history", rows * columns);
        let exponents = recorded.plan.ints("history_exponents", rows * columns);
        for step in 0..=self.depth {
            if step > 0 {
                state = self.step(&mut recorded, &mut layer, state, step);
            }
            let params = save::Params { columns: columns as u32, row: step as u32, rows: rows as u32 };
            let State { norms, events, .. } = state;
            recorded.plan.run(params, save::Buffers { norms, events, history, history_exponents: exponents });
        }
        let plan = &mut recorded.plan;
        let (history, exponents, events) = (plan.output(history), plan.output(exponents), plan.output(state.events));
        let mut growth = Vec::new();
        self.execute(device, recorded, members, 0, &mut |chunk| {
            let (squares, exponents, events) = (chunk.reals(history), chunk.ints(exponents), chunk.ints(events));
            let log = |i: usize| f64::from(exponents[i]) * LN_2 + 0.5 * squares.at(i).ln();
            for (member, row) in (0..chunk.members.len()).flat_map(|m| (0..rows).map(move |row| (m, row))) {
                let at = |row: usize, point: usize| (member * rows + row) * columns + point;
                growth.extend((0..self.points.len()).map(|point| {
                    let diverged = events[(member * event::ROWS + event::DIVERGED_STEP) * columns + point];
                    let finite = diverged == 0 || row < diverged as usize;
                    if finite { log(at(row, point)) - log(at(0, point)) } else { f64::INFINITY }
                }));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(growth)
    }

    /// Bytes of one member's buffers and its arithmetic in f32, for the plan of a long run.
    pub fn plan_of_one(&self) -> Plan {
        let mut recorded = self.start();
        let (mut layer, state) = self.layer(&mut recorded, &self.scheme(f64::from(f32::EPSILON)));
        let (state, middle) = self.steps(&mut recorded, &mut layer, state, STEPS);
        let mut plan = recorded.plan;
        for norms in [state.norms, middle.norms] {
            plan.output(norms);
        }
        for exponents in [state.events, middle.exponents] {
            plan.output(exponents);
        }
        plan
    }

    /// How a step is made on a device with this epsilon. Gains of members must be 1 where that is an exponential, whose
    /// length may not depend on other members.
    pub fn scheme(&self, epsilon: f64) -> Scheme {
        let gain = self.points.iter().fold(0.0, |largest: f64, point| largest.max(point.gain.abs()));
        Scheme::new(self.integrator, gain * norm_bound(self.ensemble), epsilon)
    }

    fn checked_scheme(&self, device: &Device) -> Result<Scheme> {
        let scheme = self.scheme(device.epsilon());
        scheme.check()?;
        Ok(scheme)
    }

    fn padded(&self) -> usize {
        self.ensemble.width.next_multiple_of(PADDING)
    }

    fn start(&self) -> Recorded {
        let mut plan = Plan::new();
        let source = Source::of(&mut plan, self.ensemble, self.weights, 1);
        let member_gain = self.member_gain.map(|_| {
            let id = plan.reals("member_gain", 1);
            plan.input(id)
        });
        Recorded { plan, source, member_gain, columns: self.points.len().next_multiple_of(PADDING) }
    }

    /// The layer with its first weights, and the initial state.
    fn layer(&self, recorded: &mut Recorded, scheme: &Scheme) -> (LinearLayer, State) {
        let Recorded { plan, source, member_gain, columns } = recorded;
        let gain = member_gain.unwrap_or_else(|| plan.shared_reals("member_gain", vec![1.0]));
        let mut layer =
            LinearLayer::new(plan, self.ensemble.width, self.points, scheme, gain, Threshold::new(self.threshold));
        layer.load(plan, source, self.ensemble, 0);
        let state = State::new(plan, self.padded(), *columns);
        let drawn = Columns { rows: self.ensemble.width, count: self.points.len(), tokens: 1 };
        source.draw_state(plan, Tensor::State, drawn, true, &state);
        (layer, state)
    }

    /// All steps, of tied weights `at_once` in one run; and the norms in the middle.
    fn steps(
        &self,
        recorded: &mut Recorded,
        layer: &mut LinearLayer,
        mut state: State,
        at_once: usize,
    ) -> (State, Snapshot) {
        let (middle, columns) = (middle(self.depth), recorded.columns);
        let snapshot = Snapshot::new(&mut recorded.plan, columns);
        for steps in [1..=middle, middle + 1..=self.depth] {
            state = match self.weights {
                Weights::Tied => layer.steps(&mut recorded.plan, state, steps.clone(), at_once),
                _ => steps.clone().fold(state, |state, step| self.step(recorded, layer, state, step)),
            };
            if *steps.end() == middle {
                snapshot.take(&mut recorded.plan, columns, state.norms, state.events);
            }
        }
        (state, snapshot)
    }

    fn step(&self, recorded: &mut Recorded, layer: &mut LinearLayer, state: State, step: usize) -> State {
        if self.weights != Weights::Tied && step > 1 {
            layer.load(&mut recorded.plan, &mut recorded.source, self.ensemble, step as u32 - 1);
        }
        layer.step(&mut recorded.plan, state, step as u32, true)
    }

    fn execute(
        &self,
        device: &Device,
        recorded: Recorded,
        members: Range<usize>,
        chunk: usize,
        sink: &mut dyn FnMut(Chunk) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut inputs = recorded.source.inputs(members.clone());
        if let (Some(id), Some(gain)) = (recorded.member_gain, self.member_gain) {
            inputs = inputs.with(id, Data::F64(gain[members.clone()].to_vec()));
        }
        let _ = device.run_until(&recorded.plan, members.len(), chunk, &inputs, sink)?;
        Ok(())
    }
}
