//! `spectrum --checkpoint`: the Jacobian of every layer.

use super::{plan, shown, token_ids};
use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::error::{Error, Result};
use crate::results::trained::{self as folder, Report};
use crate::spec::{Tokens, TrainedSpectrumSpec};
use crate::trained::facts::{Known, TokenFacts};
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
const PLACE: &str = "layer        |x|  |Δx|/|x|";
const SOME: &str = " converged  smallest  residual   products";
const BRIEF: &str = "  residual times";

/// What is said of a Jacobian.
fn said(facts: &TokenFacts) -> String {
    match &facts.jacobian {
        Known::Whole(own) => format!(
            " {:>9} {:>9} {:>9} {:>9} {:>10}",
            shown(facts.radius(), 3),
            own.facts.outside,
            own.growing_modes,
            shown(own.derived.norm, 3),
            shown(own.derived.departure_from_normality.map(|departure| departure / own.frobenius), 3)
        ),
        Known::Some(own) => {
            let leading = own.leading.as_ref().map(|own| Largest {
                first: facts.radius(),
                known: own.converged().map(|own| (own.modulus(), own.residual)).collect(),
                products: own.products,
            });
            let singular = own.singular.as_ref().map(|own| Largest {
                first: facts.norm(),
                known: own.converged().map(|own| (own.value, own.residual)).collect(),
                products: own.products,
            });
            match (leading, singular) {
                (Some(one), Some(other)) => one.briefly() + &other.briefly(),
                (one, other) => one.or(other).map(|own| own.at_length()).unwrap_or_default(),
            }
        }
    }
}

/// The largest values of a Jacobian, as a table shows them.
struct Largest {
    /// The first, if it is known.
    first: Option<f64>,
    /// Those that are known, with their residuals.
    known: Vec<(f64, f64)>,
    products: usize,
}

impl Largest {
    fn residual(&self) -> String {
        let residual = self.known.iter().map(|(_, residual)| *residual).reduce(f64::max);
        residual.map_or("missing".to_string(), |residual| format!("{residual:.1e}"))
    }

    fn at_length(&self) -> String {
        let smallest = shown(self.known.last().map(|(value, _)| *value), 3);
        let (first, count, residual) = (shown(self.first, 3), self.known.len(), self.residual());
        format!(" {first:>9} {count:>9} {smallest:>9} {residual:>9} {:>10}", self.products)
    }

    fn briefly(&self) -> String {
        format!(" {:>9} {:>9} {:>5}", shown(self.first, 3), self.residual(), self.products)
    }
}

/// The head of the table.
fn head(spec: &TrainedSpectrumSpec) -> String {
    match (spec.leading, spec.singular) {
        (None, None) => WHOLE.to_string(),
        (Some(_), None) => format!("{PLACE}    radius{SOME}"),
        (None, Some(_)) => format!("{PLACE}      norm{SOME}"),
        (Some(_), Some(_)) => format!("{PLACE}    radius{BRIEF}      norm{BRIEF}"),
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
    let _ = writeln!(out, "{}", head(report.spec));
    for layer in &text.layers {
        let Some(own) = layer.tokens.last() else { continue };
        let step = own.relative_step;
        // There is none of a state that is 0.
        let step = if step.is_finite() { format!("{step:.3}") } else { "missing".to_owned() };
        let _ = write!(out, "{:>5} {:>10.2} {step:>9}", layer.layer, own.state_norm);
        let _ = writeln!(out, "{}", said(own));
    }
    if !report.spec.is_partial() {
        let _ = writeln!(out, "departure from normality over the Frobenius norm");
    }
    for next in &text.next_token {
        let text = next.text.as_ref().map(|text| format!(" {text:?}")).unwrap_or_default();
        let _ = writeln!(out, "next token {}{text}: logit {:.3}", next.id, next.logit);
    }
    let _ = writeln!(out, "time {:.2} s", report.seconds);
    out
}
