//! Eigenvalues of many real matrices on a device: balancing, Hessenberg reduction, Francis' sweeps in bounded bites,
//! all through kernels. Only eigenvalues, exponents and status come back.
//!
//! Every spectrum is checked against the traces of its matrix; what fails is solved again in f64 and says so.
//!
//! A bite of sweeps is launched for those matrices only that were not finished two bites ago: the words that say so come
//! back anyway. Of random matrices that leaves out few, because they all take about as long: of 640 workgroups for 128
//! matrices of n = 64 it saves 59, of 320 for 32 of n = 128 it saves 10; of a third bite for the 57 families of the
//! tests 55 at n = 16, 17 at n = 32. On lavapipe that is no gain and no loss (3.53 s of processor time with and
//! without): a workgroup with nothing to do costs little there.
//!
//! # Tried and rejected
//!
//! On lavapipe, two busy cores: bites of 4, 8 or 16 sweeps in place of up to 32, to leave out more: 0.68, 0.72, 0.66
//! against 0.61 ms a matrix at n = 16, 19.9, 18.8, 17.8 against 17.5 at n = 64; each is one more trip of the matrix
//! through workgroup memory and of its word to the host.

use super::blocks::Invariants;
use super::{Spectrum, Status, exact};
use crate::device::Device;
use crate::error::Result;
use crate::invalid;
use crate::kernel::balance::{self, Balance};
use crate::kernel::diagonal_blocks::{self, DiagonalBlocks};
use crate::kernel::francis::{self, Francis};
use crate::kernel::hessenberg::{self, Hessenberg};
use crate::kernel::spectral_summary::{self, SpectralSummary};
use crate::plan::{BufferId, Chunk, Data, Inputs, Plan};
use rayon::prelude::*;

/// The widest matrices that the kernels take.
pub const WIDEST: usize = 512;

/// Eigenvalues of the matrices `[count, n, n]`, row-major; one [`Spectrum`] for each, in order.
///
/// A matrix with an entry that is not finite is refused, and the others are solved. The bits of a result depend on its
/// matrix and on the adapter, not on its place or neighbours. On [`Device::Cpu`] and [`Device::Reference`] the twins of
/// the kernels run, which is a check and not fast: see [`batch`](super::batch) for the CPU.
pub fn eigenvalues(device: &Device, matrices: &[f32], n: usize) -> Result<Vec<Spectrum>> {
    eigenvalues_in_chunks(device, matrices, n, 0)
}

/// As [`eigenvalues`], with at most `chunk` matrices on the device at a time (0: as many as fit).
pub fn eigenvalues_in_chunks(device: &Device, matrices: &[f32], n: usize, chunk: usize) -> Result<Vec<Spectrum>> {
    let solved = solve_finite(device, matrices, n, chunk, &[])?;
    Ok(solved.into_iter().map(|solved| solved.0).collect())
}

/// As [`eigenvalues`], with a summary of each step M = keep + gain A, made on the device. Where there are no
/// eigenvalues there are no summaries.
pub fn summaries(device: &Device, matrices: &[f32], n: usize, steps: &[Step]) -> Result<Vec<(Spectrum, Vec<Summary>)>> {
    solve_finite(device, matrices, n, 0, steps)
}

/// One step of the Euler method, M = keep + gain A: keep is 1 minus the damping, gain the step size times the radius
/// over that of A.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Multiple of the identity.
    pub keep: f32,
    /// Multiple of the matrix.
    pub gain: f32,
}

/// What the eigenvalues phi of a step say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The largest |phi|. Entries of A beyond 2^40 count as if they were that large.
    pub radius: f64,
    /// The largest real part.
    pub abscissa: f64,
    /// How many |phi| are above 1.
    pub outside: usize,
    /// How many eigenvalues are real.
    pub real: usize,
}

impl Summary {
    /// The same in f64 from a spectrum, for what was solved again and for tests.
    pub fn of(spectrum: &Spectrum, step: Step) -> Summary {
        let (keep, gain) = (f64::from(step.keep), f64::from(step.gain));
        let phi = || spectrum.eigenvalues.iter().map(|[re, im]| [keep + gain * re, gain * im]);
        let size = |[re, im]: [f64; 2]| re.hypot(im);
        Summary {
            radius: phi().map(size).fold(0.0, f64::max),
            abscissa: phi().map(|[re, _]| re).fold(f64::NEG_INFINITY, f64::max),
            outside: phi().filter(|&phi| size(phi) > 1.0).count(),
            real: spectrum.real,
        }
    }
}

