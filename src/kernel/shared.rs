//! What several kernels have in common. A file of `shaders/shared` and the Rust half of it have the same stem.

pub mod part;
pub mod trajectory;
