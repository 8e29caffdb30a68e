//! Pseudospectra: the smallest singular value of z I - A over a grid of the complex plane.
//!
//! z is an eigenvalue of some A + E with ‖E‖₂ = σ_min(z I - A), and of none with a smaller E (Trefethen and Embree,
//! Spectra and Pseudospectra, 2005). Where eigenvalues say little, a non-normal matrix, the level lines say how far the
//! norm of powers can rise.
//!
//! A is reduced once to Hessenberg form H by an orthogonal similarity (not the eigensolver's, whose balancing changes
//! singular values); then Lanczos' iteration on the inverse of (z - H)ᴴ(z - H) at each point, 20 n² operations a step.
//! On a GPU in f32, on the CPU path by the same kernels' twins in f64. The reference takes all singular values of the
//! dense matrix by faer, which is slow and shares nothing with the kernels: 16, 143, 616, 3206 and 18897 us a point at
//! n = 16, 32, 64, 128 and 256 against 15, 47, 87, 520 and 2833 us of the twins in f64, both on two busy cores in one run
//! (`cargo bench --bench derived -- --quick`).
//!
//! What is certified: each value belongs to the matrix A + E with ‖E‖ of about n epsilon ‖z I - A‖ (the `floor`), and the
//! residual puts some singular value within half of it, relatively; the iteration ends at sqrt(epsilon), where the error
//! is its square over the gap as a rule (5e-6 was the worst in f32, 6e-13 in f64). That it is the smallest one rests on
//! the random start, as always with Lanczos' method.

use super::norms::{exponent_of_largest, shifted};
use super::wing::Wing;
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
use crate::kernel::inverse_lanczos::{self, PARTS, POINTS};
use crate::kernel::{hessenberg, ritz_value};
use crate::plan::{Data, Inputs, Output, Plan, Reals};
use faer::{Mat, c64};
use rayon::prelude::*;
use serde::Serialize;
use std::ops::ControlFlow;

/// σ_min(z I - A) on a grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pseudospectrum {
    /// Real parts of the grid, ascending.
    pub re: Vec<f64>,
    /// Imaginary parts of the grid, ascending and symmetric about 0.
    pub im: Vec<f64>,
    /// `[im, re]`: the smallest singular value; missing where its iteration failed.
    pub smallest_singular_value: Vec<Option<f64>>,
    /// Values below this are rounding: n epsilon times the largest of ‖A‖_F and |z|.
    pub floor: f64,
}

/// Lanczos steps at a point at most; a dozen are usual.
const MOST_STEPS: u32 = 96;
/// A residual that counts as converged, relative to σ^-2: the value is then right to half of it at worst.
const LARGEST_RESIDUAL: f64 = 1e-3;

/// The pseudospectrum of a real matrix `[n, n]`, row-major and finite, on a square grid of `points` x `points` around the
/// eigenvalues; none if it was stopped. A real matrix has a symmetric one, so only half of the grid is computed.
///
/// The grid reaches half again as far from its middle c as the eigenvalues, and at least ‖A - c I‖₂: so it holds the
/// numerical range, outside of which σ_min(z I - A) is no less than the distance from it, whatever the scale of A and
/// also where all eigenvalues are one.
///
/// # Errors
/// `Invalid` where a point of the grid is beyond f64.
pub fn pseudospectrum(
    device: &Device,
    matrix: &[f64],
    n: usize,
    eigenvalues: &[[f64; 2]],
    points: usize,
    progress: Progress,
) -> Result<Option<Pseudospectrum>> {
    let (middle, half) = frame(matrix, n, eigenvalues);
    let frobenius = frobenius(matrix);
    if !(middle.abs() + 2.0 * half + frobenius).is_finite() {
        return invalid!(
            "pseudospectrum: its grid reaches beyond the largest f64; divide the matrix by a power of two"
        );
    }
    let line = |center: f64| -> Vec<f64> {
        let place = |i: usize| center - half + 2.0 * half * i as f64 / (points.max(2) - 1) as f64;
        (0..points.max(2)).map(place).collect()
    };
    let (re, im) = (line(middle), line(0.0));
    let (columns, rows) = (re.len(), im.len());
    let places: Vec<[f64; 2]> = im[rows / 2..].iter().flat_map(|&y| re.iter().map(move |&x| [x, y])).collect();
    let Some((upper, epsilon)) = smallest_singular_values(device, matrix, n, &places, progress)? else {
        return Ok(None);
    };
    // Row i below the axis mirrors row `rows - 1 - i` above it.
    let row = |row: usize| upper[(row.max(rows - 1 - row) - rows / 2) * columns..][..columns].iter().copied();
    let farthest = re.iter().chain(&im).fold(0.0, |most: f64, x| most.max(x.abs()));
    Ok(Some(Pseudospectrum {
        smallest_singular_value: (0..rows).flat_map(row).collect(),
        floor: n as f64 * epsilon * frobenius.max(farthest),
        re,
        im,
    }))
}

