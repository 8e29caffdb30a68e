//! `spectrum --checkpoint`: the Jacobian of every layer.

use super::{plan, shown, token_ids};
use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::cli::long_run::{self, Done, LongRun};
use crate::cli::process::stop_flag;
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::results::dataset::Dataset;
use crate::results::trained::{self as folder, Report};
use crate::spec::{Tokens, TrainedSpectrumSpec};
use crate::trained::Model;
use crate::trained::facts::{Known, TokenFacts};
use crate::trained::spectrum::{self, Asked, Part, Shapes, TrainedSpectrum};
use crate::units::{Parts, Units};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Texts that go through a model and its controls.
pub struct TextSpectra {
    spec: TrainedSpectrumSpec,
    model: Model,
    texts: Vec<Vec<u32>>,
    shapes: Shapes,
}

impl TextSpectra {
    /// Opens the model.
    ///
    /// # Errors
    /// For files that are no model, and texts and tokens that it does not take.
    pub fn open(spec: &TrainedSpectrumSpec) -> Result<Self> {
        let model = Model::of(&spec.input)?;
        spectrum::check(&model, spec)?;
        let texts = token_ids(&model, &spec.input)?;
        let shapes = Shapes::of(spec, model.depth(), &texts)?;
        Ok(TextSpectra { spec: spec.clone(), model, texts, shapes })
    }
}

impl LongRun for TextSpectra {
    type Part = Part;
    type Found = TrainedSpectrum;

    fn command(&self) -> &'static str {
        "spectrum"
    }

    fn spec(&self) -> Value {
        json!(self.spec)
    }

    fn model(&self) -> Result<Value> {
        self.model.checkpoint().provenance().map(|files| json!(files))
    }

    fn units(&self, _device: &Device) -> Box<dyn Units<Part = Part>> {
        Box::new(self.shapes.clone())
    }

    fn work(&self, device: &Device, parts: &mut dyn Parts<Part>, progress: Progress) -> Result<TrainedSpectrum> {
        let flag = stop_flag(true);
        let stop = move || flag.load(Ordering::SeqCst);
        let asked = Asked { model: &self.model, spec: &self.spec, texts: &self.texts, stop: &stop };
        spectrum::run_parts(device, &asked, parts, progress)
    }

    fn is_interrupted(&self, found: &TrainedSpectrum) -> bool {
        found.interrupted
    }

    fn stop(found: &mut TrainedSpectrum) {
        found.interrupted = true;
    }
}

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &TrainedSpectrumSpec) -> Result<()> {
    let start = Instant::now();
    let run = TextSpectra::open(spec)?;
    if long_run::is_complete(console, invocation, &run)? {
        return Ok(());
    }
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        let TextSpectra { model, texts, shapes, .. } = &run;
        let repeats = shapes.jacobians() as f64 / (model.depth() * texts.len()) as f64;
        return plan(console, &device, model, json!(spec), texts, repeats, |progress| {
            // One token of each text stands for all that are wanted.
            let one = TrainedSpectrumSpec { tokens: Tokens::Last, controls: Vec::new(), ..spec.clone() };
            let asked = Asked { model, spec: &one, texts, stop: &|| false };
            spectrum::run(&device, &asked, progress).map(drop)
        });
    }
    let finish = |done: Done<TrainedSpectrum>| finish(console, &device, &run, dataset, &done, start);
    long_run::carry_out(console, invocation, &run, &device, || {}, finish)
}

/// Writes the results where they are wanted, and shows them.
fn finish(
    console: &Console,
    device: &Device,
    run: &TextSpectra,
    dataset: Option<Dataset>,
    done: &Done<TrainedSpectrum>,
    start: Instant,
) -> Result<()> {
    let TextSpectra { spec, model, shapes, .. } = run;
    let (found, seconds) = (&done.found, start.elapsed().as_secs_f64());
    let report = Report { device, model, spec, found, seconds };
    let mut result = report.record()?;
    done.note(&mut result);
    if let Some(dataset) = dataset {
        console.landed(&folder::write(dataset, &report, &result)?);
    }
    console.show(&words(&report))?;
    console.emit(&result)?;
    done.refuse_failed("their Jacobians are missing")?;
    match found.interrupted {
        true => {
            let (there, all) = (found.jacobians(), shapes.jacobians());
            Err(Error::Partial(format!("interrupted: {there} of {all} Jacobians are there")))
        }
        false => Ok(()),
    }
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
            own.growing_modes(),
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
