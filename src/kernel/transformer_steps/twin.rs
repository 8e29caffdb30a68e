//! The steps on the CPU: the twins of the separate kernels, one after the other.

use super::Params;
use crate::kernel::Kernel;
use crate::kernel::attend::{self, Attend};
use crate::kernel::euler_update::{self, EulerUpdate};
use crate::kernel::normalise::{self, Normalise};
use crate::kernel::project::{self, Project};
use crate::kernel::shared::trajectory::{DIVERGED_EXPONENT, Track, event, norm};
use crate::numbers::activation::kind;
use crate::numbers::real::Real;
use crate::spec::NORM_EPSILON;

/// The weights of a member.
pub(super) struct Weights<'a, T> {
    pub query_key_value: &'a [T],
    pub output: &'a [T],
    pub up: &'a [T],
    pub down: &'a [T],
}

/// What is noted of the trajectories of a member.
pub(super) struct Record<'a, T> {
    pub norms: &'a mut [T],
    pub events: &'a mut [i32],
}

/// The steps of a member.
pub(super) fn steps<T: Real>(p: &Params, weights: &Weights<T>, coefficients: &[T], x: &mut [T], record: Record<T>) {
    let Record { norms, events } = record;
    let mut between = Between::new(p);
    for step in 0..p.steps {
        let after = between.step(p, weights, coefficients, x);
        let track = Track {
            step: p.first + step,
            renormalise: false,
            threshold: (p.threshold_mantissa, p.threshold_exponent),
            columns: p.points as usize,
        };
        for point in 0..p.points as usize {
            end(p, &track, point, after, x, Record { norms, events });
        }
    }
}

/// Ends the step of a point: its record, or its freezing.
fn end<T: Real>(
    p: &Params,
    track: &Track,
    point: usize,
    after: &[T],
    x: &mut [T],
    Record { norms, events }: Record<T>,
) {
    let (columns, tokens) = (p.columns as usize, p.tokens as usize);
    if events[event::DIVERGED_STEP * p.points as usize + point] != 0 {
        return;
    }
    let line = |row: usize| row * columns + point * tokens..row * columns + (point + 1) * tokens;
    let values = || (0..p.rows as usize).flat_map(|row| &after[line(row)]);
    if values().map(|x| x.exponent()).max() >= Some(DIVERGED_EXPONENT) {
        track.freeze(events, point);
        return;
    }
    let mut square = T::ZERO;
    values().for_each(|&x| square += x * x);
    track.observe(norms, events, point, square);
    for row in 0..p.rows as usize {
        x[line(row)].copy_from_slice(&after[line(row)]);
    }
}

/// What an output projection reads.
enum Units {
    Heads,
    Hidden,
}

/// What the kernels leave each other within a step.
struct Between<T> {
    normed: Vec<T>,
    inverse: Vec<T>,
    stacked: Vec<T>,
    heads: Vec<T>,
    entropy: Vec<T>,
    hidden: Vec<T>,
    /// The state between the sublayers, and after them.
    states: [Vec<T>; 2],
    /// The records of columns, which nobody reads.
    norms: Vec<T>,
    events: Vec<i32>,
}

impl<T: Real> Between<T> {
    fn new(p: &Params) -> Self {
        let columns = p.columns as usize;
        let reals = |rows: u32| vec![T::ZERO; rows as usize * columns];
        Between {
            normed: reals(p.rows),
            inverse: reals(1),
            stacked: reals(p.stacked),
            heads: reals(p.rows),
            entropy: reals(p.heads),
            hidden: reals(p.hidden),
            states: [reals(p.rows), reals(p.rows)],
            norms: reals(norm::ROWS as u32),
            events: vec![0; event::ROWS * columns],
        }
    }

    /// The state after one step from `x`.
    fn step(&mut self, p: &Params, weights: &Weights<T>, coefficients: &[T], x: &[T]) -> &[T] {
        let (of_attention, of_ffn) = coefficients.split_at(2 * p.columns as usize);
        let [mut middle, mut after] = std::mem::take(&mut self.states);
        self.normalise(p, x);
        self.attend(p, weights.query_key_value);
        self.update(p, Units::Heads, [weights.output, of_attention, x], &mut middle);
        self.normalise(p, &middle);
        let params = projection(p, p.hidden, p.activation);
        let views = project::Views { weights: weights.up, input: &self.normed, out: &mut self.hidden };
        Project::twin(&params, views);
        self.update(p, Units::Hidden, [weights.down, of_ffn, &middle], &mut after);
        self.states = [middle, after];
        &self.states[1]
    }

    fn normalise(&mut self, p: &Params, x: &[T]) {
        let Params { width, rows, columns, root_mean_square, .. } = *p;
        let params = normalise::Params { width, rows, columns, root_mean_square, epsilon: NORM_EPSILON };
        let views = normalise::Views { x, out: &mut self.normed, inverse: &mut self.inverse };
        Normalise::twin(&params, views);
    }

    fn attend(&mut self, p: &Params, weights: &[T]) {
        let params = projection(p, p.stacked, kind::IDENTITY);
        let views = project::Views { weights, input: &self.normed, out: &mut self.stacked };
        Project::twin(&params, views);
        let params = attend::Params {
            head_width: p.width / p.heads,
            tokens: p.tokens,
            columns: p.columns,
            rows: p.stacked,
            out_rows: p.rows,
            heads: p.heads,
            key_value_heads: p.heads,
            causal: p.causal,
            key_lanes: attend::key_lanes(p.tokens),
            scale: p.score_scale,
        };
        let views = attend::Views { stacked: &self.stacked, out: &mut self.heads, entropy: &mut self.entropy };
        Attend::twin(&params, views);
    }

    /// `out <- keep x + gain (weights . units)`.
    fn update(&mut self, p: &Params, units: Units, [weights, coefficients, x]: [&[T]; 3], out: &mut [T]) {
        let (units, inner) = match units {
            Units::Heads => (&self.heads, p.rows),
            Units::Hidden => (&self.hidden, p.hidden),
        };
        let params = euler_update::Params::unrecorded(p.rows as usize, inner as usize, p.columns as usize);
        let views = euler_update::Views {
            weights,
            input: units,
            x,
            coefficients,
            member_gain: &[T::ONE],
            out,
            norms: &mut self.norms,
            events: &mut self.events,
        };
        EulerUpdate::twin(&params, views);
    }
}

/// The first projection of a branch.
fn projection(p: &Params, rows: u32, activation: u32) -> project::Params {
    project::Params { rows, inner: p.rows, columns: p.columns, activation, scale: p.projection_scale }
}
