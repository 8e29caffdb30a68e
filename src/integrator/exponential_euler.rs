//! Exponential Euler: x⁺ = e^Z x, exact for the linear model with Z = h A - gamma, and for that model only.
//!
//! e^Z x is the truncated Taylor series, after the scaling e^Z = (e^(Z/s))^s that keeps its terms small (Al-Mohy and
//! Higham 2011 choose s and the degree from norms of powers; the norms of random matrices are known).

use super::c64;

/// The largest norm of what one series is summed for. In f32 cancellation costs at most e^(2 x 2) = 55 ulp.
const LARGEST: f64 = 2.0;

/// Φ(z) = e^z, the solution itself: no step size is too large.
pub fn growth(z: c64) -> c64 {
    z.exp()
}

/// How often a series of which degree is applied in a step, for h A of at most this norm and numbers of this epsilon.
///
/// The first term left out is below epsilon / 4: x^(d+1) / (d+1)!. A norm that is a tenth larger than said makes it
/// 1.1^(d+1) times that, so the norm need not be a strict bound.
pub fn series(norm: f64, epsilon: f64) -> (usize, usize) {
    let substeps = (norm / LARGEST).ceil().max(1.0);
    let x = norm / substeps;
    let mut degree = 1;
    let mut rest = x * x / 2.0;
    while rest > epsilon / 4.0 {
        degree += 1;
        rest *= x / (degree + 1) as f64;
    }
    (substeps as usize, degree)
}

#[cfg(test)]
mod tests {
    use super::series;

    #[test]
    fn series_reach_their_epsilon() {
        for (norm, epsilon) in [(0.001, 1e-7), (0.5, 1e-16), (2.0, 1e-7), (7.3, 1e-16)] {
            let (substeps, degree) = series(norm, epsilon);
            let x = norm / substeps as f64;
            let terms = (0..=degree).scan(1.0, |term, k| {
                let now = *term;
                *term *= x / (k + 1) as f64;
                Some(now)
            });
            let error = (terms.sum::<f64>().powi(substeps as i32) / norm.exp() - 1.0).abs();
            assert!(error <= substeps as f64 * (epsilon + 4.0 * f64::EPSILON), "{norm}: {error:e}");
        }
    }
}
