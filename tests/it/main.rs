//! The one integration test binary.

mod dataset;
mod figure;
mod matrix;
