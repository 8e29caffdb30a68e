//! `eulerscope sweep`: the stability map.

use crate::cli::console::Console;
use crate::cli::{Invocation, tables};
use crate::dataset::Dataset;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::figure::{Disc, SpectrumScatter, StabilityMap};
use crate::rollout::Rollout;
use crate::spec::{Model, RadiusKind, SweepSpec, Weights};
use crate::sweep::{self, Cell, Sweep};
use serde_json::{Value, json};
use std::time::Instant;

/// Rows of the table of trajectories at most; beyond it fewer members are recorded.
const MOST_ROWS: usize = 2_000_000;
/// Colours of a map saturate here: growth of the logarithm a layer.
const COLOUR_RANGE: f64 = 0.5;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SweepSpec) -> Result<()> {
    let device = console.open(invocation)?;
    if invocation.plan {
        return plan(console, &device, spec);
    }
    let mut dataset = invocation.out.as_deref().map(Dataset::create).transpose()?;
    let work = announce(console, spec);
    let mut progress = console.progress("sweep");
    let result = sweep::run(&device, spec, &mut |fraction| progress.at(fraction))?;
    drop(progress);
    let record = record(&device, spec, &result);
    if let Some(dataset) = dataset.take() {
        let folder = dataset.folder().display().to_string();
        write(dataset, &device, spec, &result, record.clone())?;
        console.note(&format!("results are in {folder}: run.json, *.parquet, *.png, *.svg"));
    }
    show(console, &device, spec, &result, work)?;
    let mut whole = record;
    whole["cells"] = to_json(&result.cells)?;
    console.emit(&whole)?;
    ending(&result)
}

fn to_json(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Bug(error.to_string()))
}

/// What a run was, without its cells.
fn record(device: &Device, spec: &SweepSpec, result: &Sweep) -> Value {
    json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "sweep",
        "stream_version": crate::random::STREAM_VERSION,
        "spec": spec,
        "device": device.description(),
        "timing": result.timing,
        "interrupted": result.interrupted,
        "quantile_members": result.quantile_members,
        "linearised_members": result.linearised_members,
    })
}

/// Floating-point operations of the rollouts: two for each weight, token and step.
fn work(spec: &SweepSpec) -> f64 {
    let (n, ratio) = (spec.ensemble.width as f64, spec.layer.ffn_ratio as f64);
    let weights = match spec.layer.model {
        Model::Linear => n * n,
        Model::Mlp => 2.0 * ratio * n * n,
        Model::Transformer => (4.0 + 2.0 * ratio) * n * n + 2.0 * spec.layer.tokens as f64 * n,
    };
    let columns = (spec.cells() * spec.layer.tokens) as f64;
    2.0 * weights * columns * spec.depth as f64 * spec.ensemble.layers as f64
}

fn announce(console: &Console, spec: &SweepSpec) -> f64 {
    let work = work(spec);
    announce_jacobians(console, spec);
    console.note(&format!(
        "{} layers of width {} x {} grid points x {} steps: {:.3e} flop",
        spec.ensemble.layers,
        spec.ensemble.width,
        spec.cells(),
        spec.depth,
        work
    ));
    work
}

/// Says of how many members Jacobians are made, where that is not all.
fn announce_jacobians(console: &Console, spec: &SweepSpec) {
    let steps = sweep::nonlinear::linearised_steps(spec);
    if spec.layer.model == Model::Linear || steps.is_empty() {
        return;
    }
    let order = spec.ensemble.width * spec.layer.tokens;
    let members = sweep::nonlinear::linearised_members(spec, spec.cells(), steps.len());
    let remedy = if members == 0 { "; lower width, tokens or the grid to have some" } else { "" };
    console.note(&format!(
        "Jacobians of {order} x {order} at {} steps, of {members} of {} members{remedy}",
        steps.len(),
        spec.ensemble.layers
    ));
}

