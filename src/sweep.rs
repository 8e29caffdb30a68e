//! The sweep: what the eigenvalues promise and what the trajectories do, for every grid point.
//!
//! One eigendecomposition of a member serves the whole grid: an eigenvalue λ of G makes the increment
//! z = h rho λ - h mu - gamma, and the step multiplies its mode by the integrator's Φ(z). For Euler's Φ = 1 + z the
//! largest |Φ| is reached at a corner of the convex hull of G's spectrum; for others all eigenvalues are tried.

pub mod thinning;
mod accumulator;
mod cell;
mod combinations;
mod members;
pub mod nonlinear;

pub use cell::{Bands, Cell, Fates, Intervals, Linearised, Observed, Remark};
pub use combinations::{Combination, check_all, run_all};
pub use members::Member;

use crate::device::{Device, Progress};
use crate::error::Result;
use crate::integrator;
use crate::invalid;
use crate::layer::Coefficients;
pub use crate::layer::Point;
use crate::plan::Plan;
use crate::rollout::{Growth, Outcome, Rollout, points_at_once};
use crate::spec::{Model, RadiusKind, SweepSpec};
use crate::spectrum::{Spectrum, Status};
use crate::weights::ensemble::{band_of_step, least_size, unit};
use accumulator::Accumulator;
use members::{check_exact, measure_spectra};
use rayon::prelude::*;
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::Instant;

/// Memory for the samples behind medians and quantiles, in bytes; beyond it they come from the first members.
const SAMPLE_BUDGET: usize = 256 << 20;

/// Seconds of the parts of a sweep.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timing {
    /// Drawing matrices and computing their eigenvalues.
    pub spectra_seconds: f64,
    /// Rollouts with their statistics.
    pub rollout_seconds: f64,
    /// The whole sweep.
    pub total_seconds: f64,
}

/// A finished sweep, or as much of it as was done when it was interrupted.
pub struct Sweep {
    /// One for each grid point: damping outermost, then radius, then step size.
    pub cells: Vec<Cell>,
    /// One for each member of the linear model.
    pub members: Vec<Member>,
    /// What became of each member at the grid point in the middle, [`Sweep::middle`].
    pub courses: Vec<Course>,
    /// The spectra of the first members: of A at radius 1 and shift 0, or of M of a nonlinear layer in the middle of the
    /// grid at the first linearised step.
    pub spectra: Vec<Spectrum>,
    /// Quantiles come from so many members.
    pub quantile_members: usize,
    /// Jacobians were made of so many members; all of them for the linear model.
    pub linearised_members: usize,
    /// Was it stopped before its end?
    pub interrupted: bool,
    /// Seconds of its parts.
    pub timing: Timing,
}

impl Sweep {
    /// The place of the grid point in the middle of the list of so many.
    pub fn middle(points: usize) -> usize {
        points / 2
    }
}

/// What became of a member at one grid point. Rates are missing where they are infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Course {
    /// The predicted rate of growth a step, as in the cell, in nats.
    pub predicted_rate: Option<f64>,
    /// The observed rate of growth a step, as in the cell, in nats.
    pub observed_rate: Option<f64>,
    /// The slope of ln |x| over the later half.
    pub norm_rate: Option<f64>,
    /// The growth ln |x_L| / |x_0| of the norm, in nats.
    pub log_growth: Option<f64>,
    /// ln |d_L| / |d_0| of a nonlinear layer's tangent.
    pub log_perturbation_growth: Option<f64>,
    /// The step at which its state was frozen.
    pub frozen_step: Option<u32>,
    /// The step at which its state became 0.
    pub collapse_step: Option<u32>,
}

impl Course {
    /// Of a linear layer.
    fn linear(outcome: &Outcome) -> Self {
        let course = Course::nonlinear(outcome, None);
        Course { observed_rate: course.norm_rate, ..course }
    }

    /// Of a nonlinear layer, with its tangent's growth if there is one.
    fn nonlinear(outcome: &Outcome, tangent: Option<Growth>) -> Self {
        let finite = |x: f64| Some(x).filter(|x| x.is_finite());
        Course {
            predicted_rate: None,
            observed_rate: tangent.and_then(|growth| finite(growth.rate)),
            norm_rate: finite(outcome.rate),
            log_growth: finite(outcome.log_growth),
            log_perturbation_growth: tangent.and_then(|growth| finite(growth.log)),
            frozen_step: outcome.diverged_step,
            collapse_step: outcome.collapse_step,
        }
    }

