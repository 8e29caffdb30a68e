//! Eigenvalues on the host: one matrix travels in each SIMD lane. The stems are those of the kernels of the device wing:
//! balance, hessenberg, francis, diagonal_blocks.

pub(crate) mod balance;
pub mod batch;
pub mod diagonal_blocks;
pub mod exact;
pub(crate) mod francis;
pub(crate) mod hessenberg;
pub mod lanes;
mod pack;
mod reflect;
