//! The definitions, written down once more: what every number of the program *is*.
//!
//! Plain loops in f64, from the documentation alone: nothing here uses the program but to run it from outside, with a
//! command line, and to read its JSON and its tables. The devices check one another and the theory checks laws; only
//! this sees a mistake that shader, twin and tangent make alike.
//!
//! | definition | where |
//! |---|---|
//! | random numbers | [`random`] |
//! | own matrices and initial states | [`given`] |
//! | layers, norms, activations, attention | [`layer`] |
//! | integrators, Jacobians | [`integrator`] |
//! | trajectories, what is seen of them | [`trajectory`], [`end_step`] |
//! | cells and tables of a sweep | [`sweep`] |
//! | exponents | [`lyapunov`] |
//! | spectra, norms, peaks, critical steps | [`spectrum`] |
//! | statistics | [`statistics`] |
//! | bands of verdicts | [`band`] |
//! | remarks | [`remarks`] |
//! | tables of several combinations | [`combinations`] |
//! | what figures draw | [`figures`] |

mod band;
mod combinations;
mod compare;
mod dense;
mod figures;
mod given;
mod integrator;
mod layer;
mod lyapunov;
pub mod number;
mod observe;
mod pairwise;
mod program;
mod random;
mod remarks;
mod setting;
mod spectrum;
mod statistics;
mod sweep;
mod table;
mod trajectory;

mod closed_forms;
mod crowds;
mod known_answers;
mod lyapunovs;
mod spectra;
mod sweeps;
mod trained;
