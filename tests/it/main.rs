//! The one integration test binary.

mod matrix;
