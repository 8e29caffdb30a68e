//! Rollouts: every member and every grid point, many Euler steps, nothing but statistics back. The linear model is
//! here, the MLP and the Transformer are in [`nonlinear`].

pub mod nonlinear;
mod perturbation;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::integrator::Scheme;
use crate::kernel::audit::{self, Audit};
use crate::kernel::euler_steps::STEPS;
use crate::kernel::euler_update::{mark, norm};
use crate::kernel::record::{self, Record};
use crate::layer::{Coefficients, LinearLayer, Threshold};
use crate::numbers::random::Tensor;
use crate::plan::{BufferId, Chunk, Data, Plan};
use crate::spec::{EnsembleSpec, Integrator, Weights};
use crate::weights::ensemble::{PADDING, Source, State, norm_bound};
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

/// What to run.
pub struct Rollout<'a> {
    /// Which matrices.
    pub ensemble: &'a EnsembleSpec,
    /// Tied or iid.
    pub weights: Weights,
    /// Steps.
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

/// The outcomes of some members, `[members, points]`.
pub struct Outcomes<'a> {
    chunk: &'a Chunk,
    columns: usize,
    points: usize,
    depth: usize,
}

impl Outcomes<'_> {
    /// How many members.
    pub fn members(&self) -> Range<usize> {
        self.chunk.members.clone()
    }

    /// How many grid points.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The outcome of member `member` of this chunk, from 0, at a grid point.
    pub fn get(&self, member: usize, point: usize) -> Outcome {
        let [norms, marks, _, middles, middle_exponents, ..] = &self.chunk.outputs[..] else {
            unreachable!("a rollout has these outputs")
        };
        let norm = |row: usize| norms.real((member * norm::ROWS + row) * self.columns + point);
        let mark = |row: usize| marks.int((member * mark::ROWS + row) * self.columns + point);
        let step = |row: usize| Some(mark(row) as u32).filter(|&step| step > 0);
        let (now, initial, exponent) = (norm(norm::NOW), norm(norm::INITIAL), mark(mark::EXPONENT));
        let collapse_step = step(mark::COLLAPSE_STEP);
        let diverged_step = step(mark::DIVERGED_STEP);
        let ended = |value: f64| match (collapse_step, diverged_step) {
            (Some(_), _) => f64::NEG_INFINITY,
            (None, Some(_)) => f64::INFINITY,
            (None, None) => value,
        };
        let at = member * self.columns + point;
        let (then, exponent_then) = match middle(self.depth) {
            0 => (initial, 0),
            _ => (middles.real(at), middle_exponents.int(at)),
        };
        let since = f64::from(exponent - exponent_then) * LN_2 + 0.5 * (now / then).ln();
        let peak_step = mark(mark::PEAK_STEP) as u32;
        // The peak is at least the start, whatever rounding says.
        let log_peak = match peak_step {
            0 => 0.0,
            _ => (0.5 * (f64::from(mark(mark::PEAK_EXPONENT)) * LN_2 + (norm(norm::PEAK) / initial).ln())).max(0.0),
        };
        Outcome {
            // One logarithm of a ratio, so that a norm that has not changed gives exactly 0.
            log_growth: ended(f64::from(exponent) * LN_2 + 0.5 * (now / initial).ln()),
            rate: ended(since / (self.depth - middle(self.depth)) as f64),
            log_peak: if diverged_step.is_some() { f64::INFINITY } else { log_peak },
            peak_step: diverged_step.unwrap_or(peak_step),
            crossing_step: step(mark::CROSSING_STEP),
            collapse_step,
            diverged_step,
        }
    }
}

/// The norms of all columns at one step of a rollout, as mantissas and exponents: `[columns]` each.
#[derive(Clone, Copy)]
struct Snapshot {
    norms: BufferId,
    exponents: BufferId,
}

impl Snapshot {
    fn new(plan: &mut Plan, columns: usize) -> Self {
        Snapshot { norms: plan.reals("history", columns), exponents: plan.ints("history_exponents", columns) }
    }

