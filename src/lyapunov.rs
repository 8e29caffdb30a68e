//! Lyapunov exponents of stacks of layers: Benettin's method with an exact QR at every step. Products of linear layers
//! are here, tangents along the trajectories of the MLP and the Transformer in `nonlinear`.
//!
//! Deviation vectors ride as columns through the same Euler update as states do; after each step they are
//! orthonormalised and the logarithms of what was divided out are summed, as mantissas with integer exponents, so
//! growth of any size is exact. Isotropic layers need no transient: their increments are stationary from step 1.
//!
//! The frame starts as random tangents, orthonormalised. Counted step j of N, from 0 after the transient, belongs to
//! block floor(j blocks / N), and a point of the convergence series is the mean over all steps up to the end of a block.
//!
//! Reference: Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980); Geist, Parlitz and Lauterborn, Prog. Theor.
//! Phys. 83 (1990), method H2 with QR.

mod nonlinear;

use crate::device::{Device, Progress};
use crate::error::Result;
use crate::integrator::Scheme;
use crate::kernel::orthonormalise;
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trajectory::{event, norm};
use crate::layer::{Coefficients, LinearLayer, Point, Threshold};
use crate::numbers::random::Tensor;
use crate::numbers::statistics::Moments;
use crate::numbers::verdict::Band;
use crate::plan::{Chunk, Ints, Output, Plan, Reals};
use crate::spec::{LyapunovSpec, Model, Weights};
use crate::weights::ensemble::{least_size, norm_bound, unit};
use crate::weights::{Columns, Source, State};
use serde::Serialize;
use std::f64::consts::LN_2;
use std::ops::ControlFlow;

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

/// Where the deviations and their growth live.
struct Frame {
    growth: Reals,
    exponents: Ints,
    rows: usize,
    columns: usize,
    stride: usize,
    blocks: usize,
}

impl Frame {
    fn new(plan: &mut Plan, (rows, columns, stride): (usize, usize, usize), blocks: usize) -> Self {
        let growth = plan.reals("growth", blocks * stride);
        let exponents = plan.ints("growth_exponents", blocks * stride);
        Frame { growth, exponents, rows, columns, stride, blocks }
    }

    /// The growth comes back.
    fn output(&self, plan: &mut Plan) -> GrowthOutputs {
        GrowthOutputs { mantissas: plan.output(self.growth), exponents: plan.output(self.exponents) }
    }

    /// `begin`: this is the first step of the block.
    fn orthonormalise(&self, plan: &mut Plan, deviations: Reals, block: usize, begin: bool) {
        let at_once = orthonormalise::pivots_at_once(self.rows, self.columns);
        // Twice is enough.
        for pass in 0..2 {
            for first in (0..self.columns).step_by(at_once) {
                let params = orthonormalise::Params {
                    rows: self.rows as u32,
                    columns: self.columns as u32,
                    stride: self.stride as u32,
                    first: first as u32,
                    last: self.columns.min(first + at_once) as u32,
                    block: block as u32,
                    blocks: self.blocks as u32,
                    begin: u32::from(begin && pass == 0),
                };
                let Frame { growth, exponents, .. } = *self;
                plan.run(params, orthonormalise::Buffers { deviations, growth, growth_exponents: exponents });
            }
        }
    }
}

/// The growth of deviations as it comes back, `[blocks, stride]`.
#[derive(Clone, Copy)]
struct GrowthOutputs {
    mantissas: Output<Reals>,
    exponents: Output<Ints>,
}

/// The exponents of an ensemble, of at most `chunk` members at a time; 0 chooses chunks short enough to stop between.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) where the specification is not valid, and whatever the device refuses.
pub fn run(device: &Device, spec: &LyapunovSpec, chunk: usize, progress: Progress) -> Result<Lyapunov> {
    spec.validate()?;
    run_valid(device, spec, chunk, progress)
}

