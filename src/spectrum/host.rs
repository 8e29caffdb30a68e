//! Eigenvalues on the host: one matrix travels in each SIMD lane. The stems are those of the kernels of the device wing:
//! balance, hessenberg, francis, diagonal_blocks.

pub mod balance;
pub mod batch;
pub mod diagonal_blocks;
pub mod exact;
pub mod francis;
pub mod hessenberg;
pub mod lanes;
pub mod pack;
pub mod reflect;
