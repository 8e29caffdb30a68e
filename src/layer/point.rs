//! A point of the grid, and what it makes of a step: the one place where step size, radius and damping become factors on
//! the state and on the product with the weights.

use super::update::Update;
use crate::error::Result;
use crate::integrator::Scheme;
use crate::invalid;
use crate::weights::Scale;
use serde::Serialize;

/// A point of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The step size h, as it acts.
    pub step_size: f64,
    /// The factor rho on the matrices, or on f.
    pub radius: f64,
    /// The friction gamma, in each Euler step of a sublayer.
    pub damping: f64,
}

/// What a step or an update does at a grid point: `x <- keep x + gain G x` with the stored weights G.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// On the state; 1 - damping - step_size * shift for an Euler step of a linear layer.
    pub keep: f64,
    /// On the product with the weights; step_size * radius * unit there.
    pub gain: f64,
}

/// A step may not shrink a state by more than this, or its squared norm leaves f32.
const LEAST_GAIN: f64 = 1.0 / (1_u64 << 40) as f64;
/// The same where the whole spectrum shrinks alike, and a square still fits.
const LEAST_DECAY: f64 = 1.0 / (1_u64 << 50) as f64;

impl Coefficients {
    /// Those of a linear layer, x <- (1 - damping) x + step_size (-shift + radius unit G) x. What is left of
    /// 1 - damping - step_size shift by rounding alone is 0.
    pub fn linear(point: &Point, shift: f64, unit: f64) -> Self {
        let Point { step_size, radius, damping } = *point;
        let keep = 1.0 - damping - step_size * shift;
        let rounding = 4.0 * f64::EPSILON * (1.0 + (step_size * shift).abs());
        Coefficients { keep: if keep.abs() <= rounding { 0.0 } else { keep }, gain: step_size * radius * unit }
    }

    /// Those of an update of a sublayer, whose f is its output projection, with weights of this scale.
    pub(super) fn of_update(update: Update, point: &Point, output: Scale) -> Self {
        let Point { step_size, radius, damping } = *point;
        let field = output.times(radius);
        let (keep, gain) = match update {
            Update::Substep(fraction) => (1.0 - fraction * damping, fraction * step_size * field),
            Update::Increment(sublayers) => (-(sublayers as f64) * damping, step_size * field),
            Update::Added(fraction) => (1.0, fraction * step_size * field),
            Update::Field => (0.0, field),
            Update::FieldAdded => (1.0, field),
        };
        Coefficients { keep, gain }
    }

    /// Refuses a step that shrinks every state so far that f32 cannot follow, unless it is 0; G is of this size.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) with the keys to change.
    pub fn check(&self, scheme: &Scheme, size: f64) -> Result<()> {
        match scheme {
            Scheme::Polynomial(_) => self.check_polynomial(&scheme.expanded(self.keep), self.gain * size),
            Scheme::Exponential { .. } if (self.keep - 1.0).exp() < LEAST_DECAY => invalid!(
                "step_size: with damping + step_size x shift = {} exponential-euler shrinks states by more than 2^50 a step; \
                 lower the step size or the shift",
                1.0 - self.keep
            ),
            // An inverse shrinks by no more than Euler's step grows.
            Scheme::Exponential { .. } | Scheme::Inverse => Ok(()),
        }
    }

    /// The step is the sum of q_j (gain G)^j, with gain G of size `product`.
    fn check_polynomial(&self, q: &[f64], product: f64) -> Result<()> {
        let powers = std::iter::successors(Some(1.0), |power| Some(power * product));
        let largest = q.iter().zip(powers).map(|(q, power)| (q * power).abs()).fold(0.0, f64::max);
        if largest == 0.0 || largest >= LEAST_GAIN {
            return Ok(());
        }
        invalid!(
            "step_size: with (1 - damping - step_size x shift) = {:e} and step_size x radius x weights = {:e} a step \
             shrinks every state by more than 2^40; raise the step size or the radius, or lower the damping",
            self.keep.abs(),
            product.abs()
        )
    }
}
