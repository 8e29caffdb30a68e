//! Eigenvalues of many real matrices on a device: irreducible blocks, balancing, Hessenberg reduction, Francis' sweeps in
//! bounded bites, all through kernels. Only eigenvalues, exponents and status come back.
//!
//! The kernels run in f32, or in f64 on a device that was opened so: their shaders know the number type by an alias
//! alone. The bits of an f64 are read as u64, so an adapter needs both types in shaders: lavapipe has them, SwiftShader
//! has not. In neither precision do the kernels take matrices whose entries lie further apart than 2^90, if balancing
//! them needs factors beyond 2^30: what is small there would pass for rounding errors. The host solves those.
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

use super::host::balance::{Entries, far_apart};
use super::host::diagonal_blocks::Invariants;
use super::host::exact;
use super::host::lanes::Real;
use super::{Spectrum, Status};
use crate::device::Device;
use crate::error::remedy::{CPU, Piece::Text, REFERENCE};
use crate::error::{Error, Remedy, Result};
use crate::invalid;
use crate::kernel::{balance, components, diagonal_blocks, francis, hessenberg, spectral_summary};
use crate::machine::Machine;
use crate::plan::{Chunk, Inputs, Ints, Output, Plan, Reals, Slice, Words};
use rayon::prelude::*;

/// The widest matrices that the kernels take.
pub const WIDEST: usize = 512;

/// Eigenvalues of the matrices `[count, n, n]`, row-major; one [`Spectrum`] for each, in order.
///
/// A matrix with an entry that is not finite is refused, and the others are solved. The bits of a result depend on its
/// matrix and on the adapter, not on its place or neighbours. On [`Device::Cpu`] and [`Device::Reference`] the twins of
/// the kernels run, which is a check and not fast: see [`batch`](super::host::batch) for the CPU. Matrices of f64 need a device
/// of f64: [`Device::open_in`], or the reference.
///
/// # Errors
/// [`Error::Invalid`] where the sizes do not fit or the device has no f64; what the
/// device reports.
pub fn eigenvalues<T: Real>(device: &Device, matrices: &[T], n: usize) -> Result<Vec<Spectrum>> {
    eigenvalues_in_chunks(device, matrices, n, 0)
}

/// As [`eigenvalues`], with at most `chunk` matrices on the device at a time (0: as many as fit).
///
/// # Errors
/// As for [`eigenvalues`].
pub fn eigenvalues_in_chunks<T: Real>(
    device: &Device,
    matrices: &[T],
    n: usize,
    chunk: usize,
) -> Result<Vec<Spectrum>> {
    let solved = solve_each(device, matrices, n, chunk, &[])?;
    Ok(solved.into_iter().map(|solved| solved.0).collect())
}

