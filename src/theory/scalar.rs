//! dx/dt = λ x, by every integrator.

use crate::spec::Integrator;

/// What one step of size h multiplies the state of dx/dt = λ x with; z = h λ, real. Strang splitting has no meaning for one
/// equation, and none is given.
///
/// Source: the stability functions of Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.
pub fn factor(integrator: Integrator, z: f64) -> Option<f64> {
    match integrator {
        Integrator::Euler => Some(1.0 + z),
        Integrator::Heun => Some(1.0 + z * (1.0 + z / 2.0)),
        Integrator::Rk4 => Some(1.0 + z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0)))),
        Integrator::BackwardEuler => Some(1.0 / (1.0 - z)),
        Integrator::ExponentialEuler => Some(z.exp()),
        Integrator::Strang | Integrator::StrangRk4 => None,
    }
}

/// The time at which Euler's steps of size h have grown beyond `threshold`, for dx/dt = λ x with λ > 0: a whole number of
/// steps. The solution is there at ln(threshold) / λ.
pub fn crossing_time(rate: f64, step_size: f64, threshold: f64) -> f64 {
    // The first step *beyond* the threshold.
    step_size * ((threshold.ln() / (step_size * rate).ln_1p()).floor() + 1.0)
}
