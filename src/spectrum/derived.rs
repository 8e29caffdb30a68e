//! What a matrix does besides its eigenvalues: norm, numerical range, non-normality, transient growth, critical step.
//!
//! Many at once by the kernels of [`norms`]; on the reference one by one in f64, by faer's singular values and symmetric
//! eigenvalues, which share nothing with the kernels.

use super::critical::critical_step_size;
use super::norms::{self, Norms, Peak, exponent_of_largest, f32_exponent, shifted};
use super::peak::{self, PeakStatus, Radius, Stop, Transient, peak};
use super::wing::Wing;
use super::{Spectrum, norms::Wanted as WantedNorms};
use crate::device::Device;
use crate::error::Result;
use crate::machine::Processor;
use crate::numbers::real::Real;
use crate::numbers::verdict::Band;
use crate::spec::Quantities;
use faer::{Mat, Side};
use rayon::prelude::*;
use serde::Serialize;

/// Powers that a device makes before the host goes on: a device cannot be stopped between them.
const POWERS_OF_HARDWARE: usize = 512;
/// The same on the host's own twins and on software drivers, where a product takes a thousand times as long.
const POWERS_OF_SOFTWARE: usize = 64;
/// Powers of a matrix whose powers have not decayed to this by then are left to the host at once.
const DECAYED: f64 = 0.25;

/// The quantities that can be beyond the largest f64.
pub const QUANTITIES_BEYOND: [&str; 4] = ["norm", "numerical_abscissa", "departure_from_normality", "transient_peak"];

/// Derived quantities of one matrix. What was not wanted is missing; what is beyond f64 is missing and named.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Derived {
    /// The 2-norm.
    pub norm: Option<f64>,
    /// The largest eigenvalue of (A + Aᵀ) / 2: the initial growth rate of the worst direction of dx/dt = A x.
    pub numerical_abscissa: Option<f64>,
    /// Henrici's departure from normality, sqrt(‖A‖_F² - Σ|λ|²).
    pub departure_from_normality: Option<f64>,
    /// The largest norm of a power, where it is known.
    pub transient_peak: Option<Peak>,
    /// What is known of it.
    pub transient_peak_status: Option<PeakStatus>,
    /// Where it is not known, the largest norm of the powers that were made: it is not below that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transient_peak_at_least: Option<Peak>,
    /// The largest h for which every |1 - damping + h λ| <= 1: 0 if there is none, missing if every h will do.
    pub critical_step_size: Option<f64>,
    /// Names of the quantities that are beyond the largest f64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overflow: Vec<&'static str>,
}

impl Derived {
    fn set_peak(&mut self, transient: Transient) {
        self.transient_peak = transient.peak();
        self.transient_peak_at_least = transient.at_least();
        self.transient_peak_status = Some(transient.status);
    }

    /// Takes away what is beyond f64 and names it.
    fn checked(mut self) -> Self {
        let [norm, numerical_abscissa, departure, peak] = QUANTITIES_BEYOND;
        let mut check = |name, value: &mut Option<f64>| {
            if value.is_some_and(|value| !value.is_finite()) {
                *value = None;
                self.overflow.push(name);
            }
        };
        check(norm, &mut self.norm);
        check(numerical_abscissa, &mut self.numerical_abscissa);
        check(departure, &mut self.departure_from_normality);
        if self.transient_peak_status == Some(PeakStatus::Overflow) {
            self.overflow.push(peak);
        }
        self
    }
}

/// Derived quantities of a finite matrix `[n, n]`, row-major, with its eigenvalues, in f64 on the host. The critical step
/// size is that of undamped steps.
pub fn derived(matrix: &[f64], n: usize, spectrum: &Spectrum) -> Derived {
    of_one(matrix, n, spectrum, Quantities::ALL, &|| false)
}

/// Those of [`derived`] that are wanted. `stop` ends the search for a peak early.
fn of_one(matrix: &[f64], n: usize, spectrum: &Spectrum, wanted: Quantities, stop: Stop) -> Derived {
    let a = Mat::from_fn(n, n, |i, j| matrix[i * n + j]);
    let mut derived = Derived {
        norm: wanted.norm.then(|| norm(&a)).flatten(),
        numerical_abscissa: wanted.numerical_abscissa.then(|| numerical_abscissa(&a)).flatten(),
        departure_from_normality: wanted.departure_from_normality.then(|| departure(matrix, spectrum)),
        critical_step_size: undamped(matrix, n, spectrum),
        ..Derived::default()
    };
    if wanted.transient_peak {
        derived.set_peak(peak(matrix, n, spectrum, stop));
    }
    derived.checked()
}

fn undamped(matrix: &[f64], n: usize, spectrum: &Spectrum) -> Option<f64> {
    critical_step_size(&spectrum.eigenvalues, 0.0, Band::of_matrix(matrix, n, spectrum.epsilon))
}

