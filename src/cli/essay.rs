//! `eulerscope essay`: the essay's claims, and what becomes of them.

use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::error::{Error, Result};
use crate::essay::{self, Claim, Effort, Examined, Lab, Statement, Trained, Truth};
use crate::estimate::counted;
use crate::results::essay::{self as folder, Report};
use crate::spec::EssaySpec;
use crate::spec::grid::brief;
use serde_json::json;
use std::cell::Cell;
use std::fmt::Write;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &EssaySpec) -> Result<()> {
    let claims = essay::chosen(&spec.claims)?;
    let trained = spec.trained.as_ref().map(Trained::open).transpose()?;
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        let list = |claim: &&Claim| json!({ "id": claim.id, "claim": claim.claim, "experiment": claim.experiment });
        let line = |claim: &&Claim| format!("{}: {}\n", claim.id, claim.experiment);
        console.show(&claims.iter().map(line).collect::<String>())?;
        return console.emit(&json!({ "spec": spec, "claims": claims.iter().map(list).collect::<Vec<_>>() }));
    }
    let effort = if spec.quick { Effort::Quick } else { Effort::Full };
    let mut progress = console.progress("essay");
    let done = Cell::new(0.0);
    let mut stop = |part: f64| progress.at((done.get() + part) / claims.len() as f64);
    let lab = Lab::new(&device, spec.seed, effort, &mut stop).with_model(trained.as_ref());
    let mut found: Vec<Examined> = Vec::new();
    let mut interrupted = false;
    for claim in &claims {
        match claim.examine(&lab) {
            Ok(one) => found.push(one),
            Err(Error::Partial(_)) => {
                interrupted = true;
                break;
            }
            Err(error) => return Err(error),
        }
        done.set(done.get() + 1.0);
    }
    drop(lab);
    drop(progress);
    let (model, seconds) = (trained.as_ref().map(Trained::model), console.seconds());
    let report = Report { device: &device, spec, model, found: &found, interrupted, seconds };
    let record = report.record()?;
    if let Some(dataset) = dataset {
        console.landed(&folder::write(dataset, &report, &record)?);
    }
    console.show(&shown(&report))?;
    console.emit(&record)?;
    match interrupted {
        true => Err(Error::Partial(format!("interrupted: {} of {} claims are there", found.len(), claims.len()))),
        false => Ok(()),
    }
}

/// A verdict, and the statements behind it.
fn shown(report: &Report) -> String {
    let mut text = String::new();
    for one in report.found {
        let _ = writeln!(text, "{}: {}", one.claim.id.to_uppercase(), one.verdict().said());
        let _ = writeln!(text, "  “{}”", one.claim.claim);
        for statement in &one.finding.statements {
            let _ = writeln!(text, "  {}", line(statement));
        }
        let _ = writeln!(text, "  {}\n", one.claim.remark);
    }
    for one in report.found {
        let _ = writeln!(text, "{:<16} {}", one.claim.id, one.verdict().said());
    }
    let _ = writeln!(text, "{}, {:.1} s", counted(report.found.len(), "claim"), report.seconds);
    text
}

/// A statement with its number.
fn line(own: &Statement) -> String {
    let mark = match own.truth() {
        Truth::Holds => "yes",
        Truth::Fails => "no",
        Truth::Undecided => "open",
    };
    let unit = if own.unit.is_empty() { String::new() } else { format!(" {}", own.unit) };
    let number = match (own.measured.value, own.measured.standard_error) {
        (None, _) => "not measured here".to_string(),
        (Some(value), 0.0) => format!("{}{unit}", brief(value)),
        (Some(value), error) => format!("{} ± {error:.1e}{unit}", brief(value)),
    };
    let theory = own.predicted.filter(|predicted| predicted.value.is_finite());
    let theory = theory.map_or(String::new(), |theory| format!(", theory {}", brief(theory.value)));
    format!("[{mark}] {}: {} {number}{theory}", own.says, own.name)
}
