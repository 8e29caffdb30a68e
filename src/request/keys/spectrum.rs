//! The keys of `spectrum`.

use super::{EnsembleKeys, Keys, Seed, Source, word};
use crate::error::Result;
use crate::invalid;
use crate::spec::{EnsembleSpec, Precision, Quantities, SpectrumSpec};
use std::path::PathBuf;

/// The flags that draw an ensemble have no meaning beside `--matrix`.
const ENSEMBLE_FLAGS: [&str; 7] = ["ensemble", "tau", "radius_kind", "shift", "members", "width", "radius"];

/// Whose eigenvalues, and what else of them.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct SpectrumKeys {
    /// Your own matrices: .npy (one or a stack), .mtx or .csv
    #[arg(long, value_name = "FILE", conflicts_with_all = ENSEMBLE_FLAGS)]
    pub matrix: Option<PathBuf>,
    /// Spectral radius rho [default: 1]
    #[arg(long, visible_alias = "rho", value_name = "RHO", allow_negative_numbers = true)]
    #[serde(alias = "rho")]
    pub radius: Option<f64>,
    /// Euler step size h: eigenvalues of M instead of A
    #[arg(long, visible_alias = "h", value_name = "H", allow_negative_numbers = true)]
    #[serde(alias = "h")]
    pub step_size: Option<f64>,
    /// Friction gamma, 0 to 1: eigenvalues of M instead of A
    #[arg(long, visible_alias = "gamma", value_name = "GAMMA", allow_negative_numbers = true)]
    #[serde(alias = "gamma")]
    pub damping: Option<f64>,
    /// Print every eigenvalue, not only their statistics
    #[arg(long)]
    pub values: bool,
    /// Numbers that eigenvalues are computed in; a GPU needs to have f64 [default: f32; f64 for files on a host]
    #[arg(long, value_name = "BITS", value_parser = word::<Precision>())]
    pub precision: Option<Precision>,
    /// Smallest singular values of z I - A on a grid of N x N points z, for the first matrix of the file
    #[arg(long, value_name = "N")]
    pub pseudospectrum: Option<usize>,
    /// What is derived of the matrices of the file: all, none, or some of norm,numerical-abscissa,
    /// departure-from-normality,transient-peak [default: all]
    #[arg(long, value_name = "NAMES")]
    pub derived: Option<Quantities>,
    /// Members computed at a time; on the command line it is a global option.
    #[arg(skip)]
    pub chunk: Option<usize>,
    /// Which matrices are drawn.
    #[command(flatten)]
    #[serde(skip)]
    pub ensemble: EnsembleKeys,
}

impl Keys for SpectrumKeys {
    type Spec = SpectrumSpec;

    const COMMAND: &'static str = "spectrum";

    fn read(file: &impl Source) -> Result<Self> {
        Ok(SpectrumKeys { ensemble: file.view()?, ..file.view()? })
    }

    /// Beside a matrix of the flags the file's ensemble means nothing; an ensemble of the flags beside the file's matrix is
    /// refused.
    fn specify(file: Self, flags: Self) -> Result<SpectrumSpec> {
        let mut spec = SpectrumSpec::default();
        for keys in [&file, &flags] {
            let drawn = keys.radius.map(|_| "radius").or(keys.ensemble.first());
            if let (Some(name), true) = (drawn, keys.matrix.is_some() || spec.matrix.is_some()) {
                return invalid!("{name}: matrices of a file are taken as they are; remove `{name}` or `matrix`");
            }
            if keys.matrix.is_some() {
                spec = SpectrumSpec { ensemble: EnsembleSpec::default(), radius: 1.0, ..spec };
            }
            keys.apply(&mut spec);
        }
        spec.validate()?;
        Ok(spec)
    }

    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>) {
        self.ensemble.seed = seed;
        self.chunk = chunk;
    }
}

impl SpectrumKeys {
    fn apply(&self, spec: &mut SpectrumSpec) {
        self.ensemble.apply(&mut spec.ensemble);
        spec.radius = self.radius.unwrap_or(spec.radius);
        spec.step_size = self.step_size.or(spec.step_size);
        spec.damping = self.damping.or(spec.damping);
        spec.matrix = self.matrix.clone().or(spec.matrix.take());
        spec.values |= self.values;
        spec.precision = self.precision.or(spec.precision);
        spec.pseudospectrum = self.pseudospectrum.or(spec.pseudospectrum);
        spec.derived = self.derived.unwrap_or(spec.derived);
    }
}
