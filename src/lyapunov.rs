//! Lyapunov exponents of stacks of layers: Benettin's method with an exact QR at every step.
//!
//! Deviation vectors are carried by the tangent map of every step of a [`Layer`](crate::layer::Layer): of the linear model the step itself,
//! whatever the state, so no state is followed there; of the MLP and the Transformer the exact linearisation along the
//! trajectory. After each step they are orthonormalised and the logarithms of what was divided out are summed, as
//! mantissas with integer exponents, so growth of any size is exact. Isotropic layers need no transient: their increments
//! are stationary from step 1.
//!
//! The frame starts as random tangents, orthonormalised. Counted step j of N, from 0 after the transient, belongs to
//! block floor(j blocks / N), and a point of the convergence series is the mean over all steps up to the end of a block.
//!
//! Reference: Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980); Geist, Parlitz and Lauterborn, Prog. Theor.
//! Phys. 83 (1990), method H2 with QR.

mod frame;
mod part;
mod summary;

use crate::device::{Device, Progress};
use crate::error::Result;
use crate::kernel::end_step::observation;
use crate::kernel::shared::trajectory::{event, norm};
use crate::layer::{Point, Recipe, Setting, Threshold, Vectors};
use crate::machine::{Machine, Processor};
use crate::plan::{Chunk, Ints, Output, Plan, Reals};
use crate::spec::LyapunovSpec;
use crate::units::{Afresh, Parts, Units};
use crate::weights::Source;
use frame::{Frame, GrowthOutputs};
use serde::Serialize;
use std::ops::ControlFlow;
use summary::{annihilate, summarise};

pub use part::{Growth, Part, Shapes};

/// The norm of a state after the transient, if there is one, is kept in slot 0, the last one in slot 1.
const SLOTS: usize = 2;

/// A mean over members with its standard error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Missing where every member's growth was 0.
    pub mean: Option<f64>,
    /// Missing for a single member.
    pub standard_error: Option<f64>,
}

/// A point of the convergence series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Convergence {
    /// Steps averaged so far.
    pub steps: usize,
    /// The exponents from these steps.
    pub exponents: Vec<Estimate>,
}

/// Exponents of an ensemble, in natural logarithms per step, from the largest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lyapunov {
    /// Over all steps.
    pub exponents: Vec<Estimate>,
    /// Their sum, of each member: E log |det M| when all exponents are there.
    pub sum: Estimate,
    /// How the exponents settled.
    pub convergence: Vec<Convergence>,
    /// Members with a direction that is annihilated within rounding, whose exponents are minus infinity.
    pub collapsed: usize,
    /// Of nonlinear layers: exponents of the direction of the state, the raw ones less the growth of its norm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub angular_exponents: Vec<Estimate>,
    /// Members that are left out because their nonlinear state was frozen at 2^48, or an implicit step does not exist.
    pub frozen: usize,
    /// Members that were run: fewer than asked for if it was stopped before its end.
    pub members: usize,
    /// Was it stopped before its end?
    pub interrupted: bool,
}

/// The exponents of an ensemble, of at most `chunk` members at a time; 0 chooses chunks short enough to stop between.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) where the specification is not valid, and whatever the device refuses.
pub fn run(device: &Device, spec: &LyapunovSpec, chunk: usize, progress: Progress) -> Result<Lyapunov> {
    run_parts(device, spec, chunk, &mut Afresh, progress)
}

/// [`run`] where parts of it may have been done before, and are kept when they are done.
///
/// # Errors
/// As for [`run`], and whatever goes wrong where `parts` are kept.
pub fn run_parts(
    device: &Device,
    spec: &LyapunovSpec,
    chunk: usize,
    parts: &mut dyn Parts<Part>,
    progress: Progress,
) -> Result<Lyapunov> {
    spec.validate()?;
    run_valid(device, spec, chunk, parts, progress)
}

/// [`run_parts`] for a specification that has been validated, or a part of one: fewer members or steps.
pub(crate) fn run_valid(
    device: &Device,
    spec: &LyapunovSpec,
    chunk: usize,
    parts: &mut dyn Parts<Part>,
    progress: Progress,
) -> Result<Lyapunov> {
    recipe(spec, &[point(spec)]).check(device.epsilon())?;
    let (plan, source, outputs) = record(spec, device.machine());
    let shapes = Shapes::of(spec);
    let left = shapes.work_of(&|unit| parts.is_left(unit));
    let (mut found, mut unit, mut done, mut stopped) = (Part::default(), 0, 0, false);
    while unit < shapes.count() && !stopped {
        if !parts.is_left(unit) {
            found.members.extend(parts.known(unit, &Part::default)?.unwrap_or_default().members);
            unit += 1;
            continue;
        }
        let end = (unit..shapes.count()).find(|&unit| !parts.is_left(unit)).unwrap_or(shapes.count());
        let members = shapes.members(unit..end);
        let inputs = source.inputs(members.clone());
        let mut waiting = Part::default();
        let flow = device.run_until(&plan, members.len(), chunk, &inputs, &mut |chunk| {
            for member in 0..chunk.members.len() {
                waiting.members.push(outputs.growth_of(spec, &chunk, member, device.epsilon()));
                if waiting.members.len() == shapes.members(unit..unit + 1).len() {
                    parts.keep(unit, &mut waiting)?;
                    unit += 1;
                    if parts.is_whole() {
                        found.members.append(&mut waiting.members);
                    }
                    waiting.members.clear();
                }
            }
            done += chunk.members.len();
            Ok(if (done as f64) < left { progress(done as f64 / left) } else { ControlFlow::Continue(()) })
        })?;
        found.members.append(&mut waiting.members);
        stopped = flow.is_break();
    }
    Ok(Lyapunov { interrupted: stopped, ..summarise(spec, &found.members) })
}