/// [`run`] for a specification that has been validated, or a part of one: fewer members or steps.
pub(crate) fn run_valid(device: &Device, spec: &LyapunovSpec, chunk: usize, progress: Progress) -> Result<Lyapunov> {
    if spec.layer.model != Model::Linear {
        return nonlinear::run(device, spec, chunk, progress);
    }
    let scheme = scheme(spec, device.epsilon());
    scheme.check()?;
    own(spec).check(&scheme, least_size(&spec.ensemble))?;
    let mut plan = Plan::new();
    let (source, frame, events) = record(&mut plan, spec, device.epsilon());
    let (growth, events) = (frame.output(&mut plan), plan.output(events));
    let (mut logs, mut frozen) = (Vec::new(), 0);
    let layers = spec.ensemble.members;
    let interrupted = in_chunks(device, &plan, layers, chunk, &source, progress, &mut |chunk| {
        let diverged = |member: usize| {
            let first = (member * event::ROWS + event::DIVERGED_STEP) * frame.stride;
            chunk.ints(events)[first..first + frame.columns].iter().any(|&step| step > 0)
        };
        for member in 0..chunk.members.len() {
            if diverged(member) {
                frozen += 1;
            } else {
                logs.push(growth_of(spec, &frame, chunk, growth, (member, device.epsilon())));
            }
        }
    })?;
    let members = logs.len() + frozen;
    Ok(Lyapunov { frozen, members, interrupted, ..summarise(spec, &frame, &logs).0 })
}

/// Runs all members chunk by chunk until `progress` asks to stop, and says whether it did.
fn in_chunks(
    device: &Device,
    plan: &Plan,
    layers: usize,
    chunk: usize,
    source: &Source,
    progress: Progress,
    sink: &mut dyn FnMut(&Chunk),
) -> Result<bool> {
    let flow = device.run_until(plan, layers, chunk, &source.inputs(0..layers), &mut |chunk| {
        sink(&chunk);
        let end = chunk.members.end;
        Ok(if end < layers { progress(end as f64 / layers as f64) } else { ControlFlow::Continue(()) })
    })?;
    Ok(flow.is_break())
}

/// The plan of one step: its buffers are those of the whole.
pub fn plan_of_a_step(spec: &LyapunovSpec) -> Plan {
    let spec = &LyapunovSpec { depth: 1, transient_steps: 0, ..spec.clone() };
    let mut plan = Plan::new();
    if spec.layer.model == Model::Linear {
        let (_, frame, events) = record(&mut plan, spec, f64::from(f32::EPSILON));
        frame.output(&mut plan);
        plan.output(events);
    } else {
        nonlinear::record(&mut plan, spec);
    }
    plan
}

/// The plan of one member, for its cost and its memory.
pub fn plan_of_one(spec: &LyapunovSpec) -> Plan {
    let mut plan = Plan::new();
    let (_, frame, events) = record(&mut plan, spec, f64::from(f32::EPSILON));
    frame.output(&mut plan);
    plan.output(events);
    plan
}

/// The one grid point.
fn point(spec: &LyapunovSpec) -> Point {
    Point { step_size: spec.step_size, radius: spec.radius, damping: spec.damping }
}

/// What every deviation does in a step.
fn own(spec: &LyapunovSpec) -> Coefficients {
    Coefficients::linear(&point(spec), spec.ensemble.shift, unit(&spec.ensemble))
}

/// How a step is made on a device with this epsilon.
fn scheme(spec: &LyapunovSpec, epsilon: f64) -> Scheme {
    Scheme::new(spec.layer.integrator, own(spec).gain.abs() * norm_bound(&spec.ensemble), epsilon)
}

/// Block 0 takes the transient, blocks 1.. the convergence series. Gives the events of the deviations, too.
fn record(plan: &mut Plan, spec: &LyapunovSpec, epsilon: f64) -> (Source, Frame, Ints) {
    let mut source = Source::of(plan, &spec.ensemble, spec.layer.weights, 1);
    let member_gain = plan.shared_reals("member_gain", vec![1.0]);
    let own = own(spec);
    let (width, columns) = (spec.ensemble.width, spec.exponents());
    let mut layer = LinearLayer::new(
        plan,
        width,
        &vec![own; columns],
        &scheme(spec, epsilon),
        member_gain,
        Threshold::new(f64::from(f32::MAX)),
    );
    let (rows, stride) = (width.next_multiple_of(PADDING), columns.next_multiple_of(PADDING));
    let blocks = 1 + spec.blocks;
    let state = State {
        x: plan.reals("deviations", rows * stride),
        norms: plan.reals("norms", norm::ROWS * stride),
        events: plan.ints("events", event::ROWS * stride),
    };
    let frame = Frame::new(plan, (rows, columns, stride), blocks);
    let mut state = state;
    layer.load(plan, &mut source, &spec.ensemble, 0);
    source.draw_state(
        plan,
        Tensor::Deviations,
        Columns { rows: width, count: columns, tokens: columns },
        false,
        &state,
    );
    frame.orthonormalise(plan, state.x, 0, true);
    for step in 1..=spec.transient_steps + spec.depth {
        if spec.layer.weights != Weights::Tied && step > 1 {
            layer.load(plan, &mut source, &spec.ensemble, step as u32 - 1);
        }
        state = layer.step(plan, state, 1, false);
        let block = block_of(spec, step);
        frame.orthonormalise(plan, state.x, block, block > 0 && block != block_of(spec, step - 1));
    }
    (source, frame, state.events)
}

