//! Matrices of f32 and f64 on devices of either.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::spectrum::norms::{f32_exponent, shifted};
use crate::spectrum::wing::{Eigensolver, eigensolver};
use crate::spectrum::{Spectrum, device, host};

/// The eigenvalues of f32 matrices: in f32, on the reference in f64.
pub fn single(on: &Device, matrices: &[f32], n: usize) -> Result<Vec<Spectrum>> {
    match eigensolver(on, n) {
        Eigensolver::Device => device::eigenvalues(on, matrices, n),
        Eigensolver::Single => Ok(host::batch::eigenvalues(&matrices.chunks(n * n).collect::<Vec<_>>(), n)),
        Eigensolver::Double => {
            let wide: Vec<f64> = matrices.iter().map(|&x| x.into()).collect();
            Ok(host::batch::eigenvalues(&wide.chunks(n * n).collect::<Vec<_>>(), n))
        }
    }
}

/// The eigenvalues of f64 matrices in f64, on the host or on a GPU of f64.
pub fn double(on: &Device, matrices: &[&[f64]], n: usize) -> Result<Vec<Spectrum>> {
    match eigensolver(on, n) {
        Eigensolver::Device => device::eigenvalues(on, &matrices.concat(), n),
        Eigensolver::Single | Eigensolver::Double => Ok(host::batch::eigenvalues(matrices, n)),
    }
}

/// f64 matrices on a device of f32: each is scaled by a power of two so that its largest entry is between 1 and 2.
/// Where even so an entry would vanish in f32, the host solves the matrix in f64.
pub fn narrowed(on: &Device, matrices: &[&[f64]], n: usize) -> Result<Vec<Spectrum>> {
    let exponents: Vec<Option<i32>> = matrices.iter().map(|matrix| f32_exponent(matrix)).collect();
    let narrow = matrices.iter().zip(&exponents).filter_map(|(matrix, exponent)| Some((matrix, (*exponent)?)));
    let narrow: Vec<f32> = narrow.flat_map(|(matrix, e)| matrix.iter().map(move |&x| shifted(x, -e) as f32)).collect();
    // These include matrices with NaN or infinity, which are refused.
    let wide = matrices.iter().zip(&exponents).filter(|(_, exponent)| exponent.is_none());
    let wide: Vec<&[f64]> = wide.map(|(matrix, _)| *matrix).collect();
    let mut on_device = single(on, &narrow, n)?.into_iter();
    let mut on_host = host::batch::eigenvalues(&wide, n).into_iter();
    let solved = exponents.into_iter().map(|exponent| match exponent {
        Some(e) => on_device.next().map(|spectrum| spectrum.map(|[re, im]| [shifted(re, e), shifted(im, e)])),
        None => on_host.next(),
    });
    solved.collect::<Option<_>>().ok_or_else(|| Error::Bug("a matrix got no answer".to_string()))
}
