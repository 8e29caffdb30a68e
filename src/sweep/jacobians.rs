//! The nonlinear models: Jacobians along the trajectories, of as many members as there is time for.

use super::accumulator::Accumulator;
use super::cell::{Bands, Linearised};
use super::prediction::Prediction;
use super::{Pass, Point, Sweep, rollout};
use crate::device::Device;
use crate::error::Result;
use crate::numbers::statistics::{Share, Summary};
use crate::numbers::verdict::Band;
use crate::rollout::{Jacobians, middle};
use crate::spec::{Model, SweepSpec};
use crate::spectrum::{self, Spectrum, Status, derived::norms_and_departures, norms::Norms};
use std::ops::ControlFlow;

/// Arithmetic that may go into Jacobians and their spectra; it decides how many members are linearised.
const LINEARISE_FLOPS: f64 = 3e12;
/// Numbers of the Jacobians of one member that are made at once.
const NUMBERS_AT_ONCE: usize = 4 << 20;

/// The steps whose Jacobians are made: every so many, or the first, the first of the later half and the last; none for 0,
/// and none of the linear model, whose Jacobian is the same everywhere.
pub fn linearised_steps(spec: &SweepSpec) -> Vec<usize> {
    let mut steps = match spec.linearise_every {
        _ if spec.layer.model == Model::Linear => Vec::new(),
        Some(0) => Vec::new(),
        Some(every) => (1..=spec.depth).step_by(every).collect(),
        None => vec![1, middle(spec.depth) + 1, spec.depth],
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

/// What Jacobians along the trajectories of a pass promise.
pub(super) struct AlongTrajectories<'a> {
    spec: &'a SweepSpec,
    epsilon: f64,
    /// The steps that are linearised.
    steps: Vec<usize>,
    /// Of so many members.
    members: usize,
    /// `[points of the pass]`.
    cells: Vec<PointPromises>,
    /// Of the first members in the middle of the grid, at the first of the steps.
    spectra: Vec<Spectrum>,
}

/// What the Jacobians of a grid point say.
#[derive(Clone)]
struct PointPromises {
    /// Of each member.
    promises: Vec<Promise>,
    /// At each step.
    linearised: Vec<Linearised>,
}

impl<'a> AlongTrajectories<'a> {
    /// Nothing is known yet.
    pub fn new(device: &Device, spec: &'a SweepSpec) -> Self {
        let steps = linearised_steps(spec);
        let members = linearised_members(spec, spec.cells(), steps.len());
        AlongTrajectories { spec, epsilon: device.epsilon(), steps, members, cells: Vec::new(), spectra: Vec::new() }
    }

    /// The Jacobians at one step, at all points of a pass.
    fn linearise(&mut self, pass: &Pass, step: usize) -> Result<()> {
        let (spec, device) = (self.spec, pass.device);
        let order = spec.ensemble.width * spec.layer.tokens;
        let at_once = (NUMBERS_AT_ONCE / (order * order)).max(1);
        let is_later = step > middle(spec.depth);
        for (block, own) in pass.points.chunks(at_once).enumerate() {
            let cells = &mut self.cells[block * at_once..][..own.len()];
            let mut radii: Vec<Radii> = own.iter().map(|_| Radii::default()).collect();
            let spectra = &mut self.spectra;
            rollout(spec, own).jacobians(device, 0..self.members, step, &mut |jacobians| {
                let found = spectra_of(device, &jacobians)?;
                let norms = norms_of(device, &jacobians, &found)?;
                for (i, (spectrum, norms)) in found.iter().zip(norms).enumerate() {
                    let (member, place) = (jacobians.members.start + i / own.len(), i % own.len());
                    let Some(spectrum) = spectrum else { continue };
                    let band = Band::of_eigenvalue(order, device.epsilon(), norms.map_or(0.0, |norms| norms.norm));
                    let radius = radii[place].add(spectrum, norms, band);
                    cells[place].promises[member].add(is_later, radius, band);
                    let is_kept = pass.middle == Some(block * at_once + place) && member < spec.trajectories;
                    if is_kept && step == self.steps[0] {
                        spectra.push(spectrum.clone());
                    }
                }
                Ok(())
            })?;
            for (cell, radii) in cells.iter_mut().zip(radii) {
                cell.linearised.push(radii.summary(step));
            }
        }
        Ok(())
    }
}

impl Prediction for AlongTrajectories<'_> {
    fn accumulator(&self, _point: &Point, quantile_members: usize) -> Accumulator {
        let numbers = self.spec.ensemble.width * self.spec.layer.tokens;
        Accumulator::new(quantile_members, Bands::new(Band::default(), numbers, self.epsilon)).apart()
    }

    fn rollout_share(&self) -> f64 {
        if self.members == 0 { 1.0 } else { 0.5 }
    }

    fn follow(&mut self, pass: &Pass, told: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<()> {
        let nothing = PointPromises { promises: vec![Promise::default(); self.members], linearised: Vec::new() };
        self.cells = vec![nothing; pass.points.len()];
        let count = if self.members == 0 { 0 } else { self.steps.len() };
        for i in 0..count {
            if told(0.5 + 0.5 * i as f64 / count as f64).is_break() {
                break;
            }
            self.linearise(pass, self.steps[i])?;
        }
        Ok(())
    }

    fn judge(&self, place: usize, accumulator: &mut Accumulator) {
        let PointPromises { promises, linearised } = &self.cells[place];
        let band = promises.iter().fold(Band::default(), |widest, own| widest.max(own.band));
        accumulator.judge_by(band, linearised.clone());
    }

    fn promise(&self, member: usize, place: usize, _point: &Point) -> Option<Option<f64>> {
        self.cells[place].promises.get(member).filter(|own| own.is_made()).map(Promise::factor)
    }

    fn own_band(&self, member: usize, place: usize) -> Option<Band> {
        self.cells[place].promises.get(member).map(|own| own.band)
    }

    fn finish(self: Box<Self>, sweep: &mut Sweep) {
        (sweep.linearised_members, sweep.spectra) = (self.members, self.spectra);
    }
}

/// What the Jacobians of a member promise at a grid point, as they arrive in the order of the steps.
#[derive(Clone, Copy, Default)]
struct Promise {
    /// Sum of the logarithms of the spectral radii of the later half.
    log_sum: f64,
    /// How many these are.
    count: usize,
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
            self.log_sum += radius.ln();
            self.count += 1;
        }
    }

    /// Is there anything to say of the member?
    fn is_made(&self) -> bool {
        self.failed || self.last.is_some()
    }

    /// The geometric mean of the radii of the later half; of a member that was frozen before, the last radius. None
    /// where a spectrum is missing.
    fn factor(&self) -> Option<f64> {
        match self.count {
            _ if self.failed => None,
            0 => self.last,
            count => Some((self.log_sum / count as f64).exp()),
        }
    }
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

/// The norms of those Jacobians that have a spectrum.
fn norms_of(device: &Device, jacobians: &Jacobians, spectra: &[Option<Spectrum>]) -> Result<Vec<Option<Norms>>> {
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
    fn add(&mut self, spectrum: &Spectrum, norms: Option<Norms>, band: Band) -> Option<f64> {
        if spectrum.status != Status::Ok {
            return None;
        }
        let radius = spectrum.radius()?;
        self.radii.push(radius);
        self.abscissas.extend(spectrum.abscissa());
        self.unstable.add(band.above(radius - 1.0));
        self.norms.extend(norms.map(|own| own.norm));
        self.departures.extend(norms.map(|own| own.relative_departure()));
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
