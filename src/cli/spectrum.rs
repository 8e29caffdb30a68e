//! `eulerscope spectrum`: eigenvalues of an ensemble, or of matrices from a file.

mod facts;
mod folder;
mod precision;
mod records;
mod solve;
mod words;

use crate::cli::Invocation;
use crate::cli::console::{Console, Progress};
use crate::cli::outlook::{self, Outlook};
use crate::dataset::Dataset;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::spec::{Precision, Quantities, SpectrumSpec};
use crate::spectrum::derived::Derived;
use crate::spectrum::pseudospectrum::{Pseudospectrum, pseudospectrum};
use crate::spectrum::{Spectrum, Status};
use crate::weights::matrix::{self, MatrixStack};
use facts::Facts;
use serde_json::{Value, json};
use solve::{Solved, at_once, of_ensemble, of_stack};
use std::time::Instant;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SpectrumSpec) -> Result<()> {
    let mut clock = Clock::new();
    let stack = spec.matrix.as_deref().map(matrix::read).transpose()?;
    let dataset = console.dataset(invocation)?;
    let device = console.open_in(spec.precision.unwrap_or(Precision::F32), invocation)?;
    if invocation.plan {
        return plan(console, &device, spec, stack.as_ref(), invocation.chunk);
    }
    clock.lap("opening_seconds");
    let mut progress = console.progress("eigenvalues");
    let solved = match &stack {
        Some(stack) => of_stack(&device, stack, spec, &mut progress)?,
        None => of_ensemble(&device, spec, (invocation.chunk, spec.values || dataset.is_some()), &mut progress)?,
    };
    drop(progress);
    clock.lap("eigenvalues_seconds");
    let mut outcome = Outcome { solved, ..Outcome::default() };
    if let Some(stack) = &stack {
        outcome.derive(console, &device, spec, stack, &mut clock)?;
    }
    let (asked, width) = shape(spec, stack.as_ref());
    let result = outcome.record(spec, &device, width, &mut clock);
    finish(console, dataset, &device, spec, &outcome, (result, clock))?;
    if let Some(message) = outcome.interruption(asked) {
        return Err(Error::Partial(message));
    }
    ending(&outcome.solved.facts)
}

/// What was found, by phase. A phase that the user stopped is followed by none.
#[derive(Default)]
struct Outcome {
    solved: Solved,
    /// One for each matrix of a file.
    derived: Vec<Option<Derived>>,
    /// Of the first matrix of a file.
    pseudo: Option<Pseudospectrum>,
    /// Was the pseudospectrum stopped?
    no_pseudo: bool,
}

impl Outcome {
    /// What is said of matrices of a file besides their eigenvalues.
    fn derive(
        &mut self,
        console: &Console,
        device: &Device,
        spec: &SpectrumSpec,
        stack: &MatrixStack,
        clock: &mut Clock,
    ) -> Result<()> {
        let mut progress = console.progress("norms and peaks");
        self.derived = records::derive(device, spec, (stack, &self.solved), &mut progress)?;
        drop(progress);
        if let Some(names) = records::overflows(&self.derived) {
            console
                .note(&format!("beyond the largest f64, and missing: {names}; divide the matrices by a power of two"));
        }
        clock.lap("derived_seconds");
        if let (Some(points), false) = (spec.pseudospectrum, self.is_interrupted()) {
            let first = self.solved.spoken.first().filter(|spectrum| spectrum.status == Status::Ok);
            let mut progress = console.progress("pseudospectrum");
            if let Some(first) = first {
                let matrix = records::spoken_of(spec, &stack.values[..stack.n * stack.n], stack.n);
                self.pseudo = of_first(device, (&matrix, stack.n), first, points, &mut progress)?;
                self.no_pseudo = self.pseudo.is_none();
            }
            clock.lap("pseudospectrum_seconds");
        }
        Ok(())
    }

    /// Matrices with eigenvalues of which nothing was derived any more.
    fn left(&self) -> usize {
        let good = self.solved.facts.iter().zip(&self.derived).filter(|(facts, _)| facts.status == Status::Ok);
        good.filter(|(_, derived)| derived.is_none()).count()
    }

    fn is_interrupted(&self) -> bool {
        self.solved.stopped || self.left() > 0 || self.no_pseudo
    }

    /// Which of the results are there, if it was interrupted before the last of them.
    fn interruption(&self, asked: usize) -> Option<String> {
        let done = self.solved.facts.len();
        match (self.solved.stopped, self.left(), self.no_pseudo) {
            (true, ..) => Some(format!("interrupted: the results are those of {done} of {asked} matrices")),
            (_, left @ 1.., _) => {
                Some(format!("interrupted: norms and peaks are there of {} of {done} matrices", done - left))
            }
            (.., true) => Some("interrupted: the pseudospectrum is missing".to_string()),
            _ => None,
        }
    }

