//! The guards on numbers: one line each, saying which key, what is wrong and what would do.

use super::grid::plain;
use super::words::Integrator;
use crate::error::Result;
use crate::invalid;

/// The largest step size.
pub const LARGEST_STEP_SIZE: f64 = (1_u64 << 20) as f64;
/// The largest factor by which one step may be able to grow a state: two of them still fit below 2^127.
pub const LARGEST_GAIN: f64 = (1_u64 << 40) as f64;
/// Bytes of the largest buffer that every GPU can have.
const LARGEST_BUFFER: u128 = 1 << 31;
/// Below this, f32 has no normal numbers, and devices may flush to zero.
const SMALLEST: f64 = f32::MIN_POSITIVE as f64;

/// A whole number from 1 to `most`.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for 0 and for more than `most`.
pub fn count(name: &str, value: usize, most: usize) -> Result<()> {
    if value == 0 {
        return invalid!("{name}: 0 leaves nothing to compute; give a whole number from 1 to {most}");
    }
    if value > most {
        return invalid!("{name}: {value} is too large; the most is {most}");
    }
    Ok(())
}

/// Tangents, `columns` of `dimension` 32-bit numbers, that fit the 2 GiB a GPU buffer can have anywhere.
/// A Jacobian is a square of them.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) where they take more.
pub fn tangents(what: &str, dimension: usize, columns: usize, change: &str) -> Result<()> {
    let bytes = dimension as u128 * columns as u128 * 4;
    if bytes <= LARGEST_BUFFER {
        return Ok(());
    }
    let gibibytes = bytes as f64 / (1_u64 << 30) as f64;
    let fitting = (LARGEST_BUFFER / 4).isqrt();
    invalid!(
        "{what} would be {dimension} x {columns} and take {gibibytes:.1} GiB, of which at most 2 fit; lower width x tokens \
         to {fitting} or {change}"
    )
}

/// A step size that f32 can carry.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for anything else.
pub fn step_size(value: f64) -> Result<()> {
    finite("step_size", value)?;
    let said = plain(value);
    if value <= 0.0 {
        return invalid!("step_size: {said} is not above 0; give a step size above 0, such as 0.1");
    }
    if value < SMALLEST {
        return invalid!("step_size: {said} vanishes in 32-bit numbers; give at least {SMALLEST:.3e}");
    }
    if value > LARGEST_STEP_SIZE {
        return invalid!("step_size: {said} is too large; the most is {LARGEST_STEP_SIZE}");
    }
    Ok(())
}

/// A spectral radius: 0 or a number that f32 can carry.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for anything else.
pub fn radius(value: f64) -> Result<()> {
    finite("radius", value)?;
    let said = plain(value);
    if value < 0.0 {
        return invalid!("radius: {said} is below 0; a spectral radius is 0 or more");
    }
    if value > 0.0 && value < SMALLEST {
        return invalid!("radius: {said} vanishes in 32-bit numbers; give 0 or at least {SMALLEST:.3e}");
    }
    Ok(())
}

/// Friction between none and total.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for anything else.
pub fn damping(value: f64) -> Result<()> {
    finite("damping", value)?;
    let said = plain(value);
    if !(0.0..=1.0).contains(&value) {
        return invalid!("damping: {said} is outside 0 to 1; at 0 nothing is damped, at 1 the old state is forgotten");
    }
    Ok(())
}

/// A factor above 0 that f32 can carry.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for anything else.
pub fn factor(name: &str, value: f64) -> Result<()> {
    finite(name, value)?;
    let said = plain(value);
    if value <= 0.0 {
        return invalid!("{name}: {said} is not above 0; give a number above 0");
    }
    if !(SMALLEST..=f32::MAX as f64).contains(&value) {
        return invalid!("{name}: {said} does not fit 32-bit numbers; give {SMALLEST:.3e} to {:.3e}", f32::MAX);
    }
    Ok(())
}

/// No NaN, no infinity.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for anything else.
pub fn finite(name: &str, value: f64) -> Result<()> {
    if !value.is_finite() {
        return invalid!("{name}: {value} is not a finite number; give a finite one");
    }
    Ok(())
}

/// What one step can do to a state.
pub struct Gain {
    /// The step size as the kernels see it.
    pub step_size: f64,
    /// The spectral radius.
    pub radius: f64,
    /// The friction.
    pub damping: f64,
    /// The restoring force.
    pub shift: f64,
    /// The correlation of A_ij with A_ji.
    pub correlation: f64,
    /// A bound of ‖A‖₂ at radius 1 and without shift.
    pub norm: f64,
    /// How the step is made.
    pub integrator: Integrator,
}

impl Gain {
    /// An upper bound of the norm of one step and of its stages. Backward Euler has no bound (its step can be singular): there it is Euler's.
    pub fn bound(&self) -> f64 {
        let random = self.step_size * self.radius * self.norm;
        let constant = -self.damping - self.step_size * self.shift;
        let z = constant.abs() + random;
        match self.integrator {
            Integrator::Euler | Integrator::BackwardEuler => (1.0 + constant).abs() + random,
            Integrator::Heun => 1.0 + z * (1.0 + z / 2.0),
            Integrator::Rk4 => 1.0 + z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0))),
            // The symmetric part of A decides, (1 + tau) / 2 of its variance: all of it for tau = 1, none for -1.
            Integrator::ExponentialEuler => {
                (constant + random * (1.0 + self.correlation).sqrt() / (1.0 + self.correlation.abs())).exp()
            }
            Integrator::Strang => (1.0 + z).powi(2),
            Integrator::StrangRk4 => (2.0 * z).exp(),
        }
    }

    /// Refuses a step that could overflow.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) where the bound is beyond 2^40.
    pub fn check(&self) -> Result<()> {
        let bound = self.bound();
        if bound <= LARGEST_GAIN {
            return Ok(());
        }
        let (step_size, radius, shift) = (plain(self.step_size), plain(self.radius), plain(self.shift));
        invalid!(
            "radius: one step could grow a state by {bound:.1e}, beyond 2^40, at step_size {step_size}, radius \
             {radius}, shift {shift}; lower one of them"
        )
    }
}
