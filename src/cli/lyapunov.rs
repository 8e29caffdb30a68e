//! `eulerscope lyapunov`: Lyapunov exponents.

use crate::cli::console::Console;
use crate::cli::long_run::{self, Done, LongRun};
use crate::cli::{Invocation, outlook};
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::estimate;
use crate::figure::{ConvergenceFigure, Series};
use crate::invalid;
use crate::lyapunov::{self, Estimate, Lyapunov, Part, Shapes};
use crate::results::dataset::Dataset;
use crate::results::parts::Together;
use crate::results::timing::set_total;
use crate::results::{pictures, tables};
use crate::spec::{LyapunovSpec, RadiusKind};
use crate::units::{Parts, Units};
use serde_json::{Value, json};

/// Exponents shown in the terminal and drawn.
const SHOWN: usize = 8;

/// The exponents of an ensemble, so many members at a time.
pub struct Exponents {
    /// What is asked for.
    pub spec: LyapunovSpec,
    /// Members at a time; none: as many as fit.
    pub chunk: Option<usize>,
}

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &LyapunovSpec) -> Result<()> {
    if spec.ensemble.radius_kind == RadiusKind::Exact {
        return invalid!("radius_kind: a product of layers has no one exact radius; use nominal");
    }
    let run = Exponents { spec: spec.clone(), chunk: invocation.chunk };
    if long_run::is_complete(console, invocation, &run)? {
        return Ok(());
    }
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        return outlook::say(console, &device, &json!(spec), |progress| {
            estimate::lyapunov(&device, spec, invocation.chunk, progress)
        });
    }
    let finish = |done: Done<Lyapunov>| finish(console, &device, spec, dataset, &done);
    long_run::carry_out(console, invocation, &run, &device, || {}, finish)
}

/// Makes the results of the parts that several calls have left.
pub fn merge(console: &Console, invocation: &Invocation, run: &Exponents, parts: &mut Together) -> Result<()> {
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    long_run::merge(console, run, &device, parts, |done| finish(console, &device, &run.spec, dataset, &done))
}

impl LongRun for Exponents {
    type Part = Part;
    type Found = Lyapunov;

    fn command(&self) -> &'static str {
        "lyapunov"
    }

    fn spec(&self) -> Value {
        json!(self.spec)
    }

    fn units(&self, _device: &Device) -> Box<dyn Units<Part = Part>> {
        Box::new(Shapes::of(&self.spec))
    }

    fn halved(self, device: &Device, attempt: usize) -> Self {
        let largest = Shapes::of(&self.spec).members(0..1).len();
        let fits = device.chunk_size(&lyapunov::plan_of_a_step(&self.spec)).min(largest);
        Exponents { chunk: Some((self.chunk.unwrap_or(fits).min(fits) >> attempt).max(1)), ..self }
    }

    fn work(&self, device: &Device, parts: &mut dyn Parts<Part>, progress: Progress) -> Result<Lyapunov> {
        lyapunov::run_parts(device, &self.spec, self.chunk.unwrap_or(0), parts, progress)
    }

    fn is_interrupted(&self, found: &Lyapunov) -> bool {
        found.interrupted
    }

    fn stop(found: &mut Lyapunov) {
        found.interrupted = true;
    }
}

/// Writes the results where they are wanted, and shows them.
fn finish(
    console: &Console,
    device: &Device,
    spec: &LyapunovSpec,
    dataset: Option<Dataset>,
    done: &Done<Lyapunov>,
) -> Result<()> {
    let (result, opening, computed) = (&done.found, done.opening_seconds, console.seconds());
    let mut record = json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "lyapunov",
        "stream_version": crate::numbers::random::STREAM_VERSION,
        "spec": spec,
        "device": device.description(),
        "timing": {
            "opening_seconds": opening,
            "exponents_seconds": computed - opening,
            "files_seconds": 0.0,
        },
        "exponents": result.exponents,
        "sum": result.sum,
        "convergence": result.convergence,
        "angular_exponents": result.angular_exponents,
        "collapsed": result.collapsed,
        "frozen": result.frozen,
        "members": result.members,
        "interrupted": result.interrupted,
    });
    done.note(&mut record);
    set_total(&mut record, computed);
    // First: what is shown may find a full disk or a closed terminal.
    if let Some(dataset) = dataset {
        write(console, dataset, device, spec, result, || {
            record["timing"]["files_seconds"] = json!(console.seconds() - computed);
            set_total(&mut record, console.seconds());
            record.clone()
        })?;
    }
    show(console, spec, result, &record["timing"])?;
    console.emit(&record)?;
    done.refuse_failed("the exponents are those of the other members")?;
    ending(spec, result)
}

