//! The one integration test binary.

mod dataset;
mod matrix;
