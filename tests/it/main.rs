//! All integration tests, one binary.

mod adapter;
mod cli_bad_input;
mod dataset;
mod figure;
mod matrix;
mod parity;
mod layer_tangent;
mod layer_theory;
mod spec;
