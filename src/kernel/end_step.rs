//! The end of a nonlinear step: what is seen of the state after it, for each grid point over all its tokens; and the
//! freezing of a state whose largest magnitude has reached 2^48.
//!
//! Norms and events are those of a [trajectory](crate::kernel::shared::trajectory), with a grid point in the place of a
//! column, so linear and nonlinear rollouts are read alike. From its `DIVERGED_STEP` on a point's state stays what
//! it was before that step, and its observations are not written: they are missing, not 0.

use crate::kernel::shared::trajectory::{DIVERGED_EXPONENT, Track, event, norm, scale};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};
use crate::spec::MOST_TOKENS;

mod case;
mod sums;

use sums::Sums;

kernel! {
    /// The end of a nonlinear step: what is seen of the state, or its freezing.
    pub struct EndStep = end_step;
    shared { magnitude, trajectory, track, freeze }
    constants {
        /// Invocations of a workgroup.
        LANES: u32 = 64,
    }
    compared {
        OBSERVATIONS = observation::ROWS,
        NORM = observation::NORM,
        COSINE = observation::COSINE,
        SIMILARITY = observation::SIMILARITY,
        ENTROPY = observation::ENTROPY,
        EFFECTIVE_STEP = observation::EFFECTIVE_STEP,
        EFFECTIVE_DAMPING = observation::EFFECTIVE_DAMPING,
        MISSING = observation::MISSING,
        MOST_TOKENS = MOST_TOKENS,
    }
    /// The sizes of the state, and the step that has been made.
    params {
        /// Rows of the state, padded.
        rows: u32,
        /// Columns of the state, padded.
        columns: u32,
        /// Tokens of a grid point.
        tokens: u32,
        /// Grid points.
        points: u32,
        /// Heads with an entropy; 0: no attention.
        heads: u32,
        /// A power of two, at most 64, at least `tokens` if that is smaller.
        token_lanes: u32,
        /// The step that was made, from 1.
        step: u32,
        /// The slot that the observations of this step go to.
        slot: u32,
        /// Slots of the observations.
        slots: u32,
        /// A point has crossed when its squared norm exceeds `threshold_mantissa * 2^threshold_exponent` times the
        /// initial one.
        threshold_exponent: i32,
        /// Between 1 and 2.
        threshold_mantissa: f32,
    }
    buffers {
        before: read number,
        start: read number,
        keep: read number,
        entropy: read number,
        x: write number,
        observations: write number,
        norms: write number,
        events: write int,
    }
}

/// Rows of the buffer `observations`.
pub mod observation {
    /// |x|, over all tokens.
    pub const NORM: usize = 0;
    /// The cosine of the angle between x and the initial state.
    pub const COSINE: usize = 1;
    /// The mean cosine of two different tokens: 1 is rank collapse.
    pub const SIMILARITY: usize = 2;
    /// The mean entropy of the attention's rows, in nats, over heads and tokens: of attention at the state before the step.
    pub const ENTROPY: usize = 3;
    /// |h f| / |x_k|: the step without friction, |x_{k+1} - keep x_k| / |x_k|, where keep x_k is what the integrator would
    /// make of x_k if f were 0, before any norm.
    pub const EFFECTIVE_STEP: usize = 4;
    /// 1 - |x_k| / |x_{k+1}|.
    pub const EFFECTIVE_DAMPING: usize = 5;
    /// The number of rows.
    pub const ROWS: usize = 6;
    /// -2^127 stands where there is no such number: kernels must not make NaN.
    pub const MISSING: f64 = -170_141_183_460_469_231_731_687_303_715_884_105_728.0;
}

impl Params {
    /// The record of the points' norms.
    #[inline(always)]
    fn track(&self) -> Track {
        Track {
            step: self.step,
            renormalise: false,
            threshold: (self.threshold_mantissa, self.threshold_exponent),
            columns: self.points as usize,
        }
    }
}

impl Kernel for EndStep {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.points, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { before, start, keep, entropy, x, observations, norms, events } = views;
        dispatch(Observation { p, before, start, keep, entropy, x, observations, norms, events });
    }

    fn cost(p: &Params) -> Cost {
        let elements = (p.rows * p.tokens * p.points) as f64;
        Cost { flops: 17.0 * elements, bytes: 12.0 * elements }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The observation of a member.
struct Observation<'a, T> {
    p: &'a Params,
    before: &'a [T],
    start: &'a [T],
    keep: &'a [T],
    entropy: &'a [T],
    x: &'a mut [T],
    observations: &'a mut [T],
    norms: &'a mut [T],
    events: &'a mut [i32],
}

