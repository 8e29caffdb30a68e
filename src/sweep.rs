//! The sweep: what the eigenvalues promise and what the trajectories do, for every grid point.
//!
//! One eigendecomposition of a member serves the whole grid: the spectrum of M = (1 - gamma - h mu) I + h rho G is
//! affine in that of G, and its spectral radius is reached at a corner of the convex hull of G's spectrum.

mod cell;
mod combinations;
pub mod nonlinear;

pub use cell::{Cell, DEAD_BAND, Fates, Linearised, Observed};
pub use combinations::{Combination, run_all};

use crate::device::Device;
use crate::ensemble::{draw_matrices, unit};
use crate::error::{Error, Result};
use crate::invalid;
use crate::layer::Coefficients;
use crate::plan::Plan;
use crate::rollout::Rollout;
use crate::spec::{Model, RadiusKind, SweepSpec};
use crate::spectrum::{self, Spectrum, Status};
use crate::statistics::convex_hull;
use cell::{Accumulator, Bands};
use rayon::prelude::*;
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::Instant;

/// Grid points that ride through one rollout; more are run in several.
const POINTS_PER_PASS: usize = 1024;
/// Members whose spectra are computed at once.
const SPECTRA_AT_ONCE: usize = 1024;
/// Memory for the samples behind medians and quantiles, in bytes; beyond it they come from the first members.
const SAMPLE_BUDGET: usize = 256 << 20;

/// A point of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// h, as it acts.
    pub step_size: f64,
    /// rho.
    pub radius: f64,
    /// gamma.
    pub damping: f64,
}

/// What the sweep knows of one member, besides its share in the cells.
#[derive(Clone, Debug)]
pub struct Member {
    /// Corners of the hull of the spectrum of G / its law's edge, times `gain`.
    hull: Vec<[f64; 2]>,
    /// What makes an exact radius exact; 1 for a nominal one.
    pub gain: f64,
    /// The spectral radius of A at radius 1 and shift 0, before `gain`.
    pub spectral_radius: f64,
    /// Real eigenvalues.
    pub real_eigenvalues: usize,
    /// What became of its spectrum.
    pub status: Status,
}

/// Seconds of the parts of a sweep.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timing {
    /// Drawing matrices and computing their eigenvalues.
    pub spectra_seconds: f64,
    /// Rollouts with their statistics.
    pub rollout_seconds: f64,
    /// All of it.
    pub total_seconds: f64,
}

/// A finished sweep, or as much of it as was done when it was interrupted.
pub struct Sweep {
    /// One for each grid point: damping outermost, then radius, then step size.
    pub cells: Vec<Cell>,
    /// One for each member.
    pub members: Vec<Member>,
    /// The spectra of the first members: of A at radius 1 and shift 0, or of M of a nonlinear layer in the middle of the
    /// grid at the first linearised step.
    pub spectra: Vec<Spectrum>,
    /// Quantiles come from so many members.
    pub quantile_members: usize,
    /// Jacobians were made of so many members; all of them for the linear model.
    pub linearised_members: usize,
    /// Was it stopped before its end?
    pub interrupted: bool,
    /// How long it took.
    pub timing: Timing,
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
    let Point { step_size, radius, damping } = *point;
    Coefficients::new((step_size, radius, damping), spec.ensemble.shift, unit(&spec.ensemble))
}

/// Refuses grid points at which f32 could not follow a linear layer.
fn check_points(spec: &SweepSpec) -> Result<()> {
    let linear = spec.layer.model == Model::Linear;
    points(spec).iter().filter(|_| linear).try_for_each(|point| coefficients(spec, point).check())
}

/// Is told how far a run is, as a fraction; may ask it to stop.
pub type Progress<'a> = &'a mut dyn FnMut(f64) -> ControlFlow<()>;

