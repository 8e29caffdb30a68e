//! The sweep: what the eigenvalues promise and what the trajectories do, for every grid point.
//!
//! The work is divided into units, a block of members at the grid points of a pass each, whose statistics merge in their
//! order. What eigenvalues promise trajectories is a prediction of the model: known before for the whole grid, or found
//! along the trajectories of a pass.

#[cfg(feature = "application")]
pub(crate) mod thinning;
mod accumulator;
mod affine;
mod batch;
mod cell;
mod combinations;
mod course;
mod division;
mod jacobians;
mod linearisation;
mod part;
mod prediction;
mod worked;

pub use affine::Member;
pub use cell::{Bands, Cell, Fates, Intervals, Linearised, Observed, Remark};
pub use combinations::{Combination, Shapes, check_all, run_all, run_parts};
pub use course::Course;
pub use linearisation::{linearised_members, linearised_steps};
pub use part::Part;

use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
pub use crate::layer::Point;
use crate::layer::Recipe;
use crate::plan::Plan;
use crate::rollout::{History, Rollout};
use crate::spec::{Model, RadiusKind, SweepSpec};
use crate::spectrum::Spectrum;
use crate::units::Afresh;
use accumulator::Accumulator;
use division::Division;
use part::Numbered;
use serde::Serialize;

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
    let division = Division::of(spec, device.epsilon());
    worked::run(device, spec, division, Numbered { parts: &mut Afresh, first: 0 }, progress)
}

/// Quantiles of a plain sweep come from members below this one.
fn quantile_members(spec: &SweepSpec) -> usize {
    (SAMPLE_BUDGET / (spec.cells() * Accumulator::SAMPLE_BYTES)).max(64).min(spec.ensemble.members)
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

/// Floating-point operations of the rollouts: two for each weight, token and evaluation of f.
pub fn work(spec: &SweepSpec) -> f64 {
    let (n, ratio) = (spec.ensemble.width as f64, spec.layer.ffn_ratio as f64);
    let weights = match spec.layer.model {
        Model::Linear => n * n,
        Model::Mlp => 2.0 * ratio * n * n,
        Model::Attention => 4.0 * n * n + 2.0 * spec.layer.tokens as f64 * n,
        Model::Transformer => (4.0 + 2.0 * ratio) * n * n + 2.0 * spec.layer.tokens as f64 * n,
    };
    let columns = (spec.cells() * spec.layer.tokens) as f64;
    2.0 * weights * evaluations(spec) * columns * spec.depth as f64 * spec.ensemble.members as f64
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
