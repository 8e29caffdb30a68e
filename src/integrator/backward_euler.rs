//! Backward Euler: the implicit step x⁺ = x + F(x⁺). Order 1. For the linear model only, where it is a system of linear
//! equations: (1 - z) x⁺ = x, with the matrix Z = h A - gamma in place of z.
//!
//! Kernels: `factorise` once for each layer, `solve` in each step.

use super::c64;

/// Φ(z) = 1 / (1 - z). Stable outside the disc |1 - z| < 1, so also where the equation itself explodes: it damps what
/// Euler overshoots, and hides what truly grows. At z = 1 there is no step.
pub fn growth(z: c64) -> c64 {
    let denominator = 1.0 - z;
    // Complex division by 0 would give NaN.
    if denominator == c64::new(0.0, 0.0) { c64::new(f64::INFINITY, 0.0) } else { 1.0 / denominator }
}
