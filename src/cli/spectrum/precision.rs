//! Matrices of f64 on devices of f64 and of f32.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::spectrum::{self, Spectrum};

/// The eigenvalues of matrices in f64, on the host or on a GPU of f64.
pub fn in_f64(device: &Device, matrices: &[&[f64]], n: usize) -> Result<Vec<Spectrum>> {
    match device {
        Device::Gpu(_) if n <= spectrum::gpu::WIDEST => spectrum::gpu::eigenvalues(device, &matrices.concat(), n),
        _ => Ok(spectrum::batch::eigenvalues(matrices, n)),
    }
}

/// f64 matrices on a device of f32: each is scaled by a power of two so that its largest entry is between 1 and 2.
/// Where even so an entry would vanish in f32, the host solves the matrix in f64.
pub fn narrowed(device: &Device, matrices: &[&[f64]], n: usize) -> Result<Vec<Spectrum>> {
    let exponents: Vec<Option<i32>> = matrices.iter().map(|matrix| fitting_exponent(matrix)).collect();
    let narrow = matrices.iter().zip(&exponents).filter_map(|(matrix, exponent)| Some((matrix, (*exponent)?)));
    let narrow: Vec<f32> = narrow.flat_map(|(matrix, e)| matrix.iter().map(move |&x| scaled(x, -e) as f32)).collect();
    // These include matrices with NaN or infinity, which are refused.
    let wide = matrices.iter().zip(&exponents).filter(|(_, exponent)| exponent.is_none());
    let wide: Vec<&[f64]> = wide.map(|(matrix, _)| *matrix).collect();
    let mut on_device = spectrum::eigenvalues(device, &narrow, n)?.into_iter();
    let mut on_host = spectrum::batch::eigenvalues(&wide, n).into_iter();
    let solved = exponents.into_iter().map(|exponent| match exponent {
        Some(e) => on_device.next().map(|spectrum| spectrum.map(|[re, im]| [scaled(re, e), scaled(im, e)])),
        None => on_host.next(),
    });
    solved.collect::<Option<_>>().ok_or_else(|| Error::Bug("a matrix got no answer".to_string()))
}

/// The exponent of the largest entry, if the matrix is finite and fits f32 after division by it.
fn fitting_exponent(matrix: &[f64]) -> Option<i32> {
    if matrix.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let largest = matrix.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let exponent = if largest > 0.0 { largest.log2().floor() as i32 } else { 0 };
    let fits = |&x: &f64| x == 0.0 || scaled(x.abs(), -exponent) >= f64::from(f32::MIN_POSITIVE);
    matrix.iter().all(fits).then_some(exponent)
}

/// x times 2^e, in two factors, for one may be beyond f64.
fn scaled(x: f64, e: i32) -> f64 {
    x * f64::powi(2.0, e / 2) * f64::powi(2.0, e - e / 2)
}
