//! The end-to-end workloads. A new one is a function here and a line in [`list`].

use super::job::{Job, Reach};
use super::{BenchSpec, checkpoint};
use crate::error::{Error, Result};
use crate::kernel::Cost;
use crate::layer::Point;
use crate::lyapunov;
use crate::rollout::Rollout;
use crate::spec::{EnsembleSpec, Grid, LayerSpec, LyapunovSpec, Model, SweepSpec};
use crate::spectrum::{self, Status};
use crate::weights::ensemble::draw_matrices;
use crate::{device::Device, sweep};
use rayon::prelude::*;
use std::ops::ControlFlow;

/// All workloads, in the order of the report. With `quick` they have other sizes under the same names, and where
/// `hardware` takes part some have as many members as fill a card, on all devices.
pub fn list(settings: &BenchSpec, hardware: bool) -> Vec<Job> {
    let quick = settings.quick;
    let large = hardware && !quick;
    let mut jobs = vec![linear_sweep(settings, "linear_sweep", 64, if quick { 4 } else { 64 }, Reach::All)];
    if !quick {
        // What fills a large GPU; a software driver would take minutes.
        jobs.push(linear_sweep(settings, "linear_sweep_1024", 64, 1024, Reach::NotSoftware));
        jobs.push(linear_sweep(settings, "linear_sweep_wide", 128, 256, Reach::NotSoftware));
    }
    jobs.push(transformer_sweep(settings, "transformer_sweep", 16, Reach::All));
    if !quick {
        jobs.push(transformer_sweep(settings, "transformer_sweep_256", 256, Reach::NotSoftware));
    }
    jobs.push(jacobian(settings, large));
    jobs.push(lyapunov_exponents(settings, large));
    for n in [16, 32, 64, 128] {
        jobs.push(eigenvalues(settings, n, large));
    }
    jobs.push(spectra_sweep(settings));
    jobs.extend(checkpoint::list(settings));
    jobs
}

fn ensemble(settings: &BenchSpec, width: usize, members: usize) -> EnsembleSpec {
    EnsembleSpec { width, members, seed: settings.seed, ..EnsembleSpec::default() }
}

/// The rollout of `with_jax.py`: every member at 256 grid points, step sizes 0.01 to 1 with dampings 0 to 0.5, for 80
/// steps, with the norms of all columns at every step.
fn linear_sweep(settings: &BenchSpec, name: &str, width: usize, members: usize, reach: Reach) -> Job {
    let (points, depth) = if settings.quick { (64, 20) } else { (256, 80) };
    let ensemble = ensemble(settings, width, members);
    let even = |first: f64, last: f64, i: usize| first + (last - first) * i as f64 / (points - 1) as f64;
    let point = |i| Point { step_size: even(0.01, 1.0, i), radius: 1.0, damping: even(0.0, 0.5, i) };
    let points_of_grid: Vec<Point> = (0..points).map(point).collect();
    let layer = LayerSpec::of(Model::Linear);
    let cost = Rollout::new(&ensemble, &layer, depth, &points_of_grid).plan().cost();
    Job {
        name: name.to_string(),
        shape: format!("width {width}, {points} grid points, {depth} steps"),
        members,
        cost: Some(cost),
        reach,
        kernel: None,
        work: Box::new(move |device, members| {
            Rollout::new(&ensemble, &layer, depth, &points_of_grid).run(device, 0..members, 0, &mut |outcomes| {
                let (members, points) = (outcomes.members().len(), outcomes.points());
                // By all threads, as the cells of a sweep.
                let growth = |m| (0..points).map(|p| outcomes.get(m, p).log_growth).sum::<f64>();
                std::hint::black_box((0..members).into_par_iter().map(growth).sum::<f64>());
                ControlFlow::Continue(())
            })
        }),
    }
}

/// How much of a Transformer is run.
#[derive(Clone, Copy)]
struct Scale {
    width: usize,
    tokens: usize,
    /// Step sizes.
    points: usize,
    depth: usize,
    members: usize,
}

