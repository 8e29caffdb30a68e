//! Matrices of f64 on devices of f64 and of f32.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::spectrum::norms::{f32_exponent, shifted};
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
    let exponents: Vec<Option<i32>> = matrices.iter().map(|matrix| f32_exponent(matrix)).collect();
    let narrow = matrices.iter().zip(&exponents).filter_map(|(matrix, exponent)| Some((matrix, (*exponent)?)));
    let narrow: Vec<f32> = narrow.flat_map(|(matrix, e)| matrix.iter().map(move |&x| shifted(x, -e) as f32)).collect();
    // These include matrices with NaN or infinity, which are refused.
    let wide = matrices.iter().zip(&exponents).filter(|(_, exponent)| exponent.is_none());
    let wide: Vec<&[f64]> = wide.map(|(matrix, _)| *matrix).collect();
    let mut on_device = spectrum::eigenvalues(device, &narrow, n)?.into_iter();
    let mut on_host = spectrum::batch::eigenvalues(&wide, n).into_iter();
    let solved = exponents.into_iter().map(|exponent| match exponent {
        Some(e) => on_device.next().map(|spectrum| spectrum.map(|[re, im]| [shifted(re, e), shifted(im, e)])),
        None => on_host.next(),
    });
    solved.collect::<Option<_>>().ok_or_else(|| Error::Bug("a matrix got no answer".to_string()))
}
