//! Eigenvalues of many small real matrices, on the CPU and on the GPU.
//!
//! [`eigenvalues`] is the entry. On a GPU it goes to [`device`], whose steps are kernels. On a CPU it goes to `host::batch`,
//! where one matrix travels in each SIMD lane through steps of the same names: exact balancing (`host::balance`),
//! Hessenberg reduction (`host::hessenberg`), Francis' iteration (`host::francis`, `host::reflect`), eigenvalues of the
//! diagonal blocks and a check against the traces (`host::diagonal_blocks`). What fails the check is solved again in f64
//! (`host::exact`).
//!
//! # Speed
//!
//! Microseconds per matrix on one core of a Zen 4 server that others used too (best of many runs, side by side;
//! `benches/eigen.rs` and `benches/peers/eigvals.py`; LAPACK is OpenBLAS' `?geev`, `numpy` computes f32 in f64):
//!
//! | n | f32: ours | faer | numpy | sgeev | f64: ours | faer | numpy | dgeev |
//! |---|---|---|---|---|---|---|---|---|
//! | 16 | 3.8 | 41 | 44 | 29 | 6.4 | 45 | 36 | 49 |
//! | 32 | 11.5 | 153 | 134 | 161 | 28 | 221 | 166 | 150 |
//! | 64 | 65 | 715 | 699 | 607 | 160 | 1120 | 835 | 766 |
//! | 128 | 358 | 2843 | 4115 | 3303 | 861 | 4298 | 4563 | 4430 |
//! | 256 | 3057 | 15617 | 22285 | 12385 | 6923 | 26760 | 23125 | 23452 |
//!
//! These are batches. One f32 matrix alone of n = 256 takes about as long as in faer (16 against 12 to 16 ms).
//!
//! # Tried and rejected
//!
//! Times per matrix in f32 on one core of a Zen 4 server, uniform random matrices; the machine was shared.
//! - Vectors in a plain `Vec`, aligned like single numbers: 6.2, 20, 129 us at n = 16, 32, 64 instead of 3.4, 13, 68
//!   (`host::lanes::Buffer`).
//! - Reflectors applied from memory in the far updates instead of from local copies: part of the same step.
//! - `f32::mul_add` outside the functions compiled for FMA: a library call, a tenth of the time at n = 16.
//! - A Newton step that makes tau fit the rounded v: 4 to 20 % slower, errors no smaller (trace ratio 5.4 against 4.3).
//! - Exceptional shifts after 10 idle sweeps, as `lahqr`: no faster, and the rounding of the idle sweeps took the cyclic
//!   shift of width 8 over the sigma limit (2.25; 1.5 after 6 sweeps at worst).
//! - 256-bit vectors for n > 96, to keep more of a pack in the L2 cache: 396 against 379 us at n = 128, 2.73 against
//!   2.63 ms at n = 256.
//! - A pack for one matrix alone: as slow as a full one. One lane costs a fifth of it (17.7 against 57 us at n = 16).

pub mod arnoldi;
pub mod critical;
pub mod derived;
pub mod device;
pub mod facts;
#[doc(hidden)]
pub mod host;
mod krylov;
pub mod lanczos;
#[doc(hidden)]
pub mod norms;
pub mod peak;
mod precision;
pub mod pseudospectrum;
#[cfg(feature = "application")]
pub(crate) mod solve;
mod wing;

pub use host::lanes::Real;
#[cfg(feature = "application")]
pub(crate) use wing::precision_of_files;

use crate::device::Device;
use crate::error::Result;
use crate::invalid;

