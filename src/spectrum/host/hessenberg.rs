//! Householder reduction to Hessenberg form, one matrix per SIMD lane.
//!
//! Each step touches the matrix once: the rank-2 update of the last step (A -= v w' + y v') and the two products of
//! the next one (w = A'v, y = A v) are fused, which is what makes it run at cache bandwidth. This is possible since
//! the next v depends on one column only, which is brought up to date first.

use super::lanes::{Buffer, Real};
use pulp::Simd;

/// The pending rank-2 update: v, w over columns and y over rows, one vector of lanes per entry.
pub struct Update<T: Real, S: Simd> {
    v: Buffer<T, S>,
    w: Buffer<T, S>,
    y: Buffer<T, S>,
}

impl<T: Real, S: Simd> Update<T, S> {
    /// Nothing pending, for width `n`.
    pub fn none(n: usize) -> Self {
        Update { v: Buffer::zeros(n), w: Buffer::zeros(n), y: Buffer::zeros(n) }
    }
}

/// Reduces every lane of `h` (`n` rows of `stride`) to Hessenberg form by an orthogonal similarity.
#[inline(always)]
pub fn reduce<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    n: usize,
    stride: usize,
    last: &mut Update<T, S>,
    next: &mut Update<T, S>,
) {
    let zero = T::zero(s);
    for part in [&mut last.v, &mut last.w, &mut last.y] {
        part.fill(zero);
    }
    for k in 0..n.saturating_sub(2) {
        update_column::<T, S>(s, h, n, stride, k, last);
        let tau = reflector::<T, S>(s, h, n, stride, k, &mut next.v);
        next.w.fill(zero);
        pass::<T, S>(s, h, n, stride, k, last, next);
        finish::<T, S>(s, k, tau, next);
        std::mem::swap(last, next);
    }
    for k in n.saturating_sub(2)..n {
        update_column::<T, S>(s, h, n, stride, k, last);
    }
}

/// Applies the pending update to column k.
#[inline(always)]
fn update_column<T: Real, S: Simd>(s: S, h: &mut [T::V<S>], n: usize, stride: usize, k: usize, last: &Update<T, S>) {
    let (vk, wk) = (last.v[k], last.w[k]);
    for ((row, &v), &y) in h.chunks_mut(stride).zip(&*last.v).zip(&*last.y).take(n) {
        row[k] = T::fnma(s, y, vk, T::fnma(s, v, wk, row[k]));
    }
}

/// The reflector that clears column k below the subdiagonal: writes v (1 at k + 1) and the cleared column; gives tau.
#[inline(always)]
fn reflector<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    n: usize,
    stride: usize,
    k: usize,
    v: &mut [T::V<S>],
) -> T::V<S> {
    let (zero, one) = (T::zero(s), T::splat(s, T::ONE));
    let head = h[(k + 1) * stride + k];
    let mut tail = zero;
    for i in k + 2..n {
        v[i] = h[i * stride + k];
        tail = T::add(s, tail, T::abs(s, v[i]));
    }
    let size = T::add(s, T::abs(s, head), tail);
    let small = T::less(s, size, T::splat(s, T::SMALL));
    let up = T::select(s, small, T::splat(s, T::UP), one);
    let down = T::select(s, small, T::splat(s, T::from_f64(1.0 / T::UP.to_f64())), one);
    let x1 = T::mul(s, head, up);
    let mut squares = T::mul(s, x1, x1);
    for x in &mut v[k + 2..n] {
        *x = T::mul(s, *x, up);
        squares = T::fma(s, *x, *x, squares);
    }
    let norm = T::sqrt(s, squares);
    let beta = T::select(s, T::at_most(s, zero, x1), T::sub(s, zero, norm), norm);
    let v1 = T::sub(s, x1, beta);
    let live = T::and(s, T::less(s, zero, tail), T::less(s, T::splat(s, T::TINY), size));
    let inverse = T::select(s, live, T::div(s, one, v1), zero);
    let tau = T::select(s, live, T::div(s, T::sub(s, zero, v1), beta), zero);
    for i in k + 2..n {
        v[i] = T::mul(s, v[i], inverse);
        h[i * stride + k] = zero;
    }
    v[..=k].fill(zero);
    v[k + 1] = one;
    h[(k + 1) * stride + k] = T::select(s, live, T::mul(s, beta, down), head);
    tau
}