/// The middle of the grid on the real axis, and half of its side.
fn frame(matrix: &[f64], n: usize, eigenvalues: &[[f64; 2]]) -> (f64, f64) {
    let ends = eigenvalues.iter().map(|z| (z[0], z[0]));
    let (low, high) = ends.reduce(|(low, high), (a, b)| (low.min(a), high.max(b))).unwrap_or_default();
    let tall = eigenvalues.iter().fold(0.0, |tall, z| f64::max(tall, z[1].abs()));
    let middle = f64::midpoint(low, high);
    let exponent = exponent_of_largest(&[middle, matrix.iter().fold(0.0, |most: f64, x| most.max(x.abs()))]);
    let unit = |x: f64| shifted(x, -exponent);
    let centred = Mat::from_fn(n, n, |i, j| unit(matrix[i * n + j]) - if i == j { unit(middle) } else { 0.0 });
    let norm = centred.singular_values().ok().and_then(|all| all.first().copied());
    let half = shifted(norm.unwrap_or_else(|| centred.norm_l2()), exponent).max(1.5 * tall).max(0.75 * (high - low));
    // Of c I nothing but its own size is left to see, and of 0 not even that.
    let rounding = n as f64 * f64::EPSILON * middle.abs();
    let half = if half > rounding { half } else { 0.5 * middle.abs() };
    (middle, if half > 0.0 { half } else { 1.0 })
}

/// ‖A‖_F, without squares that overflow or vanish.
fn frobenius(matrix: &[f64]) -> f64 {
    let exponent = exponent_of_largest(matrix);
    shifted(matrix.iter().map(|&x| shifted(x, -exponent).powi(2)).sum::<f64>().sqrt(), exponent)
}

/// σ_min(z I - A) at these places, and the epsilon of the arithmetic that found it; none if it was stopped.
pub fn smallest_singular_values(
    device: &Device,
    matrix: &[f64],
    n: usize,
    places: &[[f64; 2]],
    progress: Progress,
) -> Result<Option<(Vec<Option<f64>>, f64)>> {
    let largest = places.iter().flatten().chain(matrix).fold(0.0, |most: f64, x| most.max(x.abs()));
    let exponent = exponent_of_largest(&[largest]);
    let unit: Vec<f64> = matrix.iter().map(|&x| shifted(x, -exponent)).collect();
    let places: Vec<[f64; 2]> = places.iter().map(|z| z.map(|x| shifted(x, -exponent))).collect();
    let wing = Wing::of(device, inverse_lanczos::steps_at_once(n as u32) > 0);
    let found = match wing.device() {
        None => dense(&unit, n, &places, progress),
        Some(device) => by_lanczos(device, unit, n, &places, progress)?,
    };
    let epsilon = wing.device().unwrap_or(device).epsilon();
    let scaled = |all: Vec<Option<f64>>| all.into_iter().map(|value| Some(shifted(value?, exponent))).collect();
    Ok(found.map(|all| (scaled(all), epsilon)))
}

/// By the kernels, for a matrix and places of size 1.
fn by_lanczos(
    device: &Device,
    matrix: Vec<f64>,
    n: usize,
    places: &[[f64; 2]],
    progress: Progress,
) -> Result<Option<Vec<Option<f64>>>> {
    let h = hessenberg_form(device, matrix, n)?;
    let plan = GridPlan::new(h, n, device.epsilon());
    let mut all = Vec::with_capacity(places.len());
    let blocks: Vec<&[[f64; 2]]> = places.chunks(POINTS).collect();
    let block = |block: &[[f64; 2]]| {
        let part = |which: usize| (0..POINTS).map(move |l| (which, l));
        let place = |(which, l): (usize, usize)| block[l.min(block.len() - 1)][which];
        part(0).chain(part(1)).map(place).collect::<Vec<f64>>()
    };
    let inputs = Inputs::new().with(plan.points, Data::F64(blocks.iter().flat_map(|own| block(own)).collect()));
    let flow = device.run_until(&plan.plan, blocks.len(), 0, &inputs, &mut |chunk| {
        let found = chunk.reals(plan.found);
        for (i, member) in chunk.members.clone().enumerate() {
            all.extend((0..blocks[member].len()).map(|l| {
                let [value, residual] = [0, 1].map(|which| found.at((2 * i + which) * POINTS + l));
                (residual <= LARGEST_RESIDUAL).then_some(value)
            }));
        }
        let flow = progress(all.len() as f64 / places.len() as f64);
        Ok(if all.len() < places.len() { flow } else { ControlFlow::Continue(()) })
    })?;
    Ok(flow.is_continue().then_some(all))
}

