//! The linear model: one eigendecomposition of a member serves the whole grid.
//!
//! An eigenvalue λ of G makes the increment z = h rho λ - h mu - gamma, and the step multiplies its mode by the
//! integrator's Φ(z). For Euler's Φ = 1 + z the largest |Φ| is reached at a corner of the convex hull of G's spectrum; for
//! others all eigenvalues are tried.

use super::accumulator::Accumulator;
use super::cell::Bands;
use super::prediction::Prediction;
use super::{Sweep, points};
use crate::device::{Device, Progress};
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
use std::ops::ControlFlow;

/// Members whose spectra are computed at once.
const SPECTRA_AT_ONCE: usize = 1024;

/// What the sweep knows of one member, besides its share in the cells.
#[derive(Clone, Debug)]
pub struct Member {
    /// Eigenvalues of G / its law's edge, times `gain`: those among which the largest |Φ| is.
    extremes: Vec<[f64; 2]>,
    /// What makes an exact radius exact; 1 for a nominal one.
    pub gain: f64,
    /// The spectral radius of A at radius 1 and shift 0, before `gain`.
    pub spectral_radius: f64,
    /// The number of real eigenvalues.
    pub real_eigenvalues: usize,
    /// What became of its spectrum.
    pub status: Status,
}

/// The spectra of all members, of a stack those of the first layers, reduced to what the grid needs.
pub(super) struct Affine<'a> {
    spec: &'a SweepSpec,
    epsilon: f64,
    members: Vec<Member>,
    /// What makes exact radii exact.
    gains: Option<Vec<f64>>,
    /// By how much exact radii enlarge own matrices at most. Random ones have a radius near their nominal one.
    largest_gain: f64,
    /// Of the first members.
    spectra: Vec<Spectrum>,
    /// Are some members missing, because it was stopped?
    stopped: bool,
}

/// How much of a linear sweep its spectra are, beside rollouts at all grid points.
fn share_of_spectra(spec: &SweepSpec) -> f64 {
    let n = spec.ensemble.width as f64;
    let spectra = EIGENVALUE_WORK * n.powi(3);
    spectra / (spectra + 2.0 * n * n * super::evaluations(spec) * (spec.cells() * spec.depth) as f64)
}

impl<'a> Affine<'a> {
    /// Computes all spectra, or those up to where it is stopped.
    pub fn measure(device: &Device, spec: &'a SweepSpec, progress: Progress) -> Result<Self> {
        let mut own = Affine {
            spec,
            epsilon: device.epsilon(),
            members: Vec::with_capacity(spec.ensemble.members),
            gains: None,
            largest_gain: 1.0,
            spectra: Vec::new(),
            stopped: false,
        };
        let share = share_of_spectra(spec);
        let n = spec.ensemble.width;
        let at_once = SPECTRA_AT_ONCE.min((64 << 20) / (4 * n * n)).max(1);
        let chunk = spec.chunk.map_or(at_once, |chunk| chunk.min(at_once));
        let members = 0..spec.ensemble.members;
        let mut keep = |first: usize, spectra: Vec<Spectrum>| {
            own.keep(first, spectra);
            let measured = own.members.len() as f64 / spec.ensemble.members as f64;
            let flow = progress(share * measured);
            own.stopped = flow.is_break() && measured < 1.0;
            if own.stopped { flow } else { ControlFlow::Continue(()) }
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
            None => draw_matrices(device, &spec.ensemble, members, chunk, &mut |first, matrices| {
                Ok(keep(first, spectrum::eigenvalues(device, &matrices, n)?))
            })?,
        }
        own.measure_gains()?;
        Ok(own)
    }

    fn keep(&mut self, first: usize, spectra: Vec<Spectrum>) {
        let (spec, unit) = (self.spec, unit(&self.spec.ensemble));
        let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
        let of = |spectrum| member(spectrum, unit, exact, spec.layer.integrator);
        let members: Vec<Member> = spectra.par_iter().map(of).collect();
        self.members.extend(members);
        let kept = spectra.into_iter().take(spec.trajectories.saturating_sub(first));
        self.spectra.extend(kept.map(|spectrum| spectrum.map(|[re, im]| [re * unit, im * unit])));
    }

