//! What the user sees while the program works: remarks and progress on standard error, results on standard output.

use crate::cli::{Invocation, fit};
use crate::dataset::Dataset;
use crate::device::{Description, Device};
use crate::error::{Error, Result};
use crate::spec::Precision;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Without a terminal, a progress line at most so often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Folders that this process has made, the innermost first.
static MADE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Opens the folder for results and remembers which folders were made for it.
pub fn create_folder(folder: &Path) -> Result<Dataset> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made = folder.ancestors().take_while(missing).map(Path::to_path_buf).collect();
    if let Ok(mut known) = MADE.lock() {
        *known = made;
    }
    Dataset::create(folder)
}

/// Takes back the folders that were made and have stayed empty.
fn remove_empty_folders() {
    if let Ok(mut made) = MADE.lock() {
        // A folder with something in it cannot be removed, and neither can those around it.
        made.drain(..).all(|folder| std::fs::remove_dir(folder).is_ok());
    }
}

/// Takes back empty folders at the end of a run, however it ends.
pub struct Tidy;

impl Drop for Tidy {
    fn drop(&mut self) {
        remove_empty_folders();
    }
}

/// A device in the caption of a figure: what it is, its numbers and its name.
pub fn caption(device: &Description) -> String {
    let numbers = if device.kind == "reference" { "f64" } else { "f32" };
    let software = if device.software { ", software" } else { "" };
    format!("{} {numbers}{software}: {}", device.kind, device.name)
}

/// Where words go.
pub struct Console {
    /// Results as one JSON object.
    pub json: bool,
    quiet: bool,
}

impl Console {
    /// As the invocation wants it.
    pub fn new(invocation: &Invocation) -> Self {
        Console { json: invocation.json, quiet: invocation.quiet }
    }

    /// A remark on standard error.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            remark(line);
        }
    }

    /// Text for people on standard output, no wider than that is; nothing with `--json`.
    pub fn show(&self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { print(&fit::wrapped(text, self.columns())) }
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
fn remark(line: &str) {
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

/// Set by the first Ctrl-C; the second ends the program.
fn stop_flag(quiet: bool) -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let own = flag.clone();
        let set = ctrlc::set_handler(move || {
            if own.swap(true, Ordering::SeqCst) {
                remove_empty_folders();
                std::process::exit(130);
            }
            if !quiet {
                remark("stopping after this chunk and keeping what is done; again to stop now");
            }
        });
        if let Err(error) = set {
            log::warn!("Ctrl-C will lose what is done: {error}");
        }
        flag
    })
    .clone()
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
