//! The results of a sweep of a trained model.

use crate::device::Device;
use crate::error::Result;
use crate::figure::{Spread, SpreadFigure, SpreadLine};
use crate::results::dataset::{Column, Dataset, Landed};
use crate::results::pictures;
use crate::results::timing::set_total;
use crate::spec::TrainedSweepSpec;
use crate::spec::grid::brief;
use crate::trained::Model;
use crate::trained::sweep::{TrainedCell, TrainedSweep};
use serde_json::{Value, json};

/// What is reported.
pub struct Report<'a> {
    /// Where it was computed.
    pub device: &'a Device,
    /// Of which model.
    pub model: &'a Model,
    /// What was asked.
    pub spec: &'a TrainedSweepSpec,
    /// The text's tokens.
    pub token_ids: &'a [u32],
    /// What was found.
    pub found: &'a TrainedSweep,
    /// How long it took.
    pub seconds: f64,
}

impl Report<'_> {
    /// The model's name.
    pub fn name(&self) -> &str {
        self.model.checkpoint().name()
    }

    /// The result as JSON.
    ///
    /// # Errors
    /// If a file of the model cannot be read any more.
    pub fn record(&self) -> Result<Value> {
        let mut record = json!({
            "eulerscope": env!("CARGO_PKG_VERSION"),
            "command": "sweep",
            "spec": self.spec,
            "model": self.model.checkpoint().provenance()?,
            "architecture": self.model.checkpoint().architecture(),
            "device": self.device.description(),
            "interrupted": self.found.interrupted,
            "token_ids": self.token_ids,
            "cells": self.found.cells.iter().map(|cell| self.cell(cell)).collect::<Vec<_>>(),
        });
        set_total(&mut record, self.seconds);
        Ok(record)
    }

    fn cell(&self, cell: &TrainedCell) -> Value {
        let mut value = json!({
            "step_size": cell.step_size,
            "damping": cell.damping,
            "cross_entropy": cell.likely.map(|likely| likely.cross_entropy),
            "kl_divergence": cell.likely.map(|likely| likely.kl_divergence),
            "log_growth": cell.log_growth,
            "predicted_log_growth": cell.predicted_log_growth,
            "state_norms": cell.state_norms,
        });
        if self.spec.margin.is_some() {
            let lens = |(layer, margin): (usize, &Option<f64>)| json!({ "layer": layer, "margin": margin });
            value["margin"] = json!(cell.margin);
            value["lens"] = cell.lens.iter().enumerate().map(lens).collect();
        }
        value
    }

    fn caption(&self) -> String {
        format!("{}, {} tokens; {}", self.name(), self.token_ids.len(), self.device.description().caption())
    }

    /// A quantity over the step size, a line for each friction, or over the friction.
    fn over_grid(&self, y_label: &str, of: fn(&TrainedCell) -> Option<f64>) -> Option<(&'static str, SpreadFigure)> {
        let (h, gamma) = (self.spec.step_size.values(), self.spec.damping.values());
        let by_step = h.len() > 1;
        let (along, across) = if by_step { (h, gamma) } else { (gamma, h) };
        let x = |cell: &TrainedCell| if by_step { cell.step_size } else { cell.damping };
        let other = |cell: &TrainedCell| if by_step { cell.damping } else { cell.step_size };
        let name = if by_step { "damping" } else { "step size" };
        let line = |value: &f64| {
            let own = self.found.cells.iter().filter(|cell| other(cell) == *value);
            let mut points: Vec<(f64, Spread)> = own.map(|cell| (x(cell), Spread::alone(of(cell)))).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            SpreadLine { label: format!("{name} {}", brief(*value)), points, promise: Vec::new() }
        };
        let known = self.found.cells.iter().any(|cell| of(cell).is_some());
        (along.len() > 1 && known).then(|| {
            let figure = SpreadFigure {
                lines: across.iter().map(line).collect(),
                x_label: if by_step { "step size h" } else { "damping γ" }.to_string(),
                y_label: y_label.to_string(),
                neutral: (0.0, "0".to_string()),
                mark: by_step.then(|| (1.0, "the trained model".to_string())),
                title: format!("{y_label} of a text under other steps"),
                caption: self.caption(),
            };
            (if by_step { "step_size" } else { "damping" }, figure)
        })
    }

    /// The margin read from the state behind each layer, a line for each cell.
    fn lens(&self) -> Option<SpreadFigure> {
        const MOST: usize = 8;
        let [first, second] = self.spec.margin.as_ref()?;
        let line = |cell: &TrainedCell| SpreadLine {
            label: format!("h {}, γ {}", brief(cell.step_size), brief(cell.damping)),
            points: cell
                .lens
                .iter()
                .enumerate()
                .map(|(layer, &margin)| (layer as f64, Spread::alone(margin)))
                .collect(),
            promise: Vec::new(),
        };
        Some(SpreadFigure {
            lines: self.found.cells.iter().take(MOST).map(line).collect(),
            x_label: "layer".to_string(),
            y_label: format!("logit of {first:?} less that of {second:?}"),
            neutral: (0.0, "undecided".to_string()),
            mark: None,
            title: "Logit lens: the margin behind each layer".to_string(),
            caption: self.caption(),
        })
    }
}

