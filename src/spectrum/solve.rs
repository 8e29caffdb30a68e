//! The eigenvalues of an ensemble, or of the matrices of a file, with what is said of each matrix.

use super::critical::critical_step_size;
use super::derived::{Derived, derived_all};
use super::facts::Facts;
use super::{precision, precision_of_files};
use crate::device::cpu::Cpu;
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::numbers::verdict::Band;
use crate::spec::{Precision, RadiusKind, SpectrumSpec};
use crate::spectrum::{self, Spectrum, Status};
use crate::weights::ensemble::{band_of_step, draw_matrices, unit};
use crate::weights::matrix::MatrixStack;
use rayon::prelude::*;
use std::ops::ControlFlow;

/// The work of a matrix whose quantities are derived, over the cube of its width, on the CPU path.
const DERIVED_WORK: f64 = 300.0;

/// What came of the matrices, or of the first of them if it was stopped before the last one.
#[derive(Default)]
pub struct Solved {
    /// One for each matrix.
    pub facts: Vec<Facts>,
    /// The spectra that are spoken of, of A or M; none where they are not kept.
    pub spoken: Vec<Spectrum>,
    /// The spectra of A, of matrices of a file.
    pub of_layers: Vec<Spectrum>,
    /// Was it stopped before the last one?
    pub stopped: bool,
}

/// How many matrices there are, and their width.
pub fn shape(spec: &SpectrumSpec, stack: Option<&MatrixStack>) -> (usize, usize) {
    stack.map_or((spec.ensemble.members, spec.ensemble.width), |stack| (stack.matrices, stack.n))
}

/// Matrices that are drawn and solved at a time.
pub fn at_once(n: usize, chunk: Option<usize>) -> usize {
    chunk.unwrap_or(usize::MAX).min((64 << 20) / (4 * n * n)).clamp(1, 1024)
}

