//! `lyapunov --checkpoint`: exponents along the depth.

use super::{plan, token_ids};
use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::error::{Error, Result};
use crate::results::trained::lyapunov::{self as folder, Report};
use crate::spec::TrainedLyapunovSpec;
use crate::trained::{Model, lyapunov};
use serde_json::json;
use std::fmt::Write;
use std::time::Instant;

/// Exponents that are shown.
const SHOWN: usize = 16;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &TrainedLyapunovSpec) -> Result<()> {
    let start = Instant::now();
    let model = Model::of(&spec.input)?;
    let text = token_ids(&model, &spec.input)?.swap_remove(0);
    lyapunov::check(&model, spec, &text)?;
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        return plan(console, &device, &model, json!(spec), std::slice::from_ref(&text), 1.0, |progress| {
            lyapunov::run(&device, &model, spec, &text, progress).map(drop)
        });
    }
    let mut progress = console.progress("layers");
    let found = lyapunov::run(&device, &model, spec, &text, &mut |fraction| progress.at(fraction))?;
    drop(progress);
    let seconds = start.elapsed().as_secs_f64();
    let report = Report { device: &device, model: &model, spec, token_ids: &text, found: &found, seconds };
    let result = report.record()?;
    if let Some(dataset) = dataset {
        console.landed(&folder::write(dataset, &report, &result)?);
    }
    console.show(&words(&report))?;
    console.emit(&result)?;
    match found.interrupted {
        true => {
            Err(Error::Partial(format!("interrupted: {} of {} layers are there", found.series.len(), model.depth())))
        }
        false => Ok(()),
    }
}

/// A line for each exponent.
fn words(report: &Report) -> String {
    let (layers, tokens) = (report.found.series.len(), report.token_ids.len());
    let mut out = format!(
        "{}: exponents of {tokens} tokens over {layers} layers, in nats a layer\n",
        report.model.checkpoint().name()
    );
    let growth = report.found.norm_growth.last().copied().unwrap_or_default();
    let _ = writeln!(out, "the state's norm grows by {growth:.4}");
    let _ = writeln!(out, "{:>3} {:>10} {:>10}", "", "exponent", "of angle");
    let each = report.found.exponents().into_iter().zip(report.found.angular_exponents());
    for (place, (exponent, angular)) in each.enumerate().take(SHOWN) {
        let _ = writeln!(out, "{place:>3} {exponent:>10.4} {angular:>10.4}");
    }
    if let Some(own) = &report.found.end_to_end {
        let _ = writeln!(out, "singular values of the product of all layers' Jacobians, {} products:", own.products);
        let _ = writeln!(out, "{:>3} {:>10} {:>10} {:>9}", "", "σ", "ln σ / L", "residual");
        for (place, value) in own.values.iter().enumerate().take(SHOWN) {
            let missing = if value.converged { "" } else { " (not converged)" };
            let exponent = report.exponent(value);
            let _ =
                writeln!(out, "{place:>3} {:>10.4e} {exponent:>10.4} {:>9.1e}{missing}", value.value, value.residual);
        }
    }
    let _ = writeln!(out, "growth of a random frame (--seed): typical perturbations; single directions grow more");
    let _ = writeln!(out, "time {:.2} s", report.seconds);
    out
}
