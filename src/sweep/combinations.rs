//! Outer axes: a sweep of its own for every combination of their values.

use super::{Sweep, check, run_valid};
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::spec::SweepSpec;

/// The sweep of one combination of outer values.
pub struct Combination {
    /// The plain sweep that was run.
    pub spec: SweepSpec,
    /// Its results.
    pub sweep: Sweep,
}

/// Refuses any combination that a device cannot run, by its outer values.
pub fn check_all(device: &Device, spec: &SweepSpec) -> Result<()> {
    spec.combinations().try_for_each(|plain| {
        check(device, &plain).map_err(|error| match spec.said_of(&plain) {
            said if said.is_empty() => error,
            said => Error::Invalid(format!("sweep_over: at {said}: {error}")),
        })
    })
}

/// Runs the sweep of every combination of the outer axes, in their order; `cost` weighs them for the progress.
///
/// When it is asked to stop, the combinations that were begun are kept, the last of them as far as it came.
///
/// # Errors
/// [`Error::Invalid`] naming the combination, before anything is run; then whatever [`run`](super::run) meets.
pub fn run_all(
    device: &Device,
    spec: &SweepSpec,
    cost: &dyn Fn(&SweepSpec) -> f64,
    progress: Progress,
) -> Result<Vec<Combination>> {
    spec.validate()?;
    check_all(device, spec)?;
    let total: f64 = spec.combinations().map(|plain| cost(&plain)).sum();
    let (mut done, mut stop) = (0.0, false);
    let mut finished: Vec<Combination> = Vec::new();
    for plain in spec.combinations() {
        let own = cost(&plain);
        let sweep = run_valid(device, &plain, &mut |fraction| {
            let flow = progress((done + fraction * own) / total);
            stop |= flow.is_break();
            flow
        })?;
        finished.push(Combination { spec: plain, sweep });
        if stop {
            break;
        }
        done += own;
    }
    Ok(finished)
}
