//! What the user sees while the program works: remarks and progress on standard error, results on standard output.

use crate::cli::process::stop_flag;
use crate::cli::{Invocation, fit};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::report;
use crate::results::dataset::{Dataset, Landed};
use crate::spec::Precision;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Without a terminal, a progress line at most so often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Where words go.
pub struct Console {
    /// Results as one JSON object.
    pub json: bool,
    quiet: bool,
    start: Instant,
}

impl Console {
    /// As the invocation wants it.
    pub fn new(invocation: &Invocation) -> Self {
        Console { json: invocation.json, quiet: invocation.quiet, start: Instant::now() }
    }

    /// A remark on standard error.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            remark(line);
        }
    }

    /// The folder for results, if one is wanted, claimed for this run before any work is done.
    pub fn dataset(&self, invocation: &Invocation) -> Result<Option<Dataset>> {
        let Some(folder) = invocation.out.as_deref().filter(|_| !invocation.plan) else { return Ok(None) };
        // From here on there is something to tidy up.
        stop_flag(self.quiet);
        let dataset = Dataset::create(folder, invocation.force)?.with_page(report::OF_A_RUN);
        if !dataset.is_guarded() {
            let folder = folder.display();
            self.note(&format!("{folder}: this file system has no locks; let no other run write there"));
        }
        Ok(Some(dataset))
    }

    /// Says where results are, and what has happened to files in their way.
    pub fn landed(&self, landed: &Landed) {
        for (name, kept) in &landed.kept {
            self.note(&format!("{name} was not of an earlier run and is kept as {kept}"));
        }
        let page = match &landed.no_page {
            None => format!(", {}", report::NAME),
            Some(why) => {
                self.note(&format!("{} is left out: {why}", report::NAME));
                String::new()
            }
        };
        self.note(&format!("results are in {}: run.json, *.parquet, *.png, *.svg{page}", landed.folder.display()));
    }

    /// Text for people on standard output, no wider than that is; nothing with `--json`.
    pub fn show(&self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { print(&fit::wrapped(text, self.columns())) }
    }

    /// Text for other programs on standard output, with its lines as they are; nothing with `--json`.
    pub fn show_whole(&self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { print(text) }
    }

    /// Seconds since the command began.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The result for programs; nothing without `--json`.
    pub fn emit(&self, value: &impl serde::Serialize) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(value).map_err(|error| Error::Bug(error.to_string()))?;
        print(&format!("{text}\n"))
    }

    /// Opens the device and says which it is.
    pub fn open(&self, invocation: &Invocation) -> Result<Device> {
        self.open_in(Precision::F32, invocation)
    }

    /// [`Console::open`], with kernels in f32 or f64 where it is a GPU.
    pub fn open_in(&self, precision: Precision, invocation: &Invocation) -> Result<Device> {
        let (device, line) = Device::open_in(precision, &invocation.device)?;
        if let Some(line) = line {
            self.note(&line);
        }
        self.note(&device.description().to_string());
        Ok(device)
    }

    /// May colours be used on standard output?
    pub fn colour(&self) -> bool {
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    /// Columns of standard output.
    pub fn columns(&self) -> usize {
        fit::columns()
    }

    /// A progress report for something called `what`.
    pub fn progress(&self, what: &'static str) -> Progress {
        let bar = (!self.quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new(1000);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% eta {eta}") {
                bar.set_style(style);
            }
            bar.set_prefix(what);
            bar
        });
        let start = Instant::now();
        Progress { what, bar, quiet: self.quiet, start, said: start, stop: stop_flag(self.quiet) }
    }
}

/// Says a line on standard error, no wider than that is.
pub fn remark(line: &str) {
    let text = format!("{line}\n");
    // Nobody to hear a remark is no failure.
    let _ = std::io::stderr()
        .write_all(fit::columns_of_remarks().map_or(text.clone(), |c| fit::wrapped(&text, c)).as_bytes());
}

/// Writes to standard output, where a failure is an I/O error; `ending` makes a closed pipe no failure.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::io(std::path::Path::new("standard output"), error, "redirect it to another place"))
}

/// A bar on a terminal, plain lines elsewhere.
pub struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    quiet: bool,
    start: Instant,
    said: Instant,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// A question for any thread: does the user want to stop?
    pub fn stop(&self) -> impl Fn() -> bool + Sync + use<> {
        let stop = self.stop.clone();
        move || stop.load(Ordering::SeqCst)
    }

    /// What `act` returns, with the bar out of its way.
    pub fn aside<R>(&self, act: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }

    /// A fraction of the work is done. `Break` when the user wants to stop.
    pub fn at(&mut self, fraction: f64) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            bar.set_position((1000.0 * fraction) as u64);
        } else if !self.quiet && self.said.elapsed() >= LINE_EVERY && fraction > 0.0 {
            let elapsed = self.start.elapsed().as_secs_f64();
            let left = elapsed / fraction * (1.0 - fraction);
            remark(&format!("{}: {:.0}%, {elapsed:.0} s, about {left:.0} s left", self.what, 100.0 * fraction));
            self.said = Instant::now();
        }
        if self.stop.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
