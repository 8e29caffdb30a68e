//! The entry of the CPU eigenvalue solver: many real matrices at once.

use super::lanes::Real;
use super::pack::Share;
use crate::spectrum::{Spectrum, Status};
use pulp::{Scalar, Simd};
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
    /// One matrix at a time (with hardware FMA where there is one).
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
        return matrices.iter().map(|_| Spectrum::new(Vec::new(), T::ULP.to_f64(), false)).collect();
    }
    // Work space is made for width n only if there is a matrix of that width: n may be any number.
    if !matrices.iter().any(|matrix| n.checked_mul(n) == Some(matrix.len())) {
        return matrices.iter().map(|_| Spectrum::without_values(Status::Refused)).collect();
    }
    let share = share(matrices.len(), 64 / size_of::<T>(), rayon::current_num_threads());
    if matrices.len() <= share {
        return run(Share { matrices, n }, width);
    }
    let solved: Vec<Vec<Spectrum>> =
        matrices.par_chunks(share).map(|matrices| run(Share { matrices, n }, width)).collect();
    solved.into_iter().flatten().collect()
}

/// Matrices per task: whole packs, a few tasks per thread, each big enough to reuse its work space; and when there are
/// fewer packs than threads, packs with empty lanes rather than idle threads.
fn share(count: usize, pack: usize, threads: usize) -> usize {
    let fair = count.div_ceil(threads).max(1);
    if fair < pack { fair } else { count.div_ceil(pack).div_ceil(8 * threads).clamp(1, 64) * pack }
}

#[cfg(target_arch = "x86_64")]
fn run<T: Real>(share: Share<T>, width: Width) -> Vec<Spectrum> {
    use pulp::x86::{V3, V4};
    let Some(half) = V3::try_new() else { return Simd::vectorize(Scalar, share) };
    match (if width == Width::Auto { width_for(share.matrices.len(), size_of::<T>()) } else { width }, V4::try_new()) {
        (Width::Portable, _) => Simd::vectorize(half, OneByOne(share)),
        (Width::Auto | Width::Widest, Some(simd)) => Simd::vectorize(simd, share),
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

/// A pack costs the same however few of its lanes are in use, about five times the cost of one matrix alone.
#[cfg(target_arch = "x86_64")]
fn width_for(count: usize, size: usize) -> Width {
    let lanes = 64 / size;
    match () {
        () if 5 * count <= lanes => Width::Portable,
        () if 2 * count <= lanes => Width::Half,
        () => Width::Widest,
    }
}

/// A share solved by the portable code, whatever the instruction set it is compiled for.
#[cfg(target_arch = "x86_64")]
struct OneByOne<'a, T>(Share<'a, T>);

#[cfg(target_arch = "x86_64")]
impl<T: Real> pulp::WithSimd for OneByOne<'_, T> {
    type Output = Vec<Spectrum>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<Spectrum> {
        self.0.with_simd(Scalar)
    }
}
