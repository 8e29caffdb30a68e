//! Eigenvalues of a quasi-triangular matrix, read off its diagonal blocks, and the sums that check them.

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
}