/// A pre-LN Transformer at even step sizes from 0.01 to 2.
struct Transformer {
    ensemble: EnsembleSpec,
    layer: LayerSpec,
    depth: usize,
    points: Vec<Point>,
}

impl Transformer {
    fn new(settings: &BenchSpec, Scale { width, tokens, points, depth, members }: Scale) -> Self {
        let layer = LayerSpec { tokens, ..LayerSpec::of(Model::Transformer) };
        let step_size = |i: usize| 0.01 + 1.99 * i as f64 / (points - 1) as f64;
        let points = (0..points).map(|i| Point { step_size: step_size(i), radius: 1.0, damping: 0.0 }).collect();
        Transformer { ensemble: ensemble(settings, width, members), layer, depth, points }
    }

    fn rollout(&self) -> Rollout<'_> {
        Rollout::new(&self.ensemble, &self.layer, self.depth, &self.points)
    }
}

/// The Transformer of `with_jax.py`: width 64, 4 heads, 16 tokens, FFN ratio 4, 16 step sizes, 20 steps.
fn transformer_sweep(settings: &BenchSpec, name: &str, members: usize, reach: Reach) -> Job {
    let (points, depth, members) = if settings.quick { (2, 2, 2) } else { (16, 20, members) };
    let transformer = Transformer::new(settings, Scale { width: 64, tokens: 16, points, depth, members });
    let step = Rollout { depth: 1, ..transformer.rollout() }.plan().cost();
    Job {
        name: name.to_string(),
        shape: format!("width 64, 16 tokens, 4 heads, {points} step sizes, {depth} steps"),
        members,
        cost: Some(Cost { flops: step.flops * depth as f64, bytes: step.bytes * depth as f64 }),
        reach,
        kernel: None,
        work: Box::new(move |device, members| {
            transformer.rollout().run(device, 0..members, 0, &mut |outcomes| {
                std::hint::black_box(outcomes.get(0, 0));
                ControlFlow::Continue(())
            })
        }),
    }
}

/// Whole Jacobians of a Transformer's step, by as many tangents as the state has numbers.
fn jacobian(settings: &BenchSpec, large: bool) -> Job {
    let (points, members) = if settings.quick { (2, 1) } else { (4, if large { 32 } else { 8 }) };
    let (width, tokens) = if settings.quick { (16, 2) } else { (64, 4) };
    let transformer = Transformer::new(settings, Scale { width, tokens, points, depth: 1, members });
    let cost = transformer.rollout().plan_of_jacobians().cost();
    Job {
        name: "jacobian".to_string(),
        shape: format!("width {width}, {tokens} tokens, order {}, {points} step sizes", width * tokens),
        members,
        cost: Some(cost),
        reach: Reach::All,
        kernel: None,
        work: Box::new(move |device, members| {
            transformer.rollout().jacobians(device, 0..members, 1, &mut |jacobians| {
                drop(std::hint::black_box(jacobians));
                Ok(())
            })
        }),
    }
}

/// All exponents of products of fresh layers, with a QR at every step.
fn lyapunov_exponents(settings: &BenchSpec, large: bool) -> Job {
    let (members, steps) = if settings.quick { (2, 10) } else { (if large { 512 } else { 64 }, 200) };
    let spec = LyapunovSpec {
        ensemble: ensemble(settings, 32, members),
        depth: steps,
        transient_steps: 0,
        blocks: 1,
        damping: 0.1,
        ..LyapunovSpec::default()
    };
    Job {
        name: "lyapunov".to_string(),
        shape: format!("width 32, 32 exponents, {steps} steps of fresh layers"),
        members,
        cost: Some(lyapunov::plan(&spec).cost()),
        reach: Reach::All,
        kernel: None,
        work: Box::new(move |device, members| {
            let mut spec = spec.clone();
            spec.ensemble.members = members;
            lyapunov::run(device, &spec, usize::MAX, &mut |_| ControlFlow::Continue(()))
                .map(|exponents| drop(std::hint::black_box(exponents)))
        }),
    }
}

