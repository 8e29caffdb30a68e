//! The flags that say how a long run keeps what is done.

use super::Global;
use crate::cli::{Keeping, Resume};
use crate::error::{Error, Result};
use clap::Args;
use std::time::Duration;

/// Flags, and no keys of a specification: they change no result.
#[derive(Debug, Args)]
pub(super) struct KeepingArguments {
    /// Go on with the run in --out that was cut off; with `auto`, begin where there is none
    #[arg(long, value_name = "auto", help_heading = "Long runs", num_args = 0..=1, require_equals = true,
        default_missing_value = "must", value_parser = ["must", "auto"], hide_possible_values = true)]
    resume: Option<String>,
    /// Write what is done to --out so often [default: 10]
    #[arg(long, value_name = "SECONDS", help_heading = "Long runs", allow_negative_numbers = true)]
    save_every: Option<f64>,
    /// Go on with parts that another device has made, whose last bits may differ
    #[arg(long, help_heading = "Long runs")]
    any_device: bool,
    /// Run a GPU in this process: a driver that crashes then ends the run
    #[arg(long, help_heading = "Long runs")]
    in_process: bool,
    /// Seconds of silence after which a GPU's process is ended and its unit tried again [default: 120]
    #[arg(long, value_name = "SECONDS", help_heading = "Long runs", allow_negative_numbers = true)]
    stall: Option<f64>,
}

impl KeepingArguments {
    /// Checked against the flags around them.
    pub(super) fn resolve(&self, global: &Global) -> Result<Keeping> {
        let resume = match self.resume.as_deref() {
            None => Resume::No,
            Some("auto") => Resume::Auto,
            Some(_) => Resume::Must,
        };
        let flag = [("--resume", self.resume.is_some()), ("--save-every", self.save_every.is_some())];
        if let Some((flag, _)) = flag.iter().find(|(_, given)| *given && global.out.is_none()) {
            return Err(Error::Usage(format!("{flag} is of the run in a folder; name it with --out DIR")));
        }
        if self.any_device && resume == Resume::No {
            let text = "--any-device goes on with the parts of another device; give --resume with it";
            return Err(Error::Usage(text.to_string()));
        }
        if resume != Resume::No && global.force {
            let text = "--resume goes on with what is there and --force starts anew; give one of them";
            return Err(Error::Usage(text.to_string()));
        }
        let usual = Keeping::default();
        Ok(Keeping {
            resume,
            any_device: self.any_device,
            every: duration("save_every", self.save_every, usual.every)?,
            in_process: self.in_process,
            stall: duration("stall", self.stall, usual.stall)?,
        })
    }

    /// Refuses them where nothing is kept.
    pub(super) fn refuse(&self, what: &str) -> Result<()> {
        let flags = [
            ("--resume", self.resume.is_some()),
            ("--save-every", self.save_every.is_some()),
            ("--any-device", self.any_device),
            ("--in-process", self.in_process),
            ("--stall", self.stall.is_some()),
        ];
        match flags.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(Error::Usage(format!("{flag} is for runs in parts: {what}; see --help"))),
        }
    }
}

fn duration(key: &str, seconds: Option<f64>, usual: Duration) -> Result<Duration> {
    let Some(seconds) = seconds else { return Ok(usual) };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => Ok(duration),
        Err(_) => Err(Error::Invalid(format!("{key}: {seconds} are no seconds; give 0 or more"))),
    }
}
