//! Runs in units: what is done is kept in the folder of the results, a run that was cut off goes on from there, and a GPU works
//! in a process of its own.

mod recorded;
mod scratch;
pub mod supervise;
pub mod worker;

pub use recorded::Recorded;

use self::scratch::Scratch;
use super::console::Console;
use super::progress::Progress;
use super::{Invocation, Resume};
use crate::device::{self, Device, self_test};
use crate::error::{Error, Result};
use crate::estimate::counted;
use crate::results::dataset;
use crate::results::parts::{self, Origin, Store, Tabled, Terms, Together, differences};
use crate::spec::Shard;
use crate::units::{Afresh, AsTheyAre, Parts, Units};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// A run in units, whose parts can be kept.
pub trait LongRun {
    /// What a unit leaves behind.
    type Part: Tabled;
    /// What all of them come to.
    type Found;

    /// The command that it is.
    fn command(&self) -> &'static str;

    /// The specification.
    fn spec(&self) -> Value;

    /// What else decides the numbers: the files of a model.
    ///
    /// # Errors
    /// If a file cannot be read any more.
    fn model(&self) -> Result<Value> {
        Ok(Value::Null)
    }

    /// Its units on a device.
    fn units(&self, device: &Device) -> Box<dyn Units<Part = Self::Part>>;

    /// Floating-point operations of the whole; 0 if nobody knows.
    fn flops(&self) -> f64 {
        0.0
    }

    /// The same with half as many members at a time, and half of that, with every attempt at a unit; by default a unit is as
    /// small as it gets.
    fn halved(self, _device: &Device, _attempt: usize) -> Self
    where
        Self: Sized,
    {
        self
    }

    /// Works on what is left.
    ///
    /// # Errors
    /// Whatever the device fails with, and what goes wrong where parts are kept.
    fn work(
        &self,
        device: &Device,
        parts: &mut dyn Parts<Self::Part>,
        progress: device::Progress,
    ) -> Result<Self::Found>;

    /// Was it stopped before its end?
    fn is_interrupted(&self, found: &Self::Found) -> bool;

    /// Notes that it was stopped.
    fn stop(found: &mut Self::Found);
}

/// What a run came to.
pub struct Done<F> {
    /// What all of its units that are done come to.
    pub found: F,
    /// Seconds before the work began.
    pub opening_seconds: f64,
    /// Seconds of the processes that worked on the units, their start included; none where this one did.
    pub worker_seconds: Option<f64>,
    /// Were some of the units done before this call?
    pub goes_on: bool,
    /// Units that could not be worked on, and why.
    pub failed: BTreeMap<usize, String>,
    /// Devices that have made some of the parts, where those were others than the one that ended it.
    pub other_devices: Vec<String>,
}

impl<F> Done<F> {
    /// All of it by this process and in this call.
    fn afresh(found: F, opening_seconds: f64) -> Self {
        Done {
            found,
            opening_seconds,
            worker_seconds: None,
            goes_on: false,
            failed: BTreeMap::new(),
            other_devices: Vec::new(),
        }
    }

    /// Notes in a record what could not be worked on, and who else has worked.
    pub fn note(&self, record: &mut Value) {
        if !self.failed.is_empty() {
            record["failed_units"] = json!(self.failed);
        }
        if !self.other_devices.is_empty() {
            record["other_devices"] = json!(self.other_devices);
        }
    }

    /// Says what could not be worked on, and what is missing for that.
    ///
    /// # Errors
    /// [`Error::Partial`] if there is anything.
    pub fn refuse_failed(&self, missing: &str) -> Result<()> {
        let Some((unit, why)) = self.failed.first_key_value() else { return Ok(()) };
        let units = counted(self.failed.len(), "unit");
        Err(Error::Partial(format!("{units} of work failed, and {missing}; unit {unit}: {why}")))
    }
}

