//! The nonlinear models: Jacobians along the trajectories, of as many members as there is time for.

use super::accumulator::Accumulator;
use super::batch::Batch;
use super::cell::Bands;
use super::linearisation::{linearised_members, linearised_steps};
use super::prediction::Prediction;
use super::{Point, rollout};
use crate::device::Device;
use crate::error::Result;
use crate::numbers::verdict::Band;
use crate::rollout::{Jacobians, middle};
use crate::spec::SweepSpec;
use crate::spectrum::{self, Spectrum, Status, derived::norms_and_departures, norms::Norms};
use std::ops::{ControlFlow, Range};

/// Numbers of the Jacobians of one member that are made at once.
const NUMBERS_AT_ONCE: usize = 4 << 20;

/// What Jacobians along the trajectories of a batch promise.
pub(super) struct AlongTrajectories<'a> {
    spec: &'a SweepSpec,
    epsilon: f64,
    /// The steps that are linearised.
    steps: Vec<usize>,
    /// Of the first so many members of the ensemble.
    linearised: usize,
    /// Which members of the batch these are.
    members: Range<usize>,
    /// `[points of the pass, members]`.
    promises: Vec<Vec<Promise>>,
    /// Of the first members in the middle of the grid, at the first of the steps.
    spectra: Vec<MemberSpectrum>,
}

/// The spectrum of a Jacobian, and whose it is.
struct MemberSpectrum {
    member: usize,
    spectrum: Spectrum,
}

impl<'a> AlongTrajectories<'a> {
    /// Nothing is known yet.
    pub fn new(device: &Device, spec: &'a SweepSpec) -> Self {
        let steps = linearised_steps(spec);
        let linearised = linearised_members(spec, spec.cells(), steps.len());
        AlongTrajectories {
            spec,
            epsilon: device.epsilon(),
            steps,
            linearised,
            members: 0..0,
            promises: Vec::new(),
            spectra: Vec::new(),
        }
    }

    /// The Jacobians at one step, at all points of a batch.
    fn linearise(&mut self, batch: &mut Batch, step: usize) -> Result<()> {
        let (spec, device, points) = (self.spec, batch.device, batch.points);
        let order = spec.ensemble.width * spec.layer.tokens;
        let at_once = (NUMBERS_AT_ONCE / (order * order)).max(1);
        let is_later = step > middle(spec.depth);
        for (first_place, own) in (0..).step_by(at_once).zip(points.chunks(at_once)) {
            let members = self.members.clone();
            rollout(spec, own).jacobians(device, members.clone(), step, &mut |jacobians| {
                let found = spectra_of(device, &jacobians)?;
                let norms = norms_of(device, &jacobians, &found)?;
                for (i, (spectrum, norms)) in found.into_iter().zip(norms).enumerate() {
                    let (i, place) = (jacobians.members.start + i / own.len(), first_place + i % own.len());
                    let member = members.start + i;
                    let Some((radii, most)) = batch.cell(member, place).radii(step) else { continue };
                    radii.ask();
                    let Some(spectrum) = spectrum else { continue };
                    let band = Band::of_eigenvalue(order, self.epsilon, norms.map_or(0.0, |norms| norms.norm));
                    let radius = radii.add(&spectrum, norms, band, most);
                    self.promises[place][i].add(is_later, radius, band);
                    let is_kept = batch.middle == Some(place) && member < spec.trajectories;
                    if is_kept && step == self.steps[0] {
                        self.spectra.push(MemberSpectrum { member, spectrum });
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn of(&self, member: usize, place: usize) -> Option<&Promise> {
        self.promises[place].get(member.checked_sub(self.members.start)?)
    }
}

impl Prediction for AlongTrajectories<'_> {
    fn prepare(
        &mut self,
        _device: &Device,
        members: Range<usize>,
        _told: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Range<usize>> {
        self.members = members.start..members.end.min(self.linearised).max(members.start);
        self.spectra.clear();
        Ok(members)
    }

    fn accumulator(&self, _point: &Point) -> Accumulator {
        let numbers = self.spec.ensemble.width * self.spec.layer.tokens;
        Accumulator::new(Bands::new(Band::default(), numbers, self.epsilon)).apart(&self.steps)
    }

    fn shares(&self) -> [f64; 2] {
        [0.0, if self.members.is_empty() { 1.0 } else { 0.5 }]
    }

    fn follow(&mut self, batch: &mut Batch, told: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<ControlFlow<()>> {
        self.promises = vec![vec![Promise::default(); self.members.len()]; batch.points.len()];
        let count = if self.members.is_empty() { 0 } else { self.steps.len() };
        for i in 0..count {
            if told(i as f64 / count as f64).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            self.linearise(batch, self.steps[i])?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn promise(&self, member: usize, place: usize, _point: &Point) -> Option<Option<f64>> {
        self.of(member, place).filter(|own| own.is_made()).map(Promise::factor)
    }

    fn own_band(&self, member: usize, place: usize) -> Option<Band> {
        self.of(member, place).map(|own| own.band)
    }

    fn spectra(&self, members: Range<usize>) -> Vec<Spectrum> {
        let own = self.spectra.iter().filter(|own| members.contains(&own.member));
        own.map(|own| own.spectrum.clone()).collect()
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
