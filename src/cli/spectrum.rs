//! `eulerscope spectrum`: eigenvalues of an ensemble, or of matrices from a file.

mod words;

use crate::cli::console::Console;
use crate::cli::{Invocation, outlook};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::estimate;
use crate::results::dataset::Dataset;
use crate::results::spectrum::{self as folder, Outcome, recorded, records};
use crate::results::timing::set_total;
use crate::spec::{Precision, SpectrumSpec};
use crate::spectrum::facts::Facts;
use crate::spectrum::pseudospectrum::pseudospectrum;
use crate::spectrum::solve::{self, of_ensemble, of_stack, shape, spoken_of};
use crate::spectrum::{Spectrum, Status};
use crate::weights::matrix::{self, MatrixStack};
use serde_json::{Value, json};
use std::time::Instant;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SpectrumSpec) -> Result<()> {
    let mut clock = Clock::new();
    let stack = spec.matrix.as_deref().map(matrix::read).transpose()?;
    let dataset = console.dataset(invocation)?;
    let device = console.open_in(spec.precision.unwrap_or(Precision::F32), invocation)?;
    if invocation.plan {
        return outlook::say(console, &device, &recorded(spec), |progress| {
            estimate::spectrum(&device, spec, stack.as_ref(), invocation.chunk, progress)
        });
    }
    clock.lap("opening_seconds");
    let mut progress = console.progress("eigenvalues");
    let solved = match &stack {
        Some(stack) => of_stack(&device, stack, spec, &mut |fraction| progress.at(fraction))?,
        None => {
            let kept = spec.values || dataset.is_some();
            of_ensemble(&device, spec, invocation.chunk, kept, &mut |fraction| progress.at(fraction))?
        }
    };
    drop(progress);
    clock.lap("eigenvalues_seconds");
    let mut outcome = Outcome { solved, ..Outcome::default() };
    if let Some(stack) = &stack {
        derive(console, &device, spec, stack, &mut outcome, &mut clock)?;
    }
    let (asked, width) = shape(spec, stack.as_ref());
    let mut result = outcome.record(spec, &device, width);
    clock.lap("statistics_seconds");
    clock.note(&mut result, outcome.solved.facts.len());
    finish(console, dataset, &device, spec, &outcome, result, clock)?;
    if let Some(message) = outcome.interruption(asked) {
        return Err(Error::Partial(message));
    }
    ending(&outcome.solved.facts)
}

/// What is said of matrices of a file besides their eigenvalues.
fn derive(
    console: &Console,
    device: &Device,
    spec: &SpectrumSpec,
    stack: &MatrixStack,
    outcome: &mut Outcome,
    clock: &mut Clock,
) -> Result<()> {
    let mut progress = console.progress("norms and peaks");
    let stop = progress.stop();
    let told = &mut |fraction| progress.at(fraction);
    outcome.derived = solve::derive(device, spec, stack, &outcome.solved, &stop, told)?;
    drop(progress);
    if let Some(names) = records::overflows(&outcome.derived) {
        console.note(&format!("beyond the largest f64, and missing: {names}; divide the matrices by a power of two"));
    }
    clock.lap("derived_seconds");
    if let (Some(points), false) = (spec.pseudospectrum, outcome.is_interrupted()) {
        let first = outcome.solved.spoken.first().filter(|spectrum| spectrum.status == Status::Ok);
        let mut progress = console.progress("pseudospectrum");
        if let Some(first) = first {
            let matrix = spoken_of(spec, &stack.values[..stack.n * stack.n], stack.n);
            let mut told = |fraction| progress.at(fraction);
            outcome.pseudo = pseudospectrum(device, &matrix, stack.n, &first.eigenvalues, points, &mut told)?;
            outcome.no_pseudo = outcome.pseudo.is_none();
        }
        clock.lap("pseudospectrum_seconds");
    }
    Ok(())
}

/// Says, writes and emits what was found.
fn finish(
    console: &Console,
    dataset: Option<Dataset>,
    device: &Device,
    spec: &SpectrumSpec,
    outcome: &Outcome,
    mut result: Value,
    mut clock: Clock,
) -> Result<()> {
    // First: what is shown may find a full disk or a closed terminal.
    if let Some(dataset) = dataset {
        console.landed(&folder::write(dataset, device, spec, outcome, &result)?);
        clock.lap("files_seconds");
        clock.note(&mut result, outcome.solved.facts.len());
    }
    console.show(&words::report(&result))?;
    if spec.values {
        console.show(&words::values(&outcome.solved.spoken))?;
    }
    if let Some(pseudo) = &outcome.pseudo {
        result["pseudospectrum"] = json!(pseudo);
    }
    if spec.matrix.is_some() || spec.values {
        add_values(&mut result, &outcome.solved.spoken);
    }
    console.emit(&result)
}

/// Seconds of the phases of a run, and of all of it.
struct Clock {
    start: Instant,
    last: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Clock {
    fn new() -> Self {
        let now = Instant::now();
        Clock { start: now, last: now, laps: Vec::new() }
    }

    /// A phase has ended.
    fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        self.laps.push((name, (now - self.last).as_secs_f64()));
        self.last = now;
    }

    /// Notes all phases in the record.
    fn note(&self, record: &mut Value, matrices: usize) {
        set_total(record, (self.last - self.start).as_secs_f64());
        for &(name, seconds) in &self.laps {
            record["timing"][name] = json!(seconds);
            if name == "eigenvalues_seconds" {
                record["timing"]["seconds_per_matrix"] = json!(seconds / matrices.max(1) as f64);
            }
        }
    }
}

/// The eigenvalues: of one matrix a list, of several a list for each, null where there are none.
fn add_values(result: &mut Value, spectra: &[Spectrum]) {
    let values: Vec<Option<&Vec<[f64; 2]>>> =
        spectra.iter().map(|s| (s.status == Status::Ok).then_some(&s.eigenvalues)).collect();
    result["eigenvalues"] = match values.as_slice() {
        [only] => json!(only),
        all => json!(all),
    };
}

fn ending(facts: &[Facts]) -> Result<()> {
    let failed: Vec<usize> = (0..facts.len()).filter(|&i| facts[i].status != Status::Ok).collect();
    let Some(&first) = failed.first() else { return Ok(()) };
    let why = match facts[first].status {
        Status::Refused => "has an entry that is NaN or infinite",
        Status::Overflow => "has an eigenvalue beyond the largest f64, 1.8e308; divide its entries by a power of two",
        Status::NoConvergence | Status::Ok => "did not converge",
    };
    let message = format!("{} of {} matrices have no eigenvalues; matrix {first} {why}", failed.len(), facts.len());
    if failed.len() == facts.len() { Err(Error::Invalid(message)) } else { Err(Error::Partial(message)) }
}