/// As [`eigenvalues`], with a summary of each step M = keep + gain A, made on the device. Where there are no
/// eigenvalues there are no summaries.
///
/// # Errors
/// As for [`eigenvalues`].
pub fn summaries<T: Real>(
    device: &Device,
    matrices: &[T],
    n: usize,
    steps: &[Step],
) -> Result<Vec<(Spectrum, Vec<Summary>)>> {
    solve_each(device, matrices, n, 0, steps)
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
    /// How many computed |phi| are above 1, by however little: those on the circle are a
    /// [`Band`](crate::numbers::verdict::Band)'s to tell.
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

/// Who solves a matrix.
#[derive(Clone, Copy, PartialEq)]
enum Solver {
    Device,
    /// Its entries lie so far apart that the kernels would take small ones for rounding errors.
    Host,
    /// Nobody: an entry is not finite.
    Nobody,
}

fn solver<T: Real>(matrix: &[T], n: usize) -> Solver {
    match Entries::of(matrix) {
        Entries::NotFinite => Solver::Nobody,
        Entries::Finite if far_apart(&components::apart(matrix, n), n).is_some() => Solver::Host,
        Entries::Close | Entries::Finite => Solver::Device,
    }
}

fn solve_each<T: Real>(device: &Device, matrices: &[T], n: usize, chunk: usize, steps: &[Step]) -> Result<Vec<Solved>> {
    if n > WIDEST {
        let wide = Error::Invalid(format!("matrices are {n} wide, and the GPU solver takes up to {WIDEST}"));
        return Err(wide.remedied(Remedy::of(&[Text("use "), CPU])));
    }
    if n == 0 || !matrices.len().is_multiple_of(n * n) {
        return invalid!("{} numbers are not a stack of {n} x {n} matrices", matrices.len());
    }
    if T::ULP.to_f64() < device.epsilon() {
        let narrow = Error::Invalid("matrices of f64 on a device of f32; open it with Device::open_in".to_string());
        return Err(narrow.remedied(Remedy::of(&[Text("or use "), REFERENCE])));
    }
    let solvers: Vec<Solver> = matrices.par_chunks(n * n).map(|matrix| solver(matrix, n)).collect();
    if solvers.iter().all(|&solver| solver == Solver::Device) {
        return solve(device, matrices, n, chunk, steps);
    }
    let all = || matrices.chunks(n * n).zip(&solvers);
    let good: Vec<&[T]> = all().filter(|(_, solver)| **solver == Solver::Device).map(|(matrix, _)| matrix).collect();
    let mut solved = solve(device, &good.concat(), n, chunk, steps)?.into_iter();
    let spectrum = |(matrix, solver): (&[T], &Solver)| match solver {
        Solver::Device => solved.next().expect("a spectrum for each matrix that was handed over"),
        Solver::Host => with_summaries(exact::solve(matrix, n), steps),
        Solver::Nobody => (Spectrum::without_values(Status::Refused), Vec::new()),
    };
    Ok(all().map(spectrum).collect())
}

/// A spectrum that the host found, with its summaries.
fn with_summaries(spectrum: Spectrum, steps: &[Step]) -> Solved {
    let found = steps.iter().filter(|_| spectrum.status == Status::Ok);
    let summaries = found.map(|&step| Summary::of(&spectrum, step)).collect();
    (spectrum, summaries)
}

/// The plan of a solver.
struct SolverPlan {
    plan: Plan,
    /// The input, `[n, n]`.
    matrices: Reals,
    /// `[n, re | im]`, less the centre, in units of the first exponent.
    eigenvalues: Output<Reals>,
    /// In units of the second exponent.
    centres: Output<Reals>,
    /// `[of the eigenvalues | of the matrix]`.
    exponents: Output<Ints>,
    /// The status.
    finished: Output<Words>,
    /// What was made of each step, if there are steps.
    summaries: Option<SummaryOutputs>,
}

/// What [`spectral_summary`] made.
#[derive(Clone, Copy)]
struct SummaryOutputs {
    /// `[steps, radius | abscissa]`.
    extremes: Output<Reals>,
    /// `[steps, outside | real]`.
    counts: Output<Words>,
}

/// The plan of a solver for width n.
fn plan(n: u32, machine: &Machine, steps: &[Step]) -> SolverPlan {
    let size = (n * n) as usize;
    let mut plan = Plan::new();
    let matrices = plan.reals("matrices", size);
    let reach = plan.words("reach", n as usize * components::words(n as usize));
    let blocks = plan.words("blocks", 2 * n as usize);
    let h = plan.reals("h", size);
    let centres = plan.reals("centres", 1);
    let exponents = plan.ints("exponents", 2);
    let progress = plan.words("progress", francis::PROGRESS);
    let finished = plan.words("finished", 1);
    let skips = plan.words("skips", 1);
    let eigenvalues = plan.reals("eigenvalues", 2 * n as usize);
    plan.input(matrices);
    let pivots = components::pivots_at_once(n, machine);
    for first in (0..n).step_by(pivots as usize) {
        let last = n.min(first + pivots);
        plan.run(components::Params { n, first, last }, components::Buffers { matrices, reach, blocks });
    }
    let sweeps = balance::sweeps_at_once(n, machine);
    for dispatch in 0..balance::MOST_SWEEPS.div_ceil(sweeps) {
        let first = u32::from(dispatch == 0);
        let buffers = balance::Buffers { matrices, blocks, h, centres, exponents };
        plan.run(balance::Params { n, first, sweeps }, buffers);
    }
    let columns = n.saturating_sub(2);
    for first in (0..columns).step_by(hessenberg::columns_at_once(n, machine) as usize) {
        let last = columns.min(first + hessenberg::columns_at_once(n, machine));
        plan.run(hessenberg::Params { n, first, last }, hessenberg::Buffers { a: h });
    }
    let sweeps = francis::sweeps_at_once(n, machine);
    let limit = 30 * n.max(10);
    let first = plan.runs.len();
    plan.run(francis::Params { n, sweeps, limit }, francis::Buffers { h, progress, finished, skips });
    plan.repeat_from(first, finished, Some(skips), (limit / sweeps + 2) as usize);
    plan.run(diagonal_blocks::Params { n }, diagonal_blocks::Buffers { h, eigenvalues });
    let summaries = (!steps.is_empty()).then(|| {
        let keep = plan.shared_reals("keep", steps.iter().map(|step| step.keep.into()).collect());
        let gain = plan.shared_reals("gain", steps.iter().map(|step| step.gain.into()).collect());
        let extremes = plan.reals("extremes", 2 * steps.len());
        let counts = plan.words("counts", 2 * steps.len());
        let buffers = spectral_summary::Buffers { eigenvalues, centres, exponents, keep, gain, extremes, counts };
        plan.run(spectral_summary::Params { n, points: steps.len() as u32 }, buffers);
        SummaryOutputs { extremes: plan.output(extremes), counts: plan.output(counts) }
    });
    SolverPlan {
        matrices,
        eigenvalues: plan.output(eigenvalues),
        centres: plan.output(centres),
        exponents: plan.output(exponents),
        finished: plan.output(finished),
        summaries,
        plan,
    }
}

fn solve<T: Real>(device: &Device, matrices: &[T], n: usize, chunk: usize, steps: &[Step]) -> Result<Vec<Solved>> {
    if matrices.is_empty() {
        return Ok(Vec::new());
    }
    let plan = plan(n as u32, &device.machine(), steps);
    let inputs = Inputs::new().with_lent(plan.matrices, Slice::of(matrices));
    let matrix = |i: usize| &matrices[i * n * n..(i + 1) * n * n];
    let count = matrices.len() / (n * n);
    let mut solved = Vec::with_capacity(count);
    let ulp = device.epsilon();
    device.run(&plan.plan, count, chunk, &inputs, &mut |chunk| {
        solved.par_extend(chunk.members.clone().into_par_iter().map(matrix).enumerate().map(
            |(i, matrix)| match finish(matrix, n, &plan, &chunk, i, ulp) {
                Some(spectrum) => (spectrum, summaries_of(steps, &plan, &chunk, i)),
                None => with_summaries(exact::solve(matrix, n), steps),
            },
        ));
        Ok(())
    })?;
    Ok(solved)
}

/// The device's summaries of matrix i of a chunk.
fn summaries_of(steps: &[Step], plan: &SolverPlan, chunk: &Chunk, i: usize) -> Vec<Summary> {
    let Some(SummaryOutputs { extremes, counts }) = plan.summaries else { return Vec::new() };
    let (extremes, counts) = (chunk.reals(extremes), chunk.words(counts));
    let summary = |point: usize| {
        let at = 2 * (i * steps.len() + point);
        Summary {
            radius: extremes.at(at),
            abscissa: extremes.at(at + 1),
            outside: counts[at] as usize,
            real: counts[at + 1] as usize,
        }
    };
    (0..steps.len()).map(summary).collect()
}

/// The spectrum of matrix i of a chunk, if it passes the checks.
fn finish<T: Real>(matrix: &[T], n: usize, plan: &SolverPlan, chunk: &Chunk, i: usize, ulp: f64) -> Option<Spectrum> {
    let (eigenvalues, centres) = (chunk.reals(plan.eigenvalues), chunk.reals(plan.centres));
    let exponents = chunk.ints(plan.exponents);
    if chunk.words(plan.finished)[i] != francis::CONVERGED {
        return None;
    }
    // All in units of the power of two below the largest entry, in which no square overflows.
    let unit = exponents[2 * i + 1];
    let scale = f64::powi(2.0, exponents[2 * i] - unit);
    // A zero becomes positive.
    let centre = centres.at(i) + 0.0;
    let value = |k: usize| [eigenvalues.at(2 * k) * scale + centre, eigenvalues.at(2 * k + 1) * scale + 0.0];
    let values: Vec<[f64; 2]> = (i * n..(i + 1) * n).map(value).collect();
    let agree = Invariants::of(&components::apart(matrix, n), n, unit).agree(&values, ulp);
    agree.then(|| Spectrum::new(values, ulp, false).scaled(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::shared::team::Team;
    use crate::kernel::shared::trips::MOST_TRIPS;
    use crate::machine::Processor;

    /// lavapipe ends all loops of an invocation, silently, after 65,535 trips.
    #[test]
    fn no_dispatch_makes_too_many_loop_trips() {
        for n in 1..=WIDEST as u32 {
            for machine in [Processor::Software, Processor::Hardware].map(Machine::of) {
                let machine = &machine;
                let lanes = Team::of(n, machine).lanes;
                let most = [
                    components::trips(n, lanes, components::pivots_at_once(n, machine)),
                    balance::trips(n, lanes, balance::sweeps_at_once(n, machine)),
                    hessenberg::trips(n, lanes, hessenberg::columns_at_once(n, machine)),
                    francis::trips(n, lanes, francis::sweeps_at_once(n, machine)),
                ];
                assert!(most.iter().all(|&trips| trips < MOST_TRIPS), "n = {n}, {machine:?}: {most:?}");
            }
        }
    }
}
