//! One layer as a list of kernel runs, written once for every device.

pub mod fused;
mod implicit;
pub mod jacobian;
pub mod linear;
pub mod nonlinear;
pub mod sublayer;
pub mod tangent;
mod update;

use crate::error::Result;
use crate::integrator::Scheme;
use crate::invalid;
pub use crate::weights::ensemble::State;
pub use fused::FusedSteps;
pub use jacobian::{Jacobian, jacobian};
pub use linear::LinearLayer;
pub use nonlinear::NonlinearLayer;
pub use tangent::{Part, Tangents};

/// Growth of the norm that counts as diverged, squared, as mantissa and exponent: it may be beyond f32.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    pub(crate) mantissa: f64,
    pub(crate) exponent: i32,
}

impl Threshold {
    /// The threshold `factor` on the norm.
    pub fn new(factor: f64) -> Self {
        let exponent = (2.0 * factor.log2()).floor();
        Threshold { mantissa: factor * factor / exponent.exp2(), exponent: exponent as i32 }
    }
}

/// What a column does in one step: `x <- keep x + gain G x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// 1 - damping - step_size * shift.
    pub keep: f64,
    /// step_size * radius * unit.
    pub gain: f64,
}

/// A step may not shrink a state by more than this, or its squared norm leaves f32.
const LEAST_GAIN: f64 = 1.0 / (1_u64 << 40) as f64;
/// The same where the whole spectrum shrinks alike, and a square still fits.
const LEAST_DECAY: f64 = 1.0 / (1_u64 << 50) as f64;

impl Coefficients {
    /// Of `x <- (1 - damping) x + step_size (-shift + radius unit G) x`. What is left of 1 - damping - step_size shift
    /// by rounding alone is 0.
    pub fn new((step_size, radius, damping): (f64, f64, f64), shift: f64, unit: f64) -> Self {
        let keep = 1.0 - damping - step_size * shift;
        let rounding = 4.0 * f64::EPSILON * (1.0 + (step_size * shift).abs());
        Coefficients { keep: if keep.abs() <= rounding { 0.0 } else { keep }, gain: step_size * radius * unit }
    }

    /// Refuses a step that shrinks every state so far that f32 cannot follow, unless it is 0.
    pub fn check(&self, scheme: &Scheme) -> Result<()> {
        match scheme {
            Scheme::Polynomial(_) => self.check_polynomial(&scheme.expanded(self.keep)),
            Scheme::Exponential { .. } if (self.keep - 1.0).exp() < LEAST_DECAY => invalid!(
                "step_size: with damping + step_size x shift = {} exponential-euler shrinks states by more than 2^50 a step; \
                 lower the step size or the shift",
                1.0 - self.keep
            ),
            // An inverse shrinks by no more than Euler's step grows.
            Scheme::Exponential { .. } | Scheme::Inverse => Ok(()),
        }
    }

    /// The step is the sum of q_j (gain G)^j.
    fn check_polynomial(&self, q: &[f64]) -> Result<()> {
        let powers = std::iter::successors(Some(1.0), |power| Some(power * self.gain));
        let largest = q.iter().zip(powers).map(|(q, power)| (q * power).abs()).fold(0.0, f64::max);
        if largest == 0.0 || largest >= LEAST_GAIN {
            return Ok(());
        }
        invalid!(
            "step_size: with (1 - damping - step_size x shift) = {:e} and step_size x radius / sqrt(width) = {:e} a step \
             shrinks every state by more than 2^40; raise the step size or the radius, or lower the damping",
            self.keep.abs(),
            self.gain.abs()
        )
    }
}

/// A grid point of a nonlinear layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// h, of each sublayer's Euler step.
    pub step_size: f64,
    /// On f.
    pub radius: f64,
    /// gamma, in each sublayer's Euler step.
    pub damping: f64,
}
