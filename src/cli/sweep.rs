//! `eulerscope sweep`: the stability map, or one for each combination of outer axes.

mod record;
mod words;

use crate::cli::console::Console;
use crate::cli::long_run::{self, Done, LongRun};
use crate::cli::{Invocation, outlook};
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::estimate::{self, counted};
use crate::results::dataset::Dataset;
use crate::results::parts::Together;
use crate::results::sweep as folder;
use crate::results::timing::set_total;
use crate::spec::SweepSpec;
use crate::sweep::{self, Combination, Part, Shapes};
use crate::units::{Parts, Units};
use record::{Cells, Whole};
use serde_json::{Value, json};

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SweepSpec) -> Result<()> {
    if long_run::is_complete(console, invocation, spec)? {
        return Ok(());
    }
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        return outlook::say(console, &device, &json!(spec), |progress| estimate::sweep(&device, spec, progress));
    }
    let begin = || words::announce(console, spec);
    long_run::carry_out(console, invocation, spec, &device, begin, |done| {
        finish(console, &device, spec, dataset, &done)
    })
}

/// Makes the results of the parts that several calls have left.
pub fn merge(console: &Console, invocation: &Invocation, spec: &SweepSpec, parts: &mut Together) -> Result<()> {
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    long_run::merge(console, spec, &device, parts, |done| finish(console, &device, spec, dataset, &done))
}

impl LongRun for SweepSpec {
    type Part = Part;
    type Found = Vec<Combination>;

    fn command(&self) -> &'static str {
        "sweep"
    }

    fn spec(&self) -> Value {
        json!(self)
    }

    fn units(&self, device: &Device) -> Box<dyn Units<Part = Part>> {
        Box::new(Shapes::of(device, self))
    }

    fn flops(&self) -> f64 {
        self.combinations().map(|plain| sweep::work(&plain)).sum()
    }

    fn halved(self, device: &Device, attempt: usize) -> Self {
        let Some(plain) = self.combinations().next() else { return self };
        let largest = Shapes::of(device, &self).largest_block();
        let fits = device.chunk_size(&sweep::plan_of_a_step(&plain)).min(largest);
        SweepSpec { chunk: Some((self.chunk.unwrap_or(fits).min(fits) >> attempt).max(1)), ..self }
    }

    fn work(&self, device: &Device, parts: &mut dyn Parts<Part>, progress: Progress) -> Result<Vec<Combination>> {
        sweep::run_parts(device, self, parts, &estimate::cost, progress)
    }

    fn is_interrupted(&self, found: &Vec<Combination>) -> bool {
        interrupted(self, found)
    }

    fn stop(found: &mut Vec<Combination>) {
        if let Some(last) = found.last_mut() {
            last.sweep.interrupted = true;
        }
    }
}

/// Writes the results where they are wanted, and shows them.
fn finish(
    console: &Console,
    device: &Device,
    spec: &SweepSpec,
    dataset: Option<Dataset>,
    done: &Done<Vec<Combination>>,
) -> Result<()> {
    let results = &done.found;
    let mut record = record::record(device, spec, done);
    done.note(&mut record);
    set_total(&mut record, console.seconds());
    if let Some(dataset) = dataset {
        let recorded = (!interrupted(spec, results)).then(|| record::recorded(console, spec, results, &mut record));
        let start = console.seconds();
        let mut progress = console.progress("files");
        let mut told = |fraction| {
            let _ = progress.at(fraction);
        };
        let landed = folder::write(dataset, device, spec, results, recorded.as_deref(), &mut told, || {
            record["timing"]["files_seconds"] = json!(console.seconds() - start);
            set_total(&mut record, console.seconds());
            record.clone()
        })?;
        drop(progress);
        console.landed(&landed);
    }
    words::show(console, device, spec, results)?;
    words::show_timing(console, spec, done, &record["timing"])?;
    console.emit(&Whole { record: &record, cells: Cells { spec, results } })?;
    done.refuse_failed("their members are missing from the cells")?;
    ending(spec, results)
}

/// Was it stopped before the end of the last combination?
fn interrupted(spec: &SweepSpec, results: &[Combination]) -> bool {
    (results.len() as u128) < spec.sweep_over.combinations() || results.iter().any(|result| result.sweep.interrupted)
}

fn ending(spec: &SweepSpec, results: &[Combination]) -> Result<()> {
    if interrupted(spec, results) {
        let all = spec.sweep_over.combinations();
        let begun = if all == 1 { String::new() } else { format!(" of {} of {all} combinations", results.len()) };
        let last = results.last().map(|last| &last.sweep);
        if let Some(last) = last.filter(|last| all == 1 && last.cells.iter().all(|cell| cell.members == 0)) {
            let kept = counted(last.members.len(), "member");
            return Err(Error::Partial(format!(
                "interrupted before the rollouts began: the spectra of {kept} are kept, and cells are empty"
            )));
        }
        return Err(Error::Partial(format!("interrupted: the cells{begun} hold the members that were done")));
    }
    match results.iter().flat_map(|result| &result.sweep.cells).map(|cell| cell.no_spectrum).max().unwrap_or(0) {
        0 => Ok(()),
        failed => {
            Err(Error::Partial(format!("{failed} members have no spectrum; they are missing from the predictions")))
        }
    }
}
