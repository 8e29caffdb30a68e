//! Francis' double-shift QR iteration for eigenvalues only, one Hessenberg matrix per SIMD lane.
//!
//! All lanes chase their bulge past the same position at the same time; a lane outside its active block [low, high]
//! gets identity reflectors. So a lane's arithmetic does not depend on its neighbours, only the waste does.
//! Sources: LAPACK `lahqr` (shifts) and `laqr0` (exceptional shifts after 6 sweeps without deflation); deflation of
//! Ahues and Tisseur (1997).

use super::lanes::Real;
use super::reflect::{self, BLOCK, Reflector};
use pulp::Simd;

/// Sweeps without deflation before an exceptional shift.
const PATIENCE: f64 = 6.0;

/// The active block of each lane: first and last index as numbers (last < 0: finished), and sweeps since it shrank.
struct Blocks<T: Real, S: Simd> {
    low: T::V<S>,
    high: T::V<S>,
    stalled: T::V<S>,
}

/// A pack of Hessenberg matrices: entry (i, j) of all lanes at `i * stride + j`. One zero row and column of padding.
pub struct Pack<'a, V> {
    /// The entries.
    pub h: &'a mut [V],
    /// Width of the matrices.
    pub n: usize,
    /// Vectors per row, at least n + 1.
    pub stride: usize,
}

/// Brings every lane to quasi-triangular form with exact zeros between the diagonal blocks. Gives per lane whether
/// it got there within 30 max(10, n) sweeps.
#[inline(always)]
pub fn iterate<T: Real, S: Simd>(s: S, pack: &mut Pack<T::V<S>>) -> T::V<S> {
    let zero = T::zero(s);
    let last = T::splat(s, T::from_f64(pack.n as f64 - 1.0));
    let mut blocks = Blocks { low: zero, high: last, stalled: zero };
    for _ in 0..30 * pack.n.max(10) {
        let Some((low, high)) = deflate::<T, S>(s, pack, &mut blocks) else { break };
        let shifts = shifts::<T, S>(s, pack, &blocks);
        sweep::<T, S>(s, pack, &blocks, &shifts, low, high);
        blocks.stalled = T::add(s, blocks.stalled, T::splat(s, T::ONE));
    }
    T::select(s, T::less(s, blocks.high, zero), T::splat(s, T::ONE), zero)
}

/// Zeroes negligible subdiagonal entries, drops blocks of one and two rows off the end, and finds each lane's active
/// block. Gives the span of all active blocks, or `None` when every lane is finished.
#[inline(always)]
fn deflate<T: Real, S: Simd>(s: S, pack: &mut Pack<T::V<S>>, blocks: &mut Blocks<T, S>) -> Option<(usize, usize)> {
    let (zero, one) = (T::zero(s), T::splat(s, T::ONE));
    let top = largest::<T, S>(blocks.high)?;
    let mut searching = T::at_most(s, zero, blocks.high);
    blocks.low = zero;
    for k in (0..=top).rev() {
        let at = T::splat(s, T::from_f64(k as f64));
        let mut cut = T::and(s, searching, T::at_most(s, at, blocks.high));
        if k > 0 {
            cut = T::and(s, cut, negligible::<T, S>(s, pack, k));
            if !T::any::<S>(cut) {
                continue;
            }
            let entry = &mut pack.h[k * pack.stride + k - 1];
            *entry = T::select(s, cut, zero, *entry);
        }
        let finished = T::and(s, cut, T::at_most(s, T::sub(s, blocks.high, at), one));
        let found = T::and(s, cut, T::less(s, one, T::sub(s, blocks.high, at)));
        blocks.high = T::select(s, finished, T::sub(s, at, one), blocks.high);
        blocks.stalled = T::select(s, finished, zero, blocks.stalled);
        blocks.low = T::select(s, found, at, blocks.low);
        // A lane goes on looking until its block has three rows or more.
        let still = T::select(s, found, zero, T::select(s, searching, one, zero));
        searching = T::less(s, zero, still);
    }
    let active = T::at_most(s, zero, blocks.high);
    blocks.low = T::select(s, active, blocks.low, T::splat(s, T::from_f64(pack.n as f64)));
    Some((smallest::<T, S>(blocks.low)?, largest::<T, S>(blocks.high)?))
}

/// The largest lane as an index; `None` when negative.
#[inline(always)]
fn largest<T: Real, S: Simd>(x: T::V<S>) -> Option<usize> {
    let most = bytemuck::cast_slice::<_, T>(&[x]).iter().fold(-1.0, |most: f64, x| x.to_f64().max(most));
    (most >= 0.0).then_some(most as usize)
}

/// The smallest lane as an index.
#[inline(always)]
fn smallest<T: Real, S: Simd>(x: T::V<S>) -> Option<usize> {
    let least = bytemuck::cast_slice::<_, T>(&[x]).iter().fold(f64::INFINITY, |least, x| x.to_f64().min(least));
    least.is_finite().then_some(least as usize)
}

