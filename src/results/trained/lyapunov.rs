//! The results of exponents along the depth of a trained model.

use crate::device::Device;
use crate::error::Result;
use crate::figure::{Spread, SpreadFigure, SpreadLine};
use crate::results::dataset::{Column, Dataset, Landed};
use crate::results::pictures;
use crate::results::tables::word;
use crate::results::timing::set_total;
use crate::spec::TrainedLyapunovSpec;
use crate::spectrum::lanczos::SingularValue;
use crate::trained::Model;
use crate::trained::lyapunov::TrainedLyapunov;
use serde_json::{Value, json};

/// Lines of the figure at most.
const DRAWN: usize = 5;

/// What is reported.
pub struct Report<'a> {
    /// Where it was computed.
    pub device: &'a Device,
    /// Of which model.
    pub model: &'a Model,
    /// What was asked.
    pub spec: &'a TrainedLyapunovSpec,
    /// The text's tokens.
    pub token_ids: &'a [u32],
    /// What was found.
    pub found: &'a TrainedLyapunov,
    /// How long it took.
    pub seconds: f64,
}

impl Report<'_> {
    /// The result as JSON.
    ///
    /// # Errors
    /// If a file of the model cannot be read any more.
    pub fn record(&self) -> Result<Value> {
        let exponents = self.found.exponents();
        let mut record = json!({
            "eulerscope": env!("CARGO_PKG_VERSION"),
            "command": "lyapunov",
            "spec": self.spec,
            "model": self.model.checkpoint().provenance()?,
            "architecture": self.model.checkpoint().architecture(),
            "device": self.device.description(),
            "interrupted": self.found.interrupted,
            "token_ids": self.token_ids,
            "of": "a random frame of perturbations: a lower bound of the largest end-to-end growth",
            "layers": self.found.series.len(),
            "sum": exponents.iter().sum::<f64>(),
            "exponents": exponents,
            "angular_exponents": self.found.angular_exponents(),
            "norm_growth": self.found.norm_growth,
        });
        set_total(&mut record, self.seconds);
        if let Some(own) = &self.found.end_to_end {
            let value = |own: &SingularValue| {
                json!({
                    "value": own.value,
                    "exponent": self.exponent(own),
                    "residual": own.residual,
                    "converged": own.converged,
                })
            };
            record["end_to_end"] = json!({
                "of": "the product of all layers' Jacobians of the whole state",
                "status": word(own.status),
                "singular_values": own.values.iter().map(value).collect::<Vec<_>>(),
                "products": own.products,
            });
        }
        Ok(record)
    }

    /// The growth by an end-to-end singular value, in nats a layer.
    pub fn exponent(&self, own: &SingularValue) -> f64 {
        own.value.ln() / self.found.series.len() as f64
    }

    /// The largest exponents and the norm's growth, over the layers so far.
    fn figure(&self) -> SpreadFigure {
        let line = |label: String, values: Vec<f64>| SpreadLine {
            label,
            points: values
                .into_iter()
                .enumerate()
                .map(|(layer, value)| ((layer + 1) as f64, Spread::alone(Some(value))))
                .collect(),
            promise: Vec::new(),
        };
        let count = self.found.series.first().map_or(0, Vec::len).min(DRAWN);
        let own = (0..count).map(|k| line(format!("exponent {k}"), self.found.series.iter().map(|s| s[k]).collect()));
        let norm = line("norm of the state".to_string(), self.found.norm_growth.clone());
        SpreadFigure {
            lines: own.chain(std::iter::once(norm)).collect(),
            x_label: "layers".to_string(),
            y_label: "nats a layer, over the layers so far".to_string(),
            neutral: (0.0, "neither growth nor decay".to_string()),
            mark: None,
            title: "Finite-time Lyapunov exponents along the depth".to_string(),
            caption: format!(
                "{}, {} tokens; {}",
                self.model.checkpoint().name(),
                self.token_ids.len(),
                self.device.description().caption()
            ),
        }
    }
}

/// Writes the series and its figure and seals the folder.
///
/// # Errors
/// What the folder refuses.
pub fn write(mut dataset: Dataset, report: &Report, result: &Value) -> Result<Landed> {
    let series = || report.found.series.iter().enumerate();
    let each = || series().flat_map(|(layer, own)| own.iter().enumerate().map(move |(k, &value)| (layer, k, value)));
    dataset.note("spec", &json!(report.spec).to_string());
    dataset.write_table(
        "exponents_by_layer",
        &[
            ("layers", Column::U32(each().map(|(layer, ..)| layer as u32 + 1).collect())),
            ("place", Column::U32(each().map(|(_, k, _)| k as u32).collect())),
            ("exponent", Column::F64(each().map(|(.., value)| value).collect())),
            ("norm_growth", Column::F64(each().map(|(layer, ..)| report.found.norm_growth[layer]).collect())),
        ],
    )?;
    if let Some(own) = &report.found.end_to_end {
        let known = || own.converged();
        dataset.write_table(
            "end_to_end",
            &[
                ("place", Column::U32((0..known().count() as u32).collect())),
                ("singular_value", Column::F64(known().map(|own| own.value).collect())),
                ("exponent", Column::F64(known().map(|own| report.exponent(own)).collect())),
                ("residual", Column::F64(known().map(|own| own.residual).collect())),
            ],
        )?;
    }
    pictures::write(&mut dataset, "exponents_by_layer", &report.figure())?;
    dataset.finish(result.clone())
}
