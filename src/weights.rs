//! Where the weights of layers come from: drawn at random, or read from files of the user.

pub mod ensemble;
pub mod matrix;