/// May the entry (k, k - 1) be set to zero? First against its diagonal neighbours, then the test of Ahues and Tisseur.
#[inline(always)]
fn negligible<T: Real, S: Simd>(s: S, pack: &Pack<T::V<S>>, k: usize) -> T::M<S> {
    let at = |i: usize, j: usize| pack.h[i * pack.stride + j];
    let (zero, ulp) = (T::zero(s), T::splat(s, T::ULP));
    let (below, above) = (T::abs(s, at(k, k - 1)), T::abs(s, at(k - 1, k)));
    let (d0, d1) = (at(k - 1, k - 1), at(k, k));
    let mut near = T::add(s, T::abs(s, d0), T::abs(s, d1));
    let empty = T::at_most(s, near, zero);
    if T::any::<S>(empty) {
        let before = if k > 1 { T::abs(s, at(k - 1, k - 2)) } else { zero };
        near = T::select(s, empty, T::add(s, before, T::abs(s, at(k + 1, k))), near);
    }
    let dust = T::at_most(s, below, T::splat(s, T::TINY));
    let first = T::at_most(s, below, T::mul(s, ulp, near));
    let either = T::or(s, dust, first);
    if !T::any::<S>(either) {
        return either;
    }
    let order = |x, y| {
        let less = T::less(s, x, y);
        (T::select(s, less, x, y), T::select(s, less, y, x))
    };
    let (ba, ab) = order(below, above);
    let (bb, aa) = order(T::abs(s, d1), T::abs(s, T::sub(s, d0, d1)));
    let total = T::add(s, aa, ab);
    let left = T::mul(s, ba, T::div(s, ab, total));
    let right = T::mul(s, ulp, T::mul(s, bb, T::div(s, aa, total)));
    let second = T::or(s, T::at_most(s, left, right), T::at_most(s, left, T::splat(s, T::TINY)));
    T::or(s, dust, T::and(s, first, second))
}

/// Two shifts per lane: re1 + i im, re2 - i im.
struct Shifts<V> {
    re1: V,
    re2: V,
    im: V,
}

/// The eigenvalues of each lane's last 2x2 block; if they are real, twice the one nearer to the last entry.
#[inline(always)]
fn shifts<T: Real, S: Simd>(s: S, pack: &Pack<T::V<S>>, blocks: &Blocks<T, S>) -> Shifts<T::V<S>> {
    let [a, b, c, d] = trailing::<T, S>(s, pack, blocks);
    let (zero, one) = (T::zero(s), T::splat(s, T::ONE));
    let [a_, b_, c_, d_] = [a, b, c, d].map(|x| T::abs(s, x));
    let size = T::add(s, T::add(s, a_, b_), T::add(s, c_, d_));
    let inverse = T::select(s, T::less(s, zero, size), T::div(s, one, size), zero);
    let [a, b, c, d] = [a, b, c, d].map(|x| T::mul(s, x, inverse));
    let half = T::mul(s, T::splat(s, T::from_f64(0.5)), T::add(s, a, d));
    let determinant = T::fnma(s, b, c, T::mul(s, T::sub(s, a, half), T::sub(s, d, half)));
    let root = T::sqrt(s, T::abs(s, determinant));
    let complex = T::at_most(s, zero, determinant);
    let (plus, minus) = (T::add(s, half, root), T::sub(s, half, root));
    let nearer = T::less(s, T::abs(s, T::sub(s, plus, d)), T::abs(s, T::sub(s, minus, d)));
    let real = T::select(s, nearer, plus, minus);
    let re = T::mul(s, T::select(s, complex, half, real), size);
    Shifts { re1: re, re2: re, im: T::mul(s, T::select(s, complex, root, zero), size) }
}

/// The entries (a, b; c, d) of each lane's last 2x2 block, or LAPACK's exceptional ones after every sixth idle sweep.
#[inline(always)]
fn trailing<T: Real, S: Simd>(s: S, pack: &Pack<T::V<S>>, blocks: &Blocks<T, S>) -> [T::V<S>; 4] {
    let lanes = T::lanes::<S>();
    let mut out = [T::zero(s); 4];
    let h: &[T] = bytemuck::cast_slice(pack.h);
    let (low, high, stalled) = ([blocks.low], [blocks.high], [blocks.stalled]);
    let numbers = |x: &[T::V<S>; 1], lane: usize| bytemuck::cast_slice::<_, T>(x)[lane].to_f64();
    let entries: &mut [T] = bytemuck::cast_slice_mut(&mut out);
    for lane in 0..lanes {
        if numbers(&high, lane) < 2.0 {
            continue;
        }
        let (l, i) = (numbers(&low, lane) as usize, numbers(&high, lane) as usize);
        let at = |i: usize, j: usize| h[(i * pack.stride + j) * lanes + lane];
        let waited = numbers(&stalled, lane);
        let block = if waited > 0.0 && waited % PATIENCE == 0.0 {
            let bottom = waited % (2.0 * PATIENCE) == 0.0;
            let (x, y, d) = if bottom {
                (at(i, i - 1), at(i - 1, i - 2), at(i, i))
            } else {
                (at(l + 1, l), at(l + 2, l + 1), at(l, l))
            };
            exceptional(x, y, d)
        } else {
            [at(i - 1, i - 1), at(i - 1, i), at(i, i - 1), at(i, i)]
        };
        for (entry, x) in block.into_iter().enumerate() {
            entries[entry * lanes + lane] = x;
        }
    }
    out
}

