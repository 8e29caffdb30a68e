//! The results of the essay: its claims, their statements and what there is to see, as JSON, tables and figures.

use crate::device::Device;
use crate::error::Result;
use crate::essay::{Criterion, Curve, Examined, Graph, Measured, Run, Statement, Verdict};
use crate::figure::{ConvergenceFigure, Series};
use crate::request::command_line;
use crate::results::dataset::{Column, Dataset, Landed};
use crate::results::pictures;
use crate::spec::{EssaySpec, LyapunovSpec, SpectrumSpec, SweepSpec, TrainedSpectrumSpec, TrainedSweepSpec};
use crate::trained::Model;
use serde::Serialize;
use serde_json::{Value, json};

/// What is reported.
pub struct Report<'a> {
    /// Where it was computed.
    pub device: &'a Device,
    /// What was asked.
    pub spec: &'a EssaySpec,
    /// The trained model, if there is one.
    pub model: Option<&'a Model>,
    /// The claims that were examined.
    pub found: &'a [Examined],
    /// Was it stopped before the last claim?
    pub interrupted: bool,
    /// How long it took.
    pub seconds: f64,
}

impl Report<'_> {
    /// The result as JSON.
    ///
    /// # Errors
    /// If a file of the trained model cannot be read any more.
    pub fn record(&self) -> Result<Value> {
        let mut record = json!({
            "eulerscope": env!("CARGO_PKG_VERSION"),
            "command": "essay",
            "spec": self.spec,
            "device": self.device.description(),
            "interrupted": self.interrupted,
            "verdicts": self.verdicts(),
            "claims": self.found.iter().map(|one| self.claim(one)).collect::<Vec<_>>(),
            "timing": { "seconds": self.seconds },
        });
        if let Some(model) = self.model {
            record["model"] = json!(model.checkpoint().provenance()?);
        }
        Ok(record)
    }

    /// How many claims have each verdict.
    fn verdicts(&self) -> Value {
        let all = [Verdict::Holds, Verdict::HoldsConditionally, Verdict::Wrong, Verdict::Undecidable];
        let count = |verdict: Verdict| self.found.iter().filter(|one| one.verdict() == verdict).count();
        all.into_iter().map(|verdict| (verdict.word().to_string(), json!(count(verdict)))).collect()
    }

    /// The command that examines one claim again; none where its texts were in a file.
    fn command(&self, id: &str) -> Option<String> {
        let alone = EssaySpec { claims: Vec::new(), ..self.spec.clone() };
        command_line(&format!("essay {id}"), &alone, &EssaySpec::default(), &[])
    }

    fn claim(&self, one: &Examined) -> Value {
        let statements = &one.finding.statements;
        let named = |statement: &Statement, value: Value| {
            let mut value = value;
            value["name"] = json!(statement.name);
            value["unit"] = json!(statement.unit);
            value
        };
        let predicted = |statement: &Statement| Some(named(statement, json!(statement.predicted?)));
        json!({
            "id": one.claim.id,
            "claim": one.claim.claim,
            "experiment": one.claim.experiment,
            "verdict": one.verdict(),
            "said": one.verdict().said(),
            "measured": statements.iter().map(|own| named(own, json!(own.measured))).collect::<Vec<_>>(),
            "predicted": statements.iter().filter_map(predicted).collect::<Vec<_>>(),
            "statements": statements.iter().map(statement).collect::<Vec<_>>(),
            "remark": one.claim.remark,
            "graph": graph(&one.finding.graph),
            "graph_of_model": one.finding.of_model.as_ref().map(graph),
            "command": self.command(one.claim.id),
            "runs": one.runs.iter().map(run).collect::<Vec<_>>(),
            "seconds": one.seconds,
        })
    }
}

fn statement(own: &Statement) -> Value {
    json!({
        "says": own.says,
        "name": own.name,
        "unit": own.unit,
        "value": own.measured.value,
        "standard_error": own.measured.standard_error,
        "predicted": own.predicted.map(|predicted| predicted.value),
        "tolerance": own.predicted.map(|predicted| predicted.tolerance),
        "agrees": own.agrees(),
        "criterion": own.criterion.said(),
        "truth": own.truth(),
    })
}

fn graph(of: &Graph) -> Value {
    let curve = |curve: &Curve| {
        json!({
            "curve": curve.label,
            "is_theory": curve.is_theory,
            "x": curve.points.iter().map(|(x, _)| *x).collect::<Vec<_>>(),
            "y": curve.points.iter().map(|(_, y)| y.value).collect::<Vec<_>>(),
            "standard_error": curve.points.iter().map(|(_, y)| y.standard_error).collect::<Vec<_>>(),
        })
    };
    json!({
        "x_label": of.x_label,
        "y_label": of.y_label,
        "log_x": of.log_x,
        "neutral": of.neutral.map(|(level, name)| json!({ "level": level, "name": name })),
        "reading": of.reading,
        "curves": of.curves.iter().map(curve).collect::<Vec<_>>(),
    })
}

/// An ordinary run: its command, its specification, and the line that runs it alone; none where it takes matrices or states
/// that are in no file.
fn run(of: &Run) -> Value {
    let grid = ["model", "step_size", "radius", "damping"];
    match of {
        Run::Sweep(spec) => recorded("sweep", &**spec, &SweepSpec::of(spec.layer.model), &grid),
        Run::Spectrum(spec) => recorded("spectrum", &**spec, &SpectrumSpec::default(), &[]),
        Run::Lyapunov(spec) => recorded("lyapunov", &**spec, &LyapunovSpec::of(spec.layer.model), &grid[..1]),
        Run::TrainedSpectrum(spec) => recorded("spectrum", &**spec, &TrainedSpectrumSpec::default(), &["checkpoint"]),
        Run::TrainedSweep(spec) => {
            recorded("sweep", &**spec, &TrainedSweepSpec::default(), &["checkpoint", "step_size", "damping"])
        }
    }
}

