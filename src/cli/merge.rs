//! `eulerscope merge`: one result of the parts that several machines have done.

use super::console::Console;
use super::long_run::Recorded;
use super::{Invocation, lyapunov, sweep};
use crate::error::Result;
use crate::invalid;
use crate::results::parts::Together;
use std::path::PathBuf;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, given: &[PathBuf]) -> Result<()> {
    let mut parts = Together::open(given)?;
    let origin = parts.origin().clone();
    let word = if invocation.device == "auto" { origin.device_asked_for() } else { &invocation.device };
    let invocation = &Invocation { device: word.to_string(), ..invocation.clone() };
    match Recorded::of(&origin, invocation.chunk)? {
        Recorded::Sweep(spec) => sweep::merge(console, invocation, &spec, &mut parts),
        Recorded::Lyapunov(run) => lyapunov::merge(console, invocation, &run, &mut parts),
        Recorded::TrainedSweep(_) | Recorded::TrainedSpectrum(_) => invalid!(
            "{}: is a run of a trained model, which has no shards; give its command with --resume",
            given[0].display()
        ),
    }
}
