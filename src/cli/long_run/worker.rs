//! `eulerscope worker`: works on some units of a run for the process that has started it, and may die of them.
//!
//! The [`Request`] is the first line of standard input; messages go to standard output. At the end of standard input, and
//! when it is asked to stop, it ends after the unit that it works on, so nobody has to look for it.

use super::{LongRun, Recorded};
use crate::cli::flags::said;
use crate::cli::process::stop_flag;
use crate::device::{Device, self_test};
use crate::error::{Error, Result};
use crate::results::parts::wire::{self, Message};
use crate::results::parts::{Origin, Tabled, Tables};
use crate::units::Parts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, BufRead, Read, Stdout};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The pause between two words of progress.
const PAUSE: Duration = Duration::from_millis(50);

/// What a worker is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    /// What the units are units of, as in a manifest.
    pub record: Value,
    /// The word for the device.
    pub device: String,
    /// Which units.
    pub units: Vec<usize>,
    /// Members computed at a time, if that is not to be decided here.
    pub chunk: Option<usize>,
    /// 0 for units that are worked on for the first time, else how often the only one was worked on alone, this time included.
    pub attempt: usize,
}

/// Runs the command.
pub fn run() -> Result<()> {
    let stop = stop_flag(true);
    let request = request(&stop)?;
    let told = match work(&request, &stop) {
        Ok(()) => Message::Over,
        Err(error) => match error.bare() {
            Error::Device(_) => Message::Failed(said(&error)),
            _ => Message::Refused { code: error.exit_code(), line: said(&error) },
        },
    };
    // Where nobody listens any more there is nothing to tell.
    let _ = wire::send(&mut io::stdout(), &told);
    Ok(())
}

/// Reads the first line of standard input; a thread waits for its end, and then asks to stop.
fn request(stop: &Arc<AtomicBool>) -> Result<Request> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let refused = |why: String| Error::Usage(format!("worker: {why}; it is for eulerscope itself"));
    read.map_err(|error| refused(error.to_string()))?;
    let request = serde_json::from_str(&line).map_err(|error| refused(error.to_string()))?;
    let stop = stop.clone();
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        stop.store(true, Ordering::SeqCst);
    });
    Ok(request)
}

fn work(request: &Request, stop: &AtomicBool) -> Result<()> {
    let device = Device::open(&request.device)?;
    if request.attempt == 0 {
        self_test::refuse_unusable(&device)?;
    }
    // Whoever asks has compared the model's files, which takes as long as reading them.
    let mut record = request.record.clone();
    record["model"] = Value::Null;
    match Recorded::of(&Origin(record), request.chunk)? {
        Recorded::Sweep(run) => work_on(*run, request, &device, stop),
        Recorded::Lyapunov(run) => work_on(*run, request, &device, stop),
        Recorded::TrainedSweep(run) => work_on(*run, request, &device, stop),
        Recorded::TrainedSpectrum(run) => work_on(*run, request, &device, stop),
    }
}

fn work_on<R: LongRun>(run: R, request: &Request, device: &Device, stop: &AtomicBool) -> Result<()> {
    let run = if request.attempt == 0 { run } else { run.halved(device, request.attempt) };
    let pipe = RefCell::new(Pipe { left: request.units.iter().copied().collect(), out: io::stdout(), gone: false });
    let mut fault = Fault::of(request);
    let mut said = Instant::now();
    let progress = &mut |fraction: f64| {
        let mut pipe = pipe.borrow_mut();
        fault.meet(&mut pipe, device);
        if said.elapsed() >= PAUSE {
            pipe.tell(&Message::Progress(fraction));
            said = Instant::now();
        }
        if pipe.gone || stop.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    run.work(device, &mut Ends(&pipe), progress).map(drop)
}

/// The way to the process that asked.
struct Pipe {
    left: BTreeSet<usize>,
    out: Stdout,
    /// Does nobody listen any more?
    gone: bool,
}

impl Pipe {
    fn tell(&mut self, message: &Message) {
        self.gone |= wire::send(&mut self.out, message).is_err();
    }
}

/// Parts go down the pipe.
struct Ends<'a>(&'a RefCell<Pipe>);

impl<P: Tabled> Parts<P> for Ends<'_> {
    fn wants(&self, unit: usize) -> bool {
        self.0.borrow().left.contains(&unit)
    }

    fn is_whole(&self) -> bool {
        false
    }

    fn keep(&mut self, unit: usize, part: &mut P) -> Result<()> {
        let mut pipe = self.0.borrow_mut();
        pipe.left.remove(&unit);
        pipe.tell(&Message::Done { unit, part: wire::encode(&Tables::of(part)) });
        Ok(())
    }
}

/// A failure on purpose, for tests: `EULERSCOPE_WORKER_FAULT` is `KIND@UNIT`, the first time that the unit is worked on, or
/// `KIND@UNIT!`, every time; `*` are all units.
struct Fault {
    kind: String,
    unit: String,
    is_due: bool,
}

impl Fault {
    fn of(request: &Request) -> Self {
        let text = std::env::var("EULERSCOPE_WORKER_FAULT").unwrap_or_default();
        let (kind, unit) = text.split_once('@').unwrap_or_default();
        let always = unit.ends_with('!');
        let unit = unit.trim_end_matches('!').to_string();
        Fault { kind: kind.to_string(), unit, is_due: always || request.attempt == 0 }
    }

    fn meet(&mut self, pipe: &mut Pipe, device: &Device) {
        let is_meant = self.unit == "*" || self.unit.parse().is_ok_and(|unit| pipe.left.contains(&unit));
        if !self.is_due || !is_meant {
            return;
        }
        match self.kind.as_str() {
            "abort" => std::process::abort(),
            "hang" => std::thread::sleep(Duration::from_secs(3600)),
            "lost" => device.lose(),
            "garbled" => device.garble(),
            "garbage" => {
                let _ = io::Write::write_all(&mut pipe.out, &[0x55; 100]);
            }
            // As the system does when memory runs out.
            "killed" => {
                let own = std::process::id().to_string();
                let _ = std::process::Command::new("kill").args(["-9", &own]).status();
            }
            _ => {}
        }
        self.is_due = false;
    }
}
