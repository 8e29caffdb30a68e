//! The soak: a million random matrices of mixed families and sizes, and not one wrong answer that says it is right.
//!
//! The solver vouches for its spectra by the traces of A and A². Here they are judged by one that it never sees: the
//! trace of A³, in f64.

use super::watch::{News, Watch};
use crate::device::Device;
use crate::error::Result;
use crate::numbers::random::{Stream, Tensor};
use crate::spectrum::{self, Spectrum, Status};
use rayon::prelude::*;
use serde::Serialize;
use std::time::Instant;

/// Matrices of a soak.
const MATRICES: usize = 1_000_000;
/// Matrices of a quick one.
const QUICK_MATRICES: usize = 20_000;
/// Matrices of one size that are solved at once.
const AT_ONCE: usize = 4096;
/// Sizes, in turns.
const SIZES: [usize; 12] = [2, 3, 4, 5, 7, 8, 12, 16, 17, 24, 32, 48];
/// Allowed error of the trace of A³ in n ulp ‖A‖_F³: three times the limit on that of A, for the three factors.
const LIMIT: f64 = 18.0;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Soak {
    /// The device.
    pub device: &'static str,
    /// Matrices that were solved.
    pub matrices: usize,
    /// Spectra that say they are right and are not.
    pub wrong: usize,
    /// Spectra that failed the solver's own checks and were solved again in f64.
    pub solved_again: usize,
    /// Matrices without eigenvalues.
    pub failed: usize,
    /// The worst error of the trace of A³, in n ulp ‖A‖_F³; beyond 18 counts as wrong.
    pub worst: f64,
    /// Seconds, drawing and checking included.
    pub seconds: f64,
}

/// Soaks one device until `watch` stops; nothing if it has stopped before.
pub(super) fn soak(
    device: &Device,
    label: &'static str,
    seed: u64,
    quick: bool,
    watch: &mut Watch<'_>,
) -> Result<Option<Soak>> {
    let start = Instant::now();
    let mut soak = Soak { device: label, matrices: 0, wrong: 0, solved_again: 0, failed: 0, worst: 0.0, seconds: 0.0 };
    let wanted = if quick { QUICK_MATRICES } else { MATRICES };
    let mut round = 0;
    while soak.matrices < wanted && watch.at(soak.matrices as f64 / wanted as f64, "soak") {
        let n = SIZES[round as usize % SIZES.len()];
        let count = AT_ONCE.min(wanted - soak.matrices);
        let stack: Vec<f32> = (0..count as u32).into_par_iter().flat_map_iter(|i| matrix(seed, round, i, n)).collect();
        let spectra = spectrum::eigenvalues(device, &stack, n)?;
        let errors: Vec<f64> =
            stack.par_chunks(n * n).zip(&spectra).map(|(matrix, spectrum)| error(matrix, n, spectrum)).collect();
        for (spectrum, error) in spectra.iter().zip(errors) {
            soak.solved_again += usize::from(spectrum.solved_again);
            soak.failed += usize::from(spectrum.status != Status::Ok);
            // Written so that NaN counts as wrong.
            let right = error <= LIMIT || spectrum.status != Status::Ok;
            soak.wrong += usize::from(!right);
            soak.worst = if error <= soak.worst { soak.worst } else { error };
        }
        soak.matrices += count;
        round += 1;
    }
    soak.seconds = start.elapsed().as_secs_f64();
    if soak.matrices == 0 {
        return Ok(None);
    }
    watch.tell(News::Soak(&soak));
    Ok(Some(soak))
}

/// A random matrix of one of eight families.
fn matrix(seed: u64, round: u32, index: u32, n: usize) -> Vec<f32> {
    let stream = Stream { seed, member: index, tensor: Tensor::Test as u32, step: round };
    let g = |i: usize, j: usize| stream.standard((i * n + j) as u32) as f32;
    let unit = if n > 0 { 1.0 / (n as f32).sqrt() } else { 1.0 };
    let entry = |i: usize, j: usize| match index % 8 {
        0 => unit * g(i, j),
        1 => f32::from(u8::from(i == j)) + 0.1 * unit * g(i, j),
        2 => g(i.min(j), i.max(j)),
        3 => g(i, j).round(),
        4 if g(i, j).abs() < 1.2 => 0.0,
        4 => g(i, j),
        5 => g(i, j) * (8.0 * (i as f32 - j as f32) / n as f32).exp2(),
        6 if i > j => 1e-3 * g(i, j),
        6 => g(i, j),
        _ => g(i, 0) * g(0, j) + if i == j { 0.9 } else { 0.0 },
    };
    (0..n * n).map(|k| entry(k / n, k % n)).collect()
}

/// |Σ λ³ - tr A³| in n ulp ‖A‖_F³.
fn error(matrix: &[f32], n: usize, spectrum: &Spectrum) -> f64 {
    let a = |i: usize, j: usize| matrix[i * n + j] as f64;
    let mut trace = 0.0;
    for i in 0..n {
        for j in 0..n {
            let square: f64 = (0..n).map(|k| a(j, k) * a(k, i)).sum();
            trace += a(i, j) * square;
        }
    }
    let cubes: f64 = spectrum.eigenvalues.iter().map(|[re, im]| re * (re * re - 3.0 * im * im)).sum();
    let norm = matrix.iter().map(|&x| x as f64 * x as f64).sum::<f64>().sqrt();
    let unit = n as f64 * f32::EPSILON as f64 * norm.powi(3);
    match spectrum.status {
        Status::Ok if unit > 0.0 => (cubes - trace).abs() / unit,
        // A zero matrix has zero eigenvalues; a failure is counted as one.
        Status::Ok => cubes.abs(),
        _ => 0.0,
    }
}