    /// With the growth factor that eigenvalues predict.
    fn predicted(self, factor: Option<f64>) -> Self {
        Course { predicted_rate: factor.map(f64::ln).filter(|rate| rate.is_finite()), ..self }
    }
}

/// The points of a grid: damping outermost, then radius, then step size.
pub fn points(spec: &SweepSpec) -> Vec<Point> {
    let mut points = Vec::with_capacity(spec.cells());
    for &damping in spec.damping.values() {
        for &radius in spec.radius.values() {
            for &step_size in spec.step_size.values() {
                points.push(Point { step_size: spec.effective_step_size(step_size), radius, damping });
            }
        }
    }
    points
}

/// What a step does at a point, for members whose matrices are drawn by `spec`.
pub fn coefficients(spec: &SweepSpec, point: &Point) -> Coefficients {
    Coefficients::linear(point, spec.ensemble.shift, unit(&spec.ensemble))
}

/// Refuses steps of a plain linear sweep that a device cannot follow, or that would take too long to make.
pub fn check(device: &Device, spec: &SweepSpec) -> Result<()> {
    if spec.layer.model != Model::Linear {
        return Ok(());
    }
    let own: Vec<Coefficients> = points(spec).iter().map(|point| coefficients(spec, point)).collect();
    let scheme = nominal_rollout(spec, &own).scheme(device.epsilon());
    scheme.check()?;
    own.iter().try_for_each(|point| point.check(&scheme, least_size(&spec.ensemble)))
}

/// Runs a plain sweep, without outer axes.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) where [`run_all`] is meant or the specification is not valid, and
/// whatever the device refuses.
pub fn run(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<Sweep> {
    if !spec.sweep_over.is_empty() {
        return invalid!("sweep_over: one sweep has no outer axes; run all of its combinations");
    }
    spec.validate()?;
    run_valid(device, spec, progress)
}

/// [`run`] for a specification that has been validated, or a part of one: fewer members, steps or grid points.
pub(crate) fn run_valid(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<Sweep> {
    if spec.layer.model != Model::Linear {
        return nonlinear::run(device, spec, progress);
    }
    let start = Instant::now();
    let points = points(spec);
    let layers = spec.ensemble.members;
    let quantile_members = (SAMPLE_BUDGET / (points.len() * Accumulator::SAMPLE_BYTES)).clamp(64, layers.max(64));
    let mut sweep = Sweep {
        cells: Vec::new(),
        members: Vec::with_capacity(layers),
        courses: Vec::new(),
        spectra: Vec::new(),
        quantile_members: quantile_members.min(layers),
        linearised_members: layers,
        interrupted: false,
        timing: Timing::default(),
    };
    check(device, spec)?;
    measure_spectra(device, spec, &mut sweep, progress)?;
    check_exact(spec, &sweep.members)?;
    sweep.timing.spectra_seconds = start.elapsed().as_secs_f64();
    let own: Vec<Coefficients> = points.iter().map(|point| coefficients(spec, point)).collect();
    let passes = nominal_rollout(spec, &own).passes(device.epsilon());
    // Cells that the run does not come to have no layers and no values.
    sweep.cells = points
        .iter()
        .map(|point| accumulator(device, spec, point, largest_gain(spec, &sweep.members), 0).cell(point))
        .collect();
    for (pass, places) in passes.iter().enumerate() {
        let mut on_members = |done: usize| {
            let flow = progress((pass as f64 + done as f64 / layers as f64) / passes.len() as f64);
            let unfinished = done < layers || pass + 1 < passes.len();
            sweep.interrupted |= flow.is_break() && unfinished;
            flow
        };
        let own: Vec<Point> = places.iter().map(|&place| points[place]).collect();
        let middle = places.iter().position(|&place| place == Sweep::middle(points.len()));
        let kept = middle.map(|place| (place, &mut sweep.courses));
        let cells = run_pass(device, spec, &own, (&sweep.members, kept), quantile_members, &mut on_members)?;
        places.iter().zip(cells).for_each(|(&place, cell)| sweep.cells[place] = cell);
        if sweep.interrupted {
            break;
        }
    }
    sweep.timing.total_seconds = start.elapsed().as_secs_f64();
    sweep.timing.rollout_seconds = sweep.timing.total_seconds - sweep.timing.spectra_seconds;
    Ok(sweep)
}

/// By how much exact radii enlarge own matrices at most. Random ones have a radius near their nominal one.
fn largest_gain(spec: &SweepSpec, members: &[Member]) -> f64 {
    if spec.ensemble.matrices.is_none() {
        return 1.0;
    }
    members.iter().map(|member| member.gain).fold(0.0, f64::max)
}

/// An empty cell for members whose matrices are enlarged by `gain` at most.
fn accumulator(device: &Device, spec: &SweepSpec, point: &Point, gain: f64, quantile_members: usize) -> Accumulator {
    let band = band_of_step(&spec.ensemble, (point.step_size, gain * point.radius), device.epsilon());
    let band = band.steeper(integrator::slope(spec.layer.integrator));
    Accumulator::new(quantile_members, Bands::new(band, spec.ensemble.width, device.epsilon()))
}

/// The rollout of a linear sweep at some grid points; `gains` are those of all members, used where radii are exact.
pub fn rollout<'a>(spec: &'a SweepSpec, points: &'a [Coefficients], gains: &'a [f64]) -> Rollout<'a> {
    Rollout {
        ensemble: &spec.ensemble,
        weights: spec.layer.weights,
        integrator: spec.layer.integrator,
        depth: spec.depth,
        threshold: spec.threshold,
        points,
        member_gain: (spec.ensemble.radius_kind == RadiusKind::Exact).then_some(gains),
    }
}

