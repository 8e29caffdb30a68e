//! eulerscope: a GPU laboratory for the stability of residual layers.
//!
//! The modules stand in the order of the data flow; a module uses only modules listed above it.

pub mod error;

pub mod matrix;

pub mod dataset;

pub mod figure;