/// `--plan`: says what a run would take, from a trial on a few members.
fn plan(console: &Console, device: &Device, spec: &SweepSpec) -> Result<()> {
    let trial_layers = spec.ensemble.layers.min(2 * rayon::current_num_threads());
    let mut trial = spec.clone();
    trial.ensemble.layers = trial_layers;
    let start = Instant::now();
    sweep::run(device, &trial, &mut |_| std::ops::ControlFlow::Continue(()))?;
    let seconds = start.elapsed().as_secs_f64() * spec.ensemble.layers as f64 / trial_layers as f64;
    let plan = sweep::plan_of_a_step(spec);
    let bytes = plan.bytes_per_member(if matches!(device, Device::Reference(_)) { 8 } else { 4 });
    let chunk = device.chunk_size(&plan).min(spec.chunk.unwrap_or(usize::MAX)).min(spec.ensemble.layers);
    let value = json!({
        "spec": spec,
        "device": device.description(),
        "plan": {
            "cells": spec.cells(),
            "members": spec.ensemble.layers,
            "flops": work(spec),
            "bytes_per_member": bytes,
            "members_at_a_time": chunk,
            "estimated_seconds": seconds,
            "measured_on_members": trial_layers,
        }
    });
    console.show(&format!(
        "{} cells x {} members, {:.3e} flop\n{} bytes a member, {} members at a time\nabout {:.1} s, from a trial on {} members\n",
        spec.cells(),
        spec.ensemble.layers,
        work(spec),
        bytes,
        chunk,
        seconds,
        trial_layers
    ))?;
    console.emit(&value)
}

/// The map of one damping, from the cells of that damping.
fn map(device: &Device, spec: &SweepSpec, damping: f64, cells: &[Cell]) -> StabilityMap {
    let depth = spec.depth as f64;
    let ensemble = &spec.ensemble;
    StabilityMap {
        step_sizes: spec.step_size.values().to_vec(),
        radii: spec.radius.values().to_vec(),
        values: cells.iter().map(|cell| cell.log_growth.median.map(|growth| growth / depth)).collect(),
        value_label: "median growth, ln |x_L|/|x_0| a layer".to_string(),
        neutral: 0.0,
        half_range: Some(COLOUR_RANGE),
        unstable_fraction: cells.iter().map(|cell| cell.unstable_fraction).collect(),
        title: format!("Stability of {} {} layers, damping {damping}", ensemble.layers, spec.layer.model),
        caption: format!(
            "{} {}, width {}, depth {}, {} radius, seed {}; {}",
            spec.layer.weights,
            ensemble.family,
            ensemble.width,
            spec.depth,
            ensemble.radius_kind,
            ensemble.seed,
            device.description().name
        ),
    }
}

/// The maps, one for each damping.
fn maps(device: &Device, spec: &SweepSpec, result: &Sweep) -> Vec<StabilityMap> {
    let size = spec.radius.len() * spec.step_size.len();
    let dampings = spec.damping.values().iter();
    dampings.zip(result.cells.chunks(size)).map(|(&damping, cells)| map(device, spec, damping, cells)).collect()
}

fn write(mut dataset: Dataset, device: &Device, spec: &SweepSpec, result: &Sweep, record: Value) -> Result<()> {
    let text = to_json(spec)?.to_string();
    dataset.note("spec", &text);
    dataset.note("spec_hash", blake3::hash(text.as_bytes()).to_hex().as_str());
    dataset.write_table("cells", &tables::cells(&result.cells))?;
    if !result.members.is_empty() {
        dataset.write_table("members", &tables::members(&result.members))?;
    }
    if spec.layer.model != Model::Linear {
        dataset.write_table("linearised", &tables::linearised(&result.cells))?;
    }
    dataset.write_table("spectra", &tables::spectra(&result.spectra))?;
    if !result.interrupted {
        dataset.write_table("trajectories", &trajectories(device, spec, result)?)?;
    }
    let many = spec.damping.len() > 1;
    for (map, damping) in maps(device, spec, result).iter().zip(spec.damping.values()) {
        let picture = map.draw()?;
        let name = if many { format!("stability_map_damping_{damping}") } else { "stability_map".to_string() };
        dataset.write_bytes(&format!("{name}.png"), &picture.png)?;
        dataset.write_bytes(&format!("{name}.svg"), picture.svg.as_bytes())?;
    }
    write_spectrum(&mut dataset, device, spec, result)?;
    dataset.finish(record)
}

