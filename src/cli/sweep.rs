//! `eulerscope sweep`: the stability map, or one for each combination of outer axes; and `merge`, which makes it of parts.

mod record;
mod words;

use crate::cli::console::Console;
use crate::cli::progress::Progress;
use crate::cli::{Invocation, Resume, outlook, supervise};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::estimate::{self, counted};
use crate::request::file;
use crate::request::keys::{Keys, SweepKeys, SweepRequest};
use crate::results::dataset::{self, Dataset};
use crate::results::parts::{self, Origin, Store, Terms, Together, differences};
use crate::results::sweep as folder;
use crate::results::timing::set_total;
use crate::spec::SweepSpec;
use crate::sweep::{self, Afresh, Combination, Parts, Shapes};
use record::{Cells, Whole};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SweepSpec) -> Result<()> {
    let target = invocation.folder();
    if let Some(folder) = &target
        && is_complete(invocation, folder, spec)?
    {
        console.note(&format!("{}: the results are complete", folder.display()));
        return parts::discard(folder);
    }
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        return outlook::say(console, &device, &json!(spec), |progress| estimate::sweep(&device, spec, progress));
    }
    let supervised = !device.is_host() && !invocation.keeping.in_process;
    let scratch = (supervised && target.is_none()).then(Scratch::new).transpose()?;
    let folder = target.as_deref().or(scratch.as_ref().map(|own| own.0.as_path()));
    let store = folder.map(|folder| open(console, invocation, spec, &device, folder)).transpose()?;
    let opening_seconds = console.seconds();
    words::announce(console, spec);
    let Some(mut store) = store else {
        let results = work(console, &device, spec, &mut Afresh)?;
        return finish(console, Finished::new(&device, spec, &results, opening_seconds, None));
    };
    let results = match supervised {
        true => supervise(console, invocation, spec, &device, &mut store)?,
        false => work(console, &device, spec, &mut store)?,
    };
    if let Some(shard) = invocation.shard {
        store.flush()?;
        return end_of_shard(console, shard, &store);
    }
    let is_done = !interrupted(spec, &results) && store.failed().is_empty();
    if target.is_some() && !is_done {
        store.flush()?;
    }
    let finished = Finished::new(&device, spec, &results, opening_seconds, dataset);
    let ended = finish(console, Finished { failed: store.failed().clone(), ..finished });
    match &ended {
        _ if target.is_some() && !is_done => console.note("`--resume` with the same command goes on from here"),
        Ok(()) | Err(Error::Partial(_)) => store.remove()?,
        Err(_) => {}
    }
    ended
}

/// Works in a process of its own on all that is left.
fn supervise(
    console: &Console,
    invocation: &Invocation,
    spec: &SweepSpec,
    device: &Device,
    store: &mut Store,
) -> Result<Vec<Combination>> {
    let stopped = supervise::collect(console, invocation, spec, device, store)?;
    let go_on = &mut |_: f64| ControlFlow::Continue(());
    let mut results = sweep::run_parts(device, spec, &mut store.as_they_are(), &estimate::cost, go_on)?;
    if let Some(last) = results.last_mut() {
        last.sweep.interrupted = stopped;
    }
    Ok(results)
}

/// A folder for parts that nobody wants to keep.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("eulerscope-{}", std::process::id()));
        let hint = "set TMPDIR to a folder that can be written, or give --out";
        std::fs::create_dir_all(&folder).map_err(|source| Error::io(&folder, source, hint))?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the system's folder for such things goes in its time.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes the results of a sweep of the parts in these folders.
pub fn merge(console: &Console, invocation: &Invocation, given: &[PathBuf]) -> Result<()> {
    let mut parts = Together::open(given)?;
    let origin = parts.origin().clone();
    let (keys, flags) = (file::of_record::<SweepKeys>(&origin.0)?, SweepKeys::default());
    let SweepRequest::Members(spec) = SweepKeys::specify(keys, flags)? else {
        return Err(Error::Bug("parts of a trained model".to_string()));
    };
    let word = if invocation.device == "auto" { origin.device_asked_for() } else { &invocation.device };
    let invocation = Invocation { device: word.to_string(), ..invocation.clone() };
    let dataset = console.dataset(&invocation)?;
    let device = console.open(&invocation)?;
    for other in parts.devices().iter().filter(|other| **other != device.description().to_string()) {
        console.note(&format!("parts are of {other}"));
    }
    let opening_seconds = console.seconds();
    let results = work(console, &device, &spec, &mut parts)?;
    finish(console, Finished::new(&device, &spec, &results, opening_seconds, dataset))
}

/// Is there nothing left to do in a folder that is gone on with?
fn is_complete(invocation: &Invocation, folder: &Path, spec: &SweepSpec) -> Result<bool> {
    if invocation.keeping.resume == Resume::No || !folder.is_dir() {
        return Ok(false);
    }
    let is_whole = |run: &Value| run["interrupted"] != true && run.get("failed_units").is_none();
    let Some(run) = dataset::standing(folder)?.filter(is_whole) else { return Ok(false) };
    let wanted = Origin(json!({
        "eulerscope": run["eulerscope"], "command": "sweep", "stream_version": run["stream_version"], "spec": spec,
        "device": run["device"],
    }));
    let keys = differences(&Origin(run), &wanted);
    if keys.is_empty() {
        return Ok(true);
    }
    if folder.join(parts::FOLDER).is_dir() {
        // A run that was to replace these results; whether it is this one, its manifest says.
        return Ok(false);
    }
    Err(Error::Resume(format!(
        "{}: holds the results of another specification, which differs in {}; give --out another folder",
        folder.display(),
        keys.join(", ")
    )))
}