/// H = Qᵀ A Q on the device, for a matrix of size 1.
fn hessenberg_form(device: &Device, matrix: Vec<f64>, n: usize) -> Result<Vec<f64>> {
    let mut plan = Plan::new();
    let a = plan.reals("matrix", n * n);
    plan.input(a);
    let (width, columns) = (n as u32, n.saturating_sub(2) as u32);
    let at_once = hessenberg::columns_at_once(width, &device.machine());
    for first in (0..columns).step_by(at_once as usize) {
        let params = hessenberg::Params { n: width, first, last: columns.min(first + at_once) };
        plan.run(params, hessenberg::Buffers { a });
    }
    let output = plan.output(a);
    let mut h = Vec::new();
    device.run(&plan, 1, 0, &Inputs::new().with(a, Data::F64(matrix)), &mut |chunk| {
        h = chunk.reals(output).to_vec();
        Ok(())
    })?;
    Ok(h)
}

/// The plan of the iteration; its members are blocks of points.
struct GridPlan {
    plan: Plan,
    points: Reals,
    /// `[σ | residual over theta, POINTS]`.
    found: Output<Reals>,
}

impl GridPlan {
    fn new(h: Vec<f64>, n: usize, epsilon: f64) -> Self {
        let most = MOST_STEPS;
        // A value is right to half the residual at worst, to its square over the gap as a rule.
        let tolerance = epsilon.sqrt();
        let mut plan = Plan::new();
        let h = plan.shared_reals("h", h);
        let start = plan.shared_reals("start", inverse_lanczos::start(n));
        let points = plan.reals("points", 2 * POINTS);
        plan.input(points);
        let state = plan.reals("state", n * PARTS * POINTS);
        let bands = plan.reals("bands", 2 * most as usize * POINTS);
        let unit = plan.reals("unit", POINTS);
        let found = plan.reals("found", 2 * POINTS);
        let (lengths, finished) = (plan.words("lengths", 2 * POINTS), plan.words("finished", 1));
        let steps = inverse_lanczos::steps_at_once(n as u32).max(1);
        let params = inverse_lanczos::Params { n: n as u32, most, steps };
        let lanczos = inverse_lanczos::Buffers { h, points, start, state, bands, unit, lengths, finished };
        plan.run(params, lanczos);
        let ritz = ritz_value::Buffers { bands, unit, lengths, found, finished };
        plan.run(ritz_value::Params { most, tolerance }, ritz);
        plan.repeat_from(0, finished, None, most.div_ceil(steps) as usize);
        GridPlan { points, found: plan.output(found), plan }
    }
}

/// Points that are solved densely between two looks at the progress.
const DENSE_AT_ONCE: usize = 256;

/// By complex singular values in f64, on all cores, for a matrix and places of size 1: off by about n epsilon ‖z I - A‖₂.
fn dense(matrix: &[f64], n: usize, places: &[[f64; 2]], progress: Progress) -> Option<Vec<Option<f64>>> {
    let smallest = |z: &[f64; 2]| {
        let shifted = Mat::from_fn(n, n, |i, j| {
            let own = c64::new(-matrix[i * n + j], 0.0);
            if i == j { own + c64::new(z[0], z[1]) } else { own }
        });
        shifted.singular_values().ok().and_then(|all| all.last().copied())
    };
    let mut all = Vec::with_capacity(places.len());
    for some in places.chunks(DENSE_AT_ONCE) {
        if !all.is_empty() && progress(all.len() as f64 / places.len() as f64).is_break() {
            return None;
        }
        all.par_extend(some.par_iter().map(smallest));
    }
    Some(all)
}
