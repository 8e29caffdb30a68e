//! Where the weights of layers come from: drawn at random, or read from files of the user.

pub mod ensemble;
mod given;
mod learned;
pub mod matrix;
mod source;

pub use given::Scale;
pub use learned::{Affine, LearnedLayer, LearnedSublayer, Projection};
pub use source::{Columns, Size, Source, State};
