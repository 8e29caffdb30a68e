//! All integration tests, one binary.

mod cli_bad_input;
mod spec;
