//! What a matrix does besides its eigenvalues: norm, numerical range, non-normality, transient growth, critical step.
//!
//! Many at once by the kernels of [`norms`]; on the reference one by one in f64, by faer's singular values and symmetric
//! eigenvalues, which share nothing with the kernels.

use super::Spectrum;
use super::norms::{self, MOST_STEPS, Norms, Peak, Wanted, exponent_of_largest, f32_exponent, shifted};
use crate::device::{Device, cpu::Cpu};
use crate::error::Result;
use faer::{Mat, Side};
use rayon::prelude::*;
use serde::Serialize;

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

/// Derived quantities of a finite matrix `[n, n]`, row-major, with its eigenvalues, in f64 on the host. The critical step
/// size is that of undamped steps.
pub fn derived(matrix: &[f64], n: usize, spectrum: &Spectrum) -> Derived {
    let a = Mat::from_fn(n, n, |i, j| matrix[i * n + j]);
    let exponent = exponent_of_largest(matrix);
    let symmetric = Mat::from_fn(n, n, |i, j| 0.5 * (shifted(a[(i, j)], -exponent) + shifted(a[(j, i)], -exponent)));
    let abscissa = symmetric.self_adjoint_eigenvalues(Side::Lower).ok().and_then(|all| all.last().copied());
    Derived {
        norm: norm(&a),
        numerical_abscissa: abscissa.map(|abscissa| shifted(abscissa, exponent)),
        departure_from_normality: Some(departure(matrix, spectrum)),
        transient_peak: decays(spectrum).then(|| transient_peak(&a)).flatten(),
        critical_step_size: critical_step_size(&spectrum.eigenvalues, 0.0),
    }
}

fn decays(spectrum: &Spectrum) -> bool {
    spectrum.radius().is_some_and(|radius| radius < 1.0)
}

/// Derived quantities of many finite matrices `[n, n]`, each with its eigenvalues: by the kernels in f32 on a GPU, by
/// their twins in f64 on the CPU path, by [`derived`] on the reference. The critical step size is that of undamped steps.
pub fn derived_all(device: &Device, matrices: &[&[f64]], n: usize, spectra: &[&Spectrum]) -> Result<Vec<Derived>> {
    let wide = Device::Reference(Cpu::default());
    let device = match device {
        Device::Gpu(_) if n <= norms::WIDEST && device.has_all_kernels() => device,
        Device::Gpu(_) | Device::Cpu(_) => &wide,
        Device::Reference(_) => {
            let pairs = matrices.par_iter().zip(spectra);
            return Ok(pairs.map(|(matrix, spectrum)| derived(matrix, n, spectrum)).collect());
        }
    };
    let fits: Vec<bool> = matrices.par_iter().map(|matrix| f32_exponent(matrix).is_some()).collect();
    let pick = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> { (0..matrices.len()).filter(|&i| wanted(i)).collect() };
    let of =
        |which: &[usize]| -> (Vec<&[f64]>, Vec<&Spectrum>) { which.iter().map(|&i| (matrices[i], spectra[i])).unzip() };
    let on_device = pick(&|i| fits[i]);
    let (own, own_spectra) = of(&on_device);
    let norms = norms::norms(device, &own, n, Wanted::All, &own_spectra)?;
    let decaying = pick(&|i| fits[i] && decays(spectra[i]));
    let peaks = norms::peaks(device, &of(&decaying).0, n)?;
    let mut all: Vec<Option<Derived>> = vec![None; matrices.len()];
    for (&i, norms) in on_device.iter().zip(norms) {
        all[i] = Some(Derived {
            norm: Some(norms.norm),
            numerical_abscissa: norms.numerical_abscissa,
            departure_from_normality: Some(norms.departure),
            transient_peak: None,
            critical_step_size: critical_step_size(&spectra[i].eigenvalues, 0.0),
        });
    }
    for (&i, peak) in decaying.iter().zip(peaks) {
        all[i].iter_mut().for_each(|derived| derived.transient_peak = peak);
    }
    // What does not fit the range of f32 is left to the host.
    let on_host = |i: usize| derived(matrices[i], n, spectra[i]);
    Ok(all.into_par_iter().enumerate().map(|(i, found)| found.unwrap_or_else(|| on_host(i))).collect())
}

