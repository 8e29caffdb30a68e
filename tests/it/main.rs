//! All integration tests, one binary.

mod adapter;
mod bench;
mod cli_bad_input;
mod cli_results;
mod dataset;
mod derived;
mod eigen_gpu;
mod eigen_pack;
mod exponents;
mod families;
mod figure;
mod matrix;
mod nonlinear;
mod oracle;
mod parity;
mod layer_tangent;
mod layer_theory;
mod spec;
mod theory;
mod tidy;