/// The eigenvalues of the first members: of A at radius 1, or of M in the middle of a nonlinear grid.
fn write_spectrum(dataset: &mut Dataset, device: &Device, spec: &SweepSpec, result: &Sweep) -> Result<()> {
    let linear = spec.layer.model == Model::Linear;
    let of = if linear { "layers at radius 1" } else { "steps in the middle of the grid" };
    let scatter = SpectrumScatter {
        eigenvalues: result.spectra.iter().flat_map(|spectrum| spectrum.eigenvalues.clone()).collect(),
        disc: (linear && spec.ensemble.correlation() == 0.0).then_some(Disc { center: 0.0, radius: 1.0 }),
        title: format!("Eigenvalues of {} {of}", result.spectra.len()),
        caption: format!(
            "{}, width {}, seed {}; {}",
            spec.ensemble.family,
            spec.ensemble.width,
            spec.ensemble.seed,
            device.description().name
        ),
    };
    let picture = scatter.draw()?;
    dataset.write_bytes("spectrum.png", &picture.png)?;
    dataset.write_bytes("spectrum.svg", picture.svg.as_bytes())
}

/// The first members step by step, at the first grid points that fit.
fn trajectories(device: &Device, spec: &SweepSpec, result: &Sweep) -> Result<tables::Columns> {
    let mut points = sweep::points(spec);
    points.truncate((MOST_ROWS / ((spec.depth + 1) * spec.trajectories.max(1))).max(1));
    if spec.layer.model != Model::Linear {
        let seen = sweep::nonlinear::histories(device, spec, &points)?;
        return Ok(tables::observations(&seen, &points, spec.depth));
    }
    let own: Vec<_> = points.iter().map(|point| sweep::coefficients(spec, point)).collect();
    let gains: Vec<f64> = result.members.iter().map(|member| member.gain).collect();
    let rollout = Rollout {
        ensemble: &spec.ensemble,
        weights: spec.layer.weights,
        depth: spec.depth,
        threshold: spec.threshold,
        points: &own,
        member_gain: (spec.ensemble.radius_kind == RadiusKind::Exact).then_some(&gains),
    };
    let growth = rollout.histories(device, 0..spec.trajectories)?;
    Ok(tables::trajectories(&growth, &points, spec.depth))
}

fn show(console: &Console, device: &Device, spec: &SweepSpec, result: &Sweep, work: f64) -> Result<()> {
    for map in maps(device, spec, result) {
        let text = map.terminal(console.columns(), console.colour())?;
        console.show(&format!("{text}\n"))?;
    }
    let count = |f: &dyn Fn(&Cell) -> bool| result.cells.iter().filter(|cell| f(cell)).count();
    let predicted = |cell: &Cell| cell.unstable_fraction.is_some_and(|share| share > 0.5);
    let grew = |cell: &Cell| cell.grew_fraction.is_some_and(|share| share > 0.5);
    let tied = if spec.layer.weights == Weights::Tied { "" } else { " (of one layer; the layers of a stack differ)" };
    console.show(&format!(
        "most layers are predicted to explode{tied} at {} of {} grid points, most were seen to grow at {}; \
         the two differ at {}\n",
        count(&predicted),
        result.cells.len(),
        count(&grew),
        count(&|cell| predicted(cell) != grew(cell)),
    ))?;
    let timing = &result.timing;
    console.show(&format!(
        "spectra {:.2} s, rollouts {:.2} s ({:.1} GFLOP/s)\n",
        timing.spectra_seconds,
        timing.rollout_seconds,
        work / timing.rollout_seconds / 1e9
    ))
}

fn ending(result: &Sweep) -> Result<()> {
    if result.interrupted {
        return Err(Error::Partial("interrupted: the cells hold the members that were done".to_string()));
    }
    match result.cells.iter().map(|cell| cell.no_spectrum).max().unwrap_or(0) {
        0 => Ok(()),
        failed => {
            Err(Error::Partial(format!("{failed} members have no spectrum; they are missing from the predictions")))
        }
    }
}