/// Writes tables and figures and seals the folder.
///
/// # Errors
/// What the folder refuses.
pub fn write(mut dataset: Dataset, report: &Report, result: &Value) -> Result<Landed> {
    let cells = &report.found.cells;
    let plain = |f: fn(&TrainedCell) -> f64| Column::F64(cells.iter().map(f).collect());
    let maybe = |f: fn(&TrainedCell) -> Option<f64>| Column::OptionalF64(cells.iter().map(f).collect());
    dataset.note("spec", &json!(report.spec).to_string());
    let mut columns = vec![
        ("step_size", plain(|cell| cell.step_size)),
        ("damping", plain(|cell| cell.damping)),
        ("cross_entropy", maybe(|cell| cell.likely.map(|likely| likely.cross_entropy))),
        ("kl_divergence", maybe(|cell| cell.likely.map(|likely| likely.kl_divergence))),
        ("log_growth", maybe(|cell| cell.log_growth)),
        ("predicted_log_growth", maybe(|cell| cell.predicted_log_growth)),
    ];
    if report.spec.margin.is_some() {
        columns.push(("margin", maybe(|cell| cell.margin)));
        dataset.write_table("lens", &lens(cells))?;
    }
    dataset.write_table("cells", &columns)?;
    if let Some(figure) = report.lens() {
        pictures::write(&mut dataset, "lens", &figure)?;
    }
    type Quantity = (&'static str, &'static str, fn(&TrainedCell) -> Option<f64>);
    let quantities: [Quantity; 2] = [
        ("cross_entropy", "cross-entropy in nats per token", |cell| cell.likely.map(|likely| likely.cross_entropy)),
        ("kl_divergence", "divergence from h = 1, γ = 0 in nats per token", |cell| {
            cell.likely.map(|likely| likely.kl_divergence)
        }),
    ];
    for (name, label, of) in quantities {
        if let Some((along, figure)) = report.over_grid(label, of) {
            pictures::write(&mut dataset, &format!("{name}_by_{along}"), &figure)?;
        }
    }
    dataset.finish(result.clone())
}

/// One row for each cell and layer.
fn lens(cells: &[TrainedCell]) -> Vec<(&'static str, Column)> {
    let each = || cells.iter().flat_map(|cell| cell.lens.iter().enumerate().map(move |(layer, &m)| (cell, layer, m)));
    vec![
        ("step_size", Column::F64(each().map(|(cell, ..)| cell.step_size).collect())),
        ("damping", Column::F64(each().map(|(cell, ..)| cell.damping).collect())),
        ("layer", Column::U32(each().map(|(_, layer, _)| layer as u32).collect())),
        ("margin", Column::OptionalF64(each().map(|(.., margin)| margin).collect())),
    ]
}