type Solved = (Spectrum, Vec<Summary>);

/// Refuses what is not finite, by its bits, and solves the rest.
fn solve_finite(device: &Device, matrices: &[f32], n: usize, chunk: usize, steps: &[Step]) -> Result<Vec<Solved>> {
    if n > WIDEST {
        return invalid!("matrices are {n} wide; the GPU solver takes up to {WIDEST}, use --device cpu");
    }
    if n == 0 || !matrices.len().is_multiple_of(n * n) {
        return invalid!("{} numbers are not a stack of {n} x {n} matrices", matrices.len());
    }
    let finite = |matrix: &[f32]| matrix.iter().all(|x| x.to_bits() & 0x7F80_0000 != 0x7F80_0000);
    let good: Vec<&[f32]> = matrices.par_chunks(n * n).filter(|matrix| finite(matrix)).collect();
    let mut solved = solve(device, &good, n, chunk, steps)?.into_iter();
    let spectrum = |matrix: &[f32]| match finite(matrix) {
        true => solved.next().expect("a spectrum for each finite matrix"),
        false => (Spectrum::without_values(Status::Refused), Vec::new()),
    };
    Ok(matrices.chunks(n * n).map(spectrum).collect())
}

/// The plan of a solver for width n: its input, and the outputs eigenvalues `[n, re | im]`, centre, exponents, status, and with
/// steps their extremes and counts.
fn plan(n: u32, software: bool, steps: &[Step]) -> (Plan, BufferId) {
    let size = (n * n) as usize;
    let mut plan = Plan::new();
    let matrices = plan.reals("matrices", size);
    let h = plan.reals("h", size);
    let centres = plan.reals("centres", 1);
    let exponents = plan.ints("exponents", 2);
    let progress = plan.words("progress", francis::PROGRESS);
    let finished = plan.words("finished", 1);
    let skips = plan.words("skips", 1);
    let eigenvalues = plan.reals("eigenvalues", 2 * n as usize);
    plan.input(matrices);
    let sweeps = balance::sweeps_at_once(n, software);
    for dispatch in 0..balance::MOST_SWEEPS.div_ceil(sweeps) {
        let first = u32::from(dispatch == 0);
        plan.run::<Balance>(balance::Params { n, first, sweeps }, &[matrices, h, centres, exponents]);
    }
    let columns = n.saturating_sub(2);
    for first in (0..columns).step_by(hessenberg::columns_at_once(n, software) as usize) {
        let last = columns.min(first + hessenberg::columns_at_once(n, software));
        plan.run::<Hessenberg>(hessenberg::Params { n, first, last }, &[h]);
    }
    let sweeps = francis::sweeps_at_once(n, software);
    let limit = 30 * n.max(10);
    let first = plan.runs.len();
    plan.run::<Francis>(francis::Params { n, sweeps, limit }, &[h, progress, finished, skips]);
    plan.repeat_from(first, [finished, skips], (limit / sweeps + 2) as usize);
    plan.run::<DiagonalBlocks>(diagonal_blocks::Params { n }, &[h, eigenvalues]);
    for output in [eigenvalues, centres, exponents, finished] {
        plan.output(output);
    }
    if !steps.is_empty() {
        let keep = plan.shared_reals("keep", steps.iter().map(|step| step.keep.into()).collect());
        let gain = plan.shared_reals("gain", steps.iter().map(|step| step.gain.into()).collect());
        let extremes = plan.reals("extremes", 2 * steps.len());
        let counts = plan.words("counts", 2 * steps.len());
        let buffers = [eigenvalues, centres, exponents, keep, gain, extremes, counts];
        plan.run::<SpectralSummary>(spectral_summary::Params { n, points: steps.len() as u32 }, &buffers);
        plan.output(extremes);
        plan.output(counts);
    }
    (plan, matrices)
}

/// As many matrices as keep one bite of sweeps short: well below a second on a software driver, and milliseconds on
/// hardware.
fn largest_chunk(n: usize, software: bool) -> usize {
    let numbers = if software { 1 << 20 } else { 1 << 28 };
    (numbers / (n * n)).max(1)
}