    /// Keeps the norms as they are now.
    fn take(&self, plan: &mut Plan, columns: usize, [norms, marks]: [BufferId; 2]) {
        let params = record::Params { columns: columns as u32, row: 0, rows: 1 };
        plan.run::<Record>(params, &[norms, marks, self.norms, self.exponents]);
    }
}

/// The plan of a rollout, with what it needs and gives.
struct Recorded {
    plan: Plan,
    source: Source,
    member_gain: Option<BufferId>,
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
        let (state, middle) = self.steps(&mut recorded, &mut layer, state, device.steps_at_once(self.padded()));
        let count = recorded.plan.words("count", 1);
        let length = (self.padded() * recorded.columns) as u32;
        recorded.plan.run::<Audit>(audit::Params { length }, &[state.x, count]);
        for output in [state.norms, state.marks, count, middle.norms, middle.exponents] {
            recorded.plan.output(output);
        }
        let columns = recorded.columns;
        self.execute(device, recorded, members, chunk, &mut |chunk| {
            refuse_non_finite(&chunk)?;
            Ok(sink(Outcomes { chunk: &chunk, columns, points: self.points.len(), depth: self.depth }))
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
            let params = record::Params { columns: columns as u32, row: step as u32, rows: rows as u32 };
            recorded.plan.run::<Record>(params, &[state.norms, state.marks, history, exponents]);
        }
        for output in [history, exponents, state.marks] {
            recorded.plan.output(output);
        }
        let mut growth = Vec::new();
        self.execute(device, recorded, members, 0, &mut |chunk| {
            let log = |i: usize| chunk.outputs[1].int(i) as f64 * LN_2 + 0.5 * chunk.outputs[0].real(i).ln();
            for (member, row) in (0..chunk.members.len()).flat_map(|m| (0..rows).map(move |row| (m, row))) {
                let at = |row: usize, point: usize| (member * rows + row) * columns + point;
                growth.extend((0..self.points.len()).map(|point| {
                    let diverged = chunk.outputs[2].int((member * mark::ROWS + mark::DIVERGED_STEP) * columns + point);
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
        for output in [state.norms, state.marks, middle.norms, middle.exponents] {
            recorded.plan.output(output);
        }
        recorded.plan
    }

    /// How a step is made on a device with this epsilon. Gains of members must be 1 where that is an exponential, whose
    /// length may not depend on other members.
    pub fn scheme(&self, epsilon: f64) -> Scheme {
        let gain = self.points.iter().fold(0.0, |largest: f64, point| largest.max(point.gain.abs()));
        Scheme::new(self.integrator, gain * norm_bound(self.ensemble.width), epsilon)
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
        let source = Source::new(&mut plan, self.ensemble.seed);
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
        let layer =
            LinearLayer::new(plan, self.ensemble.width, self.points, scheme, gain, Threshold::new(self.threshold));
        layer.draw(plan, source, self.ensemble, 0);
        let state = State::new(plan, self.padded(), *columns);
        source.draw_state(plan, Tensor::State, (self.ensemble.width, self.points.len(), 1), true, &state);
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
                snapshot.take(&mut recorded.plan, columns, [state.norms, state.marks]);
            }
        }
        (state, snapshot)
    }

    fn step(&self, recorded: &mut Recorded, layer: &mut LinearLayer, state: State, step: usize) -> State {
        if self.weights == Weights::Iid && step > 1 {
            layer.draw(&mut recorded.plan, &recorded.source, self.ensemble, step as u32 - 1);
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
            inputs.0.push((id, Data::F64(gain[members.clone()].to_vec())));
        }
        let _ = device.run_until(&recorded.plan, members.len(), chunk, &inputs, sink)?;
        Ok(())
    }
}

/// NaN or infinity cannot come out of a renormalised linear rollout; if it does, the device or we are wrong.
fn refuse_non_finite(chunk: &Chunk) -> Result<()> {
    let counts = &chunk.outputs[2];
    match (0..counts.len()).find(|&i| counts.int(i) != 0) {
        None => Ok(()),
        Some(i) => Err(Error::Bug(format!(
            "member {} ended with {} numbers that are not finite",
            chunk.members.start + i,
            counts.int(i)
        ))),
    }
}