fn ending(spec: &LyapunovSpec, result: &Lyapunov) -> Result<()> {
    let members = result.members;
    let message = match (result.interrupted, result.collapsed, result.frozen) {
        (true, _, _) => {
            format!("interrupted: the exponents are those of {members} of {} members", spec.ensemble.members)
        }
        (_, 0, 0) => return Ok(()),
        (_, 0, frozen) => {
            format!(
                "{frozen} of {members} members have no finite state any more (frozen at 2^48, or without an implicit step) and are left out; change \
                 the step size or the radius"
            )
        }
        (_, some, _) => {
            format!(
                "{some} of {members} members lost a direction entirely; its exponent is minus infinity and left out"
            )
        }
    };
    Err(Error::Partial(message))
}

fn number(estimate: &Estimate) -> String {
    match (estimate.mean, estimate.standard_error) {
        (Some(mean), Some(error)) => format!("{mean:+.6} ± {error:.6}"),
        (Some(mean), None) => format!("{mean:+.6}"),
        (None, _) => "missing".to_string(),
    }
}

fn show(console: &Console, spec: &LyapunovSpec, result: &Lyapunov, timing: &Value) -> Result<()> {
    let mut text = format!(
        "{} {} products of {} steps, width {}: exponents a step, mean ± standard error\n",
        result.members, spec.layer.weights, spec.depth, spec.ensemble.width
    );
    let count = result.exponents.len();
    for (i, exponent) in result.exponents.iter().enumerate() {
        if i < SHOWN || i + 1 == count {
            text += &format!("{:>6}  {}\n", i + 1, number(exponent));
        } else if i == SHOWN {
            text += "     …\n";
        }
    }
    for (i, exponent) in result.angular_exponents.iter().take(SHOWN).enumerate() {
        text += &format!("{:>6}  {}  (of the direction)\n", i + 1, number(exponent));
    }
    let positive = result.exponents.iter().filter(|e| e.mean.is_some_and(|mean| mean > 0.0)).count();
    text += &format!("   sum  {}\n{positive} of {count} exponents are positive\n", number(&result.sum));
    let seconds = |name: &str| timing[name].as_f64().unwrap_or_default();
    text += &format!(
        "{:.2} s in all: opening {:.2} s, exponents {:.2} s, files {:.2} s\n",
        seconds("total_seconds"),
        seconds("opening_seconds"),
        seconds("exponents_seconds"),
        seconds("files_seconds"),
    );
    console.show(&text)
}

fn write(
    console: &Console,
    mut dataset: Dataset,
    device: &Device,
    spec: &LyapunovSpec,
    result: &Lyapunov,
    record: impl FnOnce() -> Value,
) -> Result<()> {
    dataset.note("spec", &json!(spec).to_string());
    dataset.write_table("exponents", &tables::exponents(result))?;
    let series = |i: usize| Series {
        label: format!("exponent {}", i + 1),
        x: result.convergence.iter().map(|point| point.steps as f64).collect(),
        mean: result.convergence.iter().map(|point| point.exponents[i].mean).collect(),
        standard_error: result.convergence.iter().map(|point| point.exponents[i].standard_error).collect(),
        dashed: false,
    };
    let figure = ConvergenceFigure {
        series: (0..result.exponents.len().min(SHOWN / 2)).map(series).collect(),
        x_label: "steps".to_string(),
        y_label: "exponent, 1/step".to_string(),
        log_x: false,
        reference: Some((0.0, "neutral".to_string())),
        title: "Lyapunov exponents".to_string(),
        caption: format!(
            "{} members, width {}; {}",
            result.members,
            spec.ensemble.width,
            device.description().caption()
        ),
    };
    pictures::write(&mut dataset, "convergence", &figure)?;
    console.landed(&dataset.finish(record())?);
    Ok(())
}
