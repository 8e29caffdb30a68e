//! Eigenvalues of a quasi-triangular matrix, read off its diagonal blocks, and the sums that check them.

use super::lanes::Real;
use crate::numbers::simd::{Work, dispatch};

/// Eigenvalues of (a, b; c, d) as [re, im] pairs; a complex pair is exactly conjugate, the positive imaginary part
/// first. The discriminant is summed with one rounding error less than plainly, as far as fused arithmetic goes.
pub fn of_block(a: f64, b: f64, c: f64, d: f64) -> [[f64; 2]; 2] {
    let half = 0.5 * (a - d);
    let product = b * c;
    let lost = b.mul_add(c, -product);
    let discriminant = half.mul_add(half, product) + lost;
    if discriminant < 0.0 {
        let (re, im) = (0.5 * (a + d), (-discriminant).sqrt());
        return [[re, im], [re, -im]];
    }
    let far = half + if half >= 0.0 { discriminant.sqrt() } else { -discriminant.sqrt() };
    let near = if far == 0.0 { 0.0 } else { product / far };
    [[d + far, 0.0], [d - near, 0.0]]
}

/// Eigenvalues of a quasi-triangular matrix of width `n`, given by its entries, in the order of the diagonal.
pub fn of_quasi_triangular(n: usize, at: impl Fn(usize, usize) -> f64, out: &mut Vec<[f64; 2]>) {
    let mut i = 0;
    while i < n {
        if i + 1 < n && at(i + 1, i) != 0.0 {
            out.extend(of_block(at(i, i), at(i, i + 1), at(i + 1, i), at(i + 1, i + 1)));
            i += 2;
        } else {
            out.push([at(i, i), 0.0]);
            i += 1;
        }
    }
}

/// What any similar matrix shares with its spectrum: tr A and tr A^2; and the scale of their errors, the squared
/// Frobenius norm.
#[derive(Clone, Copy, Debug)]
pub struct Invariants {
    /// Sum of the eigenvalues.
    pub trace: f64,
    /// Sum of their squares.
    pub trace_of_square: f64,
    /// Sum of all squared entries.
    pub squared_norm: f64,
}

impl Invariants {
    /// Those of 2^-e A, for a row-major matrix of width n in which no square is beyond f64 then.
    pub fn of<T: Real>(a: &[T], n: usize, e: i32) -> Self {
        dispatch(Sums { a, n, factors: [-e / 2, -e - -e / 2].map(|e| f64::powi(2.0, e)) })
    }

    /// Does the spectrum belong to the matrix, up to rounding of size `ulp`?
    ///
    /// The computed spectrum is that of A + E with |E|_F <= c n ulp |A|_F, c about 1 in practice. tr E is at most
    /// sqrt(n) |E|_F and tr (A+E)^2 - tr A^2 about 2 |A|_F |E|_F; both are far smaller when E is random. The limits
    /// 8 and 16 times n ulp leave a factor of two or more to the worst seen, and a lost or foreign eigenvalue exceeds them.
    pub fn agree(&self, eigenvalues: &[[f64; 2]], ulp: f64) -> bool {
        let n = eigenvalues.len() as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        for [re, im] in eigenvalues {
            sum += re;
            squares += re * re - im * im;
        }
        let norm = self.squared_norm.sqrt();
        (sum - self.trace).abs() <= 8.0 * n * ulp * norm
            && (squares - self.trace_of_square).abs() <= 16.0 * n * ulp * self.squared_norm
    }
}

/// The sums of [`Invariants`], in f64.
struct Sums<'a, T> {
    a: &'a [T],
    n: usize,
    /// Both together scale the entries.
    factors: [f64; 2],
}

/// Rows and columns of a block; the sums have as many lanes.
const BLOCK: usize = 8;

type Block<T> = [[T; BLOCK]; BLOCK];

impl<T: Real> Work for Sums<'_, T> {
    type Output = Invariants;

    /// Each block above the diagonal meets its mirror image, which is read as it lies: tr A^2 is the sum of all
    /// a_ij a_ji.
    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) -> Invariants {
        let n = self.n;
        let (mut on_diagonal, mut beside, mut norm) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
        for i in (0..n).step_by(BLOCK) {
            self.add::<FUSED>(&self.block(i, i), &self.block(i, i), &mut on_diagonal, &mut norm);
            for j in (i + BLOCK..n).step_by(BLOCK) {
                let (above, below) = (self.block(i, j), self.block(j, i));
                self.add::<FUSED>(&above, &below, &mut beside, &mut norm);
                for x in below.as_flattened().chunks_exact(BLOCK) {
                    for (sum, &x) in norm.iter_mut().zip(x) {
                        *sum = fused::<FUSED>(self.wide(x), self.wide(x), *sum);
                    }
                }
            }
        }
        let trace: f64 = (0..n).map(|i| self.wide(self.a[i * n + i])).sum();
        let trace_of_square = on_diagonal.iter().sum::<f64>() + 2.0 * beside.iter().sum::<f64>();
        let after = if Self::FITS { self.factors[0] * self.factors[1] } else { 1.0 };
        Invariants {
            trace: trace * after,
            trace_of_square: trace_of_square * after * after,
            squared_norm: norm.iter().sum::<f64>() * after * after,
        }
    }
}