/// The block of a step, from 1: 0 in the transient and before it.
fn block_of(spec: &LyapunovSpec, step: usize) -> usize {
    match step.checked_sub(spec.transient_steps + 1) {
        None => 0,
        Some(counted) => 1 + counted * spec.blocks / spec.depth,
    }
}

/// How many steps blocks `1..=block` have.
fn steps_until(spec: &LyapunovSpec, block: usize) -> usize {
    (block * spec.depth).div_ceil(spec.blocks)
}

/// ln of the growth of one member, `[blocks, exponents]` without the transient, on a device with this epsilon.
fn growth_of(
    spec: &LyapunovSpec,
    frame: &Frame,
    chunk: &Chunk,
    growth: GrowthOutputs,
    (member, epsilon): (usize, f64),
) -> Vec<f64> {
    let (mantissas, exponents) = (chunk.reals(growth.mantissas), chunk.ints(growth.exponents));
    let mut logs = Vec::with_capacity((frame.blocks - 1) * frame.columns);
    for block in 1..frame.blocks {
        for column in 0..frame.columns {
            let at = (member * frame.blocks + block) * frame.stride + column;
            logs.push(f64::from(exponents[at]) * LN_2 + mantissas.at(at).ln());
        }
    }
    annihilate(spec, &mut logs, frame.columns, epsilon);
    logs
}

/// The exponents of all members, from the largest mean to the smallest, and which direction of the frame each is of.
///
/// A frame in finite time need not have them in order. Where a mean is missing it comes last.
fn summarise(spec: &LyapunovSpec, frame: &Frame, logs: &[Vec<f64>]) -> (Lyapunov, Vec<usize>) {
    let k = frame.columns;
    let collapsed = logs.iter().filter(|log| log.iter().any(|x| !x.is_finite())).count();
    let mut totals = vec![vec![0.0; k]; logs.len()];
    let mut convergence = Vec::new();
    for block in 1..=spec.blocks {
        let steps = steps_until(spec, block);
        for (total, log) in totals.iter_mut().zip(logs) {
            for (total, log) in total.iter_mut().zip(&log[(block - 1) * k..block * k]) {
                *total += log;
            }
        }
        let exponents: Vec<_> = (0..k).map(|i| estimate(totals.iter().map(|total| total[i] / steps as f64))).collect();
        convergence.push(Convergence { steps, exponents });
    }
    let mean = |i: usize| convergence[spec.blocks - 1].exponents[i].mean.unwrap_or(f64::NEG_INFINITY);
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|&a, &b| mean(b).total_cmp(&mean(a)));
    for point in &mut convergence {
        point.exponents = order.iter().map(|&i| point.exponents[i]).collect();
    }
    let exponents = convergence.last().map(|last| last.exponents.clone()).unwrap_or_default();
    let sum = estimate(totals.iter().map(|total| total.iter().sum::<f64>() / spec.depth as f64));
    let members = logs.len();
    let found = Lyapunov {
        exponents,
        sum,
        convergence,
        collapsed,
        angular_exponents: Vec::new(),
        frozen: 0,
        members,
        interrupted: false,
    };
    (found, order)
}

/// Sets the growth of directions that the steps annihilate, but for rounding, to minus infinity: those that are
/// multiplied by no more than the [`Band`] of a pivot in the geometric mean of all steps. The norm of a step is taken to
/// be the growth of the member's fastest direction, which is not larger.
fn annihilate(spec: &LyapunovSpec, log: &mut [f64], k: usize, epsilon: f64) {
    let rate = |i: usize| log.iter().skip(i).step_by(k).sum::<f64>() / spec.depth as f64;
    let rates: Vec<f64> = (0..k).map(rate).collect();
    let largest = rates.iter().fold(f64::NEG_INFINITY, |most, &rate| most.max(rate));
    let least = largest + Band::of_eigenvalue(spec.dimension(), epsilon, 1.0).half_width().ln();
    for (i, _) in rates.iter().enumerate().filter(|(_, rate)| **rate <= least) {
        log.iter_mut().skip(i).step_by(k).for_each(|growth| *growth = f64::NEG_INFINITY);
    }
}

/// Mean and standard error over the members that have a finite value.
fn estimate(values: impl Iterator<Item = f64>) -> Estimate {
    let moments = Moments::of(values.filter(|value| value.is_finite()));
    Estimate { mean: moments.mean(), standard_error: moments.standard_error() }
}