    /// Finds the gains of exact radii. Refuses those of own matrices whose rescaling makes a step too large: of matrices
    /// far from normal the radius says little of the norm.
    fn measure_gains(&mut self) -> Result<()> {
        let ensemble = &self.spec.ensemble;
        if ensemble.radius_kind != RadiusKind::Exact {
            return Ok(());
        }
        let gains: Vec<f64> = self.members.iter().map(|member| member.gain).collect();
        if let Some(own) = &ensemble.matrices {
            let size = points(self.spec).iter().map(|point| point.step_size * point.radius).fold(0.0, f64::max);
            let size = size * own.largest_norm();
            if let Some(member) = gains.iter().position(|gain| gain * size > LARGEST_GAIN) {
                return invalid!(
                    "radius_kind: the spectral radius of matrix {member} (from 0) is {:e}, so far below its norm that an \
                     exact radius makes a step grow states by more than 2^40; use factor",
                    self.members[member].spectral_radius
                );
            }
            self.largest_gain = gains.iter().copied().fold(0.0, f64::max);
        }
        self.gains = Some(gains);
        Ok(())
    }
}

impl Prediction for Affine<'_> {
    fn accumulator(&self, point: &Point, quantile_members: usize) -> Accumulator {
        let SweepSpec { ensemble, layer, .. } = self.spec;
        let band = band_of_step(ensemble, point.step_size * (self.largest_gain * point.radius), self.epsilon);
        let band = band.steeper(integrator::slope(layer.integrator));
        Accumulator::new(quantile_members, Bands::new(band, ensemble.width, self.epsilon))
    }

    fn gains(&self) -> Option<&[f64]> {
        self.gains.as_deref()
    }

    fn share_before(&self) -> f64 {
        share_of_spectra(self.spec)
    }

    fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Without its spectrum a member has no exact radius, so its trajectory would be another one's.
    fn counts(&self, member: usize) -> bool {
        self.gains.is_none() || self.members[member].status == Status::Ok
    }

    fn promise(&self, member: usize, _place: usize, point: &Point) -> Option<Option<f64>> {
        Some(self.members[member].radius_of_step(self.spec.layer.integrator, self.spec.ensemble.shift, point))
    }

    fn finish(self: Box<Self>, sweep: &mut Sweep) {
        (sweep.members, sweep.spectra) = (self.members, self.spectra);
    }
}

fn member(spectrum: &Spectrum, unit: f64, exact: bool, integrator: Integrator) -> Member {
    let radius = spectrum.radius().unwrap_or(0.0) * unit;
    let extremes = match integrator {
        Integrator::Euler => convex_hull(&spectrum.eigenvalues),
        // Of a conjugate pair one does.
        _ => spectrum.eigenvalues.iter().copied().filter(|z| z[1] >= 0.0).collect(),
    };
    let known = spectrum.status == Status::Ok && radius > 0.0;
    let gain = if exact && known { 1.0 / radius } else { 1.0 };
    Member {
        extremes: extremes.into_iter().map(|[re, im]| [re * unit * gain, im * unit * gain]).collect(),
        gain,
        spectral_radius: radius,
        real_eigenvalues: spectrum.real,
        status: spectrum.status,
    }
}

impl Member {
    /// The spectral radius of the step, max |Φ(z)| with z = step_size (radius λ - shift) - damping, if the spectrum is
    /// known.
    fn radius_of_step(&self, integrator: Integrator, shift: f64, point: &Point) -> Option<f64> {
        let Coefficients { keep, gain } = Coefficients::linear(point, shift, 1.0);
        let square = |&[re, im]: &[f64; 2]| match integrator {
            Integrator::Euler => (keep + gain * re).powi(2) + (gain * im).powi(2),
            _ => integrator::growth(integrator, c64::new(keep - 1.0 + gain * re, gain * im)).norm_sqr(),
        };
        (self.status == Status::Ok).then(|| self.extremes.iter().map(square).fold(0.0, f64::max).sqrt())
    }
}
