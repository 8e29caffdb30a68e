//! All integration tests, one binary.

mod adapter;
mod parity;
mod cli_bad_input;
mod spec;
mod eigen_pack;
mod eigen_gpu;
mod families;
mod oracle;
