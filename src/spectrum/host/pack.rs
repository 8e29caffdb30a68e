//! One pack: as many matrices as a SIMD register has lanes, taken from copies to spectra.

use super::balance::{self, Sums};
use super::diagonal_blocks::{self, Invariants};
use super::exact;
use super::francis::{self, Pack};
use super::hessenberg::{self, Update};
use super::lanes::{Buffer, Real};
use crate::spectrum::{Spectrum, Status};
use pulp::{Simd, WithSimd};

/// A share of a batch, solved pack after pack in one work space.
pub struct Share<'a, T> {
    /// Row-major matrices.
    pub matrices: &'a [&'a [T]],
    /// Their width, at least 1.
    pub n: usize,
}

impl<T: Real> WithSimd for Share<'_, T> {
    type Output = Vec<Spectrum>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> Vec<Spectrum> {
        let mut space = Space::<T, S>::new(self.n);
        let mut spectra = Vec::with_capacity(self.matrices.len());
        for matrices in self.matrices.chunks(T::lanes::<S>()) {
            solve::<T, S>(s, matrices, self.n, &mut space, &mut spectra);
        }
        spectra
    }
}

/// Work space for packs of width n.
struct Space<T: Real, S: Simd> {
    h: Buffer<T, S>,
    stride: usize,
    prepared: Vec<T>,
    sums: Sums<T>,
    last: Update<T, S>,
    next: Update<T, S>,
}

impl<T: Real, S: Simd> Space<T, S> {
    #[inline(always)]
    fn new(n: usize) -> Self {
        // An odd stride keeps the entries of a column in different sets of the cache.
        let stride = (n + 1) | 1;
        Space {
            h: Buffer::zeros((n + 1) * stride),
            stride,
            prepared: vec![T::ZERO; n * n],
            sums: Sums::new(n),
            last: Update::none(n),
            next: Update::none(n),
        }
    }
}

/// Solves up to one register's worth of matrices; appends their spectra in order.
#[inline(always)]
fn solve<T: Real, S: Simd>(s: S, matrices: &[&[T]], n: usize, space: &mut Space<T, S>, spectra: &mut Vec<Spectrum>) {
    // No vector has more lanes than a 512-bit register has bytes.
    let mut exponents = [None; 64];
    space.h.fill(T::zero(s));
    for (lane, matrix) in matrices.iter().enumerate() {
        exponents[lane] = load::<T, S>(matrix, n, lane, space);
    }
    let invariants = invariants::<T, S>(s, n, space);
    hessenberg::reduce::<T, S>(s, &mut space.h, n, space.stride, &mut space.last, &mut space.next);
    let mut pack = Pack { h: &mut space.h, n, stride: space.stride };
    let converged = [francis::iterate::<T, S>(s, &mut pack)];
    let converged: &[T] = bytemuck::cast_slice(&converged);
    for (lane, matrix) in matrices.iter().enumerate() {
        let Some(exponent) = exponents[lane] else {
            spectra.push(Spectrum::without_values(Status::Refused));
            continue;
        };
        let read = read::<T, S>(n, lane, space);
        let [trace, trace_of_square, squared_norm] = invariants;
        let number = |x: &T::V<S>| bytemuck::cast_slice::<_, T>(std::slice::from_ref(x))[lane].to_f64();
        let expected = Invariants {
            trace: number(&trace),
            trace_of_square: number(&trace_of_square),
            squared_norm: number(&squared_norm),
        };
        let fine = converged[lane] > T::ZERO && expected.agree(&read.eigenvalues, T::ULP.to_f64());
        spectra.push(if fine { read.scaled(exponent) } else { exact::solve(matrix, n) });
    }
}

/// Prepares a matrix and writes it into its lane. `None`: refused, the lane stays 0.
#[inline(always)]
fn load<T: Real, S: Simd>(matrix: &[T], n: usize, lane: usize, space: &mut Space<T, S>) -> Option<i32> {
    if matrix.len() != n * n {
        return None;
    }
    let exponent = balance::prepare(matrix, n, &mut space.prepared, &mut space.sums)?;
    let lanes = T::lanes::<S>();
    let h: &mut [T] = bytemuck::cast_slice_mut(&mut space.h);
    for (row, to) in space.prepared.chunks_exact(n).zip(h.chunks_mut(space.stride * lanes)) {
        for (&x, to) in row.iter().zip(to.chunks_exact_mut(lanes)) {
            to[lane] = x;
        }
    }
    Some(exponent)
}

/// tr A, tr A^2 and the squared norm of every lane.
#[inline(always)]
fn invariants<T: Real, S: Simd>(s: S, n: usize, space: &Space<T, S>) -> [T::V<S>; 3] {
    let at = |i: usize, j: usize| space.h[i * space.stride + j];
    let zero = T::zero(s);
    let (mut trace, mut squares, mut norm) = (zero, zero, zero);
    for i in 0..n {
        let diagonal = at(i, i);
        let (mut pairs, mut row) = (zero, zero);
        for j in 0..i {
            let (x, y) = (at(i, j), at(j, i));
            pairs = T::fma(s, x, y, pairs);
            row = T::fma(s, x, x, T::fma(s, y, y, row));
        }
        trace = T::add(s, trace, diagonal);
        squares = T::add(s, squares, T::fma(s, diagonal, diagonal, T::add(s, pairs, pairs)));
        norm = T::add(s, norm, T::fma(s, diagonal, diagonal, row));
    }
    [trace, squares, norm]
}

/// The eigenvalues in one lane of a quasi-triangular pack.
#[inline(always)]
fn read<T: Real, S: Simd>(n: usize, lane: usize, space: &Space<T, S>) -> Spectrum {
    let lanes = T::lanes::<S>();
    let h: &[T] = bytemuck::cast_slice(&space.h);
    let mut eigenvalues = Vec::with_capacity(n);
    let at = |i: usize, j: usize| h[(i * space.stride + j) * lanes + lane].to_f64();
    diagonal_blocks::of_quasi_triangular(n, at, &mut eigenvalues);
    Spectrum::new(eigenvalues, T::ULP.to_f64(), false)
}
