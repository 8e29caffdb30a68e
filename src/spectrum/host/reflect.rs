//! Householder reflectors of length three over SIMD lanes, and the updates a bulge chase makes with them.

use super::lanes::Real;
use pulp::Simd;

/// Reflectors applied in one pass over far rows and columns; with the six entries they touch they fill 26 of the 32
/// AVX-512 registers.
pub const BLOCK: usize = 4;

/// P = I - tau v v^T with v = (1, v2, v3), a different one in each lane, kept as v and -tau v.
/// The identity is all zeros, and applying it changes no bit of a nonzero number.
pub struct Reflector<T: Real, S: Simd> {
    v2: T::V<S>,
    v3: T::V<S>,
    n1: T::V<S>,
    n2: T::V<S>,
    n3: T::V<S>,
}

impl<T: Real, S: Simd> Clone for Reflector<T, S> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Real, S: Simd> Copy for Reflector<T, S> {}

impl<T: Real, S: Simd> Reflector<T, S> {
    /// Leaves everything as it is.
    #[inline(always)]
    pub fn identity(s: S) -> Self {
        let zero = T::zero(s);
        Reflector { v2: zero, v3: zero, n1: zero, n2: zero, n3: zero }
    }

    /// The reflector that maps x to (beta, 0, 0), and beta; identity and x1 in lanes that are not `active`.
    #[inline(always)]
    pub fn new(s: S, x: [T::V<S>; 3], active: T::M<S>) -> (Self, T::V<S>) {
        let (zero, one) = (T::zero(s), T::splat(s, T::ONE));
        let tail = T::add(s, T::abs(s, x[1]), T::abs(s, x[2]));
        let size = T::add(s, T::abs(s, x[0]), tail);
        let small = T::less(s, size, T::splat(s, T::SMALL));
        let up = T::select(s, small, T::splat(s, T::UP), one);
        let down = T::select(s, small, T::splat(s, T::from_f64(1.0 / T::UP.to_f64())), one);
        let [x1, x2, x3] = x.map(|x| T::mul(s, x, up));
        let norm = T::sqrt(s, T::fma(s, x3, x3, T::fma(s, x2, x2, T::mul(s, x1, x1))));
        let beta = T::select(s, T::at_most(s, zero, x1), T::sub(s, zero, norm), norm);
        let v1 = T::sub(s, x1, beta);
        let inverse = T::div(s, one, v1);
        let live = T::and(s, T::and(s, active, T::less(s, zero, tail)), T::less(s, T::splat(s, T::TINY), size));
        let n1 = T::select(s, live, T::div(s, v1, beta), zero);
        let v2 = T::select(s, live, T::mul(s, x2, inverse), zero);
        let v3 = T::select(s, live, T::mul(s, x3, inverse), zero);
        let reflector = Reflector { v2, v3, n1, n2: T::mul(s, n1, v2), n3: T::mul(s, n1, v3) };
        (reflector, T::select(s, live, T::mul(s, beta, down), x[0]))
    }

    /// (a, b, c) <- P (a, b, c).
    #[inline(always)]
    pub fn apply(&self, s: S, a: &mut T::V<S>, b: &mut T::V<S>, c: &mut T::V<S>) {
        let sum = T::fma(s, self.v3, *c, T::fma(s, self.v2, *b, *a));
        *a = T::fma(s, self.n1, sum, *a);
        *b = T::fma(s, self.n2, sum, *b);
        *c = T::fma(s, self.n3, sum, *c);
    }
}

/// Rows `row .. row + reflectors + 2`, columns `columns`, multiplied from the left by the reflectors in turn.
#[inline(always)]
pub fn left<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    stride: usize,
    row: usize,
    columns: std::ops::Range<usize>,
    reflectors: &[Reflector<T, S>],
) {
    if columns.is_empty() {
        return;
    }
    if let Ok(four) = <&[Reflector<T, S>; BLOCK]>::try_from(reflectors) {
        return left_four(s, h, stride, row, columns, four);
    }
    for (r, reflector) in reflectors.iter().enumerate() {
        left_one(s, h, stride, row + r, columns.clone(), *reflector);
    }
}

/// Three rows from `row`, multiplied from the left. The reflector comes by value, to live in registers.
#[inline(always)]
pub fn left_one<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    stride: usize,
    row: usize,
    columns: std::ops::Range<usize>,
    reflector: Reflector<T, S>,
) {
    let mut rows = h[row * stride..].chunks_mut(stride);
    let [a, b, c] = std::array::from_fn(|_| take(&mut rows, &columns));
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        reflector.apply(s, a, b, c);
    }
}

/// The next row, cut to the columns.
#[inline(always)]
fn take<'a, V>(rows: &mut std::slice::ChunksMut<'a, V>, columns: &std::ops::Range<usize>) -> &'a mut [V] {
    rows.next().map_or(&mut [], |row| &mut row[columns.clone()])
}

#[inline(always)]
fn left_four<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    stride: usize,
    row: usize,
    columns: std::ops::Range<usize>,
    reflectors: &[Reflector<T, S>; BLOCK],
) {
    let mut rows = h[row * stride..].chunks_mut(stride);
    let rows: [&mut [T::V<S>]; BLOCK + 2] = std::array::from_fn(|_| take(&mut rows, &columns));
    let [r0, r1, r2, r3, r4, r5] = rows;
    let reflectors = *reflectors;
    for (((((a, b), c), d), e), f) in r0.iter_mut().zip(r1).zip(r2).zip(r3).zip(r4).zip(r5) {
        let mut x = [*a, *b, *c, *d, *e, *f];
        apply_four(s, &mut x, &reflectors);
        [*a, *b, *c, *d, *e, *f] = x;
    }
}

#[inline(always)]
fn apply_four<T: Real, S: Simd>(s: S, x: &mut [T::V<S>; BLOCK + 2], p: &[Reflector<T, S>; BLOCK]) {
    let [a, b, c, d, e, f] = x;
    p[0].apply(s, a, b, c);
    p[1].apply(s, b, c, d);
    p[2].apply(s, c, d, e);
    p[3].apply(s, d, e, f);
}

/// Rows `rows`, columns `column .. column + reflectors + 2`, multiplied from the right by the reflectors in turn.
#[inline(always)]
pub fn right<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    stride: usize,
    rows: std::ops::Range<usize>,
    column: usize,
    reflectors: &[Reflector<T, S>],
) {
    if let Ok(four) = <&[Reflector<T, S>; BLOCK]>::try_from(reflectors) {
        let four = *four;
        for line in h[rows.start * stride..].chunks_exact_mut(stride).take(rows.len()) {
            if let Some(x) = line[column..].first_chunk_mut() {
                apply_four(s, x, &four);
            }
        }
        return;
    }
    for (r, reflector) in reflectors.iter().enumerate() {
        right_one(s, h, stride, rows.clone(), column + r, *reflector);
    }
}

/// Three columns from `column`, multiplied from the right.
#[inline(always)]
pub fn right_one<T: Real, S: Simd>(
    s: S,
    h: &mut [T::V<S>],
    stride: usize,
    rows: std::ops::Range<usize>,
    column: usize,
    reflector: Reflector<T, S>,
) {
    for line in h[rows.start * stride..].chunks_exact_mut(stride).take(rows.len()) {
        if let Some([a, b, c]) = line[column..].first_chunk_mut() {
            reflector.apply(s, a, b, c);
        }
    }
}