/// The block that LAPACK takes its exceptional shifts from.
fn exceptional<T: Real>(x: T, y: T, d: T) -> [T; 4] {
    let size = x.to_f64().abs() + y.to_f64().abs();
    let a = T::from_f64(0.75 * size + d.to_f64());
    [a, T::from_f64(-0.4375 * size), T::from_f64(size), a]
}

/// The first column of (H - s1)(H - s2) at row k, scaled.
#[inline(always)]
fn start<T: Real, S: Simd>(s: S, pack: &Pack<T::V<S>>, shifts: &Shifts<T::V<S>>, k: usize) -> [T::V<S>; 3] {
    let at = |i: usize, j: usize| pack.h[i * pack.stride + j];
    let (d0, d1, below) = (at(k, k), at(k + 1, k + 1), at(k + 1, k));
    let (to1, to2) = (T::sub(s, d0, shifts.re1), T::sub(s, d0, shifts.re2));
    let size = T::add(s, T::abs(s, to2), T::add(s, T::abs(s, shifts.im), T::abs(s, below)));
    let inverse = T::div(s, T::splat(s, T::ONE), size);
    let below = T::mul(s, below, inverse);
    let first = T::fma(s, below, at(k, k + 1), T::mul(s, to1, T::mul(s, to2, inverse)));
    let x1 = T::fma(s, shifts.im, T::mul(s, shifts.im, inverse), first);
    let x2 = T::mul(s, below, T::add(s, to1, T::sub(s, d1, shifts.re2)));
    [x1, x2, T::mul(s, below, at(k + 2, k + 1))]
}

/// One bulge chase through rows low..=high, [`BLOCK`] positions at a time: first near the diagonal, then in one pass
/// over the far columns and one over the far rows.
#[inline(always)]
fn sweep<T: Real, S: Simd>(
    s: S,
    pack: &mut Pack<T::V<S>>,
    blocks: &Blocks<T, S>,
    shifts: &Shifts<T::V<S>>,
    low: usize,
    high: usize,
) {
    let stride = pack.stride;
    let mut first = low;
    while first < high {
        let count = BLOCK.min(high - first);
        let near = (first + count + 2).min(high + 1);
        let mut p = [Reflector::identity(s); BLOCK];
        for (r, p) in p[..count].iter_mut().enumerate() {
            let k = first + r;
            *p = chase::<T, S>(s, pack, blocks, shifts, k, low);
            reflect::left_one(s, pack.h, stride, k, k..near, *p);
            reflect::right_one(s, pack.h, stride, first..(k + 4).min(high + 1), k, *p);
        }
        reflect::left(s, pack.h, stride, first, near..high + 1, &p[..count]);
        reflect::right(s, pack.h, stride, low..first, first, &p[..count]);
        first += count;
    }
}

/// The reflector at position k: made from column k - 1, or from the shifts in lanes whose block starts at k.
#[inline(always)]
fn chase<T: Real, S: Simd>(
    s: S,
    pack: &mut Pack<T::V<S>>,
    blocks: &Blocks<T, S>,
    shifts: &Shifts<T::V<S>>,
    k: usize,
    low: usize,
) -> Reflector<T, S> {
    let zero = T::zero(s);
    let at = T::splat(s, T::from_f64(k as f64));
    let active = T::and(s, T::at_most(s, blocks.low, at), T::less(s, at, blocks.high));
    let begins = T::and(s, active, T::at_most(s, at, blocks.low));
    let mut x = [zero; 3];
    if k > low {
        x = std::array::from_fn(|i| pack.h[(k + i) * pack.stride + k - 1]);
    }
    let kept = x[0];
    if T::any::<S>(begins) {
        let begun = start::<T, S>(s, pack, shifts, k);
        x = std::array::from_fn(|i| T::select(s, begins, begun[i], x[i]));
    }
    let inside = T::at_most(s, T::add(s, at, T::splat(s, T::ONE)), T::sub(s, blocks.high, T::splat(s, T::ONE)));
    x[2] = T::select(s, inside, x[2], zero);
    let (reflector, beta) = Reflector::new(s, x, active);
    if k > low {
        pack.h[k * pack.stride + k - 1] = T::select(s, begins, kept, T::select(s, active, beta, kept));
        pack.h[(k + 1) * pack.stride + k - 1] = zero;
        pack.h[(k + 2) * pack.stride + k - 1] = zero;
    }
    reflector
}