fn solve(device: &Device, matrices: &[&[f32]], n: usize, chunk: usize, steps: &[Step]) -> Result<Vec<Solved>> {
    if matrices.is_empty() {
        return Ok(Vec::new());
    }
    let software = device.description().software;
    let (plan, input) = plan(n as u32, software, steps);
    let most = largest_chunk(n, software);
    let chunk = if chunk == 0 { most } else { chunk.min(most) };
    let inputs = Inputs(vec![(input, Data::F32(matrices.concat()))]);
    let mut solved = Vec::with_capacity(matrices.len());
    device.run(&plan, matrices.len(), chunk, &inputs, &mut |chunk| {
        let own = &matrices[chunk.members.clone()];
        solved.par_extend(own.par_iter().enumerate().map(|(i, matrix)| {
            let spectrum = finish(matrix, n, &chunk, i);
            let summaries = summaries_of(&spectrum, steps, &chunk, i);
            (spectrum, summaries)
        }));
        Ok(())
    })?;
    Ok(solved)
}

/// The summaries of matrix i of a chunk.
fn summaries_of(spectrum: &Spectrum, steps: &[Step], chunk: &Chunk, i: usize) -> Vec<Summary> {
    if spectrum.status != Status::Ok || spectrum.solved_again {
        let found = steps.iter().filter(|_| spectrum.status == Status::Ok);
        return found.map(|&step| Summary::of(spectrum, step)).collect();
    }
    let summary = |point: usize| {
        let (extremes, counts) = (&chunk.outputs[4], &chunk.outputs[5]);
        let at = 2 * (i * steps.len() + point);
        Summary {
            radius: extremes.real(at),
            abscissa: extremes.real(at + 1),
            outside: counts.int(at) as usize,
            real: counts.int(at + 1) as usize,
        }
    };
    (0..steps.len()).map(summary).collect()
}

/// The spectrum of matrix i of a chunk, checked.
fn finish(matrix: &[f32], n: usize, chunk: &Chunk, i: usize) -> Spectrum {
    let [eigenvalues, centres, exponents, finished, ..] = &chunk.outputs[..] else {
        unreachable!("the plan has four outputs")
    };
    if finished.int(i) == francis::CONVERGED as i32 {
        // In f64 the power of two costs nothing, and a zero becomes positive.
        let [scale, far] = [0, 1].map(|which| f64::powi(2.0, exponents.int(2 * i + which)));
        let centre = centres.real(i) * far + 0.0;
        let value = |k: usize| [eigenvalues.real(2 * k) * scale + centre, eigenvalues.real(2 * k + 1) * scale + 0.0];
        let values: Vec<[f64; 2]> = (i * n..(i + 1) * n).map(value).collect();
        if invariants(matrix, n).agree(&values, f64::from(f32::EPSILON)) {
            return Spectrum::new(values, false);
        }
    }
    exact::solve(matrix, n)
}

fn invariants(a: &[f32], n: usize) -> Invariants {
    let wide = |i: usize, j: usize| f64::from(a[i * n + j]);
    let of_square = |i: usize| (0..n).map(|j| wide(i, j) * wide(j, i)).sum::<f64>();
    Invariants {
        trace: (0..n).map(|i| wide(i, i)).sum(),
        trace_of_square: (0..n).map(of_square).sum(),
        squared_norm: a.iter().map(|&x| f64::from(x) * f64::from(x)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// lavapipe ends all loops of an invocation, silently, after 65,535 trips.
    #[test]
    fn no_dispatch_makes_too_many_loop_trips() {
        for n in 1..=WIDEST as u32 {
            for software in [false, true] {
                let lanes = hessenberg::Team::of(n, software).lanes;
                let most = [
                    balance::trips(n, lanes, balance::sweeps_at_once(n, software)),
                    hessenberg::trips(n, lanes, hessenberg::columns_at_once(n, software)),
                    francis::trips(n, lanes, francis::sweeps_at_once(n, software)),
                ];
                assert!(most.iter().all(|&trips| trips < hessenberg::MOST_TRIPS), "n = {n}, {software}: {most:?}");
            }
        }
    }
}
