//! Numbers and what is done with them: the arithmetic that kernels share, random numbers, matrix products, statistics,
//! and how near to a limit is too near for a verdict.

pub mod activation;
pub mod cores;
pub mod elementary;
pub mod matmul;
pub mod random;
pub mod real;
pub mod simd;
pub mod statistics;
pub mod verdict;
