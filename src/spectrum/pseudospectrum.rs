//! Pseudospectra: the smallest singular value of z I - A over a grid of the complex plane.
//!
//! z is an eigenvalue of some A + E with ‖E‖₂ = σ_min(z I - A), and of none with a smaller E (Trefethen and Embree,
//! Spectra and Pseudospectra, 2005). Where eigenvalues say little, a non-normal matrix, the level lines say how far the
//! norm of powers can rise.

use faer::{Mat, c64};
use rayon::prelude::*;
use serde::Serialize;

/// σ_min(z I - A) on a grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pseudospectrum {
    /// Real parts of the grid, ascending.
    pub re: Vec<f64>,
    /// Imaginary parts of the grid, ascending and symmetric about 0.
    pub im: Vec<f64>,
    /// `[im, re]`: the smallest singular value; missing where its iteration failed.
    pub smallest_singular_value: Vec<Option<f64>>,
}

/// The pseudospectrum of a real matrix `[n, n]`, row-major, on a square grid of `points` x `points` that reaches half
/// again as far as the eigenvalues. A real matrix has a symmetric one, so only half of the grid is computed, by complex
/// singular values in f64, on all cores.
///
/// Each value is off by at most about n epsilon ‖z I - A‖₂.
pub fn pseudospectrum(matrix: &[f64], n: usize, eigenvalues: &[[f64; 2]], points: usize) -> Pseudospectrum {
    let (low, high) =
        eigenvalues.iter().fold((-1.0, 1.0), |(low, high), z| (f64::min(low, z[0]), f64::max(high, z[0])));
    let tall = eigenvalues.iter().fold(1.0, |tall, z| f64::max(tall, z[1].abs()));
    let (middle, half) = (f64::midpoint(low, high), 1.5 * f64::max(0.5 * (high - low), tall));
    let line = |center: f64| -> Vec<f64> {
        let place = |i: usize| center - half + 2.0 * half * i as f64 / (points.max(2) - 1) as f64;
        (0..points.max(2)).map(place).collect()
    };
    let (re, im) = (line(middle), line(0.0));
    let rows = im.len();
    let upper: Vec<Vec<Option<f64>>> = (rows / 2..rows)
        .into_par_iter()
        .map(|row| re.iter().map(|&x| smallest_singular_value(matrix, n, c64::new(x, im[row]))).collect())
        .collect();
    // Row i below the axis mirrors row `rows - 1 - i` above it.
    let smallest_singular_value =
        (0..rows).flat_map(|row| upper[row.max(rows - 1 - row) - rows / 2].iter().copied()).collect();
    Pseudospectrum { re, im, smallest_singular_value }
}

fn smallest_singular_value(matrix: &[f64], n: usize, z: c64) -> Option<f64> {
    let shifted = Mat::from_fn(n, n, |i, j| {
        let own = c64::new(-matrix[i * n + j], 0.0);
        if i == j { own + z } else { own }
    });
    shifted.singular_values().ok().and_then(|all| all.last().copied())
}
