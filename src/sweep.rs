//! The sweep: what the eigenvalues promise and what the trajectories do, for every grid point.
//!
//! Trajectories are rolled out in passes of some grid points each, all members at once; what eigenvalues promise them is
//! a prediction of the model: known before for the whole grid, or found along the trajectories of a pass.

pub mod thinning;
mod accumulator;
mod affine;
mod cell;
mod combinations;
mod course;
mod jacobians;
mod prediction;

pub use affine::Member;
pub use cell::{Bands, Cell, Fates, Intervals, Linearised, Observed, Remark};
pub use combinations::{Combination, check_all, run_all};
pub use course::Course;
pub use jacobians::{linearised_members, linearised_steps};

use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
pub use crate::layer::Point;
use crate::layer::Recipe;
use crate::plan::Plan;
use crate::rollout::{History, Rollout};
use crate::spec::{RadiusKind, SweepSpec};
use crate::spectrum::Spectrum;
use accumulator::Accumulator;
use prediction::Prediction;
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

    /// What the first `members` members did at every step, at these points.
    ///
    /// # Errors
    /// Whatever the device refuses.
    pub fn histories(&self, device: &Device, spec: &SweepSpec, points: &[Point], members: usize) -> Result<History> {
        let gains: Vec<f64> = self.members.iter().map(|member| member.gain).collect();
        let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
        Rollout { member_gains: exact.then_some(&gains), ..rollout(spec, points) }.histories(device, 0..members)
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

/// Refuses steps of a plain sweep that a device cannot follow, or that would take too long to make.
pub fn check(device: &Device, spec: &SweepSpec) -> Result<()> {
    recipe(spec, &points(spec)).check(device.epsilon())
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
    let (start, points, members) = (Instant::now(), points(spec), spec.ensemble.members);
    check(device, spec)?;
    let mut prediction = prediction::of(device, spec, progress)?;
    let quantile_members = (SAMPLE_BUDGET / (points.len() * Accumulator::SAMPLE_BYTES)).max(64).min(members);
    let mut sweep = Sweep {
        // Cells that the run does not come to have no members and no values.
        cells: points.iter().map(|point| prediction.accumulator(point, 0).cell(point)).collect(),
        members: Vec::new(),
        courses: Vec::new(),
        spectra: Vec::new(),
        quantile_members,
        linearised_members: members,
        interrupted: false,
        timing: Timing { spectra_seconds: start.elapsed().as_secs_f64(), ..Timing::default() },
    };
    let (mut done, before) = (0, prediction.share_before());
    sweep.interrupted = prediction.is_stopped();
    for places in recipe(spec, &points).passes(device.epsilon()) {
        if sweep.interrupted {
            break;
        }
        let mut interrupted = false;
        let mut told = |share: f64| {
            let of_passes = (done as f64 + share * places.len() as f64) / points.len() as f64;
            let fraction = before + (1.0 - before) * of_passes;
            interrupted |= progress(fraction).is_break() && fraction < 1.0;
            if interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let own = Pass {
            device,
            spec,
            points: places.iter().map(|&place| points[place]).collect(),
            middle: places.iter().position(|&place| place == Sweep::middle(points.len())),
        };
        let cells = own.run(&mut *prediction, &mut sweep, &mut told)?;
        places.iter().zip(cells).for_each(|(&place, cell)| sweep.cells[place] = cell);
        done += places.len();
        sweep.interrupted = interrupted;
    }
    prediction.finish(&mut sweep);
    sweep.timing.total_seconds = start.elapsed().as_secs_f64();
    sweep.timing.rollout_seconds = sweep.timing.total_seconds - sweep.timing.spectra_seconds;
    Ok(sweep)
}

/// The grid points that ride through one rollout.
struct Pass<'a> {
    device: &'a Device,
    spec: &'a SweepSpec,
    points: Vec<Point>,
    /// The place of the point in the middle of the grid, if it is one of them.
    middle: Option<usize>,
}

impl Pass<'_> {
    /// All members at these points. `told` is told how much of it is done.
    fn run(
        &self,
        prediction: &mut dyn Prediction,
        sweep: &mut Sweep,
        told: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Vec<Cell>> {
        let Pass { points, middle, .. } = self;
        let accumulator = |point| prediction.accumulator(point, sweep.quantile_members);
        let mut accumulators: Vec<Accumulator> = points.iter().map(accumulator).collect();
        let done = self.roll(prediction, &mut accumulators, &mut sweep.courses, told)?;
        let start = Instant::now();
        prediction.follow(self, told)?;
        let prediction = &*prediction;
        accumulators.par_iter_mut().enumerate().for_each(|(place, accumulator)| {
            prediction.judge(place, accumulator);
            for member in 0..done {
                if let Some(promise) = prediction.promise(member, place, &points[place]) {
                    accumulator.predict(promise, prediction.own_band(member, place));
                }
            }
        });
        if let Some(place) = *middle {
            for (member, course) in sweep.courses.iter_mut().enumerate() {
                *course = course.predicted(prediction.promise(member, place, &points[place]).flatten());
            }
        }
        sweep.timing.spectra_seconds += start.elapsed().as_secs_f64();
        let cells = accumulators.into_par_iter().zip(points).map(|(accumulator, point)| accumulator.cell(point));
        Ok(cells.collect())
    }

    /// What trajectories do; of so many members, if it is stopped.
    fn roll(
        &self,
        prediction: &dyn Prediction,
        accumulators: &mut [Accumulator],
        courses: &mut Vec<Course>,
        told: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<usize> {
        let Pass { device, spec, points, middle } = self;
        let (members, mut done) = (spec.ensemble.members, 0);
        let rollout = Rollout { member_gains: prediction.gains(), ..rollout(spec, points) };
        rollout.run(device, 0..members, spec.chunk.unwrap_or(0), &mut |outcomes| {
            let chunk = outcomes.members();
            accumulators.par_iter_mut().enumerate().for_each(|(place, accumulator)| {
                for i in (0..chunk.len()).filter(|i| prediction.counts(chunk.start + i)) {
                    let seen = outcomes.observation(i, spec.depth, place);
                    accumulator.observe(&outcomes.get(i, place), seen, spec);
                }
            });
            if let Some(place) = *middle {
                let course = |i| Course::new(&outcomes.get(i, place), accumulators[place].is_apart());
                courses.extend((0..chunk.len()).map(course));
            }
            done = chunk.end;
            told(prediction.rollout_share() * done as f64 / members as f64)
        })?;
        Ok(done)
    }
}

/// The layer of a sweep at some grid points.
fn recipe<'a>(spec: &'a SweepSpec, points: &'a [Point]) -> Recipe<'a> {
    Recipe { ensemble: &spec.ensemble, spec: &spec.layer, points }
}

/// The rollout of a sweep at some grid points, without gains of members.
pub fn rollout<'a>(spec: &'a SweepSpec, points: &'a [Point]) -> Rollout<'a> {
    let SweepSpec { ensemble, layer, depth, threshold, perturbations, .. } = spec;
    Rollout { threshold: *threshold, perturbations: *perturbations, ..Rollout::new(ensemble, layer, *depth, points) }
}

/// How often a step evaluates f in f32, on average over the grid.
pub fn evaluations(spec: &SweepSpec) -> f64 {
    recipe(spec, &points(spec)).evaluations()
}

/// The plan of one step of the largest rollout of a sweep: its buffers are those of the whole.
pub fn plan_of_a_step(spec: &SweepSpec) -> Plan {
    let mut points = points(spec);
    points.truncate(recipe(spec, &points).points_at_once());
    Rollout { depth: 1, ..rollout(spec, &points) }.plan()
}
