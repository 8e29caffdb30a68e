//! All integration tests, one binary.

mod adapter;
mod attention;
mod axes;
mod bench;
mod cli_bad_input;
mod cli_results;
mod dataset;
mod eigen_gpu;
mod eigen_pack;
mod exponents;
mod families;
mod figure;
mod matrix;
mod nonlinear;
mod oracle;
mod parity;
mod integrators;
mod layer_tangent;
mod layer_theory;
mod scaling_theory;
mod spec;
mod tangent_theory;
mod theory;
mod tidy;
