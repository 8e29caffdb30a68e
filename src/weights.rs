//! Where the weights of layers come from: drawn at random, or read from files of the user.

pub mod ensemble;
mod given;
pub mod matrix;
mod source;

pub use given::Scale;
pub use source::{Columns, Source, State};
