//! `--plan`: what a run would take, from a trial that is short whatever is asked for.

use crate::cli::console::Console;
use crate::cli::thinning;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::lyapunov;
use crate::spec::{Grid, LyapunovSpec, Model, StepScaling, SweepSpec};
use crate::sweep::{self, Sweep, nonlinear};
use serde_json::{Value, json};
use std::time::Instant;

/// Steps of a trial.
const STEPS: usize = 8;
/// Grid points of a trial.
const POINTS: usize = 1024;
/// The widest matrices of a trial; the time of wider ones follows from these.
pub const WIDEST: usize = 1024;
/// Above this many operations a Jacobian with its spectrum is not tried but estimated, at [`RATE`].
const LARGEST_JACOBIAN: f64 = 2e11;
/// Combinations of outer axes that are tried.
const MOST_TRIALS: usize = 4;
/// Operations of the eigenvalues of a matrix, over the cube of its width.
const EIGENVALUES: f64 = 25.0;
/// Operations a second where nothing was measured.
const RATE: f64 = 3e10;

/// What a run would take.
pub struct Outlook {
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
}

impl Outlook {
    /// Says it: lines for people, or one object with `more` in its `plan`.
    pub fn say(&self, console: &Console, device: &Device, spec: Value, more: Value) -> Result<()> {
        let bytes = self.bytes_per_member * self.members_at_a_time as u64;
        console.show(&format!(
            "{}\n{} at a time: {} of {}\nabout {}, from a trial of {}\n",
            self.what,
            memory(bytes),
            counted(self.members_at_a_time, "member"),
            memory(self.bytes_per_member),
            duration(self.seconds),
            counted(self.tried, "member"),
        ))?;
        let mut plan = json!({
            "members": self.members,
            "bytes_per_member": self.bytes_per_member,
            "members_at_a_time": self.members_at_a_time,
            "bytes_at_a_time": bytes,
            "estimated_seconds": self.seconds,
            "measured_on_members": self.tried,
        });
        if let Value::Object(more) = more {
            more.into_iter().for_each(|(name, value)| plan[name] = value);
        }
        console.emit(&json!({ "spec": spec, "device": device.description(), "plan": plan }))
    }
}

/// A count with its noun, in the plural where it must be.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn memory(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b < 1024.0 => format!("{b:.0} bytes"),
        b if b < 1_048_576.0 => format!("{:.1} KiB", b / 1024.0),
        b if b < 1_073_741_824.0 => format!("{:.1} MiB", b / 1_048_576.0),
        b => format!("{:.1} GiB", b / 1_073_741_824.0),
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} minutes", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} hours", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

/// Bytes of a number on the device.
pub fn real(device: &Device) -> usize {
    if matches!(device, Device::Reference(_)) { 8 } else { 4 }
}

/// Members of a trial, of so many operations each: about half a second.
pub fn trial_members(device: &Device, flops: f64, members: usize) -> usize {
    let budget = match device {
        Device::Gpu(gpu) if !gpu.description().software => 3e11,
        _ => 1.5e10,
    };
    ((budget / flops) as usize).max(rayon::current_num_threads()).min(members)
}

/// The error of a trial that was stopped.
pub fn stopped<T>() -> Result<T> {
    Err(Error::Partial("interrupted: the trial of the plan was not finished".to_string()))
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
    2.0 * weights * sweep::evaluations(spec) * columns * spec.depth as f64 * spec.ensemble.layers as f64
}

