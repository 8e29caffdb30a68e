//! `sweep --checkpoint`: a text under other step sizes and frictions.

use super::{plan, shown, token_ids};
use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::cli::long_run::{self, Done, LongRun};
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::estimate::counted;
use crate::results::dataset::Dataset;
use crate::results::trained::sweep::{self as folder, Report};
use crate::spec::TrainedSweepSpec;
use crate::spec::grid::brief;
use crate::trained::Model;
use crate::trained::sweep::{self, Margin, Part, Shapes, Text, TrainedSweep};
use crate::units::{Parts, Units};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Instant;

/// A text that goes through a model at every grid point.
pub struct TextSweep {
    spec: TrainedSweepSpec,
    model: Model,
    token_ids: Vec<u32>,
    margin: Option<Margin>,
}

impl TextSweep {
    /// Opens the model.
    ///
    /// # Errors
    /// For files that are no model, and texts that it does not take.
    pub fn open(spec: &TrainedSweepSpec) -> Result<Self> {
        let model = Model::of(&spec.input)?;
        let token_ids = token_ids(&model, &spec.input)?.swap_remove(0);
        let margin = spec.margin.as_ref().map(|words| Margin::of(&model, words)).transpose()?;
        Ok(TextSweep { spec: spec.clone(), model, token_ids, margin })
    }

    fn text(&self) -> Text<'_> {
        Text { model: &self.model, token_ids: &self.token_ids, margin: self.margin }
    }
}

impl LongRun for TextSweep {
    type Part = Part;
    type Found = TrainedSweep;

    fn command(&self) -> &'static str {
        "sweep"
    }

    fn spec(&self) -> Value {
        json!(self.spec)
    }

    fn model(&self) -> Result<Value> {
        self.model.checkpoint().provenance().map(|files| json!(files))
    }

    fn units(&self, _device: &Device) -> Box<dyn Units<Part = Part>> {
        Box::new(Shapes::of(&self.spec, self.token_ids.len()))
    }

    fn work(&self, device: &Device, parts: &mut dyn Parts<Part>, progress: Progress) -> Result<TrainedSweep> {
        sweep::run_parts(device, &self.text(), &self.spec, parts, progress)
    }

    fn is_interrupted(&self, found: &TrainedSweep) -> bool {
        found.interrupted
    }

    fn stop(found: &mut TrainedSweep) {
        found.interrupted = true;
    }
}

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &TrainedSweepSpec) -> Result<()> {
    let start = Instant::now();
    let run = TextSweep::open(spec)?;
    if long_run::is_complete(console, invocation, &run)? {
        return Ok(());
    }
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        let texts = std::slice::from_ref(&run.token_ids);
        return plan(console, &device, &run.model, json!(spec), texts, 1.0, |progress| {
            sweep::run(&device, &run.text(), spec, progress).map(drop)
        });
    }
    let finish = |done: Done<TrainedSweep>| finish(console, &device, &run, dataset, &done, start);
    long_run::carry_out(console, invocation, &run, &device, || {}, finish)
}

/// Writes the results where they are wanted, and shows them.
fn finish(
    console: &Console,
    device: &Device,
    run: &TextSweep,
    dataset: Option<Dataset>,
    done: &Done<TrainedSweep>,
    start: Instant,
) -> Result<()> {
    let TextSweep { spec, model, token_ids, .. } = run;
    let (found, seconds) = (&done.found, start.elapsed().as_secs_f64());
    let report = Report { device, model, spec, token_ids, found, seconds };
    let mut result = report.record()?;
    done.note(&mut result);
    if let Some(dataset) = dataset {
        console.landed(&folder::write(dataset, &report, &result)?);
    }
    console.show(&words(&report))?;
    console.emit(&result)?;
    done.refuse_failed("their grid points are missing from the cells")?;
    let cells = sweep::points(spec).len();
    match found.interrupted {
        true => Err(Error::Partial(format!("interrupted: {} of {cells} cells are there", found.cells.len()))),
        false => Ok(()),
    }
}

/// Cells that are shown.
const SHOWN: usize = 64;

/// A line for each cell.
fn words(report: &Report) -> String {
    let tokens = report.token_ids.len();
    let mut out = format!("{}: {tokens} tokens; cross-entropy and divergence in nats per token\n", report.name());
    let margin = report.spec.margin.as_ref().map(|[first, second]| format!("{first:?} - {second:?}"));
    let _ = writeln!(
        out,
        "{:>9} {:>8} {:>13} {:>13} {:>10} {:>9}  {}",
        "step size",
        "damping",
        "cross-entropy",
        "KL to h = 1",
        "ln growth",
        "predicted",
        margin.as_deref().unwrap_or_default()
    );
    for cell in report.found.cells.iter().take(SHOWN) {
        let _ = writeln!(
            out,
            "{:>9} {:>8} {:>13} {:>13} {:>10} {:>9}  {}",
            brief(cell.step_size),
            brief(cell.damping),
            shown(cell.likely.map(|likely| likely.cross_entropy), 4),
            shown(cell.likely.map(|likely| likely.kl_divergence), 4),
            shown(cell.log_growth, 3),
            shown(cell.predicted_log_growth, 3),
            margin.as_ref().map(|_| shown(cell.margin, 3)).unwrap_or_default()
        );
    }
    if let Some(more @ 1..) = report.found.cells.len().checked_sub(SHOWN) {
        let _ = writeln!(out, "{} more; --json and --out have them all", counted(more, "cell"));
    }
    let _ = writeln!(out, "predicted: growth if every sublayer did what it does at h = 1, γ = 0");
    if !report.model.predicts() {
        let _ = writeln!(out, "this model predicts no next token, so it has no cross-entropy");
    }
    let _ = writeln!(out, "time {:.2} s", report.seconds);
    out
}