fn recorded(command: &str, spec: &impl Serialize, usual: &impl Serialize, first: &[&str]) -> Value {
    json!({ "command": command, "spec": spec, "line": command_line(command, spec, usual, first) })
}

/// Writes tables and figures and seals the folder.
///
/// # Errors
/// What the folder refuses.
pub fn write(mut dataset: Dataset, report: &Report, result: &Value) -> Result<Landed> {
    dataset.note("spec", &json!(report.spec).to_string());
    dataset.write_table("claims", &claims(report))?;
    dataset.write_table("statements", &statements(report.found))?;
    dataset.write_table("curves", &curves(report.found))?;
    for one in report.found {
        let name = one.claim.id.replace('-', "_");
        pictures::write(&mut dataset, &name, &figure(report, one, &one.finding.graph))?;
        if let Some(graph) = &one.finding.of_model {
            pictures::write(&mut dataset, &format!("{name}_of_model"), &figure(report, one, graph))?;
        }
    }
    dataset.finish(result.clone())
}

fn text(values: impl Iterator<Item = String>) -> Column {
    Column::Text(values.collect())
}

fn claims(report: &Report) -> Vec<(&'static str, Column)> {
    let found = report.found.iter();
    let of = |get: fn(&Examined) -> &'static str| text(found.clone().map(|one| get(one).to_string()));
    vec![
        ("claim", of(|one| one.claim.id)),
        ("verdict", of(|one| one.verdict().word())),
        ("text", of(|one| one.claim.claim)),
        ("experiment", of(|one| one.claim.experiment)),
        ("remark", of(|one| one.claim.remark)),
        ("command", text(found.clone().map(|one| report.command(one.claim.id).unwrap_or_default()))),
        ("seconds", Column::F64(found.clone().map(|one| one.seconds).collect())),
    ]
}

fn statements(found: &[Examined]) -> Vec<(&'static str, Column)> {
    let all = || found.iter().flat_map(|one| one.finding.statements.iter().map(move |own| (one.claim.id, own)));
    let maybe = |get: &dyn Fn(&Statement) -> Option<f64>| Column::OptionalF64(all().map(|(_, own)| get(own)).collect());
    let level = |criterion: Criterion| match criterion {
        Criterion::Above(level) | Criterion::Below(level) | Criterion::Within(level, _) => level,
    };
    vec![
        ("claim", text(all().map(|(id, _)| id.to_string()))),
        ("says", text(all().map(|(_, own)| own.says.to_string()))),
        ("name", text(all().map(|(_, own)| own.name.clone()))),
        ("unit", text(all().map(|(_, own)| own.unit.to_string()))),
        ("value", maybe(&|own| own.measured.value)),
        ("standard_error", maybe(&|own| Some(own.measured.standard_error))),
        ("predicted", maybe(&|own| own.predicted.map(|predicted| predicted.value))),
        ("tolerance", maybe(&|own| own.predicted.map(|predicted| predicted.tolerance))),
        ("criterion", text(all().map(|(_, own)| own.criterion.said()))),
        ("level", maybe(&|own| Some(level(own.criterion)))),
        ("truth", text(all().map(|(_, own)| own.truth().word().to_string()))),
    ]
}

fn curves(found: &[Examined]) -> Vec<(&'static str, Column)> {
    let points = |(id, curve): (&'static str, &Curve)| -> Vec<(&'static str, String, f64, Measured)> {
        curve.points.iter().map(|&(x, y)| (id, curve.label.clone(), x, y)).collect()
    };
    let graphs = found.iter().flat_map(|one| {
        std::iter::once(&one.finding.graph).chain(&one.finding.of_model).map(move |graph| (one.claim.id, graph))
    });
    let lines = graphs.flat_map(|(id, graph)| graph.curves.iter().map(move |curve| (id, curve)));
    let all: Vec<_> = lines.flat_map(points).collect();
    vec![
        ("claim", text(all.iter().map(|(id, ..)| (*id).to_string()))),
        ("curve", text(all.iter().map(|(_, label, ..)| label.clone()))),
        ("x", Column::F64(all.iter().map(|(.., x, _)| *x).collect())),
        ("y", Column::OptionalF64(all.iter().map(|(.., y)| y.value).collect())),
        ("standard_error", Column::F64(all.iter().map(|(.., y)| y.standard_error).collect())),
    ]
}

/// The curves of a claim, with its verdict.
fn figure(report: &Report, one: &Examined, graph: &Graph) -> ConvergenceFigure {
    let series = |curve: &Curve| Series {
        label: curve.label.clone(),
        x: curve.points.iter().map(|(x, _)| *x).collect(),
        mean: curve.points.iter().map(|(_, y)| y.value).collect(),
        standard_error: curve.points.iter().map(|(_, y)| Some(y.standard_error)).collect(),
        dashed: curve.is_theory,
    };
    ConvergenceFigure {
        series: graph.curves.iter().map(series).collect(),
        x_label: graph.x_label.to_string(),
        y_label: graph.y_label.to_string(),
        log_x: graph.log_x,
        reference: graph.neutral.map(|(level, name)| (level, name.to_string())),
        title: format!("{}: {}", one.claim.id, one.verdict().said()),
        caption: format!("{} {}", graph.reading, report.device.description().caption()),
    }
}
