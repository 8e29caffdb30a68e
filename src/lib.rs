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
#[cfg(feature = "application")]
pub mod estimate;
#[cfg(feature = "application")]
pub mod figure;
#[cfg(feature = "application")]
pub mod results;
#[cfg(feature = "application")]
pub mod bench;
#[cfg(feature = "application")]
pub mod request;
#[cfg(feature = "application")]
pub mod cli;

/// The README's example runs as a test.
#[cfg(all(doctest, feature = "application"))]
#[doc = include_str!("../README.md")]
struct Readme;
