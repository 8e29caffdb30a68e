//! Outer axes: a sweep of its own for every combination of their values.

use super::division::Division;
use super::part::{Afresh, Numbered, Part, Parts};
use super::{Sweep, check};
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

/// What the units of work of all combinations look like on a device.
pub struct Shapes {
    plain: Vec<Plain>,
}

/// A combination with its units.
struct Plain {
    spec: SweepSpec,
    division: Division,
    first: usize,
}

impl Shapes {
    /// Those of a sweep.
    pub fn of(device: &Device, spec: &SweepSpec) -> Self {
        let mut first = 0;
        let plain = spec.combinations().map(|spec| {
            let division = Division::of(&spec, device.epsilon());
            let own = Plain { first, spec, division };
            first += own.division.units();
            own
        });
        Shapes { plain: plain.collect() }
    }

    /// How many there are.
    pub fn units(&self) -> usize {
        self.plain.last().map_or(0, |last| last.first + last.division.units())
    }

    /// A part of a unit without members.
    ///
    /// # Panics
    /// If there is no such unit.
    pub fn empty(&self, unit: usize) -> Part {
        let own = self.plain_of(unit);
        Part::empty(&own.spec, own.points(unit))
    }

    /// How much work a unit is, in members times grid points.
    ///
    /// # Panics
    /// If there is no such unit.
    pub fn work(&self, unit: usize) -> f64 {
        let own = self.plain_of(unit);
        let block = (unit - own.first) % own.division.blocks();
        (own.division.members(block..block + 1).len() * own.points(unit)) as f64
    }

    /// The members of the largest block.
    pub fn largest_block(&self) -> usize {
        self.plain.iter().map(|own| own.division.members(0..1).len()).max().unwrap_or(1)
    }

    fn plain_of(&self, unit: usize) -> &Plain {
        let behind = self.plain.partition_point(|own| own.first <= unit);
        assert!(behind > 0 && unit < self.units(), "there is no unit {unit}");
        &self.plain[behind - 1]
    }
}

impl Plain {
    fn points(&self, unit: usize) -> usize {
        self.division.passes[(unit - self.first) / self.division.blocks()].len()
    }
}

/// The number of units of work of all combinations on this device.
pub fn units(device: &Device, spec: &SweepSpec) -> usize {
    Shapes::of(device, spec).units()
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
    run_parts(device, spec, &mut Afresh, cost, progress)
}

/// [`run_all`] where parts of it may have been done before, and are kept when they are done.
///
/// # Errors
/// As for [`run_all`], and whatever goes wrong where `parts` are kept.
pub fn run_parts(
    device: &Device,
    spec: &SweepSpec,
    parts: &mut dyn Parts,
    cost: &dyn Fn(&SweepSpec) -> f64,
    progress: Progress,
) -> Result<Vec<Combination>> {
    spec.validate()?;
    check_all(device, spec)?;
    let shares = shares_left(device, spec, parts);
    let total: f64 = spec.combinations().zip(&shares).map(|(plain, share)| cost(&plain) * share).sum();
    let (mut done, mut stop, mut first) = (0.0, false, 0);
    let mut finished: Vec<Combination> = Vec::new();
    for (plain, share) in spec.combinations().zip(shares) {
        let own = cost(&plain) * share;
        let numbered = Numbered { parts: &mut *parts, first };
        let sweep = super::worked::run(device, &plain, numbered, &mut |fraction| {
            let flow = progress((done + fraction * own) / total);
            stop |= flow.is_break();
            flow
        })?;
        first += Division::of(&plain, device.epsilon()).units();
        finished.push(Combination { spec: plain, sweep });
        if stop {
            break;
        }
        done += own;
    }
    Ok(finished)
}

/// How much of each combination is left to do.
fn shares_left(device: &Device, spec: &SweepSpec, parts: &dyn Parts) -> Vec<f64> {
    let mut first = 0;
    let share = |plain: SweepSpec| {
        let units = Division::of(&plain, device.epsilon()).units();
        let left = (first..first + units).filter(|&unit| !parts.has(unit) && parts.wants(unit)).count();
        first += units;
        left as f64 / units as f64
    };
    spec.combinations().map(share).collect()
}
