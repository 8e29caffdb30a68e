//! The linear model: one eigendecomposition of a member serves the whole grid.
//!
//! An eigenvalue λ of G makes the increment z = h rho λ - h mu - gamma, and the step multiplies its mode by the
//! integrator's Φ(z). For Euler's Φ = 1 + z the largest |Φ| is reached at a corner of the convex hull of G's spectrum; for
//! others all eigenvalues are tried.

use super::accumulator::Accumulator;
use super::cell::Bands;
use super::points;
use super::prediction::Prediction;
use crate::device::Device;
use crate::error::Result;
use crate::integrator::{self, c64};
use crate::invalid;
use crate::layer::{Coefficients, Point};
use crate::numbers::statistics::convex_hull;
use crate::spec::check::LARGEST_GAIN;
use crate::spec::{Integrator, RadiusKind, SweepSpec};
use crate::spectrum::{self, EIGENVALUE_WORK, Spectrum, Status};
use crate::weights::ensemble::{band_of_step, draw_matrices, unit};
use rayon::prelude::*;
use std::ops::{ControlFlow, Range};

/// Members whose spectra are computed at once.
const SPECTRA_AT_ONCE: usize = 1024;

/// What is reported of one member of a linear sweep, besides its share in the cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// What makes an exact radius exact; 1 for a nominal one.
    pub gain: f64,
    /// The spectral radius of A at radius 1 and shift 0, before `gain`.
    pub spectral_radius: f64,
    /// The number of real eigenvalues.
    pub real_eigenvalues: usize,
    /// What became of its spectrum.
    pub status: Status,
}

/// A member with those of its eigenvalues of G / its law's edge, times its gain, among which the largest |Φ| is.
#[derive(Clone)]
struct Known {
    member: Member,
    extremes: Vec<[f64; 2]>,
}

/// The spectra of some members, of a stack those of the first layers, reduced to what the grid needs.
pub(super) struct Affine<'a> {
    spec: &'a SweepSpec,
    epsilon: f64,
    /// Which members are known.
    members: Range<usize>,
    known: Vec<Known>,
    /// What makes exact radii exact, of every member of the ensemble; 1 until it is known.
    gains: Option<Vec<f64>>,
    /// By how much exact radii enlarge own matrices at most. Random ones have a radius near their nominal one.
    largest_gain: f64,
    /// Of those members that are among the first ones.
    spectra: Vec<Spectrum>,
}

impl<'a> Affine<'a> {
    /// Nothing is known yet.
    pub fn new(device: &Device, spec: &'a SweepSpec) -> Self {
        let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
        Affine {
            spec,
            epsilon: device.epsilon(),
            members: 0..0,
            known: Vec::new(),
            gains: exact.then(|| vec![1.0; spec.ensemble.members]),
            largest_gain: 1.0,
            spectra: Vec::new(),
        }
    }

    fn keep(&mut self, first: usize, spectra: Vec<Spectrum>) {
        let (spec, unit) = (self.spec, unit(&self.spec.ensemble));
        let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
        let of = |spectrum| known(spectrum, unit, exact, spec.layer.integrator);
        self.known.par_extend(spectra.par_iter().map(of));
        self.members.end += spectra.len();
        let kept = spectra.into_iter().take(spec.trajectories.saturating_sub(first));
        self.spectra.extend(kept.map(|spectrum| spectrum.map(|[re, im]| [re * unit, im * unit])));
    }

    /// Notes the gains of exact radii. Refuses those of own matrices whose rescaling makes a step too large: of matrices
    /// far from normal the radius says little of the norm.
    fn note_gains(&mut self) -> Result<()> {
        let Some(gains) = &mut self.gains else { return Ok(()) };
        let own = &mut gains[self.members.clone()];
        own.iter_mut().zip(&self.known).for_each(|(gain, known)| *gain = known.member.gain);
        if let Some(matrices) = &self.spec.ensemble.matrices {
            let size = points(self.spec).iter().map(|point| point.step_size * point.radius).fold(0.0, f64::max);
            let size = size * matrices.largest_norm();
            if let Some(place) = own.iter().position(|gain| gain * size > LARGEST_GAIN) {
                return invalid!(
                    "radius_kind: the spectral radius of matrix {} (from 0) is {:e}, so far below its norm that an \
                     exact radius makes a step grow states by more than 2^40; use factor",
                    self.members.start + place,
                    self.known[place].member.spectral_radius
                );
            }
            self.largest_gain = gains.iter().copied().fold(0.0, f64::max);
        }
        Ok(())
    }

    fn of(&self, member: usize) -> &Known {
        &self.known[member - self.members.start]
    }
}

