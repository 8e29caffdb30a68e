//! Outer axes: a sweep of its own for every combination of their values.

use super::division::Division;
use super::part::{Numbered, Part};
use super::{Sweep, check};
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::spec::SweepSpec;
use crate::units::{Afresh, Parts, Units};

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

/// The units of all combinations on a device, counted through them.
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

    /// The members of the largest block.
    pub fn largest_block(&self) -> usize {
        self.plain.iter().map(|own| own.division.blocks.members(0..1).len()).max().unwrap_or(1)
    }

    fn plain_of(&self, unit: usize) -> &Plain {
        let behind = self.plain.partition_point(|own| own.first <= unit);
        assert!(behind > 0 && unit < self.count(), "there is no unit {unit}");
        &self.plain[behind - 1]
    }
}

impl Units for Shapes {
    type Part = Part;

    fn count(&self) -> usize {
        self.plain.last().map_or(0, |last| last.first + last.division.units())
    }

    /// In members times grid points.
    fn work(&self, unit: usize) -> f64 {
        let own = self.plain_of(unit);
        own.division.work(unit - own.first)
    }

    fn empty(&self, unit: usize) -> Part {
        let own = self.plain_of(unit);
        Part::empty(&own.spec, own.division.points(unit - own.first))
    }
}

impl Plain {
    /// How much of it is left to do.
    fn share_left(&self, parts: &dyn Parts<Part>) -> f64 {
        let units = self.division.units();
        let left = (self.first..self.first + units).filter(|&unit| parts.is_left(unit)).count();
        left as f64 / units as f64
    }
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
    parts: &mut dyn Parts<Part>,
    cost: &dyn Fn(&SweepSpec) -> f64,
    progress: Progress,
) -> Result<Vec<Combination>> {
    spec.validate()?;
    check_all(device, spec)?;
    let shapes = Shapes::of(device, spec);
    let own = |plain: &Plain| cost(&plain.spec) * plain.share_left(parts);
    let costs: Vec<f64> = shapes.plain.iter().map(own).collect();
    let total: f64 = costs.iter().sum();
    let (mut done, mut stop) = (0.0, false);
    let mut finished: Vec<Combination> = Vec::new();
    for (Plain { spec, division, first }, own) in shapes.plain.into_iter().zip(costs) {
        let numbered = Numbered { parts: &mut *parts, first };
        let sweep = super::worked::run(device, &spec, division, numbered, &mut |fraction| {
            let flow = progress((done + fraction * own) / total);
            stop |= flow.is_break();
            flow
        })?;
        finished.push(Combination { spec, sweep });
        if stop {
            break;
        }
        done += own;
    }
    Ok(finished)
}