/// ‖A‖₂ and Henrici's departure from normality over ‖A‖_F, of many finite matrices `[n, n]` with their eigenvalues.
pub fn norms_and_departures(
    device: &Device,
    matrices: &[&[f32]],
    n: usize,
    spectra: &[&Spectrum],
) -> Result<Vec<(f64, f64)>> {
    let wide = Device::Reference(Cpu::default());
    let too_wide = matches!(device, Device::Gpu(_)) && n > norms::WIDEST;
    let device = if too_wide || !device.has_all_kernels() { &wide } else { device };
    let relative = |norms: Norms| if norms.frobenius > 0.0 { norms.departure / norms.frobenius } else { 0.0 };
    let found = norms::norms(device, matrices, n, Wanted::NoAbscissa, spectra)?;
    Ok(found.into_iter().map(|norms| (norms.norm, relative(norms))).collect())
}

/// Henrici's departure from normality. Squares are taken at the scale of the largest entry, so that they neither
/// overflow nor vanish.
fn departure(entries: &[f64], spectrum: &Spectrum) -> f64 {
    let exponent = exponent_of_largest(entries);
    let square = |x: &f64| shifted(*x, -exponent).powi(2);
    let frobenius: f64 = entries.iter().map(square).sum();
    let normal: f64 = spectrum.eigenvalues.iter().flatten().map(square).sum();
    // Rounding may leave the difference of a normal matrix below 0.
    shifted((frobenius - normal).max(0.0).sqrt(), exponent)
}

/// The 2-norm, of 2^-e A with the largest entry in [1, 2): faer is right at moderate scales only.
fn norm(a: &Mat<f64>) -> Option<f64> {
    let exponent = exponent_of_largest(&[a.norm_max()]);
    let scaled = Mat::from_fn(a.nrows(), a.ncols(), |i, j| shifted(a[(i, j)], -exponent));
    scaled.singular_values().ok().and_then(|all| all.first().copied()).map(|norm| shifted(norm, exponent))
}

/// max_k ‖M^k‖ for k from 0, for a matrix whose powers decay; missing if they have not decayed in [`MOST_STEPS`].
fn transient_peak(m: &Mat<f64>) -> Option<Peak> {
    let mut power = Mat::<f64>::identity(m.nrows(), m.ncols());
    let mut peak = Peak { value: 1.0, step: 0 };
    for k in 1..=MOST_STEPS {
        power = m * &power;
        // The Frobenius norm bounds the 2-norm from above, and saves most of the singular values.
        let bound = power.norm_l2();
        if bound > peak.value {
            let value = norm(&power)?;
            if value > peak.value {
                peak = Peak { value, step: k };
            }
        }
        // No later power exceeds the earlier ones: ‖M^(q k + r)‖ <= ‖M^k‖^q ‖M^r‖.
        if bound < 0.5 {
            return Some(peak);
        }
    }
    None
}

/// The positive root of |λ|² h² + 2 (1 - γ) Re λ h + (1 - γ)² - 1 = 0 that is smallest over the eigenvalues.
pub fn critical_step_size(eigenvalues: &[[f64; 2]], damping: f64) -> Option<f64> {
    let keep = 1.0 - damping;
    let critical = |[re, im]: &[f64; 2]| {
        let (square, slope) = (re * re + im * im, keep * re);
        let root = (slope * slope + square * (1.0 - keep * keep)).max(0.0).sqrt();
        (square > 0.0).then(|| ((root - slope) / square).max(0.0))
    };
    eigenvalues.iter().filter_map(critical).reduce(f64::min)
}
