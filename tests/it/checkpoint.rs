//! Trained models: what is read from real files and from tiny ones, against what their makers' libraries say.

mod converted;
pub mod damaged;
pub mod forward;
pub mod oracles;
pub mod real;
mod refused;
