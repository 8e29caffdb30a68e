//! Closed forms: what is known beforehand of growth, norms, angles and evidence, with the source of each formula.
//!
//! Nothing here shares a formula with the kernels or the solvers, so that what they find can be held against it.

mod evidence;
mod gamma;
mod gaussian;
mod pre_norm;
mod products;
mod scalar;
#[cfg(test)]
mod tests;

pub use evidence::{LogOdds, beyond, commitment};
pub use gamma::digamma;
pub use gaussian::{MeanField, relu_cosine};
pub use pre_norm::{UniformAttention, angular_growth, norm_squared};
pub use products::{disc_outside_circle, iid_exponent, largest_stable_step};
pub use scalar::{crossing_time, factor};