impl<T: Real> Work for Observation<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let (tokens, points) = (self.p.tokens as usize, self.p.points as usize);
        let mut sums = vec![Sums::ZERO; self.p.columns as usize];
        let mut column = 0;
        while column + 16 <= sums.len() {
            self.columns::<16>(column, &mut sums);
            column += 16;
        }
        while column < sums.len() {
            self.columns::<4>(column, &mut sums);
            column += 4;
        }
        for point in 0..points {
            self.point(point, &sums[point * tokens..][..tokens]);
        }
    }
}

impl<T: Real> Observation<'_, T> {
    /// One grid point, from the sums of its tokens.
    #[inline(always)]
    fn point(&mut self, point: usize, tokens: &[Sums<T>]) {
        let points = self.p.points as usize;
        let mut all = Sums::<T>::ZERO;
        for token in tokens {
            all.square += token.square;
            all.with_start += token.with_start;
            all.start += token.start;
            all.change += token.change;
            all.before += token.before;
            all.grown += token.grown;
            all.exponent = all.exponent.max(token.exponent);
        }
        let step = self.p.step as i32;
        if step == 1 {
            let exponent = all.start.exponent();
            self.norms[norm::NOW * points + point] = all.start;
            self.norms[norm::PEAK * points + point] = all.start * T::power_of_two(-exponent.max(-126));
            self.norms[norm::INITIAL * points + point] = all.start;
            self.events[scale::PEAK_EXPONENT * points + point] = exponent;
        }
        let frozen = self.events[event::DIVERGED_STEP * points + point] != 0;
        let diverges = all.exponent >= DIVERGED_EXPONENT;
        if frozen || diverges {
            self.restore(point, tokens.len());
            if !frozen {
                self.p.track().freeze(self.events, point);
            }
            return;
        }
        self.observe(point, tokens, &all);
        self.norms[norm::INITIAL * points + point] = all.start;
        self.p.track().observe(self.norms, self.events, point, all.square);
    }

    /// Puts back the state before the step.
    fn restore(&mut self, point: usize, tokens: usize) {
        for row in 0..self.p.rows as usize {
            let at = row * self.p.columns as usize + point * tokens;
            self.x[at..at + tokens].copy_from_slice(&self.before[at..at + tokens]);
        }
    }

    #[inline(always)]
    fn observe(&mut self, point: usize, tokens: &[Sums<T>], all: &Sums<T>) {
        let points = self.p.points as usize;
        let similarity = self.similarity(point, tokens);
        let missing = T::from_f64(observation::MISSING);
        let (size, before, start) = (all.square.sqrt(), all.before.sqrt(), all.start.sqrt());
        let lives = size > T::ZERO;
        let mut set = |row: usize, value: T| {
            self.observations[(self.p.slot as usize * observation::ROWS + row) * points + point] = value;
        };
        set(observation::NORM, size);
        set(observation::COSINE, if lives && start > T::ZERO { all.with_start / size / start } else { missing });
        set(observation::EFFECTIVE_STEP, if before > T::ZERO { all.change.sqrt() / before } else { missing });
        set(observation::EFFECTIVE_DAMPING, if lives { all.grown / size / (size + before) } else { missing });
        let heads = self.p.heads as usize;
        let mut entropy = T::ZERO;
        for head in 0..heads {
            let line = &self.entropy[head * self.p.columns as usize + point * tokens.len()..][..tokens.len()];
            line.iter().for_each(|&value| entropy += value);
        }
        set(observation::ENTROPY, entropy * T::from_f64(1.0 / (heads * tokens.len()).max(1) as f64));
        set(observation::SIMILARITY, similarity);
    }

    /// The mean cosine of two different tokens, from the length of the sum of the tokens' directions.
    #[inline(always)]
    fn similarity(&self, point: usize, tokens: &[Sums<T>]) -> T {
        if tokens.iter().any(|token| token.square <= T::ZERO) {
            return T::from_f64(observation::MISSING);
        }
        if tokens.len() == 1 {
            return T::ONE;
        }
        let mut inverse = [T::ZERO; MOST_TOKENS];
        for (inverse, token) in inverse.iter_mut().zip(tokens) {
            *inverse = T::ONE / token.square.sqrt();
        }
        let count = T::from_f64(tokens.len() as f64);
        (self.directions(point, &inverse[..tokens.len()]) - count) / (count * (count - T::ONE))
    }
}
