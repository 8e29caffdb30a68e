//! How far the work is: a bar on a terminal, plain lines elsewhere, or lines of JSON.

use crate::cli::streams::remark;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Plain lines are said at most so often,
const LINE_EVERY: Duration = Duration::from_secs(10);
/// and lines of JSON so often.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// How progress is said, on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A bar that moves.
    Bar,
    /// A line now and then.
    Lines,
    /// The same for programs.
    Json,
    /// Not at all.
    Nothing,
}

/// The progress of some work.
pub struct Progress {
    what: &'static str,
    /// What of it is worked on, where that has a name.
    part: Option<&'static str>,
    form: Form,
    bar: Option<ProgressBar>,
    /// Operations of the whole work; 0 if nobody knows.
    flops: f64,
    device: String,
    start: Instant,
    said: Instant,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Nothing is done yet.
    pub fn new(what: &'static str, form: Form, stop: Arc<AtomicBool>) -> Self {
        let bar = (form == Form::Bar).then(|| {
            let bar = ProgressBar::new(1000);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% eta {eta} {msg}") {
                bar.set_style(style);
            }
            bar.set_prefix(what);
            bar
        });
        let start = Instant::now();
        Progress { what, part: None, form, bar, flops: 0.0, device: String::new(), start, said: start, stop }
    }

    /// The same of so many operations on a device, so that it can say how fast it is.
    pub fn of(mut self, flops: f64, device: &str) -> Self {
        (self.flops, self.device) = (flops, device.to_string());
        self
    }

    /// What of it is worked on now.
    pub fn work_on(&mut self, part: &'static str) {
        if self.part == Some(part) {
            return;
        }
        self.part = Some(part);
        if let Some(bar) = &self.bar {
            bar.set_prefix(format!("{}, {part}", self.what));
        }
    }

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
        let elapsed = self.start.elapsed().as_secs_f64();
        match self.form {
            Form::Nothing => {}
            Form::Bar => self.move_bar(fraction, elapsed),
            Form::Lines if self.is_due(LINE_EVERY) && fraction > 0.0 => {
                let left = elapsed / fraction * (1.0 - fraction);
                let percent = 100.0 * fraction;
                let speed = self.speed(fraction, elapsed);
                let part = self.part.map(|part| format!(", {part}")).unwrap_or_default();
                remark(&format!("{}{part}: {percent:.0}%, {elapsed:.0} s, about {left:.0} s left{speed}", self.what));
                self.said = Instant::now();
            }
            Form::Json if self.is_due(JSON_EVERY) || fraction >= 1.0 => {
                eprintln!("{}", self.json(fraction, elapsed));
                self.said = Instant::now();
            }
            Form::Lines | Form::Json => {}
        }
        if self.stop.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn is_due(&self, every: Duration) -> bool {
        self.said.elapsed() >= every
    }

    fn move_bar(&self, fraction: f64, elapsed: f64) {
        if let Some(bar) = &self.bar {
            bar.set_position((1000.0 * fraction) as u64);
            bar.set_message(self.speed(fraction, elapsed).trim_start_matches(", ").to_string());
        }
    }

    /// How fast it is, and where.
    fn speed(&self, fraction: f64, elapsed: f64) -> String {
        if self.flops == 0.0 || elapsed == 0.0 {
            return String::new();
        }
        format!(", {:.1} GFLOP/s on {}", self.flops * fraction / elapsed / 1e9, self.device)
    }

    fn json(&self, fraction: f64, elapsed: f64) -> serde_json::Value {
        let mut line = json!({ "progress": self.what, "fraction": fraction, "elapsed_seconds": elapsed });
        if let Some(part) = self.part {
            line["part"] = json!(part);
        }
        if fraction > 0.0 {
            line["left_seconds"] = json!(elapsed / fraction * (1.0 - fraction));
        }
        if self.flops > 0.0 && elapsed > 0.0 {
            line["flops_per_second"] = json!(self.flops * fraction / elapsed);
            line["device"] = json!(self.device);
        }
        line
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
