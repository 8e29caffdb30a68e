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
    let effort = if spec.quick { Effort::Quick } else { Effort::Full };
    let all: f64 = claims.iter().map(|claim| claim.seconds(effort)).sum();
    if invocation.plan {
        return plan(console, spec, &claims, effort, all);
    }
    let mut progress = console.progress("essay");
    let (done, current) = (Cell::new(0.0), Cell::new(claims[0]));
    let mut stop = |part: f64| {
        progress.work_on(current.get().id);
        progress.at((done.get() + part * current.get().seconds(effort)) / all)
    };
    let lab = Lab::new(&device, spec.seed, effort, &mut stop).with_model(trained.as_ref());
    let mut found: Vec<Examined> = Vec::new();
    let mut interrupted = false;
    for &claim in &claims {
        current.set(claim);
        match claim.examine(&lab) {
            Ok(one) => found.push(one),
            Err(Error::Partial(_)) => {
                interrupted = true;
                break;
            }
            Err(error) => return Err(error),
        }
        done.set(done.get() + claim.seconds(effort));
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

/// Says what would be done, and about how long it takes.
fn plan(console: &Console, spec: &EssaySpec, claims: &[&Claim], effort: Effort, all: f64) -> Result<()> {
    let own = |claim: &Claim| {
        json!({
            "id": claim.id,
            "claim": claim.claim,
            "experiment": claim.experiment,
            "seconds_on_two_cores": claim.seconds(effort),
        })
    };
    let line = |claim: &Claim| format!("{}: {} ({})\n", claim.id, claim.experiment, about(claim.seconds(effort)));
    let mut text: String = claims.iter().map(|claim| line(claim)).collect();
    let _ = writeln!(text, "{}, {} on two cores", counted(claims.len(), "claim"), about(all));
    console.show(&text)?;
    let list: Vec<_> = claims.iter().map(|claim| own(claim)).collect();
    console.emit(&json!({ "spec": spec, "claims": list, "seconds_on_two_cores": all }))
}

/// A time that is known to a factor of two or so.
fn about(seconds: f64) -> String {
    match seconds {
        ..1.0 => "less than a second".to_string(),
        1.0..100.0 => format!("about {seconds:.0} s"),
        _ => format!("about {:.0} min", seconds / 60.0),
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
