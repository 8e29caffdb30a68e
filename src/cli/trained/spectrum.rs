//! `spectrum --checkpoint`: the Jacobian of every layer.

use super::{plan, shown, token_ids};
use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::error::{Error, Result};
use crate::results::trained::{self as folder, Report};
use crate::spec::{Tokens, TrainedSpectrumSpec};
use crate::spectrum::arnoldi::LeadingEigenvalue;
use crate::trained::facts::Known;
use crate::trained::{Model, spectrum};
use serde_json::json;
use std::fmt::Write;
use std::time::Instant;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &TrainedSpectrumSpec) -> Result<()> {
    let start = Instant::now();
    let model = Model::open(&spec.input.checkpoint)?;
    spectrum::check(&model, spec)?;
    let texts = token_ids(&model, &spec.input)?;
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        let chosen = texts.iter().map(|ids| Ok(spec.tokens.of(ids.len())?.len())).sum::<Result<usize>>()?;
        let repeats = chosen as f64 / texts.len() as f64 * (1 + spec.controls.len()) as f64;
        return plan(console, &device, &model, json!(spec), &texts, repeats, |progress| {
            // One token of each text stands for all that are wanted.
            let one = TrainedSpectrumSpec { tokens: Tokens::Last, controls: Vec::new(), ..spec.clone() };
            spectrum::run(&device, &model, &one, &texts, &|| false, progress).map(drop)
        });
    }
    let mut progress = console.progress("layers");
    let stop = progress.stop();
    let found = spectrum::run(&device, &model, spec, &texts, &stop, &mut |fraction| progress.at(fraction))?;
    drop(progress);
    let report = Report { device: &device, model: &model, spec, found: &found, seconds: start.elapsed().as_secs_f64() };
    let result = report.record()?;
    if let Some(dataset) = dataset {
        console.landed(&folder::write(dataset, &report, &result)?);
    }
    console.show(&words(&report))?;
    console.emit(&result)?;
    match found.interrupted {
        true => {
            let all = (1 + spec.controls.len()) * model.depth();
            Err(Error::Partial(format!("interrupted: {} of {all} layers are there", done(&report))))
        }
        false => Ok(()),
    }
}

/// Layers of the model and its controls that are done.
fn done(report: &Report) -> usize {
    let controls = report.found.controls.iter().map(|control| &control.texts);
    let each = std::iter::once(&report.found.texts).chain(controls);
    each.filter_map(|texts| texts.first()).map(|text| text.layers.len()).sum()
}

/// The heads of the table's columns.
const WHOLE: &str = "layer        |x|  |Δx|/|x|    radius   |λ| > 1  Re λ > 1      norm  departure";
const LEADING: &str = "layer        |x|  |Δx|/|x|    radius converged  smallest  residual   products";

/// What is said of a Jacobian besides its radius.
fn said(jacobian: &Known) -> String {
    match jacobian {
        Known::Whole(own) => format!(
            "{:>9} {:>9} {:>9} {:>10}",
            own.facts.outside,
            own.growing_modes,
            shown(own.derived.norm, 3),
            shown(own.derived.departure_from_normality.map(|departure| departure / own.frobenius), 3)
        ),
        Known::Leading(own) => {
            let smallest = shown(own.converged().last().map(LeadingEigenvalue::modulus), 3);
            let residual = own.converged().map(|value| value.residual).reduce(f64::max);
            let residual = residual.map_or("missing".to_string(), |residual| format!("{residual:.1e}"));
            format!("{:>9} {smallest:>9} {residual:>9} {:>10}", own.converged().count(), own.products)
        }
    }
}

/// A table with a line for each layer, of the last chosen token of the first text.
fn words(report: &Report) -> String {
    let Some(text) = report.found.texts.first() else { return String::new() };
    let model = report.model;
    let mut out = format!(
        "{}: {} layers of width {}, {} tokens\n",
        model.checkpoint().name(),
        model.depth(),
        model.anatomy().width,
        text.token_ids.len()
    );
    let last = |layer: &spectrum::LayerSpectrum| layer.tokens.last().map(|facts| facts.token);
    if let Some(token) = text.layers.first().and_then(last) {
        let _ = writeln!(out, "Jacobian of each layer at token {token}, ∂x⁺/∂x:");
    }
    let _ = match report.spec.leading {
        None => writeln!(out, "{WHOLE}"),
        Some(_) => writeln!(out, "{LEADING}"),
    };
    for layer in &text.layers {
        let Some(own) = layer.tokens.last() else { continue };
        let _ = write!(out, "{:>5} {:>10.2} {:>9.3} ", layer.layer, own.state_norm, own.relative_step);
        let _ = writeln!(out, "{:>9} {}", shown(own.radius(), 3), said(&own.jacobian));
    }
    if report.spec.leading.is_none() {
        let _ = writeln!(out, "departure from normality over the Frobenius norm");
    }
    for next in &text.next_token {
        let text = next.text.as_ref().map(|text| format!(" {text:?}")).unwrap_or_default();
        let _ = writeln!(out, "next token {}{text}: logit {:.3}", next.id, next.logit);
    }
    let _ = writeln!(out, "time {:.2} s", report.seconds);
    out
}
