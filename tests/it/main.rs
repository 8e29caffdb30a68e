//! All integration tests, one binary.

mod adapter;
mod bench;
mod cli_bad_input;
mod dataset;
mod eigen_pack;
mod families;
mod figure;
mod matrix;
mod oracle;
mod parity;
mod spec;
mod theory;
mod tidy;