/// Derived quantities of many finite matrices `[n, n]`, each with its eigenvalues: by the kernels in f32 on a GPU, by
/// their twins in f64 on the CPU path, by [`derived`] on the reference. The critical step size is that of undamped steps.
/// `stop` ends searches for peaks early.
///
/// # Errors
/// What the device reports.
pub fn derived_all(
    device: &Device,
    matrices: &[&[f64]],
    n: usize,
    spectra: &[&Spectrum],
    wanted: Quantities,
    stop: Stop,
) -> Result<Vec<Derived>> {
    let wing = Wing::of(device, n <= norms::WIDEST);
    let Some(device) = wing.device() else {
        let pairs = matrices.par_iter().zip(spectra);
        return Ok(pairs.map(|(matrix, spectrum)| of_one(matrix, n, spectrum, wanted, stop)).collect());
    };
    // What does not fit the range of f32 is left to the host.
    let own: Vec<usize> =
        (0..matrices.len()).into_par_iter().filter(|&i| f32_exponent(matrices[i]).is_some()).collect();
    let mut all: Vec<Option<Derived>> = vec![None; matrices.len()];
    let batch = Batch { device, matrices, n, spectra };
    for (&i, derived) in own.iter().zip(batch.norms(&own, wanted)?) {
        all[i] = Some(Derived { critical_step_size: undamped(matrices[i], n, spectra[i]), ..derived });
    }
    if wanted.transient_peak {
        for (&i, transient) in own.iter().zip(batch.peaks(&own, stop)?) {
            all[i].iter_mut().for_each(|derived| derived.set_peak(transient));
        }
    }
    let on_host = |i: usize| of_one(matrices[i], n, spectra[i], wanted, stop);
    let each = all.into_par_iter().enumerate();
    Ok(each.map(|(i, found)| found.map_or_else(|| on_host(i), Derived::checked)).collect())
}

/// Matrices of which a device derives something.
struct Batch<'a> {
    device: &'a Device,
    matrices: &'a [&'a [f64]],
    n: usize,
    spectra: &'a [&'a Spectrum],
}

impl<'a> Batch<'a> {
    fn of(&self, which: &[usize]) -> (Vec<&'a [f64]>, Vec<&'a Spectrum>) {
        which.iter().map(|&i| (self.matrices[i], self.spectra[i])).unzip()
    }

    /// Norm, numerical abscissa and departure of these matrices, as far as they are wanted.
    fn norms(&self, which: &[usize], wanted: Quantities) -> Result<Vec<Derived>> {
        let (matrices, spectra) = self.of(which);
        if !wanted.norm && !wanted.numerical_abscissa {
            // Without tridiagonal matrices the device is no faster.
            let departure = |(matrix, spectrum): (&&[f64], &&Spectrum)| Derived {
                departure_from_normality: wanted.departure_from_normality.then(|| departure(matrix, spectrum)),
                ..Derived::default()
            };
            return Ok(matrices.par_iter().zip(&spectra).map(departure).collect());
        }
        let all = if wanted.numerical_abscissa { WantedNorms::All } else { WantedNorms::NoAbscissa };
        let found = norms::norms(self.device, &matrices, self.n, all, &spectra)?;
        let derived = |norms: Norms| Derived {
            norm: wanted.norm.then_some(norms.norm),
            numerical_abscissa: norms.numerical_abscissa,
            departure_from_normality: wanted.departure_from_normality.then_some(norms.departure),
            ..Derived::default()
        };
        Ok(found.into_iter().map(derived).collect())
    }

    /// The peaks of these matrices: those that a device finds in a few powers there, the others on the host.
    fn peaks(&self, which: &[usize], stop: Stop) -> Result<Vec<Transient>> {
        let hardware = self.device.machine().processor == Processor::Hardware;
        let most = if hardware { POWERS_OF_HARDWARE } else { POWERS_OF_SOFTWARE };
        let is_quick = |i: usize| {
            let decays = self.spectra[i].radius().is_some_and(|radius| radius.powi(most as i32) < DECAYED);
            decays && peak::radius(self.matrices[i], self.n, self.spectra[i]) == Radius::Below
        };
        let quick: Vec<usize> = which.par_iter().copied().filter(|&i| is_quick(i)).collect();
        let mut found: Vec<Option<Transient>> = vec![None; self.matrices.len()];
        for (&i, (peak, contracts)) in quick.iter().zip(norms::peaks(self.device, &self.of(&quick).0, self.n, most)?) {
            found[i] = contracts.then(|| Transient::new(peak, PeakStatus::Found));
        }
        let on_host = |&i: &usize| found[i].unwrap_or_else(|| peak(self.matrices[i], self.n, self.spectra[i], stop));
        Ok(which.par_iter().map(on_host).collect())
    }
}

/// The norms of many finite matrices `[n, n]` with their eigenvalues.
///
/// # Errors
/// What the device reports.
pub fn norms_and_departures<T: Real>(
    device: &Device,
    matrices: &[&[T]],
    n: usize,
    spectra: &[&Spectrum],
) -> Result<Vec<Norms>> {
    let wing = Wing::of_kernels(device, n <= norms::WIDEST);
    norms::norms(wing.device().unwrap_or(device), matrices, n, WantedNorms::NoAbscissa, spectra)
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

/// The largest eigenvalue of (A + Aᵀ) / 2, at the same scale.
fn numerical_abscissa(a: &Mat<f64>) -> Option<f64> {
    let exponent = exponent_of_largest(&[a.norm_max()]);
    let half = |x: f64| 0.5 * shifted(x, -exponent);
    let symmetric = Mat::from_fn(a.nrows(), a.ncols(), |i, j| half(a[(i, j)]) + half(a[(j, i)]));
    let values = symmetric.self_adjoint_eigenvalues(Side::Lower).ok()?;
    values.last().map(|&abscissa| shifted(abscissa, exponent))
}
