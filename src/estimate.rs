//! What a run would take, in time and memory: from its operations, and from a trial that is short whatever is asked for.

use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::lyapunov;
use crate::spec::{Grid, LyapunovSpec, Model, Quantities, SpectrumSpec, StepScaling, SweepSpec};
use crate::spectrum::{EIGENVALUE_WORK, solve};
use crate::sweep::{self, Sweep, linearised_members, linearised_steps, work};
use crate::units::Afresh;
use crate::weights::matrix::MatrixStack;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::time::Instant;

/// Steps of a trial.
const STEPS: usize = 8;
/// Grid points of a trial.
const POINTS: usize = 1024;
/// The widest matrices of a trial; the time of wider ones follows from these.
const WIDEST: usize = 1024;
/// Above this many operations a Jacobian with its spectrum is not tried but estimated, at [`RATE`].
const LARGEST_JACOBIAN: f64 = 2e11;
/// Combinations of outer axes that are tried.
const MOST_TRIALS: usize = 4;
/// Operations a second where nothing was measured.
const RATE: f64 = 3e10;

/// What a run would take.
pub struct Estimate {
    /// What would be run, in a line.
    pub what: String,
    /// Members, or matrices.
    pub members: usize,
    /// Memory of one of them.
    pub bytes_per_member: u64,
    /// How many are computed at a time.
    pub members_at_a_time: usize,
    /// How long all of it would take.
    pub seconds: f64,
    /// Members of the trial.
    pub tried: usize,
    /// What else the record of the plan says of this command.
    pub more: Value,
}

/// A count with its noun, in the plural where it must be.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Bytes of a number on the device.
fn real(device: &Device) -> usize {
    device.machine().real_bytes as usize
}

/// Members of a trial, of so many operations each: about half a second.
fn trial_members(device: &Device, flops: f64, members: usize) -> usize {
    ((device.flops_of_a_trial() / flops) as usize).max(rayon::current_num_threads()).min(members)
}

/// Has a device behind a driver make a `first` run: its pipelines are built once, which is no part of the time of a long run.
fn warmed(device: &Device, first: impl FnOnce() -> Result<()>) -> Result<()> {
    if device.is_host() { Ok(()) } else { first() }
}

/// The error of a trial that was stopped.
fn stopped<T>() -> Result<T> {
    Err(Error::Partial("interrupted: the trial of the plan was not finished".to_string()))
}

/// About how long a plain sweep takes beside others, in operations: its rollouts with its spectra or Jacobians.
pub fn cost(spec: &SweepSpec) -> f64 {
    let spectra = match spec.layer.model {
        Model::Linear => EIGENVALUE_WORK * (spec.ensemble.width as f64).powi(3) * spec.ensemble.members as f64,
        _ => {
            let steps = linearised_steps(spec).len();
            let members = linearised_members(spec, spec.cells(), steps);
            of_a_jacobian(spec) * (members * steps * spec.cells()) as f64
        }
    };
    work(spec) + spectra
}

/// Operations of a Jacobian with its spectrum.
fn of_a_jacobian(spec: &SweepSpec) -> f64 {
    12.0 * ((spec.ensemble.width * spec.layer.tokens) as f64).powi(3)
}

