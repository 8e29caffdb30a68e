//! `sweep --checkpoint`: a text under other step sizes and frictions.

use super::{plan, shown, token_ids};
use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::error::{Error, Result};
use crate::results::trained::sweep::{self as folder, Report};
use crate::spec::TrainedSweepSpec;
use crate::trained::Model;
use crate::trained::sweep::{self, Margin};
use serde_json::json;
use std::fmt::Write;
use std::time::Instant;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &TrainedSweepSpec) -> Result<()> {
    let start = Instant::now();
    let model = Model::open(&spec.input.checkpoint)?;
    let text = token_ids(&model, &spec.input)?.swap_remove(0);
    let margin = spec.margin.as_ref().map(|words| Margin::of(&model, words)).transpose()?;
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        return plan(console, &device, &model, json!(spec), std::slice::from_ref(&text), 1.0, |progress| {
            sweep::run(&device, &model, spec, &text, margin, progress).map(drop)
        });
    }
    let mut progress = console.progress("layers");
    let found = sweep::run(&device, &model, spec, &text, margin, &mut |fraction| progress.at(fraction))?;
    drop(progress);
    let seconds = start.elapsed().as_secs_f64();
    let report = Report { device: &device, model: &model, spec, token_ids: &text, found: &found, seconds };
    let result = report.record()?;
    if let Some(dataset) = dataset {
        console.landed(&folder::write(dataset, &report, &result)?);
    }
    console.show(&words(&report))?;
    console.emit(&result)?;
    let cells = sweep::points(spec).len();
    match found.interrupted {
        true => Err(Error::Partial(format!("interrupted: {} of {cells} cells are there", found.cells.len()))),
        false => Ok(()),
    }
}

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
    for cell in &report.found.cells {
        let _ = writeln!(
            out,
            "{:>9} {:>8} {:>13} {:>13} {:>10} {:>9}  {}",
            cell.step_size,
            cell.damping,
            shown(cell.likely.map(|likely| likely.cross_entropy), 4),
            shown(cell.likely.map(|likely| likely.kl_divergence), 4),
            shown(cell.log_growth, 3),
            shown(cell.predicted_log_growth, 3),
            margin.as_ref().map(|_| shown(cell.margin, 3)).unwrap_or_default()
        );
    }
    let _ = writeln!(out, "predicted: growth if every sublayer did what it does at h = 1, γ = 0");
    if !report.model.predicts() {
        let _ = writeln!(out, "this model predicts no next token, so it has no cross-entropy");
    }
    let _ = writeln!(out, "time {:.2} s", report.seconds);
    out
}
