//! One layer as a list of kernel runs, written once for every device.

pub mod jacobian;
pub mod linear;
pub mod nonlinear;
pub mod sublayer;
pub mod tangent;

pub use crate::ensemble::State;
pub use jacobian::{Jacobian, jacobian};
pub use linear::LinearLayer;
pub use nonlinear::NonlinearLayer;
pub use tangent::{Part, Tangents};

/// Growth of the norm that counts as diverged, squared, as mantissa and exponent: it may be beyond f32.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    pub(crate) mantissa: f32,
    pub(crate) exponent: i32,
}

impl Threshold {
    /// The threshold `factor` on the norm.
    pub fn new(factor: f64) -> Self {
        let exponent = (2.0 * factor.log2()).floor();
        Threshold { mantissa: (factor * factor / exponent.exp2()) as f32, exponent: exponent as i32 }
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
