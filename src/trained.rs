//! Trained models: what the layers of a checkpoint do to the states of a text, by the kernels that run random layers.
//!
//! One layer's weights are in memory at a time. A [`Model`] hands them out, as they are or as a control; a [`Stack`] takes
//! the states of a text through them, layer by layer, and gives the Jacobians at these states, products with them, or their
//! largest eigenvalues and singular values alone.

mod control;
mod end_to_end;
pub mod facts;
mod leading;
mod likelihood;
pub mod lyapunov;
mod model;
mod operators;
mod readout;
pub mod spectrum;
mod stack;
pub mod sweep;

pub use likelihood::Likely;
pub use model::Model;
pub use operators::Way;
pub use readout::Logits;
pub use stack::{Jacobians, Stack};

/// The Euclidean length of a vector, or the Frobenius norm of a matrix.
fn length(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}
