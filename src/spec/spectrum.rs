//! What `spectrum` does: the eigenvalues of an ensemble, or of matrices from a file.

use super::check::{self, Gain};
use super::keys::SpectrumKeys;
use super::parts::EnsembleSpec;
use super::words::Integrator;
use crate::error::Result;
use crate::invalid;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The finest pseudospectrum, in points a side.
const MOST_POINTS_A_SIDE: usize = 1000;

/// The numbers that eigenvalues are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits
    F32,
    /// 53 bits; on a GPU only where the adapter has them
    F64,
}

/// The eigenvalues of A or, as soon as a step size or a damping is given, of M = (1 - damping) I + step_size A.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpectrumSpec {
    /// Which matrices are drawn; without meaning when there is a matrix file.
    #[serde(flatten)]
    pub ensemble: EnsembleSpec,
    /// Spectral radius rho of the drawn matrices.
    pub radius: f64,
    /// Step size h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_size: Option<f64>,
    /// Friction gamma.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damping: Option<f64>,
    /// Matrices from a file (.npy one or a stack, .mtx, .csv) instead of an ensemble.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "readable")]
    pub matrix: Option<PathBuf>,
    /// Whether the eigenvalues themselves are wanted, not only their statistics.
    pub values: bool,
    /// What the eigenvalues are computed in; by default f32, f64 on the reference and for matrices of a file on a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Points a side of the pseudospectrum of the first matrix of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudospectrum: Option<usize>,
}

impl Default for SpectrumSpec {
    /// 1,024 Ginibre matrices of width 64 and nominal radius 1; statistics of A.
    fn default() -> Self {
        SpectrumSpec {
            ensemble: EnsembleSpec::default(),
            radius: 1.0,
            step_size: None,
            damping: None,
            matrix: None,
            values: false,
            precision: None,
            pseudospectrum: None,
        }
    }
}

impl SpectrumSpec {
    /// The spectrum that a file and the flags ask for; flags win. Beside a matrix of the flags the file's ensemble means
    /// nothing; an ensemble of the flags beside the file's matrix is refused.
    pub fn from_keys(file: &SpectrumKeys, flags: &SpectrumKeys) -> Result<Self> {
        let mut spec = SpectrumSpec::default();
        for keys in [file, flags] {
            let drawn = keys.radius.map(|_| "radius").or(keys.ensemble.first());
            if let (Some(name), true) = (drawn, keys.matrix.is_some() || spec.matrix.is_some()) {
                return invalid!("{name}: matrices of a file are taken as they are; remove `{name}` or `matrix`");
            }
            if keys.matrix.is_some() {
                spec = SpectrumSpec { ensemble: EnsembleSpec::default(), radius: 1.0, ..spec };
            }
            spec.apply(keys);
        }
        spec.validate()?;
        Ok(spec)
    }

    fn apply(&mut self, keys: &SpectrumKeys) {
        self.ensemble.apply(&keys.ensemble);
        self.radius = keys.radius.unwrap_or(self.radius);
        self.step_size = keys.step_size.or(self.step_size);
        self.damping = keys.damping.or(self.damping);
        self.matrix = keys.matrix.clone().or(self.matrix.take());
        self.values |= keys.values;
        self.precision = keys.precision.or(self.precision);
        self.pseudospectrum = keys.pseudospectrum.or(self.pseudospectrum);
    }

    /// Scale and offset that turn an eigenvalue of A into what is asked for: 1 - damping + step_size λ, or λ itself.
    pub fn affine(&self) -> (f64, f64) {
        match (self.step_size, self.damping) {
            (None, None) => (1.0, 0.0),
            (step_size, damping) => (step_size.unwrap_or(1.0), 1.0 - damping.unwrap_or(0.0)),
        }
    }

    /// Whether it speaks of the step M instead of the layer A.
    pub fn is_of_step(&self) -> bool {
        self.step_size.is_some() || self.damping.is_some()
    }

    /// Refuses, in one line, what cannot be computed.
    pub fn validate(&self) -> Result<()> {
        self.ensemble.validate()?;
        if self.pseudospectrum.is_some() && self.matrix.is_none() {
            return invalid!("pseudospectrum: it is that of your own matrix; name its file with matrix");
        }
        if let Some(points) = self.pseudospectrum {
            check::count("pseudospectrum", points, MOST_POINTS_A_SIDE)?;
        }
        check::radius(self.radius)?;
        self.step_size.map_or(Ok(()), check::step_size)?;
        self.damping.map_or(Ok(()), check::damping)?;
        let (step_size, damping) = (self.step_size.unwrap_or(1.0), self.damping.unwrap_or(0.0));
        let (radius, shift, correlation) = (self.radius, self.ensemble.shift, self.ensemble.correlation());
        Gain { step_size, radius, damping, shift, correlation, integrator: Integrator::Euler }.check()
    }
}

/// A path that is not UTF-8 is no reason to fail a record.
fn readable<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&path.as_deref().unwrap_or("".as_ref()).display())
}