/// The eigenvalues of every member, so many at a time at most. They are kept only if that is asked for: the facts are made
/// beside the solver.
///
/// # Errors
/// What the device reports.
pub fn of_ensemble(
    device: &Device,
    spec: &SpectrumSpec,
    chunk: Option<usize>,
    keep: bool,
    progress: Progress,
) -> Result<Solved> {
    let (n, members) = (spec.ensemble.width, spec.ensemble.members);
    let mut solved = Solved::default();
    let double = spec.precision == Some(Precision::F64);
    // Weights are f32, and the same bits on every device.
    let artist = if double { &Device::Cpu(Cpu::default()) } else { device };
    let band = band_of_ensemble(spec, if double { f64::EPSILON } else { device.epsilon() });
    let spoken = |spectrum: Spectrum| {
        let spectrum = member(spec, spectrum);
        (Facts::of(&spectrum, band), keep.then_some(spectrum))
    };
    draw_matrices(artist, &spec.ensemble, 0..members, at_once(n, chunk), &mut |_, matrices| {
        let spectra = if double {
            let wide: Vec<f64> = matrices.iter().map(|&x| x.into()).collect();
            spectrum::eigenvalues(device, &wide, n)?
        } else {
            spectrum::eigenvalues(device, &matrices, n)?
        };
        let (facts, kept): (Vec<Facts>, Vec<Option<Spectrum>>) = spectra.into_par_iter().map(spoken).unzip();
        solved.facts.extend(facts);
        solved.spoken.extend(kept.into_iter().flatten());
        let done = solved.facts.len();
        solved.stopped = done < members && progress(done as f64 / members as f64).is_break();
        Ok(if solved.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(solved)
}

/// What is spoken of a member, from the spectrum of its matrix as it was drawn.
fn member(spec: &SpectrumSpec, spectrum: Spectrum) -> Spectrum {
    let (scale, offset) = spec.affine();
    let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
    let radius = if exact { spectrum.radius().unwrap_or(0.0) } else { 0.0 };
    let own = spec.radius * if radius > 0.0 { 1.0 / radius } else { unit(&spec.ensemble) };
    let shift = spec.ensemble.shift;
    spectrum.map(|[re, im]| [offset + scale * (own * re - shift), scale * (own * im)])
}

/// The band of an eigenvalue of A, or of M, of the drawn matrices.
fn band_of_ensemble(spec: &SpectrumSpec, epsilon: f64) -> Band {
    let (scale, _) = spec.affine();
    band_of_step(&spec.ensemble, scale * spec.radius, epsilon)
}

/// The eigenvalues of matrices from a file: if nothing else is wanted in f64 on the host, in f32 on a GPU.
///
/// # Errors
/// What the device reports.
pub fn of_stack(device: &Device, stack: &MatrixStack, spec: &SpectrumSpec, progress: Progress) -> Result<Solved> {
    let n = stack.n;
    let matrices: Vec<&[f64]> = stack.values.chunks(n * n).collect();
    let mut solved = Solved::default();
    for matrices in matrices.chunks(at_once(n, None)) {
        let done = solved.of_layers.len();
        if done > 0 && progress(done as f64 / stack.matrices as f64).is_break() {
            solved.stopped = true;
            break;
        }
        let spectra = match precision_of_files(device, spec.precision) {
            Precision::F32 => precision::narrowed(device, matrices, n)?,
            Precision::F64 => precision::double(device, matrices, n)?,
        };
        let (facts, spoken): (Vec<Facts>, Vec<Spectrum>) =
            matrices.par_iter().zip(&spectra).map(|(matrix, spectrum)| of_matrix(spec, matrix, n, spectrum)).unzip();
        solved.facts.extend(facts);
        solved.spoken.extend(spoken);
        solved.of_layers.extend(spectra);
    }
    Ok(solved)
}

/// What is spoken of a matrix of a file, from its spectrum.
fn of_matrix(spec: &SpectrumSpec, matrix: &[f64], n: usize, spectrum: &Spectrum) -> (Facts, Spectrum) {
    let (scale, offset) = spec.affine();
    let mut band = Band::of_matrix(matrix, n, spectrum.epsilon);
    if spec.is_of_step() {
        band = band.steeper(scale).plus(Band::of_host(scale.abs() * spectrum.radius().unwrap_or(0.0)));
    }
    let spoken = spectrum.clone().map(|[re, im]| [offset + scale * re, scale * im]);
    (Facts::of(&spoken, band), spoken)
}

/// A, or M = offset + scale A when the specification speaks of it.
pub fn spoken_of(spec: &SpectrumSpec, matrix: &[f64], n: usize) -> Vec<f64> {
    let (scale, offset) = spec.affine();
    let entry = |(i, x): (usize, &f64)| scale * x + if i.is_multiple_of(n + 1) { offset } else { 0.0 };
    matrix.iter().enumerate().map(entry).collect()
}

/// The derived quantities of all matrices that have eigenvalues; none of those that the user did not wait for.
///
/// # Errors
/// What the device reports.
pub fn derive(
    device: &Device,
    spec: &SpectrumSpec,
    stack: &MatrixStack,
    solved: &Solved,
    stop: &(dyn Fn() -> bool + Sync),
    progress: Progress,
) -> Result<Vec<Option<Derived>>> {
    let n = stack.n;
    let matrix = |i: usize| &stack.values[i * n * n..][..n * n];
    let good: Vec<usize> = (0..solved.facts.len()).filter(|&i| solved.facts[i].status == Status::Ok).collect();
    let mut all: Vec<Option<Derived>> = vec![None; solved.facts.len()];
    for (done, good) in good.chunks(derived_at_once(device, n)).enumerate() {
        let spoken: Vec<&Spectrum> = good.iter().map(|&i| &solved.spoken[i]).collect();
        let matrices: Vec<Vec<f64>> = good.par_iter().map(|&i| spoken_of(spec, matrix(i), n)).collect();
        let matrices: Vec<&[f64]> = matrices.iter().map(Vec::as_slice).collect();
        let found = derived_all(device, &matrices, n, &spoken, spec.derived, stop)?;
        if stop() {
            break;
        }
        for (&i, derived) in good.iter().zip(found) {
            // It is one of A, whatever is spoken of.
            let spectrum = &solved.of_layers[i];
            let band = Band::of_matrix(matrix(i), n, spectrum.epsilon);
            let critical_step_size = critical_step_size(&spectrum.eigenvalues, spec.damping.unwrap_or(0.0), band);
            all[i] = Some(Derived { critical_step_size, ..derived });
        }
        let _ = progress((done + 1) as f64 * derived_at_once(device, n) as f64 / solved.facts.len() as f64);
    }
    Ok(all)
}

/// Few enough matrices that it is soon seen how far the run is.
fn derived_at_once(device: &Device, n: usize) -> usize {
    let half_a_second = device.members_of_half_a_second(DERIVED_WORK * (n as f64).powi(3));
    half_a_second.min(at_once(n, None))
}
