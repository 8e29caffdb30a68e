//! Verdicts at the edge of rounding: how far a number must be from its limit to say on which side it lies.
//!
//! Is |Φ| above 1, is Re λ below 0, is a singular value 0? Computed numbers carry an error, and within it the answer is
//! "neither": neutral. The width of that [`Band`] is stated here from the error analysis, once for all verdicts.
//!
//! # Eigenvalues
//!
//! The solvers are backward stable: computed eigenvalues are exact ones of A + E with ‖E‖₂ <= 2 n ε ‖A‖₂, ε of the
//! numbers that they are computed in. The factor 2 is [`BACKWARD`], the limit to which the tests hold every family of
//! matrices on every device; LAPACK stays below 0.32. An eigenvalue of a normal matrix moves by ‖E‖₂ at most (Bauer and
//! Fike, Numer. Math. 2, 1960), any other by as much times its condition. The band takes the condition to be 1: within it
//! no verdict can be given for any matrix, beyond it a verdict is that of A + E, which is as good as A.
//!
//! # Growth factors
//!
//! Φ(z) with z = h λ - h mu - gamma is off by |Φ'| |h| times the error of λ, with |Φ'| = 1 for Euler's step
//! ([`Band::steeper`] for others), and by what f64 on the host adds: fewer than eight roundings of 1 + |h| ‖A‖.
//!
//! # Norms
//!
//! A sum of m squares, each rounded, is off by (m + 1) ε relatively at most, its root by half of it; so the logarithm of
//! the ratio of two norms is off by (m + 1) ε, and 3 ε for roots and quotient. A rate over k steps has a k-th of it.

use crate::spec::NormBound;
use serde::Serialize;

/// ‖E‖₂ / (n ε ‖A‖₂) at most, where computed eigenvalues are those of A + E.
pub const BACKWARD: f64 = 2.0;
/// Roundings of the host between an eigenvalue and |Φ|, each half an epsilon of f64 at most.
const HOST_ROUNDINGS: f64 = 8.0;

/// Half the width of the interval around a limit in which a number lies on neither side.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Band(f64);

impl Band {
    /// Of an eigenvalue, a singular value or a pivot of a matrix of width `n` and 2-norm `norm`, computed with this
    /// epsilon.
    pub fn of_eigenvalue(n: usize, epsilon: f64, norm: f64) -> Self {
        Band(BACKWARD * n as f64 * epsilon * norm)
    }

    /// Of an eigenvalue of this matrix `[n, n]`, row-major and finite, with the bound min(‖A‖_F, sqrt(‖A‖₁ ‖A‖_∞)) in
    /// place of ‖A‖₂: it is the same whatever else is computed of the matrix, and whatever its scale.
    pub fn of_matrix(matrix: &[f64], n: usize, epsilon: f64) -> Self {
        let bound = NormBound::of(matrix, n);
        // The largest entry comes last, for n times it may be beyond f64.
        Band(Band::of_eigenvalue(n, epsilon, bound.of_scaled).0 * bound.largest)
    }

    /// Of |Φ| of Euler's step M = keep + h A, with |h| ‖A‖₂ = `size` and eigenvalues computed with this epsilon.
    pub fn of_factor(n: usize, epsilon: f64, size: f64) -> Self {
        Band::of_eigenvalue(n, epsilon, size).plus(Band::of_host(size))
    }

    /// Of |keep + h λ| where λ is exact: what the host's own arithmetic adds, with |h λ| <= `size`.
    pub fn of_host(size: f64) -> Self {
        Band(HOST_ROUNDINGS * 0.5 * f64::EPSILON * (1.0 + size))
    }

    /// Of ln(|x| / |y|) for vectors of so many numbers, each norm computed with this epsilon.
    pub fn of_norms(numbers: usize, epsilon: f64) -> Self {
        Band((numbers as f64 + 4.0) * epsilon)
    }

    /// Where an error of z makes one that is so many times larger in |Φ(z)|.
    pub fn steeper(self, slope: f64) -> Self {
        Band(slope.abs() * self.0)
    }

    /// Of a sum of two numbers.
    pub fn plus(self, other: Self) -> Self {
        Band(self.0 + other.0)
    }

    /// The wider of two.
    pub fn max(self, other: Self) -> Self {
        Band(self.0.max(other.0))
    }

    /// Of a rate: a number over so many steps.
    pub fn over(self, steps: usize) -> Self {
        Band(self.0 / steps.max(1) as f64)
    }

    /// The half-width, to be kept somewhere and brought back.
    pub fn number(&mut self) -> &mut f64 {
        &mut self.0
    }

    /// The half-width.
    pub fn half_width(self) -> f64 {
        self.0
    }

    /// Does a number lie below its limit, by its distance from it? Never for NaN, as in the others.
    pub fn below(self, excess: f64) -> bool {
        excess < -self.0
    }

    /// Is it on neither side?
    pub fn within(self, excess: f64) -> bool {
        excess.abs() <= self.0
    }

    /// Does it lie above?
    pub fn above(self, excess: f64) -> bool {
        excess > self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_on_one_side_or_on_neither() {
        let band = Band(0.25);
        for (excess, sides) in [
            (-1.0, [true, false, false]),
            (-0.25, [false, true, false]),
            (0.0, [false, true, false]),
            (0.25, [false, true, false]),
            (f64::INFINITY, [false, false, true]),
            (f64::NEG_INFINITY, [true, false, false]),
            (f64::NAN, [false, false, false]),
        ] {
            assert_eq!([band.below(excess), band.within(excess), band.above(excess)], sides, "{excess}");
        }
    }

    #[test]
    fn bands_are_those_of_the_analysis() {
        let epsilon = f64::from(f32::EPSILON);
        assert_eq!(Band::of_eigenvalue(64, epsilon, 2.0).half_width(), 256.0 * 2.0_f64.powi(-23));
        // Exact eigenvalues leave the eight half roundings of 1 + 3.
        assert_eq!(Band::of_factor(8, 0.0, 3.0).half_width(), 16.0 * f64::EPSILON);
        assert_eq!(Band::of_norms(60, epsilon).over(8).half_width(), 8.0 * epsilon);
        assert_eq!(Band(3.0).steeper(-2.0).plus(Band(1.0)), Band(7.0));
    }

    /// A permutation has norm 1, whatever its width; of a row of ones Frobenius' norm is the smaller bound.
    #[test]
    fn bands_of_matrices_hold_at_every_scale() {
        let n = 16;
        let permutation =
            |size: f64| -> Vec<f64> { (0..n * n).map(|i| if (i / n + 3) % n == i % n { size } else { 0.0 }).collect() };
        let row: Vec<f64> = (0..n * n).map(|i| if i < n { -1.0 } else { 0.0 }).collect();
        let of = |matrix: &[f64], n| Band::of_matrix(matrix, n, f64::EPSILON).half_width() / f64::EPSILON;
        assert_eq!(of(&permutation(1.0), n), 32.0);
        assert_eq!(of(&row, n), 128.0);
        assert_eq!(of(&permutation(2.0_f64.powi(-900)), n), 32.0 * 2.0_f64.powi(-900));
        let beyond = Band::of_matrix(&[f64::MAX; 9], 3, f64::EPSILON).half_width();
        assert_eq!(beyond, 18.0 * f64::EPSILON * f64::MAX, "a norm beyond f64 has a band within it");
        assert_eq!(of(&[0.0; 4], 2), 0.0);
    }
}