/// Eigenvalues of `matrices`, `[count, n, n]` in row-major order, on a device: one [`Spectrum`] for each, in order.
///
/// f32 matrices are solved in f32, on the reference in f64. f64 matrices are solved in f64 on the CPU, on the reference
/// and on GPUs that were opened in f64; other GPUs take them scaled by powers of two and rounded to f32, and leave to the
/// host what would vanish. What fails its checks is solved again in f64, and matrices wider than a GPU takes are solved on
/// the host. A matrix with an entry that is not finite is refused, the others are solved.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) if the length is no multiple of n², or n is 0; whatever the device
/// reports.
pub fn eigenvalues<T: Real>(device: &Device, matrices: &[T], n: usize) -> Result<Vec<Spectrum>> {
    if n == 0 || !matrices.len().is_multiple_of(n * n) {
        return invalid!("{} numbers are no stack of {n} x {n} matrices", matrices.len());
    }
    if size_of::<T>() == size_of::<f32>() {
        return precision::single(device, bytemuck::cast_slice(matrices), n);
    }
    let matrices: Vec<&[f64]> = bytemuck::cast_slice(matrices).chunks(n * n).collect();
    match wing::takes_f64(device) {
        true => precision::double(device, &matrices, n),
        false => precision::narrowed(device, &matrices, n),
    }
}

/// What became of one matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Eigenvalues are there and have passed the trace checks.
    Ok,
    /// Neither the fast path nor f64 gave eigenvalues that pass; there are none.
    NoConvergence,
    /// The matrix has an entry that is not finite, or not n * n entries; there are no eigenvalues.
    Refused,
    /// The magnitude of an eigenvalue is beyond the largest f64; there are none.
    Overflow,
}

/// Operations of the eigenvalues of a matrix, over the cube of its width.
pub(crate) const EIGENVALUE_WORK: f64 = 25.0;

/// The eigenvalues of one matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// `[re, im]` pairs, n of them or none. Conjugate pairs are adjacent and exact: equal re, opposite im.
    pub eigenvalues: Vec<[f64; 2]>,
    /// What became of the matrix.
    pub status: Status,
    /// How many eigenvalues are real.
    pub real: usize,
    /// Was the fast path's answer replaced by one computed in f64?
    pub solved_again: bool,
    /// The epsilon of the numbers that they were computed in, for the [`Band`](crate::numbers::verdict::Band) of a verdict.
    pub epsilon: f64,
}

impl Spectrum {
    /// A spectrum that is fine, computed with this epsilon.
    pub fn new(eigenvalues: Vec<[f64; 2]>, epsilon: f64, solved_again: bool) -> Self {
        let real = eigenvalues.iter().filter(|[_, im]| *im == 0.0).count();
        Spectrum { eigenvalues, status: Status::Ok, real, solved_again, epsilon }
    }

    /// The spectrum of a matrix without eigenvalues.
    pub fn without_values(status: Status) -> Self {
        let solved_again = status == Status::NoConvergence;
        Spectrum { eigenvalues: Vec::new(), status, real: 0, solved_again, epsilon: f64::EPSILON }
    }

    /// The spectral radius, max |λ|, if there are eigenvalues.
    pub fn radius(&self) -> Option<f64> {
        self.eigenvalues.iter().map(|[re, im]| re.hypot(*im)).reduce(f64::max)
    }

    /// The spectral abscissa, max Re λ, if there are eigenvalues.
    pub fn abscissa(&self) -> Option<f64> {
        self.eigenvalues.iter().map(|[re, _]| *re).reduce(f64::max)
    }

    /// The same with every eigenvalue replaced; an overflow if one is beyond f64.
    pub fn map(mut self, f: impl Fn([f64; 2]) -> [f64; 2]) -> Self {
        self.eigenvalues.iter_mut().for_each(|z| *z = f(*z));
        self.checked()
    }

    fn checked(self) -> Self {
        // Parts that are finite may have a magnitude that is not.
        let all_finite = self.eigenvalues.iter().all(|[re, im]| re.hypot(*im).is_finite());
        if all_finite { self } else { Spectrum::without_values(Status::Overflow) }
    }

    /// All eigenvalues times 2^e; a zero comes out positive.
    fn scaled(mut self, e: i32) -> Self {
        let part = |e: i32| f64::powi(2.0, e);
        // Three factors reach from the smallest denormal to the largest number.
        let factors = [part(e / 3), part(e / 3), part(e - e / 3 * 2)];
        for x in self.eigenvalues.as_flattened_mut() {
            *x = *x * factors[0] * factors[1] * factors[2] + 0.0;
        }
        self.checked()
    }
}
