//! The sweep of the MLP and the Transformer: rollouts of all members, and Jacobians of as many as there is time for.

use super::accumulator::Accumulator;
use super::cell::{Bands, Linearised, Observed};
use super::{Cell, Course, Point, Sweep, Timing, points};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::numbers::statistics::{Moments, Share, Summary};
use crate::numbers::verdict::Band;
use crate::plan::Plan;
use crate::rollout;
use crate::rollout::nonlinear::{Jacobians, NonlinearRollout, Observation};
use crate::spec::SweepSpec;
use crate::spectrum::{self, Spectrum, Status, derived::norms_and_departures};
use std::ops::{ControlFlow, Range};
use std::time::Instant;

/// Columns (grid points times tokens) of one rollout.
const COLUMNS_PER_PASS: usize = 4096;
/// Arithmetic that may go into Jacobians and their spectra; it decides how many members are linearised.
const LINEARISE_FLOPS: f64 = 3e12;
/// Numbers of the Jacobians of one member that are made at once.
const NUMBERS_AT_ONCE: usize = 4 << 20;

/// Runs a sweep of a nonlinear model.
pub fn run(device: &Device, spec: &SweepSpec, progress: Progress) -> Result<Sweep> {
    let start = Instant::now();
    let points = points(spec);
    let layers = spec.ensemble.members;
    let steps = linearised_steps(spec);
    let members = linearised_members(spec, points.len(), steps.len());
    let mut sweep = Sweep {
        cells: Vec::new(),
        members: Vec::new(),
        courses: Vec::new(),
        spectra: Vec::new(),
        quantile_members: layers,
        linearised_members: members,
        interrupted: false,
        timing: Timing::default(),
    };
    let per_pass = points_per_pass(spec);
    for (pass, own) in points.chunks(per_pass).enumerate() {
        if sweep.interrupted {
            sweep.cells.extend(own.iter().map(|point| empty_cell(device, spec, point)));
            continue;
        }
        let mut stop = |share: f64| {
            let done = (pass * per_pass) as f64 + share * own.len() as f64;
            let flow = progress(done / points.len() as f64);
            sweep.interrupted |= flow.is_break();
            flow
        };
        let middle = Sweep::middle(points.len()).checked_sub(pass * per_pass).filter(|&p| p < own.len());
        let kept = middle.map(|place| (place, &mut sweep.courses));
        let (mut cells, mut accumulators) = roll(device, spec, own, kept, &mut stop)?;
        sweep.timing.rollout_seconds = start.elapsed().as_secs_f64() - sweep.timing.spectra_seconds;
        let began = Instant::now();
        let mut promises = vec![vec![Promise::default(); members]; own.len()];
        for (i, &step) in steps.iter().enumerate() {
            if members == 0 || stop(0.5 + 0.5 * i as f64 / steps.len() as f64).is_break() {
                break;
            }
            let keep = middle.filter(|_| i == 0).map(|point| (point, &mut sweep.spectra));
            linearise(device, spec, own, (0..members, step), (&mut cells, &mut promises), keep)?;
        }
        for (accumulator, promises) in accumulators.iter_mut().zip(&promises) {
            accumulator.judge_by(promises.iter().fold(Band::default(), |widest, own| widest.max(own.band)));
            promises.iter().filter(|own| own.is_made()).for_each(|own| accumulator.predict(own.factor()));
        }
        if let Some(middle) = middle {
            for (course, promise) in sweep.courses.iter_mut().zip(&promises[middle]) {
                *course = course.predicted(promise.factor());
            }
        }
        sweep.timing.spectra_seconds += began.elapsed().as_secs_f64();
        sweep.cells.extend(accumulators.into_iter().zip(own).zip(cells).map(|((accumulator, point), extra)| Cell {
            observations: extra.observations,
            linearised: extra.linearised,
            ..accumulator.cell(point)
        }));
    }
    sweep.timing.total_seconds = start.elapsed().as_secs_f64();
    Ok(sweep)
}

/// Grid points of one rollout.
pub fn points_per_pass(spec: &SweepSpec) -> usize {
    (COLUMNS_PER_PASS / spec.layer.tokens).max(1)
}

/// The plan of one step at these points.
pub fn plan_of_a_step(spec: &SweepSpec, points: &[Point]) -> Plan {
    rollout_of(spec, points).plan_of_a_step()
}

/// The steps whose Jacobians are made: every so many, or the first, the first of the later half and the last; none for 0.
pub fn linearised_steps(spec: &SweepSpec) -> Vec<usize> {
    let mut steps = match spec.linearise_every {
        Some(0) => Vec::new(),
        Some(every) => (1..=spec.depth).step_by(every).collect(),
        None => vec![1, rollout::middle(spec.depth) + 1, spec.depth],
    };
    steps.dedup();
    steps
}

