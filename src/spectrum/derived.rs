//! What a matrix does besides its eigenvalues: norm, numerical range, non-normality, transient growth, critical step.
//!
//! All in f64 on the host, by faer's singular values and symmetric eigenvalues.

use super::Spectrum;
use faer::{Mat, Side};
use serde::Serialize;

/// Powers of a matrix are followed so far.
const MOST_STEPS: usize = 10_000;
/// A power this small relative to the peak will not come back.
const FORGOTTEN: f64 = 1e-6;

/// The largest norm of a power.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Peak {
    /// max_k ‖M^k‖.
    pub value: f64,
    /// The k at which it is.
    pub step: usize,
}

/// Derived quantities of one matrix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Derived {
    /// The 2-norm.
    pub norm: Option<f64>,
    /// The largest eigenvalue of (A + Aᵀ) / 2: the initial growth rate of the worst direction of dx/dt = A x.
    pub numerical_abscissa: Option<f64>,
    /// Henrici's departure from normality, sqrt(‖A‖_F² - Σ|λ|²).
    pub departure_from_normality: Option<f64>,
    /// The largest norm of a power; missing if the powers do not stay bounded.
    pub transient_peak: Option<Peak>,
    /// The largest h for which every |1 - damping + h λ| <= 1: 0 if there is none, missing if every h will do.
    pub critical_step_size: Option<f64>,
}

/// Derived quantities of `matrix`, `[n, n]` row-major, with eigenvalues `spectrum`; `step` is the matrix whose powers
/// are followed, and `damping` enters the critical step size.
pub fn derived(matrix: &[f64], step: &[f64], n: usize, spectrum: &Spectrum, damping: f64) -> Derived {
    let a = Mat::from_fn(n, n, |i, j| matrix[i * n + j]);
    let symmetric = Mat::from_fn(n, n, |i, j| 0.5 * (matrix[i * n + j] + matrix[j * n + i]));
    let radius = spectral_radius_of(step, n);
    Derived {
        norm: norm(&a),
        numerical_abscissa: symmetric.self_adjoint_eigenvalues(Side::Lower).ok().and_then(|all| all.last().copied()),
        departure_from_normality: Some(departure(matrix.iter().copied(), spectrum).0),
        transient_peak: radius.filter(|&radius| radius < 1.0).and_then(|_| transient_peak(step, n)),
        critical_step_size: critical_step_size(&spectrum.eigenvalues, damping),
    }
}

/// ‖A‖₂ and Henrici's departure from normality over ‖A‖_F, of a matrix `[n, n]` with eigenvalues `spectrum`.
pub fn norm_and_departure(matrix: &[f32], n: usize, spectrum: &Spectrum) -> (Option<f64>, f64) {
    let a = Mat::from_fn(n, n, |i, j| matrix[i * n + j] as f64);
    (norm(&a), departure(matrix.iter().map(|&x| x as f64), spectrum).1)
}

/// Henrici's departure from normality, and the same over ‖A‖_F. Squares are taken at the scale of the largest entry, so
/// that they neither overflow nor vanish.
fn departure(entries: impl Iterator<Item = f64> + Clone, spectrum: &Spectrum) -> (f64, f64) {
    let largest = entries.clone().fold(0.0, |largest, x| f64::max(largest, x.abs()));
    if largest == 0.0 {
        return (0.0, 0.0);
    }
    let frobenius: f64 = entries.map(|x| (x / largest).powi(2)).sum();
    let normal: f64 = spectrum.eigenvalues.iter().map(|z| (z[0] / largest).powi(2) + (z[1] / largest).powi(2)).sum();
    // Rounding may leave the difference of a normal matrix below 0.
    let root = (frobenius - normal).max(0.0).sqrt();
    (largest * root, root / frobenius.sqrt())
}

fn norm(a: &Mat<f64>) -> Option<f64> {
    a.singular_values().ok().and_then(|all| all.first().copied())
}

fn spectral_radius_of(step: &[f64], n: usize) -> Option<f64> {
    super::batch::eigenvalues(&[step], n).pop()?.radius()
}

/// max_k ‖M^k‖ for k from 0, for a matrix whose powers decay; missing if they have not decayed in [`MOST_STEPS`].
fn transient_peak(step: &[f64], n: usize) -> Option<Peak> {
    let m = Mat::from_fn(n, n, |i, j| step[i * n + j]);
    let mut power = Mat::<f64>::identity(n, n);
    let mut peak = Peak { value: 1.0, step: 0 };
    for k in 1..=MOST_STEPS {
        power = &m * &power;
        // The Frobenius norm bounds the 2-norm from above, and saves most of the singular values.
        let bound = power.norm_l2();
        if bound > peak.value {
            let value = norm(&power)?;
            if value > peak.value {
                peak = Peak { value, step: k };
            }
        }
        if bound < FORGOTTEN * peak.value.min(1.0) {
            return Some(peak);
        }
    }
    None
}

/// The positive root of |λ|² h² + 2 (1 - γ) Re λ h + (1 - γ)² - 1 = 0 that is smallest over the eigenvalues.
fn critical_step_size(eigenvalues: &[[f64; 2]], damping: f64) -> Option<f64> {
    let keep = 1.0 - damping;
    let critical = |[re, im]: &[f64; 2]| {
        let (square, slope) = (re * re + im * im, keep * re);
        let root = (slope * slope + square * (1.0 - keep * keep)).max(0.0).sqrt();
        (square > 0.0).then(|| ((root - slope) / square).max(0.0))
    };
    eigenvalues.iter().filter_map(critical).reduce(f64::min)
}
