//! The entry of the CPU eigenvalue solver: many real matrices at once.

use super::Spectrum;
use super::lanes::Real;
use super::pack::Share;
use pulp::{Scalar, Simd, WithSimd};
use rayon::prelude::*;

/// How many matrices move together in one SIMD register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// What is best for the machine and the matrices.
    Auto,
    /// 512 bits where there is AVX-512, else 256.
    Widest,
    /// 256 bits where there is AVX2 and FMA, else as on machines without.
    Half,
    /// The portable code, one matrix at a time.
    Portable,
}

/// Eigenvalues of `matrices`, each `n * n` real entries in row-major order; one [`Spectrum`] per matrix, in order.
///
/// Runs on rayon's current pool. The bits of a result depend on its matrix alone: not on its place, its neighbours
/// (even NaN ones), the number of threads or the vector width.
pub fn eigenvalues<T: Real>(matrices: &[&[T]], n: usize) -> Vec<Spectrum> {
    eigenvalues_at_width(matrices, n, Width::Auto)
}

/// As [`eigenvalues`], at a chosen vector width: for tests and benchmarks.
pub fn eigenvalues_at_width<T: Real>(matrices: &[&[T]], n: usize, width: Width) -> Vec<Spectrum> {
    if n == 0 {
        return matrices.iter().map(|_| Spectrum::new(Vec::new(), false)).collect();
    }
    // Whole packs, a few shares per thread: big enough to reuse work space, small enough to balance the load.
    let pack = 64 / size_of::<T>();
    let packs = matrices.len().div_ceil(pack);
    let share = packs.div_ceil(8 * rayon::current_num_threads()).clamp(1, 64) * pack;
    if matrices.len() <= share {
        return run(Share { matrices, n }, width);
    }
    let solved: Vec<Vec<Spectrum>> = matrices.par_chunks(share).map(|matrices| run(Share { matrices, n }, width)).collect();
    solved.into_iter().flatten().collect()
}

#[cfg(target_arch = "x86_64")]
fn run<T: Real>(share: Share<T>, width: Width) -> Vec<Spectrum> {
    use pulp::x86::{V3, V4};
    let Some(half) = V3::try_new() else { return Simd::vectorize(Scalar, share) };
    let lone = width == Width::Auto && share.matrices.len() <= 2 && share.n >= 64;
    match V4::try_new() {
        // The portable code, compiled with hardware FMA: no lane runs empty, and the working set is one matrix.
        _ if lone || width == Width::Portable => Simd::vectorize(half, || share.with_simd(Scalar)),
        Some(simd) if width != Width::Half => Simd::vectorize(simd, share),
        _ => Simd::vectorize(half, share),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn run<T: Real>(share: Share<T>, width: Width) -> Vec<Spectrum> {
    if width == Width::Portable {
        return Simd::vectorize(Scalar, share);
    }
    pulp::Arch::new().dispatch(share)
}