    /// The result, without what is many numbers.
    fn record(&self, spec: &SpectrumSpec, device: &Device, width: usize, clock: &mut Clock) -> Value {
        let facts = &self.solved.facts;
        let mut result = facts::summary(facts, width);
        result["interrupted"] = json!(self.is_interrupted());
        result["spec"] = recorded(spec);
        result["of"] = json!(if spec.is_of_step() { "M" } else { "A" });
        result["device"] = json!(device.description());
        if spec.matrix.is_some() {
            records::add(&mut result, spec, facts, &self.derived);
        }
        clock.lap("statistics_seconds");
        result["timing"] = clock.timing(facts.len());
        result
    }
}

fn of_first(
    device: &Device,
    matrix: (&[f64], usize),
    spectrum: &Spectrum,
    points: usize,
    progress: &mut Progress,
) -> Result<Option<Pseudospectrum>> {
    pseudospectrum(device, matrix, &spectrum.eigenvalues, points, &mut |fraction| progress.at(fraction))
}

/// Says, writes and emits what was found.
fn finish(
    console: &Console,
    dataset: Option<Dataset>,
    device: &Device,
    spec: &SpectrumSpec,
    outcome: &Outcome,
    (mut result, mut clock): (Value, Clock),
) -> Result<()> {
    // First: what is shown may find a full disk or a closed terminal.
    if let Some(dataset) = dataset {
        folder::write(console, dataset, device, spec, outcome, &result)?;
        clock.lap("files_seconds");
        result["timing"] = clock.timing(outcome.solved.facts.len());
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

    fn timing(&self, matrices: usize) -> Value {
        let mut timing = json!({ "seconds": (self.last - self.start).as_secs_f64() });
        for &(name, seconds) in &self.laps {
            timing[name] = json!(seconds);
            if name == "eigenvalues_seconds" {
                timing["seconds_per_matrix"] = json!(seconds / matrices.max(1) as f64);
            }
        }
        timing
    }
}

/// How many matrices there are, and their width.
fn shape(spec: &SpectrumSpec, stack: Option<&MatrixStack>) -> (usize, usize) {
    stack.map_or((spec.ensemble.layers, spec.ensemble.width), |stack| (stack.matrices, stack.n))
}

/// The specification for the record: beside a user's own matrices an ensemble means nothing.
fn recorded(spec: &SpectrumSpec) -> Value {
    let mut value = json!(spec);
    if let (Some(_), Value::Object(fields)) = (&spec.matrix, &mut value) {
        fields.retain(|name, _| {
            ["matrix", "step_size", "damping", "values", "precision", "pseudospectrum", "derived"]
                .contains(&name.as_str())
        });
    }
    value
}

/// `--plan`: from a trial on some drawn matrices of the width, or of a smaller one when it is large.
fn plan(
    console: &Console,
    device: &Device,
    spec: &SpectrumSpec,
    stack: Option<&MatrixStack>,
    chunk: Option<usize>,
) -> Result<()> {
    let (matrices, width) = shape(spec, stack);
    let mut trial = SpectrumSpec::default();
    trial.ensemble.width = width.min(outlook::WIDEST);
    let n = trial.ensemble.width as f64;
    trial.ensemble.layers = outlook::trial_members(device, 25.0 * n.powi(3), matrices.min(1024));
    let mut progress = console.progress("trial");
    if let Device::Gpu(_) = device {
        let mut first = trial.clone();
        first.ensemble.layers = 1;
        of_ensemble(device, &first, (None, false), &mut progress)?;
    }
    let start = Instant::now();
    if of_ensemble(device, &trial, (None, false), &mut progress)?.stopped {
        return outlook::stopped();
    }
    drop(progress);
    let share = trial.ensemble.layers as f64 / matrices as f64;
    let noun = if matrices == 1 { "matrix" } else { "matrices" };
    // Peaks take as long as it takes their powers to decay, which no trial on other matrices tells.
    let more = if stack.is_some() && spec.derived != Quantities::NONE {
        ": eigenvalues only, without norms and peaks"
    } else {
        ""
    };
    let outlook = Outlook {
        what: format!("{matrices} {noun} of width {width}{more}"),
        members: matrices,
        bytes_per_member: (width * width * outlook::real(device)) as u64,
        members_at_a_time: at_once(width, chunk).min(matrices),
        seconds: start.elapsed().as_secs_f64() / share * (width as f64 / n).powi(3),
        tried: trial.ensemble.layers,
    };
    outlook.say(console, device, recorded(spec), json!({ "width": width }))
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