/// Eigenvalues of random matrices that are there already. Their operations are counted as 10 n^3, the textbook's
/// number for Hessenberg reduction and Francis' iteration without vectors. A workgroup has a matrix, so that a card is
/// filled by thousands; 16 cores take up to a tenth of a second for them.
fn eigenvalues(settings: &BenchSpec, n: usize, large: bool) -> Job {
    let (work, least, most) = match (settings.quick, large) {
        (true, _) => (1 << 18, 16, 4096),
        (false, false) => (1 << 24, 16, 4096),
        (false, true) => (1 << 30, 1024, 1 << 16),
    };
    let members = (work / (n * n * n)).clamp(least, most);
    let ensemble = ensemble(settings, n, members);
    let drawn: std::sync::OnceLock<Vec<f32>> = std::sync::OnceLock::new();
    Job {
        name: format!("eigenvalues_{n}"),
        shape: format!("{n} x {n}"),
        members,
        cost: Some(Cost { flops: 10.0 * (n as f64).powi(3), bytes: 4.0 * (n * n + 2 * n) as f64 }),
        // Barriers are what the iteration is made of, and what a software driver is slowest at.
        reach: match n {
            n if n > spectrum::device::WIDEST => Reach::Host,
            n if n > 32 => Reach::NotSoftware,
            _ => Reach::All,
        },
        kernel: None,
        work: Box::new(move |device, members| {
            if drawn.get().is_none() {
                let _ = drawn.set(matrices(&ensemble)?);
            }
            let matrices = drawn.get().map_or(&[][..], |all| &all[..members * n * n]);
            let spectra = spectrum::eigenvalues(device, matrices, n)?;
            match spectra.iter().position(|spectrum| spectrum.status != Status::Ok) {
                None => Ok(()),
                Some(member) => Err(Error::Bug(format!("the eigenvalues of member {member} did not converge"))),
            }
        }),
    }
}

/// The matrices of an ensemble as drawn, made on the host: they have the same bits everywhere.
fn matrices(ensemble: &EnsembleSpec) -> Result<Vec<f32>> {
    let host = Device::open("cpu")?;
    let mut all = Vec::new();
    draw_matrices(&host, ensemble, 0..ensemble.members, 0, &mut |_, values| {
        all.extend(values);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// The command `sweep` from weights to cells: eigenvalues, with operations as in [`eigenvalues`], rollouts, statistics.
fn spectra_sweep(settings: &BenchSpec) -> Job {
    let (members, depth, step_size, radius) = match settings.quick {
        true => (8, 10, "lin(0.1,1,8)", "lin(0.1,1.6,8)"),
        false => (256, 80, "log(0.01,2,16)", "lin(0.1,1.6,16)"),
    };
    let mut spec = SweepSpec { ensemble: ensemble(settings, 64, members), depth, ..SweepSpec::default() };
    spec.step_size = Grid::parse(step_size).expect("a well-written grid");
    spec.radius = Grid::parse(radius).expect("a well-written grid");
    spec.damping = Grid::single(0.1);
    spec.trajectories = 0;
    let step = sweep::plan_of_a_step(&spec).cost();
    let n = spec.ensemble.width as f64;
    let cost = Cost {
        flops: 10.0 * n.powi(3) + step.flops * depth as f64,
        bytes: 4.0 * (n * n + 2.0 * n) + step.bytes * depth as f64,
    };
    Job {
        name: "spectra_sweep".to_string(),
        shape: format!("width 64, {} grid points, {depth} steps, with spectra", spec.cells()),
        members,
        cost: Some(cost),
        reach: Reach::All,
        kernel: None,
        work: Box::new(move |device, members| {
            let mut spec = spec.clone();
            spec.ensemble.members = members;
            let done = sweep::run(device, &spec, &mut |_| ControlFlow::Continue(()))?;
            drop(std::hint::black_box(done.cells));
            Ok(())
        }),
    }
}
