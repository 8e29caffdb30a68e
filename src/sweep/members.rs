//! The members of a linear sweep: their spectra, reduced to what the grid needs.

use super::{Sweep, points};
use crate::device::{Device, Progress};
use crate::error::{Error, Result};
use crate::integrator::{self, c64};
use crate::invalid;
use crate::layer::{Coefficients, Point};
use crate::numbers::statistics::convex_hull;
use crate::spec::check::LARGEST_GAIN;
use crate::spec::{Integrator, RadiusKind, SweepSpec};
use crate::spectrum::{self, Spectrum, Status};
use crate::weights::ensemble::{draw_matrices, unit};
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

/// Computes the spectra of all members, of a stack those of the first layers, and reduces them to what the grid needs.
pub fn measure_spectra(device: &Device, spec: &SweepSpec, sweep: &mut Sweep, progress: Progress) -> Result<()> {
    let n = spec.ensemble.width;
    let unit = unit(&spec.ensemble);
    let exact = spec.ensemble.radius_kind == RadiusKind::Exact;
    let at_once = SPECTRA_AT_ONCE.min((64 << 20) / (4 * n * n)).max(1);
    let chunk = spec.chunk.map_or(at_once, |chunk| chunk.min(at_once));
    let members = 0..spec.ensemble.members;
    let mut keep = |first: usize, spectra: Vec<Spectrum>| {
        if progress(0.0).is_break() {
            return Err(Error::Partial("interrupted before the rollouts began: there is nothing to keep".to_string()));
        }
        let of = |spectrum| member(spectrum, unit, exact, spec.layer.integrator);
        let members: Vec<Member> = spectra.par_iter().map(of).collect();
        sweep.members.extend(members);
        let kept = spectra.into_iter().take(spec.trajectories.saturating_sub(first));
        sweep.spectra.extend(kept.map(|spectrum| spectrum.map(|[re, im]| [re * unit, im * unit])));
        Ok(())
    };
    match &spec.ensemble.matrices {
        Some(own) => members.clone().step_by(chunk).try_for_each(|first| {
            let matrices = own.of(first..members.end.min(first + chunk));
            keep(first, spectrum::eigenvalues(device, matrices, n)?)
        }),
        None => draw_matrices(device, &spec.ensemble, members, chunk, &mut |first, matrices| {
            keep(first, spectrum::eigenvalues(device, &matrices, n)?).map(ControlFlow::Continue)
        }),
    }
}

/// Refuses exact radii of own matrices whose rescaling makes a step too large: of matrices far from normal the radius says
/// little of the norm.
pub fn check_exact(spec: &SweepSpec, members: &[Member]) -> Result<()> {
    let Some(own) = spec.ensemble.matrices.as_ref().filter(|_| spec.ensemble.radius_kind == RadiusKind::Exact) else {
        return Ok(());
    };
    let size = points(spec).iter().map(|point| point.step_size * point.radius).fold(0.0, f64::max) * own.largest_norm();
    match members.iter().position(|member| member.gain * size > LARGEST_GAIN) {
        None => Ok(()),
        Some(member) => invalid!(
            "radius_kind: the spectral radius of matrix {member} (from 0) is {:e}, so far below its norm that an exact \
             radius makes a step grow states by more than 2^40; use factor",
            members[member].spectral_radius
        ),
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
    pub fn radius_of_step(&self, integrator: Integrator, shift: f64, point: &Point) -> Option<f64> {
        let Coefficients { keep, gain } = Coefficients::linear(point, shift, 1.0);
        let square = |&[re, im]: &[f64; 2]| match integrator {
            Integrator::Euler => (keep + gain * re).powi(2) + (gain * im).powi(2),
            _ => integrator::growth(integrator, c64::new(keep - 1.0 + gain * re, gain * im)).norm_sqr(),
        };
        (self.status == Status::Ok).then(|| self.extremes.iter().map(square).fold(0.0, f64::max).sqrt())
    }
}