/// The same for members that all have gain 1, for what does not depend on it.
fn nominal_rollout<'a>(spec: &'a SweepSpec, points: &'a [Coefficients]) -> Rollout<'a> {
    Rollout { member_gain: None, ..rollout(spec, points, &[]) }
}

/// All members at some of the grid points; their courses at one of these are kept.
fn run_pass(
    device: &Device,
    spec: &SweepSpec,
    points: &[Point],
    (members, mut kept): (&[Member], Option<(usize, &mut Vec<Course>)>),
    quantile_members: usize,
    on_members: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Vec<Cell>> {
    let own: Vec<Coefficients> = points.iter().map(|point| coefficients(spec, point)).collect();
    let gains: Vec<f64> = members.iter().map(|member| member.gain).collect();
    let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
    let rollout = rollout(spec, &own, &gains);
    let largest = largest_gain(spec, members);
    let mut accumulators: Vec<Accumulator> =
        points.iter().map(|point| accumulator(device, spec, point, largest, quantile_members)).collect();
    let shift = spec.ensemble.shift;
    rollout.run(device, 0..members.len(), spec.chunk.unwrap_or(0), &mut |outcomes| {
        let range = outcomes.members();
        accumulators.par_iter_mut().enumerate().for_each(|(p, accumulator)| {
            for (i, member) in members[range.clone()].iter().enumerate() {
                accumulator.predict(member.radius_of_step(spec.layer.integrator, shift, &points[p]));
                // Without its spectrum a member has no exact radius, so its trajectory would be another one's.
                if !exact || member.status == Status::Ok {
                    accumulator.observe(&outcomes.get(i, p), spec);
                }
            }
        });
        if let Some((place, courses)) = &mut kept {
            let of = |(i, member): (usize, &Member)| {
                let factor = member.radius_of_step(spec.layer.integrator, shift, &points[*place]);
                Course::linear(&outcomes.get(i, *place)).predicted(factor)
            };
            courses.extend(members[range.clone()].iter().enumerate().map(of));
        }
        on_members(range.end)
    })?;
    Ok(accumulators.into_par_iter().zip(points).map(|(accumulator, point)| accumulator.cell(point)).collect())
}

/// How often a step evaluates f in f32, on average over the grid.
pub fn evaluations(spec: &SweepSpec) -> f64 {
    let sublayers = if spec.layer.model == Model::Transformer { 2 } else { 1 };
    match integrator::program(spec.layer.integrator, sublayers) {
        Some(program) => program.evaluations(),
        None => {
            let products = |point: &Point| {
                nominal_rollout(spec, &[coefficients(spec, point)]).scheme(f64::from(f32::EPSILON)).products()
            };
            points(spec).iter().map(products).sum::<usize>() as f64 / spec.cells() as f64
        }
    }
}

/// The plan of one step of the largest rollout of a sweep: its buffers are those of the whole.
pub fn plan_of_a_step(spec: &SweepSpec) -> Plan {
    let mut points = points(spec);
    if spec.layer.model != Model::Linear {
        points.truncate(nonlinear::points_per_pass(spec));
        return nonlinear::plan_of_a_step(spec, &points);
    }
    points.truncate(points_at_once(spec.layer.integrator, spec.ensemble.width));
    let own: Vec<Coefficients> = points.iter().map(|point| coefficients(spec, point)).collect();
    Rollout { depth: 1, ..nominal_rollout(spec, &own) }.plan_of_one()
}