/// The plan of one member on a host in f32, for its cost and its memory.
pub fn plan(spec: &LyapunovSpec) -> Plan {
    record(spec, Machine::of(Processor::Host)).0
}

/// The plan of one step: its buffers are those of the whole.
pub fn plan_of_a_step(spec: &LyapunovSpec) -> Plan {
    plan(&LyapunovSpec { depth: 1, transient_steps: 0, ..spec.clone() })
}

/// The one grid point.
fn point(spec: &LyapunovSpec) -> Point {
    Point { step_size: spec.step_size, radius: spec.radius, damping: spec.damping }
}

fn recipe<'a>(spec: &'a LyapunovSpec, points: &'a [Point; 1]) -> Recipe<'a> {
    Recipe { ensemble: &spec.ensemble, spec: &spec.layer, points }
}

/// What comes back.
struct Outputs {
    growth: GrowthOutputs,
    /// The events of what carries the deviations, `[3 scales | 4 events, columns]`.
    events: Output<Ints>,
    /// Of states, where there are any.
    states: Option<StateOutputs>,
}

/// What comes back of states.
struct StateOutputs {
    /// `[slots, 6 observations]`.
    observations: Output<Reals>,
    /// `[now | peak | initial]`.
    norms: Output<Reals>,
}

/// Block 0 takes the transient, blocks 1.. the convergence series.
fn record(spec: &LyapunovSpec, machine: Machine) -> (Plan, Source, Outputs) {
    let mut plan = Plan::new();
    let mut source = Source::of(&mut plan, &spec.ensemble, spec.layer.weights, spec.layer.tokens);
    let setting = Setting { threshold: Threshold::new(f64::from(f32::MAX)), slots: SLOTS, machine };
    let points = [point(spec)];
    let mut layer = recipe(spec, &points).layer(&mut plan, &source, setting);
    let tangents = layer.tangents(&mut plan, &source, Vectors::Several(spec.exponents()));
    let mut state = (!layer.is_linear()).then(|| layer.start(&mut plan, &source));
    let frame = Frame::new(&mut plan, &tangents, spec.exponents(), 1 + spec.blocks);
    let mut deviations = tangents.x;
    frame.orthonormalise(&mut plan, deviations, 0, true);
    for step in 1..=spec.transient_steps + spec.depth {
        if spec.layer.weights.are_new_at(step) {
            layer.load(&mut plan, &mut source, step - 1);
        }
        let slot = usize::from(step > spec.transient_steps);
        state = state.map(|state| layer.step(&mut plan, state, step, slot));
        deviations = layer.deviate(&mut plan, deviations);
        let block = block_of(spec, step);
        frame.orthonormalise(&mut plan, deviations, block, block > 0 && block != block_of(spec, step - 1));
    }
    let states = state.zip(layer.observations()).map(|(state, observations)| StateOutputs {
        observations: plan.output(observations),
        norms: plan.output(state.norms),
    });
    let outputs = Outputs { growth: frame.output(&mut plan), events: plan.output(tangents.events), states };
    (plan, source, outputs)
}

/// The block of a step, from 1: 0 in the transient and before it.
fn block_of(spec: &LyapunovSpec, step: usize) -> usize {
    match step.checked_sub(spec.transient_steps + 1) {
        None => 0,
        Some(counted) => 1 + counted * spec.blocks / spec.depth,
    }
}

impl Outputs {
    /// What grew along the way of a member of the chunk; none if it has no end.
    fn growth_of(&self, spec: &LyapunovSpec, chunk: &Chunk, member: usize, epsilon: f64) -> Option<Growth> {
        if self.is_frozen(chunk, member) {
            return None;
        }
        let mut of_directions = self.growth.logs(chunk, member);
        annihilate(spec, &mut of_directions, epsilon);
        Some(Growth { of_directions, of_norm: self.growth_of_norm(spec, chunk, member) })
    }

    /// Is there no finite state, or no step, of a member of the chunk any more?
    fn is_frozen(&self, chunk: &Chunk, member: usize) -> bool {
        let events = chunk.ints(self.events);
        let own = &events[events.len() / chunk.members.len() * member..][..events.len() / chunk.members.len()];
        let columns = own.len() / event::ROWS;
        own[event::DIVERGED_STEP * columns..][..columns].iter().any(|&step| step > 0)
    }

    /// ln of the growth of a member's norm a counted step, if there is a state.
    fn growth_of_norm(&self, spec: &LyapunovSpec, chunk: &Chunk, member: usize) -> Option<f64> {
        let StateOutputs { observations, norms } = self.states.as_ref()?;
        let observations = chunk.reals(*observations);
        let norm = |slot: usize| observations.at((member * SLOTS + slot) * observation::ROWS + observation::NORM);
        let first = match spec.transient_steps {
            0 => chunk.reals(*norms).at(member * norm::ROWS + norm::INITIAL).sqrt(),
            _ => norm(0),
        };
        Some((norm(1).ln() - first.ln()) / spec.depth as f64)
    }
}
