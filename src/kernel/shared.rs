//! What several kernels have in common. Rust halves of files in `shaders/shared` have their stems.

pub mod part;
pub mod team;
pub mod trajectory;
pub mod trips;