/// Runs a plain sweep, without outer axes.
///
/// # Errors
/// [`Error::Invalid`] where [`run_all`] is meant, and whatever the device refuses.
pub fn run(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<Sweep> {
    if !spec.sweep_over.is_empty() {
        return invalid!("sweep_over: one sweep has no outer axes; run all of its combinations");
    }
    if spec.layer.model != Model::Linear {
        return nonlinear::run(device, spec, progress);
    }
    let start = Instant::now();
    let points = points(spec);
    let layers = spec.ensemble.layers;
    let quantile_members = (SAMPLE_BUDGET / (points.len() * Accumulator::SAMPLE_BYTES)).clamp(64, layers.max(64));
    let mut sweep = Sweep {
        cells: Vec::new(),
        members: Vec::with_capacity(layers),
        spectra: Vec::new(),
        quantile_members: quantile_members.min(layers),
        linearised_members: layers,
        interrupted: false,
        timing: Timing::default(),
    };
    check_points(spec)?;
    measure_spectra(device, spec, &mut sweep, progress)?;
    sweep.timing.spectra_seconds = start.elapsed().as_secs_f64();
    let passes = points.len().div_ceil(POINTS_PER_PASS);
    for (pass, points) in points.chunks(POINTS_PER_PASS).enumerate() {
        if sweep.interrupted {
            // Cells that the run did not come to have no layers and no values.
            let empty = points.iter().map(|point| accumulator(device, spec, point, 0).cell(point));
            sweep.cells.extend(empty);
            continue;
        }
        let mut on_members = |done: usize| {
            let flow = progress((pass as f64 + done as f64 / layers as f64) / passes as f64);
            let unfinished = done < layers || pass + 1 < passes;
            sweep.interrupted |= flow.is_break() && unfinished;
            flow
        };
        let cells = run_pass(device, spec, points, &sweep.members, quantile_members, &mut on_members)?;
        sweep.cells.extend(cells);
    }
    sweep.timing.total_seconds = start.elapsed().as_secs_f64();
    sweep.timing.rollout_seconds = sweep.timing.total_seconds - sweep.timing.spectra_seconds;
    Ok(sweep)
}

fn accumulator(device: &Device, spec: &SweepSpec, point: &Point, quantile_members: usize) -> Accumulator {
    Accumulator::new(quantile_members, Bands::new(point, spec.ensemble.width, device.epsilon()))
}

/// Draws all matrices and reduces their spectra to what the grid needs.
fn measure_spectra(device: &Device, spec: &SweepSpec, sweep: &mut Sweep, progress: Progress) -> Result<()> {
    let n = spec.ensemble.width;
    let unit = unit(&spec.ensemble);
    let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
    let at_once = SPECTRA_AT_ONCE.min((64 << 20) / (4 * n * n)).max(1);
    let chunk = spec.chunk.map_or(at_once, |chunk| chunk.min(at_once));
    draw_matrices(device, &spec.ensemble, 0..spec.ensemble.layers, chunk, &mut |first, matrices| {
        if progress(0.0).is_break() {
            return Err(Error::Partial("interrupted before the rollouts began: there is nothing to keep".to_string()));
        }
        let spectra = spectrum::eigenvalues(device, &matrices, n)?;
        let members: Vec<Member> = spectra.par_iter().map(|spectrum| member(spectrum, unit, exact)).collect();
        sweep.members.extend(members);
        let kept = spectra.into_iter().take(spec.trajectories.saturating_sub(first));
        sweep.spectra.extend(kept.map(|spectrum| spectrum.map(|[re, im]| [re * unit, im * unit])));
        Ok(())
    })
}

fn member(spectrum: &Spectrum, unit: f64, exact: bool) -> Member {
    let hull = convex_hull(&spectrum.eigenvalues);
    let radius = hull.iter().map(|z| z[0].hypot(z[1])).fold(0.0, f64::max) * unit;
    let known = spectrum.status == Status::Ok && radius > 0.0;
    let gain = if exact && known { 1.0 / radius } else { 1.0 };
    Member {
        hull: hull.into_iter().map(|[re, im]| [re * unit * gain, im * unit * gain]).collect(),
        gain,
        spectral_radius: radius,
        real_eigenvalues: spectrum.real,
        status: spectrum.status,
    }
}

impl Member {
    /// The spectral radius of M = (1 - damping - step_size shift) I + step_size radius G, if the spectrum is known.
    pub fn radius_of_step(&self, shift: f64, point: &Point) -> Option<f64> {
        let Coefficients { keep, gain } = Coefficients::new((point.step_size, point.radius, point.damping), shift, 1.0);
        let square = |z: &[f64; 2]| (keep + gain * z[0]).powi(2) + (gain * z[1]).powi(2);
        (self.status == Status::Ok).then(|| self.hull.iter().map(square).fold(0.0, f64::max).sqrt())
    }
}

/// The rollout of a linear sweep at some grid points; `gains` are those of all members, used where radii are exact.
pub fn rollout<'a>(spec: &'a SweepSpec, points: &'a [Coefficients], gains: &'a [f64]) -> Rollout<'a> {
    Rollout {
        ensemble: &spec.ensemble,
        weights: spec.layer.weights,
        depth: spec.depth,
        threshold: spec.threshold,
        points,
        member_gain: (spec.ensemble.radius_kind == RadiusKind::Exact).then_some(gains),
    }
}

/// All members at some of the grid points.
fn run_pass(
    device: &Device,
    spec: &SweepSpec,
    points: &[Point],
    members: &[Member],
    quantile_members: usize,
    on_members: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Vec<Cell>> {
    let own: Vec<Coefficients> = points.iter().map(|point| coefficients(spec, point)).collect();
    let gains: Vec<f64> = members.iter().map(|member| member.gain).collect();
    let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
    let rollout = rollout(spec, &own, &gains);
    let mut accumulators: Vec<Accumulator> =
        points.iter().map(|point| accumulator(device, spec, point, quantile_members)).collect();
    let mut stop = false;
    let shift = spec.ensemble.shift;
    let result = rollout.run(device, 0..members.len(), spec.chunk.unwrap_or(0), &mut |outcomes| {
        let range = outcomes.members();
        accumulators.par_iter_mut().enumerate().for_each(|(p, accumulator)| {
            for (i, member) in members[range.clone()].iter().enumerate() {
                accumulator.predict(member.radius_of_step(shift, &points[p]));
                // Without its spectrum a member has no exact radius, so its trajectory would be another one's.
                if !exact || member.status == Status::Ok {
                    accumulator.observe(&outcomes.get(i, p), spec);
                }
            }
        });
        stop = on_members(range.end).is_break();
        // An error is the only way to end a device's run early; it is taken back below.
        if stop { invalid!("interrupted") } else { Ok(()) }
    });
    if !stop {
        result?;
    }
    Ok(accumulators.into_iter().zip(points).map(|(accumulator, point)| accumulator.cell(point)).collect())
}

/// The plan of one step of the largest rollout of a sweep: its buffers are those of the whole.
pub fn plan_of_a_step(spec: &SweepSpec) -> Plan {
    let mut points = points(spec);
    if spec.layer.model != Model::Linear {
        points.truncate(nonlinear::points_per_pass(spec));
        return nonlinear::plan_of_a_step(spec, &points);
    }
    points.truncate(POINTS_PER_PASS);
    let own: Vec<Coefficients> = points.iter().map(|point| coefficients(spec, point)).collect();
    Rollout { depth: 1, member_gain: None, ..rollout(spec, &own, &[]) }.plan_of_one()
}