/// About how long a plain sweep takes beside others, in operations: its rollouts with its spectra or Jacobians.
pub fn cost(spec: &SweepSpec) -> f64 {
    let spectra = match spec.layer.model {
        Model::Linear => EIGENVALUES * (spec.ensemble.width as f64).powi(3) * spec.ensemble.layers as f64,
        _ => {
            let steps = nonlinear::linearised_steps(spec).len();
            let members = nonlinear::linearised_members(spec, spec.cells(), steps);
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
pub fn sweep(console: &Console, device: &Device, spec: &SweepSpec) -> Result<()> {
    spec.combinations().try_for_each(|own| sweep::check(device, &own))?;
    let (seconds, tried) = seconds_of_all(console, device, spec)?;
    let (bytes_per_member, members_at_a_time) = spec
        .combinations()
        .map(|own| memory_of(device, &own))
        .max_by_key(|(each, many)| each * *many as u64)
        .unwrap_or_default();
    let (combinations, flops) =
        (spec.sweep_over.combinations(), spec.combinations().map(|own| work(&own)).sum::<f64>());
    let members = counted(spec.ensemble.layers, "member");
    let points = counted(spec.cells(), "grid point");
    let what = if spec.sweep_over.is_empty() {
        format!("{members} x {points} x {}: {flops:.3e} flop", counted(spec.depth, "step"))
    } else {
        format!("{combinations} combinations of {}, each {members} x {points}: {flops:.3e} flop", spec.sweep_over)
    };
    let (members, cells) = (spec.ensemble.layers, spec.cells() * combinations as usize);
    let outlook = Outlook { what, members, bytes_per_member, members_at_a_time, seconds, tried };
    let more = json!({ "cells": cells, "combinations": combinations as usize, "flops": flops });
    outlook.say(console, device, json!(spec), more)
}

/// Bytes of one member of a plain sweep, and how many are computed at a time.
fn memory_of(device: &Device, spec: &SweepSpec) -> (u64, usize) {
    let plan = sweep::plan_of_a_step(spec);
    let at_once = device.chunk_size(&plan).min(spec.chunk.unwrap_or(usize::MAX)).min(spec.ensemble.layers);
    (plan.bytes_per_member(real(device)), at_once)
}

/// Estimated seconds of all combinations, and the members of the largest trial: few of them are tried, and each stands
/// for those of similar cost.
fn seconds_of_all(console: &Console, device: &Device, spec: &SweepSpec) -> Result<(f64, usize)> {
    let mut all: Vec<(f64, SweepSpec)> = spec.combinations().map(|own| (cost(&own), own)).collect();
    all.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    let (mut seconds, mut tried) = (0.0, 0);
    for similar in all.chunks(all.len().div_ceil(MOST_TRIALS)) {
        let Some((largest, own)) = similar.last() else { continue };
        let (own_seconds, members) = seconds_of_sweep(console, device, own)?;
        seconds += own_seconds * similar.iter().map(|(cost, _)| cost / largest).sum::<f64>();
        tried = members;
    }
    Ok((seconds, tried))
}

/// The sweep at few steps, grid points and members, without Jacobians.
fn trial(device: &Device, spec: &SweepSpec) -> Result<SweepSpec> {
    let linear = spec.layer.model == Model::Linear;
    let mut trial = spec.clone();
    if linear {
        trial.ensemble.width = trial.ensemble.width.min(WIDEST);
    }
    let work = work(&trial);
    let of_a_step = work / (spec.cells() as f64 * spec.depth as f64 * spec.ensemble.layers as f64);
    trial.depth = spec.depth.min(((RATE / 2.0 / of_a_step) as usize).clamp(1, STEPS));
    let points = ((2e9 / (of_a_step * trial.depth as f64)) as usize).clamp(1, POINTS);
    thin(&mut trial, spec, points)?;
    let eigenvalues = if linear { EIGENVALUES * (trial.ensemble.width as f64).powi(3) } else { 0.0 };
    let each = of_a_step * (trial.depth * trial.cells()) as f64 + eigenvalues;
    trial.ensemble.layers = trial_members(device, each, spec.ensemble.layers);
    trial.linearise_every = (!linear).then_some(0);
    trial.trajectories = 1;
    Ok(trial)
}

/// Leaves at most so many grid points, with the step sizes as they act.
fn thin(trial: &mut SweepSpec, spec: &SweepSpec, points: usize) -> Result<()> {
    let listed = |values: Vec<f64>| {
        let texts: Vec<String> = values.iter().map(|value| format!("{value:e}")).collect();
        Grid::parse(&texts.join(","))
    };
    let pick = |grid: &Grid, indices: &[usize]| -> Vec<f64> { indices.iter().map(|&i| grid.values()[i]).collect() };
    let [dampings, radii, steps] = thinning::axes(spec, points);
    let steps = pick(&spec.step_size, &steps);
    trial.step_size = listed(steps.into_iter().map(|step| spec.effective_step_size(step)).collect())?;
    trial.step_scaling = StepScaling::Constant;
    trial.radius = listed(pick(&spec.radius, &radii))?;
    trial.damping = listed(pick(&spec.damping, &dampings))?;
    Ok(())
}

fn tried(console: &Console, device: &Device, spec: &SweepSpec) -> Result<Sweep> {
    let mut progress = console.progress("trial");
    let result = sweep::run(device, spec, &mut |fraction| progress.at(fraction))?;
    if result.interrupted { stopped() } else { Ok(result) }
}

/// Estimated seconds, and the members of the trial.
fn seconds_of_sweep(console: &Console, device: &Device, spec: &SweepSpec) -> Result<(f64, usize)> {
    let trial = trial(device, spec)?;
    if let Device::Gpu(_) = device {
        // Pipelines are built once, which is no part of the time of a long run.
        let mut first = trial.clone();
        (first.depth, first.ensemble.layers) = (1, 1);
        tried(console, device, &first)?;
    }
    let timing = tried(console, device, &trial)?.timing;
    let wider = spec.ensemble.width as f64 / trial.ensemble.width as f64;
    let members = spec.ensemble.layers as f64 / trial.ensemble.layers as f64;
    let columns = (spec.cells() as f64 / trial.cells() as f64) * (spec.depth as f64 / trial.depth as f64);
    let mut seconds =
        members * (timing.spectra_seconds * wider.powi(3) + timing.rollout_seconds * columns * wider.powi(2));
    if spec.layer.model != Model::Linear {
        seconds += seconds_of_jacobians(console, device, spec)?;
    }
    Ok((seconds, trial.ensemble.layers))
}

fn seconds_of_jacobians(console: &Console, device: &Device, spec: &SweepSpec) -> Result<f64> {
    let steps = nonlinear::linearised_steps(spec).len();
    let members = nonlinear::linearised_members(spec, spec.cells(), steps);
    if members == 0 {
        return Ok(0.0);
    }
    let each = of_a_jacobian(spec);
    let count = members as f64 * steps as f64 * spec.cells() as f64;
    if each > LARGEST_JACOBIAN {
        return Ok(count * each / RATE);
    }
    let mut trial = spec.clone();
    trial.ensemble.layers = members.min(rayon::current_num_threads());
    let points = ((1e10 / (each * trial.ensemble.layers as f64)) as usize).clamp(1, 64);
    thin(&mut trial, spec, points)?;
    (trial.depth, trial.linearise_every, trial.trajectories) = (1, Some(1), 1);
    let seconds = tried(console, device, &trial)?.timing.spectra_seconds;
    Ok(seconds * count / (trial.ensemble.layers * trial.cells()) as f64)
}

/// The plan of Lyapunov exponents.
pub fn lyapunov(console: &Console, device: &Device, spec: &LyapunovSpec, chunk: Option<usize>) -> Result<()> {
    let plan = lyapunov::plan_of_a_step(spec);
    let (steps, layers) = (spec.steps + spec.transient_steps, spec.ensemble.layers);
    let of_a_step = plan.cost().flops.max(1.0);
    let mut trial = LyapunovSpec { transient_steps: 0, blocks: 1, ..spec.clone() };
    trial.steps = ((RATE / 4.0 / of_a_step) as usize).clamp(1, 50).min(steps);
    trial.ensemble.layers = trial_members(device, of_a_step * trial.steps as f64, layers);
    if let Device::Gpu(_) = device {
        let mut first = LyapunovSpec { steps: 1, ..trial.clone() };
        first.ensemble.layers = 1;
        lyapunov::run(device, &first, 0, &mut |_| std::ops::ControlFlow::Continue(()))?;
    }
    let mut progress = console.progress("trial");
    let start = Instant::now();
    if lyapunov::run(device, &trial, 0, &mut |fraction| progress.at(fraction))?.interrupted {
        return stopped();
    }
    let at_once = chunk.unwrap_or_else(|| lyapunov::short_chunk(device, of_a_step * steps as f64));
    let share = (trial.steps as f64 / steps as f64) * (trial.ensemble.layers as f64 / layers as f64);
    let outlook = Outlook {
        what: format!(
            "{} x {}, {}: {:.3e} flop",
            counted(layers, "member"),
            counted(steps, "step"),
            counted(spec.exponents(), "exponent"),
            of_a_step * steps as f64 * layers as f64
        ),
        members: layers,
        bytes_per_member: plan.bytes_per_member(real(device)),
        members_at_a_time: device.chunk_size(&plan).min(at_once).min(layers),
        seconds: start.elapsed().as_secs_f64() / share,
        tried: trial.ensemble.layers,
    };
    outlook.say(console, device, json!(spec), json!({ "steps": steps, "exponents": spec.exponents() }))
}