impl Prediction for Affine<'_> {
    fn prepare(
        &mut self,
        device: &Device,
        members: Range<usize>,
        told: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Range<usize>> {
        if self.members == members {
            // The pass before has had the same members.
            return Ok(members);
        }
        (self.known, self.spectra) = (Vec::with_capacity(members.len()), Vec::new());
        self.members = members.start..members.start;
        let (spec, n) = (self.spec, self.spec.ensemble.width);
        let at_once = SPECTRA_AT_ONCE.min((64 << 20) / (4 * n * n)).max(1);
        let chunk = spec.chunk.map_or(at_once, |chunk| chunk.min(at_once));
        let mut keep = |first: usize, spectra: Vec<Spectrum>| {
            self.keep(first, spectra);
            let flow = told(self.members.len() as f64 / members.len() as f64);
            if self.members == members { ControlFlow::Continue(()) } else { flow }
        };
        match &spec.ensemble.matrices {
            Some(given) => {
                for first in members.clone().step_by(chunk) {
                    let matrices = given.of(first..members.end.min(first + chunk));
                    if keep(first, spectrum::eigenvalues(device, matrices, n)?).is_break() {
                        break;
                    }
                }
            }
            None => draw_matrices(device, &spec.ensemble, members.clone(), chunk, &mut |first, matrices| {
                Ok(keep(first, spectrum::eigenvalues(device, &matrices, n)?))
            })?,
        }
        self.note_gains()?;
        Ok(self.members.clone())
    }

    fn accumulator(&self, point: &Point) -> Accumulator {
        let SweepSpec { ensemble, layer, .. } = self.spec;
        let band = band_of_step(ensemble, point.step_size * (self.largest_gain * point.radius), self.epsilon);
        let band = band.steeper(integrator::slope(layer.integrator));
        Accumulator::new(Bands::new(band, ensemble.width, self.epsilon))
    }

    fn gains(&self) -> Option<&[f64]> {
        self.gains.as_deref()
    }

    /// Without its spectrum a member has no exact radius, so its trajectory would be another one's.
    fn counts(&self, member: usize) -> bool {
        self.gains.is_none() || self.of(member).member.status == Status::Ok
    }

    /// How much of a linear sweep its spectra are, beside rollouts at all grid points.
    fn shares(&self) -> [f64; 2] {
        let (spec, n) = (self.spec, self.spec.ensemble.width as f64);
        let spectra = EIGENVALUE_WORK * n.powi(3);
        let rollouts = 2.0 * n * n * super::evaluations(spec) * (spec.cells() * spec.depth) as f64;
        [spectra / (spectra + rollouts), 1.0]
    }

    fn promise(&self, member: usize, _place: usize, point: &Point) -> Option<Option<f64>> {
        Some(self.of(member).radius_of_step(self.spec.layer.integrator, self.spec.ensemble.shift, point))
    }

    fn members(&self, members: Range<usize>) -> Vec<Member> {
        members.map(|member| self.of(member).member.clone()).collect()
    }

    fn spectra(&self, members: Range<usize>) -> Vec<Spectrum> {
        let place = |member: usize| (member - self.members.start).min(self.spectra.len());
        self.spectra[place(members.start)..place(members.end)].to_vec()
    }
}

fn known(spectrum: &Spectrum, unit: f64, exact: bool, integrator: Integrator) -> Known {
    let radius = spectrum.radius().unwrap_or(0.0) * unit;
    let extremes = match integrator {
        Integrator::Euler => convex_hull(&spectrum.eigenvalues),
        // Of a conjugate pair one does.
        _ => spectrum.eigenvalues.iter().copied().filter(|z| z[1] >= 0.0).collect(),
    };
    let is_known = spectrum.status == Status::Ok && radius > 0.0;
    let gain = if exact && is_known { 1.0 / radius } else { 1.0 };
    Known {
        extremes: extremes.into_iter().map(|[re, im]| [re * unit * gain, im * unit * gain]).collect(),
        member: Member { gain, spectral_radius: radius, real_eigenvalues: spectrum.real, status: spectrum.status },
    }
}

impl Known {
    /// The spectral radius of the step, max |Φ(z)| with z = step_size (radius λ - shift) - damping, if the spectrum is
    /// known.
    fn radius_of_step(&self, integrator: Integrator, shift: f64, point: &Point) -> Option<f64> {
        let Coefficients { keep, gain } = Coefficients::linear(point, shift, 1.0);
        let square = |&[re, im]: &[f64; 2]| match integrator {
            Integrator::Euler => (keep + gain * re).powi(2) + (gain * im).powi(2),
            _ => integrator::growth(integrator, c64::new(keep - 1.0 + gain * re, gain * im)).norm_sqr(),
        };
        (self.member.status == Status::Ok).then(|| self.extremes.iter().map(square).fold(0.0, f64::max).sqrt())
    }
}
