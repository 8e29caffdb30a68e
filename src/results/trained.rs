//! The results of a trained model: its record, its tables and its figures.

mod figures;
pub mod lyapunov;
pub mod sweep;
mod tables;

use crate::device::Device;
use crate::error::Result;
use crate::results::dataset::{Dataset, Landed};
use crate::results::tables::word;
use crate::results::timing::set_total;
use crate::spec::{Control, Tokens, TrainedSpectrumSpec};
use crate::trained::Model;
use crate::trained::facts::{Known, TokenFacts, Whole};
use crate::trained::spectrum::{ControlSpectrum, LayerSpectrum, TextSpectrum, TrainedSpectrum};
use serde_json::{Value, json};

/// What is reported.
pub struct Report<'a> {
    /// Where it was computed.
    pub device: &'a Device,
    /// Of which model.
    pub model: &'a Model,
    /// What was asked.
    pub spec: &'a TrainedSpectrumSpec,
    /// What was found.
    pub found: &'a TrainedSpectrum,
    /// How long it took.
    pub seconds: f64,
}

impl Report<'_> {
    /// The result as JSON: with one text its layers stand beside the rest, with several each text has its own.
    ///
    /// # Errors
    /// If a file of the model cannot be read any more.
    pub fn record(&self) -> Result<Value> {
        let is_all = self.spec.tokens == Tokens::All && !self.spec.is_partial();
        let mut result = json!({
            "eulerscope": env!("CARGO_PKG_VERSION"),
            "command": "spectrum",
            "spec": self.spec,
            "of": "own-token Jacobian of each layer",
            "is_whole_spectrum": is_all && self.model.anatomy().is_causal(),
            "model": self.model.checkpoint().provenance()?,
            "architecture": self.model.checkpoint().architecture(),
            "device": self.device.description(),
            "interrupted": self.found.interrupted,
        });
        set_total(&mut result, self.seconds);
        self.add_texts(&mut result, &self.found.texts);
        if !self.found.controls.is_empty() {
            let control = |own: &ControlSpectrum| {
                let mut value = json!({ "control": own.control });
                if own.control == Control::Initial {
                    value["deviation"] = json!(self.model.initial_deviation());
                }
                self.add_texts(&mut value, &own.texts);
                value
            };
            result["controls"] = self.found.controls.iter().map(control).collect();
        }
        Ok(result)
    }

    fn add_texts(&self, result: &mut Value, texts: &[TextSpectrum]) {
        match texts {
            [only] => self.add_text(result, only),
            several => {
                let each = several.iter().enumerate().map(|(place, text)| {
                    let mut value = json!({ "text": place });
                    self.add_text(&mut value, text);
                    value
                });
                result["texts"] = each.collect();
            }
        }
    }

    fn add_text(&self, result: &mut Value, text: &TextSpectrum) {
        result["token_ids"] = json!(text.token_ids);
        let layer = |layer: &LayerSpectrum| {
            let tokens: Vec<Value> = layer.tokens.iter().map(|facts| token(facts, self.spec.values)).collect();
            json!({ "layer": layer.layer, "tokens": tokens })
        };
        result["layers"] = text.layers.iter().map(layer).collect();
        result["end_norms"] = json!(text.end_norms);
        let next = text.next_token.iter().map(|next| json!({ "id": next.id, "text": next.text, "logit": next.logit }));
        result["next_token"] = next.collect();
    }
}

/// What is said of a layer at a token; what was not computed is null.
fn token(facts: &TokenFacts, values: bool) -> Value {
    let (whole, solved) = (facts.whole(), facts.solved());
    let mut value = json!({
        "token": facts.token,
        "status": word(facts.status()),
        "state_norm": facts.state_norm,
        "relative_step": facts.relative_step,
        "spectral_radius": facts.radius(),
        "outside_unit_circle": solved.map(|own| own.facts.outside),
        "on_unit_circle": solved.map(Whole::on_circle),
        "abscissa": solved.map(Whole::abscissa),
        "growing_modes": solved.map(Whole::growing_modes),
        "real_eigenvalues": solved.map(|own| own.facts.real),
        "band": solved.map(|own| own.facts.band),
        "trace": whole.map(|own| own.trace),
        "frobenius": whole.map(|own| own.frobenius),
        "product": whole.map(|own| json!({
            "log_norm": own.product.log_norm,
            "resolved_singular_values": own.product.relative_singular_values.len(),
        })),
    });
    match &facts.jacobian {
        Known::Whole(own) => add_whole(&mut value, own, values),
        Known::Some(own) => {
            if let Some(leading) = &own.leading {
                value["leading"] = json!(leading.eigenvalues);
                value["products"] = json!(leading.products);
            }
            if let Some(singular) = &own.singular {
                value["norm"] = json!(singular.norm());
                value["singular"] = json!(singular.values);
                value["singular_products"] = json!(singular.products);
            }
        }
    }
    value
}

fn add_whole(value: &mut Value, own: &Whole, values: bool) {
    if let Value::Object(derived) = json!(own.derived) {
        // A critical step size is that of f, and J is a step.
        let own = derived.into_iter().filter(|(name, _)| name != "critical_step_size");
        own.for_each(|(name, quantity)| value[name] = quantity);
    }
    if values {
        value["eigenvalues"] = json!(own.spectrum.eigenvalues);
        value["singular_values"] = json!(own.singular_values);
        value["product"]["relative_singular_values"] = json!(own.product.relative_singular_values);
    }
}

/// Writes tables and figures and seals the folder.
pub fn write(mut dataset: Dataset, report: &Report, result: &Value) -> Result<Landed> {
    let rows = tables::rows(report.found);
    dataset.note("spec", &json!(report.spec).to_string());
    dataset.write_table("layers", &tables::layers(&rows))?;
    dataset.write_table("eigenvalues", &tables::eigenvalues(&rows))?;
    dataset.write_table("singular_values", &tables::singular_values(&rows))?;
    figures::write(&mut dataset, report)?;
    dataset.finish(result.clone())
}
