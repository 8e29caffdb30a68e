//! eulerscope: a GPU laboratory for the stability of residual layers.
//!
//! The modules stand in the order of the data flow; a module uses only modules listed above it.
//!
//! ```text
//! spec ─→ weights ─→ layer ─→ rollout ─→ sweep ─→ results, figure ─→ cli
//!            └─────────┴─→ spectrum, lyapunov ──↗
//!                 all of them run on a  device (gpu | cpu | reference)
//!                 which runs  plan = list of  kernel = shaders/NAME.wgsl + src/kernel/NAME.rs
//! ```
#![warn(missing_docs)]

pub mod error;
pub mod spec;
pub mod numbers;
pub mod integrator;
pub mod machine;
pub mod kernel;
pub mod plan;
pub mod device;
pub mod weights;
pub mod layer;
pub mod rollout;
pub mod spectrum;
pub mod lyapunov;
pub mod sweep;
pub mod estimate;
pub mod figure;
pub mod results;
pub mod bench;
pub mod request;
pub mod cli;

/// The README's example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
