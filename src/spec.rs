//! What is asked for: plain data, checked once, before anything is allocated or any device is opened.
//!
//! - [`Grid`] is the little language of swept axes.
//! - [`SweepSpec`], [`SpectrumSpec`] and [`LyapunovSpec`] are what the commands do. They share [`EnsembleSpec`] (which
//!   members there are) and [`LayerSpec`] (what a layer computes), and serialise flat, under the names of the flags.
//! - [`Axes`] are the keys that a sweep varies around its map; every combination of them is a plain [`SweepSpec`].
//! - [`Shard`] is the part of a sweep that one of many machines does.
//!
//! An invalid specification is [`crate::error::Error::Invalid`]: one line that names the key to change.

mod axes;
pub(crate) mod check;
mod ensemble;
mod essay;
mod given;
pub mod grid;
mod layer;
mod lyapunov;
mod map_axes;
mod shard;
mod spectrum;
mod sweep;
mod trained;
mod words;

pub use axes::{Axes, Axis, MOST_COMBINATIONS};
pub use ensemble::{EnsembleSpec, MOST_MEMBERS, WIDEST};
pub use essay::EssaySpec;
pub(crate) use given::NormBound;
pub use given::{InitialStates, Matrices, Origin};
pub use grid::{Grid, MOST_POINTS};
pub use layer::{Gains, LayerSpec, MOST_ATTENTION, MOST_TOKENS, NORM_EPSILON};
pub use lyapunov::LyapunovSpec;
pub use map_axes::{MapAxes, MapAxis};
pub use shard::{MOST_SHARDS, Shard};
pub use spectrum::{Quantities, SpectrumSpec};
pub use sweep::{DEEPEST, SweepSpec};
pub use trained::{Tokens, TrainedInput, TrainedLyapunovSpec, TrainedSpectrumSpec, TrainedSweepSpec};
pub use words::{
    Activation, Control, Ensemble, Integrator, Mask, Model, NormKind, NormPlacement, Precision, RadiusKind,
    StepScaling, Weights, Word,
};
