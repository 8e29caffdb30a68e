//! What becomes of the members of a rollout, and the buffers from which it is read.

use super::{Snapshot, middle};
use crate::error::{Error, Result};
use crate::kernel::audit;
use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::plan::{Chunk, Ints, Output, Plan, Reals, Words};
use crate::weights::State;
use std::f64::consts::LN_2;
use std::ops::Range;

/// What became of one member at one grid point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// ln |x_L| / |x_0|; negative infinity when the state collapsed to 0, infinity when it was frozen at 2^48.
    pub log_growth: f64,
    /// The slope of ln |x| over the later half, (ln |x_L| - ln |x_m|) / (L - m) with m = [`middle`]; infinite as
    /// `log_growth` is.
    pub rate: f64,
    /// ln max_k |x_k| / |x_0|; infinity when the state was frozen, for nobody knows how far it would have gone.
    pub log_peak: f64,
    /// The step of the peak, or that at which the state was frozen.
    pub peak_step: u32,
    /// The first step beyond the threshold.
    pub crossing_step: Option<u32>,
    /// The first step at which the state was 0.
    pub collapse_step: Option<u32>,
    /// The step at which the state was frozen: a nonlinear one, because its largest magnitude had reached 2^48, or a
    /// linear one, because its implicit step does not exist.
    pub diverged_step: Option<u32>,
}

/// What outcomes are read from, and the audit.
#[derive(Clone, Copy)]
pub(super) struct Outputs {
    /// `[now | peak | initial, columns]`.
    norms: Output<Reals>,
    /// `[3 scales | 4 events, columns]`.
    pub events: Output<Ints>,
    /// Of numbers that are not finite.
    count: Output<Words>,
    /// The norms in the middle, `[columns]`.
    middles: Output<Reals>,
    /// And their exponents.
    middle_exponents: Output<Ints>,
}

impl Outputs {
    /// These buffers come back; the numbers of `x`, so many of each member, are audited.
    pub fn new(plan: &mut Plan, state: State, length: usize, middle: Snapshot) -> Self {
        let count = plan.words("count", 1);
        plan.run(audit::Params { length: length as u32 }, audit::Buffers { values: state.x, count });
        Outputs {
            norms: plan.output(state.norms),
            events: plan.output(state.events),
            count: plan.output(count),
            middles: plan.output(middle.norms),
            middle_exponents: plan.output(middle.exponents),
        }
    }

    /// NaN or infinity cannot come out of a rollout; if it does, the device or we are wrong.
    pub fn refuse_non_finite(&self, chunk: &Chunk) -> Result<()> {
        let counts = chunk.words(self.count);
        match counts.iter().position(|&count| count != 0) {
            None => Ok(()),
            Some(i) => Err(Error::Bug(format!(
                "member {} ended with {} numbers that are not finite",
                chunk.members.start + i,
                counts[i]
            ))),
        }
    }
}

/// The outcomes of some members, `[members, points]`.
pub struct Outcomes<'a> {
    pub(super) chunk: &'a Chunk,
    pub(super) outputs: Outputs,
    pub(super) columns: usize,
    pub(super) points: usize,
    pub(super) depth: usize,
}

impl Outcomes<'_> {
    /// The members of the call that these outcomes are of.
    pub fn members(&self) -> Range<usize> {
        self.chunk.members.clone()
    }

    /// The number of grid points.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The outcome of member `member` of this chunk, from 0, at a grid point.
    pub fn get(&self, member: usize, point: usize) -> Outcome {
        let (norms, events) = (self.chunk.reals(self.outputs.norms), self.chunk.ints(self.outputs.events));
        let norm = |row: usize| norms.at((member * norm::ROWS + row) * self.columns + point);
        let event = |row: usize| events[(member * event::ROWS + row) * self.columns + point];
        let step = |row: usize| Some(event(row) as u32).filter(|&step| step > 0);
        let (now, initial, exponent) = (norm(norm::NOW), norm(norm::INITIAL), event(scale::EXPONENT));
        let collapse_step = step(event::COLLAPSE_STEP);
        let diverged_step = step(event::DIVERGED_STEP);
        let ended = |value: f64| match (collapse_step, diverged_step) {
            (Some(_), _) => f64::NEG_INFINITY,
            (None, Some(_)) => f64::INFINITY,
            (None, None) => value,
        };
        let at = member * self.columns + point;
        let (then, exponent_then) = match middle(self.depth) {
            0 => (initial, 0),
            _ => (self.chunk.reals(self.outputs.middles).at(at), self.chunk.ints(self.outputs.middle_exponents)[at]),
        };
        let since = f64::from(exponent - exponent_then) * LN_2 + 0.5 * (now / then).ln();
        let peak_step = event(event::PEAK_STEP) as u32;
        // The peak is at least the start, whatever rounding says.
        let log_peak = match peak_step {
            0 => 0.0,
            _ => (0.5 * (f64::from(event(scale::PEAK_EXPONENT)) * LN_2 + (norm(norm::PEAK) / initial).ln())).max(0.0),
        };
        Outcome {
            // One logarithm of a ratio, so that a norm that has not changed gives exactly 0.
            log_growth: ended(f64::from(exponent) * LN_2 + 0.5 * (now / initial).ln()),
            rate: ended(since / (self.depth - middle(self.depth)) as f64),
            log_peak: if diverged_step.is_some() { f64::INFINITY } else { log_peak },
            peak_step: diverged_step.unwrap_or(peak_step),
            crossing_step: step(event::CROSSING_STEP),
            collapse_step,
            diverged_step,
        }
    }
}
