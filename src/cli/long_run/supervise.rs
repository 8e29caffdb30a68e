//! The GPU in a process of its own: whatever a driver does there, what is done stays done, and the run goes on.
//!
//! A worker that dies, hangs or loses its device costs what it was working on. That is tried again, unit by unit and half
//! as many members at a time; a unit that fails three times is left out and reported.

use super::LongRun;
use super::worker::Request;
use crate::cli::console::Console;
use crate::cli::progress::Progress;
use crate::cli::{Invocation, Keeping};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::results::parts::wire::{self, Message};
use crate::results::parts::{Store, Tabled};
use crate::units::Units;
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a unit is tried alone, half as many members at a time than before.
const ATTEMPTS: usize = 3;
/// Units that are worked on one by one from the one on at which a worker died: so many are worked on at once at most.
const CAREFUL: usize = 64;
/// Units that fail one after the other before it is the device that does.
const MOST_IN_A_ROW: usize = 3;
/// How often the user is asked whether to stop.
const PAUSE: Duration = Duration::from_millis(50);

/// Works on all units that are left. Returns whether it was stopped.
///
/// # Errors
/// [`Error::Device`] where the device fails whatever it is given; what a worker refuses; what goes wrong where parts are kept.
pub(super) fn collect<R: LongRun>(
    console: &Console,
    invocation: &Invocation,
    run: &R,
    device: &Device,
    store: &mut Store,
) -> Result<bool> {
    let shapes = run.units(device);
    let left = |store: &Store| -> Vec<usize> { (0..shapes.count()).filter(|&unit| store.is_left(unit)).collect() };
    let is_left = |unit: usize| store.is_left(unit);
    let all = shapes.work_of(&is_left);
    let progress = super::progress(console, device, run, &*shapes, &is_left);
    let mut crew = Crew { invocation, units: &*shapes, store, all, done: 0.0, progress };
    // How often a unit was worked on alone, how many failed one after the other, and which are worked on alone.
    let (mut tried, mut in_a_row, mut careful) = (BTreeMap::<usize, usize>::new(), 0, 0..0);
    while let units = left(crew.store)
        && let Some(&first) = units.first()
    {
        let alone = careful.contains(&first);
        let units = if alone { vec![first] } else { units };
        let attempt = if alone { 1 + tried.get(&first).copied().unwrap_or(0) } else { 0 };
        let why = match crew.work(&units, attempt)? {
            End::Over => {
                in_a_row = 0;
                continue;
            }
            End::Stopped => return Ok(true),
            End::Died(why) => why,
        };
        let unit = left(crew.store).first().copied().unwrap_or(first);
        if !alone {
            careful = unit..unit + CAREFUL;
        } else if attempt < ATTEMPTS {
            tried.insert(unit, attempt);
        } else {
            crew.store.fail(unit, &why);
            in_a_row += 1;
        }
        let next = if crew.store.is_left(unit) { "tried again" } else { "left out" };
        crew.progress.aside(|| console.note(&format!("unit {unit}: {why}; {next}")));
        if in_a_row >= MOST_IN_A_ROW {
            crew.store.flush()?;
            return Err(Error::Device(format!(
                "the device fails whatever it is given: {why}; what is done is kept, --resume goes on from there"
            )));
        }
    }
    Ok(false)
}

/// How a worker ended.
enum End {
    /// It did what it was asked for.
    Over,
    /// The user wants to stop.
    Stopped,
    /// It died, and of what.
    Died(String),
}

/// Workers, one after the other.
struct Crew<'a, P> {
    invocation: &'a Invocation,
    units: &'a dyn Units<Part = P>,
    store: &'a mut Store,
    /// How much there is to do in all, and how much of it is done.
    all: f64,
    done: f64,
    progress: Progress,
}

impl<P: Tabled> Crew<'_, P> {
    /// Has a worker work on some units; attempts behind the first are at one of them alone.
    fn work(&mut self, units: &[usize], attempt: usize) -> Result<End> {
        let request = Request {
            record: self.store.origin().0.clone(),
            device: self.invocation.device.clone(),
            units: units.to_vec(),
            chunk: self.invocation.chunk,
            attempt,
        };
        let asked: f64 = units.iter().map(|&unit| self.units.work(unit)).sum();
        let before = self.done;
        let mut worker = Worker::start(&request)?;
        let Keeping { stall, .. } = self.invocation.keeping;
        let (mut heard, mut stopping) = (Instant::now(), false);
        let end = loop {
            let told = match worker.messages.recv_timeout(PAUSE) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    stopping |= self.progress.at(self.fraction()).is_break();
                    if stopping {
                        worker.ask_to_stop();
                    }
                    if heard.elapsed() >= stall {
                        break End::Died(format!("the worker was silent for {} s", stall.as_secs_f64()));
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break worker.died(),
            };
            heard = Instant::now();
            match told {
                Message::Progress(share) => self.done = before + share * asked,
                Message::Done { unit, part } => match wire::decode(&part).filter(|_| units.contains(&unit)) {
                    Some(tables) if tables.part(self.units.empty(unit)).is_ok() => {
                        self.store.keep_tables(unit, tables)?;
                    }
                    _ => break End::Died("the worker sent no part of that unit".to_string()),
                },
                Message::Over if stopping => break End::Stopped,
                Message::Over => break End::Over,
                Message::Refused { code, line } => return Err(Error::Told { code, line }),
                Message::Failed(line) => break End::Died(line),
            }
            stopping |= self.progress.at(self.fraction()).is_break();
            if stopping {
                worker.ask_to_stop();
            }
        };
        worker.end();
        let done: f64 = units.iter().filter(|&&unit| self.store.has(unit)).map(|&unit| self.units.work(unit)).sum();
        self.done = before + done;
        Ok(if stopping { End::Stopped } else { end })
    }

    fn fraction(&self) -> f64 {
        (self.done / self.all).min(1.0)
    }
}

/// A worker, and what it says.
struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Message>,
}

impl Worker {
    fn start(request: &Request) -> Result<Self> {
        let failed =
            |error: std::io::Error| Error::Device(format!("a worker does not start: {error}; give --in-process"));
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(unix)]
        {
            // Ctrl-C is for this process, which tells the worker.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(failed)?;
        let mut input = child.stdin.take();
        let line = serde_json::to_string(request).map_err(|error| Error::Bug(error.to_string()))?;
        if let Some(input) = &mut input {
            // One that has died already is found out when it is listened to.
            let _ = writeln!(input, "{line}");
        }
        let (sender, messages) = channel();
        let output = child.stdout.take();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output?);
            while let Ok(message) = wire::receive(&mut output) {
                sender.send(message).ok()?;
            }
            Some(())
        });
        Ok(Worker { child, input, messages })
    }

    /// The end of its input asks it to end after the unit that it works on.
    fn ask_to_stop(&mut self) {
        self.input = None;
    }

    /// It says nothing more: of what did it die?
    fn died(&mut self) -> End {
        // One that sends damaged frames lives on.
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) => End::Died(format!("the worker ended ({status})")),
            Err(error) => End::Died(format!("the worker is gone ({error})")),
        }
    }

    fn end(mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