impl<T: Real> Sums<'_, T> {
    /// The squares of an f32 fit into f64, so its sums are scaled rather than its entries, which is exact.
    const FITS: bool = size_of::<T>() < size_of::<f64>();

    #[inline(always)]
    fn wide(&self, x: T) -> f64 {
        if Self::FITS { x.to_f64() } else { x.to_f64() * self.factors[0] * self.factors[1] }
    }

    /// The block that begins at row i and column j, with zeros beyond the matrix.
    #[inline(always)]
    fn block(&self, i: usize, j: usize) -> Block<T> {
        let n = self.n;
        let (rows, columns) = (BLOCK.min(n - i), BLOCK.min(n - j));
        let mut block = [[T::ZERO; BLOCK]; BLOCK];
        for (r, row) in block.iter_mut().enumerate().take(rows) {
            let from = &self.a[(i + r) * n + j..][..columns];
            // A length that is known needs no call.
            match <&[T; BLOCK]>::try_from(from) {
                Ok(from) => *row = *from,
                Err(_) => row[..columns].copy_from_slice(from),
            }
        }
        block
    }

    /// Adds the products of the entries of a block and those of its mirror image, and the squares of the block's.
    #[inline(always)]
    fn add<const FUSED: bool>(
        &self,
        block: &Block<T>,
        mirror: &Block<T>,
        products: &mut [f64; BLOCK],
        squares: &mut [f64; BLOCK],
    ) {
        for r in 0..BLOCK {
            for c in 0..BLOCK {
                let (x, y) = (self.wide(block[r][c]), self.wide(mirror[c][r]));
                products[c] = fused::<FUSED>(x, y, products[c]);
                squares[c] = fused::<FUSED>(x, x, squares[c]);
            }
        }
    }
}

/// a b + c, in one instruction where there is one.
#[inline(always)]
fn fused<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_known_eigenvalues() {
        assert_eq!(of_block(0.0, 1.0, -1.0, 0.0), [[0.0, 1.0], [0.0, -1.0]]);
        assert_eq!(of_block(2.0, 0.0, 0.0, 3.0), [[2.0, 0.0], [3.0, 0.0]]);
        assert_eq!(of_block(1.0, 2.0, 2.0, 1.0), [[3.0, 0.0], [-1.0, 0.0]]);
        assert_eq!(of_block(0.0, 0.0, 0.0, 0.0), [[0.0, 0.0], [0.0, 0.0]]);
    }

    #[test]
    fn invariants_refuse_a_wrong_spectrum_and_nan() {
        let of_diagonal = Invariants { trace: 3.0, trace_of_square: 5.0, squared_norm: 5.0 };
        assert!(of_diagonal.agree(&[[1.0, 0.0], [2.0, 0.0]], 1e-7));
        assert!(!of_diagonal.agree(&[[1.5, 0.0], [1.5, 0.0]], 1e-7));
        assert!(!of_diagonal.agree(&[[1.0, 0.0], [f64::NAN, 0.0]], 1e-7));
    }
    /// Whole numbers, whose sums are exact in any order, against the definition.
    #[test]
    fn invariants_are_those_of_the_definition() {
        for n in [1, 2, 7, 8, 9, 16, 23, 40] {
            let a: Vec<f64> = (0..n * n).map(|i| ((i * 37 + i / 5) % 19) as f64 - 9.0).collect();
            let pairs = (0..n * n).map(|at| a[at] * a[at % n * n + at / n]);
            let (trace, squares) = ((0..n).map(|i| a[i * n + i]).sum::<f64>(), pairs.sum::<f64>());
            let norm: f64 = a.iter().map(|x| x * x).sum();
            let single: Vec<f32> = a.iter().map(|&x| x as f32).collect();
            for e in [-3, 0, 1, 30] {
                let unit = f64::powi(2.0, -e);
                for found in [Invariants::of(&a, n, e), Invariants::of(&single, n, e)] {
                    let found = [found.trace, found.trace_of_square, found.squared_norm];
                    assert_eq!(found, [trace * unit, squares * unit * unit, norm * unit * unit], "n = {n}, e = {e}");
                }
            }
        }
        let far = Invariants::of(&[f64::MAX, 0.0, 0.0, f64::MAX], 2, 1023);
        assert!((far.squared_norm - 8.0).abs() < 1e-14 && (far.trace - 4.0).abs() < 1e-14, "{far:?}");
    }
}
