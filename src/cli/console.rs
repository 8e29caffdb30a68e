//! What the user sees while the program works: remarks and progress on standard error, results on standard output.

use crate::cli::process::stop_flag;
use crate::cli::progress::{Form, Progress};
use crate::cli::streams::{print, remark};
use crate::cli::{Invocation, Resume, fit};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::report;
use crate::results::dataset::{Dataset, Landed};
use crate::results::parts;
use crate::spec::Precision;
use std::io::IsTerminal;
use std::time::Instant;

/// Where words go.
pub struct Console {
    /// Results as one JSON object.
    pub json: bool,
    quiet: bool,
    form: Form,
    start: Instant,
}

impl Console {
    /// As the invocation wants it.
    pub fn new(invocation: &Invocation) -> Self {
        let form = match (invocation.json_progress, invocation.quiet) {
            (true, _) => Form::Json,
            (false, true) => Form::Nothing,
            (false, false) if std::io::stderr().is_terminal() => Form::Bar,
            (false, false) => Form::Lines,
        };
        Console { json: invocation.json, quiet: invocation.quiet, form, start: Instant::now() }
    }

    /// A remark on standard error.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            remark(line);
        }
    }

    /// The folder for results, if one is wanted, claimed for this run before any work is done.
    pub fn dataset(&self, invocation: &Invocation) -> Result<Option<Dataset>> {
        let Some(folder) = invocation.folder() else { return Ok(None) };
        // From here on there is something to tidy up.
        stop_flag(self.quiet);
        let goes_on = invocation.keeping.resume != Resume::No;
        if !goes_on && !invocation.force {
            parts::refuse_unfinished(&folder)?;
        }
        let dataset = Dataset::create(&folder, invocation.force || goes_on)?.with_page(report::OF_A_RUN);
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
        let device = Device::open_in(precision, &invocation.device)?;
        if let Some(line) = unexpected(&invocation.device, &device) {
            self.note(line);
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
        Progress::new(what, self.form, stop_flag(self.quiet))
    }
}

/// What should be said of a device that is not what its word leads one to expect.
fn unexpected(word: &str, device: &Device) -> Option<&'static str> {
    match word {
        "auto" if device.is_host() => {
            Some("no hardware GPU found, so the CPU path runs; for a GPU install its Vulkan driver")
        }
        "gpu" if device.description().software => {
            Some("the only adapter is a software driver: right, but slow; --device cpu is faster")
        }
        _ => None,
    }
}