/// Is there nothing left to do in the folder of this run? Then the parts in it go.
///
/// # Errors
/// [`Error::Resume`] for the results of another run.
pub fn is_complete(console: &Console, invocation: &Invocation, run: &impl LongRun) -> Result<bool> {
    let Some(folder) = invocation.folder() else { return Ok(false) };
    if invocation.keeping.resume == Resume::No || !folder.is_dir() {
        return Ok(false);
    }
    let Some(standing) = dataset::standing(&folder)?.filter(dataset::is_whole) else { return Ok(false) };
    let (whole, mut wanted) = (standing.clone(), standing.clone());
    (wanted["command"], wanted["spec"]) = (json!(run.command()), run.spec());
    let model = run.model()?;
    if model != Value::Null {
        wanted["model"] = model;
    }
    let keys = differences(&Origin(standing), &Origin(wanted));
    if keys.is_empty() {
        console.note(&format!("{}: the results are complete", folder.display()));
        parts::discard(&folder)?;
        return console.emit(&whole).map(|()| true);
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

/// Works on what is left of a run, and has `finish` write and show what it comes to. `begin` is called when all is open.
///
/// # Errors
/// Whatever goes wrong; what was done before is kept.
pub fn carry_out<R: LongRun>(
    console: &Console,
    invocation: &Invocation,
    run: &R,
    device: &Device,
    begin: impl FnOnce(),
    finish: impl FnOnce(Done<R::Found>) -> Result<()>,
) -> Result<()> {
    let target = invocation.folder();
    let supervised = !device.is_host() && !invocation.keeping.in_process;
    // A worker tests its device itself, for the test may be what a driver dies of.
    if !supervised && !device.is_host() {
        self_test::refuse_unusable(device)?;
    }
    let scratch = (supervised && target.is_none()).then(Scratch::new).transpose()?;
    let folder = target.as_deref().or(scratch.as_ref().map(Scratch::folder));
    // Of what is done in a scratch folder nobody goes on.
    let every = target.is_some().then_some(invocation.keeping.every);
    let store = folder.map(|folder| open(console, invocation, run, device, folder, every)).transpose()?;
    let opening_seconds = console.seconds();
    begin();
    let own = json!(device.description());
    let Some(mut store) = store else {
        let found = work(console, device, run, &mut Afresh)?;
        return finish(Done::afresh(found, opening_seconds));
    };
    let goes_on = store.progress().done > 0;
    let worked = match supervised {
        true => collected(console, invocation, run, device, &mut store),
        false => work(console, device, run, &mut store).map(|found| (found, None)),
    };
    let (found, worker_seconds) = match worked {
        Ok(worked) => worked,
        // Of an input that is refused there is nothing to go on with.
        Err(refused) if refused.is_of_input() && store.progress().done == 0 => {
            store.remove()?;
            return Err(refused);
        }
        Err(error) => return Err(error),
    };
    if let Some(shard) = invocation.shard {
        store.flush()?;
        return end_of_shard(console, run.command(), shard, &store);
    }
    let is_done = !run.is_interrupted(&found) && store.failed().is_empty();
    if target.is_some() && !is_done {
        store.flush()?;
    }
    let (failed, other_devices) = (store.failed().clone(), store.other_devices(&own));
    let ended = finish(Done { found, opening_seconds, worker_seconds, goes_on, failed, other_devices });
    match &ended {
        _ if target.is_some() && !is_done => console.note("`--resume` with the same command goes on from here"),
        Ok(()) | Err(Error::Partial(_)) => store.remove()?,
        Err(_) => {}
    }
    ended
}

/// Makes the results of a run of the parts that several calls have left, and has `finish` write and show them.
///
/// # Errors
/// Whatever goes wrong.
pub fn merge<R: LongRun>(
    console: &Console,
    run: &R,
    device: &Device,
    parts: &mut Together,
    finish: impl FnOnce(Done<R::Found>) -> Result<()>,
) -> Result<()> {
    let other_devices = parts.other_devices(&json!(device.description()));
    other_devices.iter().for_each(|other| console.note(&format!("parts are of {other}")));
    let opening_seconds = console.seconds();
    let found = work(console, device, run, parts)?;
    finish(Done { goes_on: true, other_devices, ..Done::afresh(found, opening_seconds) })
}

/// Has a process of its own work on all that is left. Returns its seconds, too.
fn collected<R: LongRun>(
    console: &Console,
    invocation: &Invocation,
    run: &R,
    device: &Device,
    store: &mut Store,
) -> Result<(R::Found, Option<f64>)> {
    let start = Instant::now();
    let stopped = supervise::collect(console, invocation, run, device, store)?;
    let seconds = start.elapsed().as_secs_f64();
    let mut found = run.work(device, &mut AsTheyAre(store), &mut |_| ControlFlow::Continue(()))?;
    if stopped {
        R::stop(&mut found);
    }
    Ok((found, Some(seconds)))
}

/// The parts of this run, those that are there already and those to come.
fn open<R: LongRun>(
    console: &Console,
    invocation: &Invocation,
    run: &R,
    device: &Device,
    folder: &Path,
    every: Option<Duration>,
) -> Result<Store> {
    let keeping = &invocation.keeping;
    let terms = Terms { shard: invocation.shard, every, any_device: keeping.any_device };
    let units = run.units(device).count();
    let origin = Origin::of(run.command(), &run.spec(), &device.description(), &invocation.device, units);
    let origin = origin.of_model(run.model()?);
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
fn work<R: LongRun>(console: &Console, device: &Device, run: &R, parts: &mut dyn Parts<R::Part>) -> Result<R::Found> {
    let mut progress = progress(console, device, run, &*run.units(device), &|unit| parts.is_left(unit));
    run.work(device, parts, &mut |fraction| progress.at(fraction))
}

/// The progress of what is left.
fn progress<R: LongRun>(
    console: &Console,
    device: &Device,
    run: &R,
    units: &dyn Units<Part = R::Part>,
    is_left: &dyn Fn(usize) -> bool,
) -> Progress {
    let share = units.work_of(is_left) / units.work_of(&|_| true);
    console.progress(run.command()).of(run.flops() * share, &device.description().name)
}

/// Says how far a shard came.
fn end_of_shard(console: &Console, command: &str, shard: Shard, store: &Store) -> Result<()> {
    let there = store.progress();
    let what = format!("shard {shard}: {} of {} done", there.done, counted(there.units, "unit"));
    console.show(&format!("{what}\n"))?;
    console.emit(&json!({
        "command": command, "shard": shard.to_string(), "units": there.units, "done": there.done,
    }))?;
    if there.done == there.units {
        return Ok(());
    }
    Err(Error::Partial(format!("{what}: interrupted; `--resume` with the same command goes on from here")))
}