/// The plan of a sweep over all combinations: all of their time, and the memory of the largest.
pub fn sweep(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<Estimate> {
    sweep::check_all(device, spec)?;
    let (seconds, tried) = seconds_of_all(device, spec, progress)?;
    let (bytes_per_member, members_at_a_time) = spec
        .combinations()
        .map(|own| memory_of(device, &own))
        .max_by_key(|(each, many)| each * *many as u64)
        .unwrap_or_default();
    let (combinations, flops) =
        (spec.sweep_over.combinations(), spec.combinations().map(|own| work(&own)).sum::<f64>());
    let members = counted(spec.ensemble.members, "member");
    let points = counted(spec.cells(), "grid point");
    let what = if spec.sweep_over.is_empty() {
        format!("{members} x {points} x {}: {flops:.3e} flop", counted(spec.depth, "step"))
    } else {
        format!("{combinations} combinations of {}, each {members} x {points}: {flops:.3e} flop", spec.sweep_over)
    };
    let (members, cells) = (spec.ensemble.members, spec.cells() * combinations as usize);
    let more = json!({ "cells": cells, "combinations": combinations as usize, "flops": flops });
    Ok(Estimate { what, members, bytes_per_member, members_at_a_time, seconds, tried, more })
}

/// Bytes of one member of a plain sweep, and how many are computed at a time.
fn memory_of(device: &Device, spec: &SweepSpec) -> (u64, usize) {
    let plan = sweep::plan_of_a_step(spec);
    let at_once = device.chunk_size(&plan).min(spec.chunk.unwrap_or(usize::MAX)).min(spec.ensemble.members);
    (plan.bytes_per_member(real(device)), at_once)
}

/// Estimated seconds of all combinations, and the members of the largest trial: few of them are tried, and each stands
/// for those of similar cost.
fn seconds_of_all(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<(f64, usize)> {
    let mut all: Vec<(f64, SweepSpec)> = spec.combinations().map(|own| (cost(&own), own)).collect();
    all.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    let (mut seconds, mut tried) = (0.0, 0);
    for similar in all.chunks(all.len().div_ceil(MOST_TRIALS)) {
        let Some((largest, own)) = similar.last() else { continue };
        let (own_seconds, members) = seconds_of_sweep(device, own, progress)?;
        seconds += own_seconds * similar.iter().map(|(cost, _)| cost / largest).sum::<f64>();
        tried = members;
    }
    Ok((seconds, tried))
}

/// The sweep at few steps, grid points and members, without Jacobians.
fn trial(device: &Device, spec: &SweepSpec) -> Result<SweepSpec> {
    let linear = spec.layer.model == Model::Linear;
    let mut trial = spec.clone();
    if linear && spec.ensemble.matrices.is_none() {
        trial.ensemble.width = trial.ensemble.width.min(WIDEST);
    }
    let work = work(&trial);
    let of_a_step = work / (spec.cells() as f64 * spec.depth as f64 * spec.ensemble.members as f64);
    trial.depth = spec.depth.min(((RATE / 2.0 / of_a_step) as usize).clamp(1, STEPS));
    let points = ((2e9 / (of_a_step * trial.depth as f64)) as usize).clamp(1, POINTS);
    thin(&mut trial, spec, points)?;
    let eigenvalues = if linear { EIGENVALUE_WORK * (trial.ensemble.width as f64).powi(3) } else { 0.0 };
    let each = of_a_step * (trial.depth * trial.cells()) as f64 + eigenvalues;
    trial.ensemble.members = trial_members(device, each, spec.ensemble.members);
    trial.linearise_every = (!linear).then_some(0);
    trial.trajectories = 1;
    Ok(trial)
}

/// Leaves at most so many grid points, with the step sizes as they act.
fn thin(trial: &mut SweepSpec, spec: &SweepSpec, points: usize) -> Result<()> {
    let pick = |grid: &Grid, indices: &[usize]| -> Vec<f64> { indices.iter().map(|&i| grid.values()[i]).collect() };
    let [dampings, radii, steps] = sweep::thinning::axes(spec, points);
    let steps = pick(&spec.step_size, &steps);
    let acting: Vec<f64> = steps.into_iter().map(|step| spec.effective_step_size(step)).collect();
    trial.step_size = Grid::of(&acting)?;
    trial.step_scaling = StepScaling::Constant;
    trial.radius = Grid::of(&pick(&spec.radius, &radii))?;
    trial.damping = Grid::of(&pick(&spec.damping, &dampings))?;
    Ok(())
}

fn tried(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<Sweep> {
    let result = sweep::run_valid(device, spec, progress)?;
    if result.interrupted { stopped() } else { Ok(result) }
}

/// Estimated seconds, and the members of the trial.
fn seconds_of_sweep(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<(f64, usize)> {
    let trial = trial(device, spec)?;
    warmed(device, || {
        let mut first = trial.clone();
        (first.depth, first.ensemble.members) = (1, 1);
        tried(device, &first, progress).map(drop)
    })?;
    let timing = tried(device, &trial, progress)?.timing;
    let wider = spec.ensemble.width as f64 / trial.ensemble.width as f64;
    let members = spec.ensemble.members as f64 / trial.ensemble.members as f64;
    let columns = (spec.cells() as f64 / trial.cells() as f64) * (spec.depth as f64 / trial.depth as f64);
    let seconds = members * (timing.spectra_seconds * wider.powi(3) + timing.rollout_seconds * columns * wider.powi(2));
    Ok((seconds + seconds_of_jacobians(device, spec, progress)?, trial.ensemble.members))
}

fn seconds_of_jacobians(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<f64> {
    let steps = linearised_steps(spec).len();
    let members = linearised_members(spec, spec.cells(), steps);
    if members == 0 {
        return Ok(0.0);
    }
    let each = of_a_jacobian(spec);
    let count = members as f64 * steps as f64 * spec.cells() as f64;
    if each > LARGEST_JACOBIAN {
        return Ok(count * each / RATE);
    }
    let mut trial = spec.clone();
    trial.ensemble.members = members.min(rayon::current_num_threads());
    let points = ((1e10 / (each * trial.ensemble.members as f64)) as usize).clamp(1, 64);
    thin(&mut trial, spec, points)?;
    (trial.depth, trial.linearise_every, trial.trajectories) = (1, Some(1), 1);
    let seconds = tried(device, &trial, progress)?.timing.spectra_seconds;
    Ok(seconds * count / (trial.ensemble.members * trial.cells()) as f64)
}

/// The plan of Lyapunov exponents.
pub fn lyapunov(device: &Device, spec: &LyapunovSpec, chunk: Option<usize>, progress: Progress) -> Result<Estimate> {
    let plan = lyapunov::plan_of_a_step(spec);
    let (steps, members) = (spec.depth + spec.transient_steps, spec.ensemble.members);
    let of_a_step = plan.cost().flops.max(1.0);
    let mut trial = LyapunovSpec { transient_steps: 0, blocks: 1, ..spec.clone() };
    trial.depth = ((RATE / 4.0 / of_a_step) as usize).clamp(1, 50).min(steps);
    trial.ensemble.members = trial_members(device, of_a_step * trial.depth as f64, members);
    warmed(device, || {
        let mut first = LyapunovSpec { depth: 1, ..trial.clone() };
        first.ensemble.members = 1;
        lyapunov::run_valid(device, &first, 0, &mut Afresh, &mut |_| ControlFlow::Continue(())).map(drop)
    })?;
    let start = Instant::now();
    if lyapunov::run_valid(device, &trial, 0, &mut Afresh, progress)?.interrupted {
        return stopped();
    }
    let at_once = chunk.unwrap_or_else(|| device.members_of_half_a_second(plan.cost().work() * steps as f64));
    let share = (trial.depth as f64 / steps as f64) * (trial.ensemble.members as f64 / members as f64);
    Ok(Estimate {
        what: format!(
            "{} x {}, {}: {:.3e} flop",
            counted(members, "member"),
            counted(steps, "step"),
            counted(spec.exponents(), "exponent"),
            of_a_step * steps as f64 * members as f64
        ),
        members,
        bytes_per_member: plan.bytes_per_member(real(device)),
        members_at_a_time: device.chunk_size(&plan).min(at_once).min(members),
        seconds: start.elapsed().as_secs_f64() / share,
        tried: trial.ensemble.members,
        more: json!({ "steps": steps, "exponents": spec.exponents() }),
    })
}

/// The plan of eigenvalues, from a trial on some drawn matrices of the width, or of a smaller one when it is large.
pub fn spectrum(
    device: &Device,
    spec: &SpectrumSpec,
    stack: Option<&MatrixStack>,
    chunk: Option<usize>,
    progress: Progress,
) -> Result<Estimate> {
    let (matrices, width) = solve::shape(spec, stack);
    let mut trial = SpectrumSpec::default();
    trial.ensemble.width = width.min(WIDEST);
    let n = trial.ensemble.width as f64;
    trial.ensemble.members = trial_members(device, EIGENVALUE_WORK * n.powi(3), matrices.min(1024));
    warmed(device, || {
        let mut first = trial.clone();
        first.ensemble.members = 1;
        solve::of_ensemble(device, &first, None, false, progress).map(drop)
    })?;
    let start = Instant::now();
    if solve::of_ensemble(device, &trial, None, false, progress)?.stopped {
        return stopped();
    }
    let share = trial.ensemble.members as f64 / matrices as f64;
    let noun = if matrices == 1 { "matrix" } else { "matrices" };
    // Peaks take as long as it takes their powers to decay, which no trial on other matrices tells.
    let more = if stack.is_some() && spec.derived != Quantities::NONE {
        ": eigenvalues only, without norms and peaks"
    } else {
        ""
    };
    Ok(Estimate {
        what: format!("{matrices} {noun} of width {width}{more}"),
        members: matrices,
        bytes_per_member: (width * width * real(device)) as u64,
        members_at_a_time: solve::at_once(width, chunk).min(matrices),
        seconds: start.elapsed().as_secs_f64() / share * (width as f64 / n).powi(3),
        tried: trial.ensemble.members,
        more: json!({ "width": width }),
    })
}