/// How many members are linearised within a budget of arithmetic: 12 order³ for a Jacobian with its spectrum.
pub fn linearised_members(spec: &SweepSpec, points: usize, steps: usize) -> usize {
    let order = (spec.ensemble.width * spec.layer.tokens) as f64;
    let each = 12.0 * order.powi(3) * points as f64 * steps as f64;
    if steps == 0 { 0 } else { ((LINEARISE_FLOPS / each) as usize).min(spec.ensemble.members) }
}

/// A cell that the run did not come to.
fn empty_cell(device: &Device, spec: &SweepSpec, point: &Point) -> Cell {
    let numbers = spec.ensemble.width * spec.layer.tokens;
    Accumulator::new(0, Bands::new(Band::default(), numbers, device.epsilon())).nonlinear().cell(point)
}

/// What a cell has besides its accumulator.
#[derive(Default)]
struct Extra {
    observations: Option<Observed>,
    linearised: Vec<Linearised>,
}

fn rollout_of<'a>(spec: &'a SweepSpec, points: &'a [Point]) -> NonlinearRollout<'a> {
    NonlinearRollout {
        ensemble: &spec.ensemble,
        layer: &spec.layer,
        depth: spec.depth,
        threshold: spec.threshold,
        points,
        perturbations: spec.perturbations,
    }
}

