//! What several kernels have in common. Rust halves of files in `shaders/shared` have their stems.

pub mod part;
pub(in crate::kernel) mod query_factors;
pub(in crate::kernel) mod query_softmax;
pub(in crate::kernel) mod stack;
pub mod team;
pub mod trajectory;
pub mod trips;
pub(in crate::kernel) mod unit_factors;

/// Sizes of buffers are multiples of this, so that everything can be read four at a time.
pub const PADDING: usize = 4;