/// The parts of this run, those that are there already and those to come.
fn open(console: &Console, invocation: &Invocation, spec: &SweepSpec, device: &Device, folder: &Path) -> Result<Store> {
    let keeping = &invocation.keeping;
    let terms = Terms { shard: invocation.shard, every: keeping.every, any_device: keeping.any_device };
    let origin = Origin::of(spec, &device.description(), &invocation.device, sweep::units(device, spec));
    if keeping.resume != Resume::No {
        if let Some(store) = Store::resume(folder, origin.clone(), &terms, &mut |line| console.note(line))? {
            let there = store.progress();
            console.note(&format!("{} of {} done", there.done, counted(there.units, "unit")));
            return Ok(store);
        }
        if keeping.resume == Resume::Must {
            return Err(Error::Resume(format!(
                "{}: holds no run to go on with; leave out --resume, or give --resume=auto to begin where there is none",
                folder.display()
            )));
        }
    }
    Store::begin(folder, origin, &terms)
}

/// Works on all that is left.
fn work(console: &Console, device: &Device, spec: &SweepSpec, parts: &mut dyn Parts) -> Result<Vec<Combination>> {
    let mut progress = progress(console, device, spec, parts);
    sweep::run_parts(device, spec, parts, &estimate::cost, &mut |fraction| progress.at(fraction))
}

/// The progress of what is left.
pub(super) fn progress(console: &Console, device: &Device, spec: &SweepSpec, parts: &dyn Parts) -> Progress {
    let shapes = Shapes::of(device, spec);
    let work = |left: bool| -> f64 {
        let wanted = |unit: &usize| !left || (parts.wants(*unit) && !parts.has(*unit));
        (0..shapes.units()).filter(wanted).map(|unit| shapes.work(unit)).sum()
    };
    let flops: f64 = spec.combinations().map(|plain| sweep::work(&plain)).sum();
    console.progress("sweep").of(flops * work(true) / work(false), &device.description().name)
}

/// Says how far a shard came.
fn end_of_shard(console: &Console, shard: crate::spec::Shard, store: &Store) -> Result<()> {
    let there = store.progress();
    let what = format!("shard {shard}: {} of {} done", there.done, counted(there.units, "unit"));
    console.show(&format!("{what}\n"))?;
    console.emit(&json!({
        "command": "sweep", "shard": shard.to_string(), "units": there.units, "done": there.done,
    }))?;
    if there.done == there.units {
        return Ok(());
    }
    Err(Error::Partial(format!("{what}: interrupted; `--resume` with the same command goes on from here")))
}

/// Results with all that it takes to write and show them.
struct Finished<'a> {
    device: &'a Device,
    spec: &'a SweepSpec,
    results: &'a [Combination],
    opening_seconds: f64,
    dataset: Option<Dataset>,
    /// Units that could not be worked on, and why.
    failed: BTreeMap<usize, String>,
}

impl<'a> Finished<'a> {
    fn new(
        device: &'a Device,
        spec: &'a SweepSpec,
        results: &'a [Combination],
        opening_seconds: f64,
        dataset: Option<Dataset>,
    ) -> Self {
        Finished { device, spec, results, opening_seconds, dataset, failed: BTreeMap::new() }
    }
}

/// Writes the results where they are wanted, and shows them.
fn finish(console: &Console, finished: Finished) -> Result<()> {
    let Finished { device, spec, results, opening_seconds, dataset, failed } = finished;
    let mut record = record::record(device, spec, results, record::timing(results, opening_seconds));
    if !failed.is_empty() {
        record["failed_units"] = json!(failed);
    }
    set_total(&mut record, console.seconds());
    if let Some(dataset) = dataset {
        let recorded = (!interrupted(spec, results)).then(|| record::recorded(console, spec, results, &mut record));
        let start = console.seconds();
        let mut progress = console.progress("files");
        let mut told = |fraction| {
            let _ = progress.at(fraction);
        };
        let landed = folder::write(dataset, device, spec, (results, recorded.as_deref()), &mut told, || {
            record["timing"]["files_seconds"] = json!(console.seconds() - start);
            set_total(&mut record, console.seconds());
            record.clone()
        })?;
        drop(progress);
        console.landed(&landed);
    }
    words::show(console, device, spec, results)?;
    words::show_timing(console, spec, results, &record["timing"])?;
    console.emit(&Whole { record: &record, cells: Cells { spec, results } })?;
    if let Some((unit, why)) = failed.first_key_value() {
        let units = counted(failed.len(), "unit");
        return Err(Error::Partial(format!(
            "{units} of work failed, and their members are missing from the cells; unit {unit}: {why}"
        )));
    }
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