/// All members at some grid points.
fn roll(
    device: &Device,
    spec: &SweepSpec,
    points: &[Point],
    mut kept: Option<(usize, &mut Vec<Course>)>,
    stop: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<(Vec<Extra>, Vec<Accumulator>)> {
    let layers = spec.ensemble.members;
    let mut accumulators: Vec<Accumulator> = {
        let numbers = spec.ensemble.width * spec.layer.tokens;
        let bands = Bands::new(Band::default(), numbers, device.epsilon());
        points.iter().map(|_| Accumulator::new(layers, bands).nonlinear()).collect()
    };
    let mut seen = vec![[Moments::default(); 5]; points.len()];
    let chunk = spec.chunk.unwrap_or(0);
    rollout_of(spec, points).run(device, 0..layers, chunk, &mut |outcomes, observations| {
        for (p, (accumulator, seen)) in accumulators.iter_mut().zip(&mut seen).enumerate() {
            for i in 0..outcomes.members().len() {
                accumulator.observe(&outcomes.get(i, p), spec);
                observations.growth(i, p).into_iter().for_each(|growth| accumulator.perturb(growth));
                add(seen, &observations.get(i, 0, spec.depth, p));
            }
        }
        if let Some((place, courses)) = &mut kept {
            let course = |i| Course::nonlinear(&outcomes.get(i, *place), observations.growth(i, *place));
            courses.extend((0..outcomes.members().len()).map(course));
        }
        stop(0.5 * outcomes.members().end as f64 / layers as f64)
    })?;
    let extra = |[cosine, similarity, entropy, step, damping]: [Moments; 5]| Extra {
        observations: Some(Observed {
            cosine: cosine.mean(),
            token_similarity: similarity.mean(),
            attention_entropy: entropy.mean(),
            effective_step: step.mean(),
            effective_damping: damping.mean(),
        }),
        linearised: Vec::new(),
    };
    Ok((seen.into_iter().map(extra).collect(), accumulators))
}

fn add(seen: &mut [Moments; 5], o: &Observation) {
    let values = [o.cosine, o.token_similarity, o.attention_entropy, o.effective_step, o.effective_damping];
    for (moments, value) in seen.iter_mut().zip(values) {
        value.into_iter().for_each(|value| moments.add(value));
    }
}

/// What the Jacobians of a member promise at a grid point, as they arrive in the order of the steps.
#[derive(Clone, Copy, Default)]
struct Promise {
    /// Sum of the logarithms of the spectral radii of the later half, and how many there are.
    later: (f64, usize),
    /// The last radius that there was.
    last: Option<f64>,
    /// A Jacobian of the later half has no spectrum.
    failed: bool,
    /// The widest of the radii.
    band: Band,
}

impl Promise {
    fn add(&mut self, is_later: bool, radius: Option<f64>, band: Band) {
        let Some(radius) = radius else {
            self.failed |= is_later;
            return;
        };
        self.last = Some(radius);
        self.band = self.band.max(band);
        if is_later {
            self.later = (self.later.0 + radius.ln(), self.later.1 + 1);
        }
    }

    /// Is there anything to say of the member?
    fn is_made(&self) -> bool {
        self.failed || self.last.is_some()
    }

    /// The geometric mean of the radii of the later half; of a member that was frozen before, the last radius. None
    /// where a spectrum is missing.
    fn factor(&self) -> Option<f64> {
        match self.later {
            _ if self.failed => None,
            (_, 0) => self.last,
            (sum, count) => Some((sum / count as f64).exp()),
        }
    }
}

/// The Jacobians of some members at one step, at all these points.
fn linearise(
    device: &Device,
    spec: &SweepSpec,
    points: &[Point],
    (members, step): (Range<usize>, usize),
    (extras, promises): (&mut [Extra], &mut [Vec<Promise>]),
    mut keep: Option<(usize, &mut Vec<Spectrum>)>,
) -> Result<()> {
    let order = spec.ensemble.width * spec.layer.tokens;
    let at_once = (NUMBERS_AT_ONCE / (order * order)).max(1);
    let is_later = step > rollout::middle(spec.depth);
    for (block, own) in points.chunks(at_once).enumerate() {
        let mut summaries: Vec<Radii> = own.iter().map(|_| Radii::default()).collect();
        rollout_of(spec, own).jacobians(device, members.clone(), step, &mut |jacobians| {
            let spectra = spectra_of(device, &jacobians)?;
            let norms = norms_of(device, &jacobians, &spectra)?;
            let member_of = |i: usize| jacobians.members.start + i / own.len();
            for (i, spectrum) in spectra.iter().enumerate() {
                let (member, p) = (member_of(i), i % own.len());
                let point = block * at_once + p;
                let Some(spectrum) = spectrum else { continue };
                let norm = norms[i].map_or(0.0, |(norm, _)| norm);
                let band = Band::of_eigenvalue(order, device.epsilon(), norm);
                let radius = summaries[p].add(spectrum, norms[i], band);
                promises[point][member].add(is_later, radius, band);
                if let Some((middle, kept)) = &mut keep
                    && *middle == point
                    && member < spec.trajectories
                {
                    kept.push(spectrum.clone());
                }
            }
            Ok(())
        })?;
        for (p, radii) in summaries.into_iter().enumerate() {
            extras[block * at_once + p].linearised.push(radii.summary(step));
        }
    }
    Ok(())
}

/// The spectra of those Jacobians that are there, in the numbers of the device that made them.
fn spectra_of(device: &Device, jacobians: &Jacobians) -> Result<Vec<Option<Spectrum>>> {
    let entries = jacobians.matrices.iter().flatten().flatten();
    let solved = if device.is_single() {
        spectrum::eigenvalues(device, &entries.map(|&x| x as f32).collect::<Vec<_>>(), jacobians.order)?
    } else {
        spectrum::eigenvalues(device, &entries.copied().collect::<Vec<_>>(), jacobians.order)?
    };
    let mut solved = solved.into_iter();
    Ok(jacobians.matrices.iter().map(|matrix| matrix.as_ref().and_then(|_| solved.next())).collect())
}

/// 2-norm and relative departure from normality of those Jacobians that have a spectrum.
fn norms_of(device: &Device, jacobians: &Jacobians, spectra: &[Option<Spectrum>]) -> Result<Vec<Option<(f64, f64)>>> {
    let solved = |spectrum: &&Spectrum| spectrum.status == Status::Ok;
    let pairs = jacobians.matrices.iter().zip(spectra);
    let pairs = pairs.filter_map(|(matrix, spectrum)| Some((matrix.as_deref()?, spectrum.as_ref().filter(solved)?)));
    let (matrices, solved_spectra): (Vec<&[f64]>, Vec<&Spectrum>) = pairs.unzip();
    let mut found = norms_and_departures(device, &matrices, jacobians.order, &solved_spectra)?.into_iter();
    Ok(spectra.iter().map(|spectrum| spectrum.as_ref().filter(solved).and_then(|_| found.next())).collect())
}

/// The Jacobians of one cell at one step while members arrive.
#[derive(Default)]
struct Radii {
    radii: Vec<f64>,
    abscissas: Vec<f64>,
    unstable: Share,
    norms: Vec<f64>,
    departures: Vec<f64>,
}

impl Radii {
    fn add(&mut self, spectrum: &Spectrum, norms: Option<(f64, f64)>, band: Band) -> Option<f64> {
        if spectrum.status != Status::Ok {
            return None;
        }
        let radius = spectrum.radius()?;
        self.radii.push(radius);
        self.abscissas.extend(spectrum.abscissa());
        self.unstable.add(band.above(radius - 1.0));
        if let Some((norm, departure)) = norms {
            self.norms.push(norm);
            self.departures.push(departure);
        }
        Some(radius)
    }

    fn summary(self, step: usize) -> Linearised {
        Linearised {
            step,
            members: self.unstable.of,
            unstable_fraction: self.unstable.fraction(),
            spectral_radius: Summary::of(&self.radii),
            spectral_abscissa: Summary::of(&self.abscissas),
            norm: Summary::of(&self.norms),
            relative_departure: Summary::of(&self.departures),
        }
    }
}

/// The histories of the first members: `[members, steps 0..=depth, points]`.
pub fn histories(device: &Device, spec: &SweepSpec, points: &[Point]) -> Result<Vec<Observation>> {
    let mut all = Vec::new();
    rollout_of(spec, points).histories(device, 0..spec.trajectories, &mut |outcomes, observations| {
        for member in 0..outcomes.members().len() {
            all.extend((0..points.len()).map(|point| observations.start(member, point)));
            for step in 1..=spec.depth {
                all.extend((0..points.len()).map(|point| observations.get(member, step - 1, step, point)));
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(all)
}