/// The one pass over columns k+1.. of all rows: apply `last`, accumulate w = A'v and y = A v of `next`.
#[inline(always)]
fn pass<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    n: usize,
    stride: usize,
    k: usize,
    last: &Update<T, S>,
    next: &mut Update<T, S>,
) {
    let columns = k + 1..n;
    // Rows above k are in neither v: they see the right factor only.
    for i in 0..k {
        let row = &mut h[i * stride + k + 1..i * stride + n];
        let (y, mut sum) = (last.y[i], T::zero(s));
        for ((a, &v), &next_v) in row.iter_mut().zip(&last.v[columns.clone()]).zip(&next.v[columns.clone()]) {
            *a = T::fnma(s, y, v, *a);
            sum = T::fma(s, *a, next_v, sum);
        }
        next.y[i] = sum;
    }
    let mut i = k;
    while i + 4 <= n {
        rows::<T, S, 4>(s, &mut h[i * stride..], stride, i, columns.clone(), last, next);
        i += 4;
    }
    while i < n {
        rows::<T, S, 1>(s, &mut h[i * stride..], stride, i, columns.clone(), last, next);
        i += 1;
    }
}

/// R rows of the pass, so that w, v and the next v are loaded once for all of them.
#[inline(always)]
fn rows<T: Real, S: Simd, const R: usize>(
    s: S,
    h: &mut [T::V<S>],
    stride: usize,
    i: usize,
    columns: std::ops::Range<usize>,
    last: &Update<T, S>,
    next: &mut Update<T, S>,
) {
    let count = columns.len();
    let mut lines = h.chunks_mut(stride);
    let lines: [&mut [T::V<S>]; R] =
        std::array::from_fn(|_| lines.next().map_or(&mut [][..], |line| &mut line[columns.clone()][..count]));
    let v: [T::V<S>; R] = std::array::from_fn(|r| last.v[i + r]);
    let y: [T::V<S>; R] = std::array::from_fn(|r| last.y[i + r]);
    let next_vi: [T::V<S>; R] = std::array::from_fn(|r| next.v[i + r]);
    let mut sums = [T::zero(s); R];
    let (last_w, last_v) = (&last.w[columns.clone()][..count], &last.v[columns.clone()][..count]);
    let (next_v, next_w) = (&next.v[columns.clone()][..count], &mut next.w[columns][..count]);
    for j in 0..count {
        let (wj, vj, next_vj, mut product) = (last_w[j], last_v[j], next_v[j], next_w[j]);
        for r in 0..R {
            let a = T::fnma(s, y[r], vj, T::fnma(s, v[r], wj, lines[r][j]));
            lines[r][j] = a;
            sums[r] = T::fma(s, a, next_vj, sums[r]);
            product = T::fma(s, a, next_vi[r], product);
        }
        next_w[j] = product;
    }
    next.y[i..i + R].copy_from_slice(&sums);
}

/// Turns the products into the pending update: w <- tau w; y <- tau (y - tau (v'y) v).
#[inline(always)]
fn finish<T: Real, S: Simd>(s: S, k: usize, tau: T::V<S>, next: &mut Update<T, S>) {
    let mut inner = T::zero(s);
    for (&v, &y) in next.v[k + 1..].iter().zip(&next.y[k + 1..]) {
        inner = T::fma(s, v, y, inner);
    }
    let shift = T::mul(s, tau, inner);
    for ((y, &v), w) in next.y.iter_mut().zip(&*next.v).zip(&mut *next.w) {
        *y = T::mul(s, tau, T::fnma(s, shift, v, *y));
        *w = T::mul(s, tau, *w);
    }
}
