//! The keys of `spectrum`.

use super::{EnsembleKeys, Keys, Seed, Source, StepKeys, TrainedKeys, first_given, take, word};
use crate::error::Result;
use crate::invalid;
use crate::spec::{
    Control, EnsembleSpec, Integrator, Precision, Quantities, SpectrumSpec, Tokens, TrainedSpectrumSpec,
};
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
    /// One step.
    #[command(flatten)]
    #[serde(skip)]
    pub step: StepKeys,
    /// Print every eigenvalue, not only their statistics; those of a trained model go into the JSON
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
    /// Which trained model.
    #[command(flatten)]
    #[serde(skip)]
    pub trained: TrainedKeys,
    /// What of it.
    #[command(flatten)]
    #[serde(skip)]
    pub layers: LayersKeys,
}

/// What of the layers of a trained model.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
#[command(next_help_heading = "A trained model")]
pub struct LayersKeys {
    /// Tokens that are measured: last, all, or places from 0 such as 0,4,8 [default: last]
    #[arg(long, value_name = "TOKENS")]
    pub tokens: Option<Tokens>,
    /// How a step of it is made [default: euler, its own]
    #[arg(long, value_name = "NAME", value_parser = word::<Integrator>())]
    pub integrator: Option<Integrator>,
    /// Models of the same form that are measured beside it; may be given twice
    #[arg(long, value_name = "CONTROL", value_parser = word::<Control>())]
    #[serde(alias = "controls")]
    pub control: Option<Vec<Control>>,
    /// Only the K eigenvalues of largest magnitude, by Arnoldi's method: for models whose Jacobians are too large
    #[arg(long, value_name = "K")]
    pub leading: Option<usize>,
    /// Only the K largest singular values, by Lanczos' method: for the same models, with or without --leading
    #[arg(long, value_name = "K")]
    pub singular: Option<usize>,
}

impl LayersKeys {
    /// The first key that was given.
    fn first(&self) -> Option<&'static str> {
        let given = [
            ("tokens", self.tokens.is_some()),
            ("integrator", self.integrator.is_some()),
            ("control", self.control.is_some()),
            ("leading", self.leading.is_some()),
            ("singular", self.singular.is_some()),
        ];
        first_given(given)
    }

    fn apply(&self, spec: &mut TrainedSpectrumSpec) {
        spec.tokens = self.tokens.clone().unwrap_or(std::mem::take(&mut spec.tokens));
        spec.controls = self.control.clone().unwrap_or(std::mem::take(&mut spec.controls));
        take!(self => spec; integrator);
        spec.leading = self.leading.or(spec.leading);
        spec.singular = self.singular.or(spec.singular);
    }
}

/// Whose eigenvalues are asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum SpectrumRequest {
    /// Those of matrices.
    Matrices(SpectrumSpec),
    /// Those of the layers of a trained model.
    Trained(TrainedSpectrumSpec),
}

impl Keys for SpectrumKeys {
    type Spec = SpectrumRequest;

    const COMMAND: &'static str = "spectrum";
    const RECORDED: &'static [&'static [&'static str]] = &[TrainedKeys::RECORDED, &["controls"]];

    fn read(file: &impl Source) -> Result<Self> {
        Ok(SpectrumKeys {
            step: file.view()?,
            ensemble: file.view()?,
            trained: file.view()?,
            layers: file.view()?,
            ..file.view()?
        })
    }

    /// Beside a matrix of the flags the file's ensemble means nothing; an ensemble of the flags beside the file's matrix is
    /// refused.
    fn specify(file: Self, flags: Self) -> Result<SpectrumRequest> {
        if file.trained.checkpoint.is_some() || flags.trained.checkpoint.is_some() {
            return Self::of_trained([&file, &flags]).map(SpectrumRequest::Trained);
        }
        let of_trained = |keys: &Self| keys.trained.first().or(keys.layers.first());
        if let Some(name) = of_trained(&file).or(of_trained(&flags)) {
            return invalid!("{name}: it is of a trained model; name its folder or file with checkpoint");
        }
        let mut spec = SpectrumSpec::default();
        for keys in [&file, &flags] {
            let drawn = keys.step.radius.map(|_| "radius").or(keys.ensemble.first());
            if let (Some(name), true) = (drawn, keys.matrix.is_some() || spec.matrix.is_some()) {
                return invalid!("{name}: matrices of a file are taken as they are; remove `{name}` or `matrix`");
            }
            if keys.matrix.is_some() {
                spec = SpectrumSpec { ensemble: EnsembleSpec::default(), radius: 1.0, ..spec };
            }
            keys.apply(&mut spec);
        }
        spec.validate()?;
        Ok(SpectrumRequest::Matrices(spec))
    }

    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>) {
        self.ensemble.seed = seed;
        self.chunk = chunk;
    }
}

impl SpectrumKeys {
    /// What is asked of a trained model. Its weights are neither drawn nor those of a file of matrices.
    fn of_trained(both: [&Self; 2]) -> Result<TrainedSpectrumSpec> {
        let mut spec = TrainedSpectrumSpec::default();
        if both.iter().any(|keys| keys.layers.leading.or(keys.layers.singular).is_some()) {
            spec.derived = Quantities::NONE;
        }
        for keys in both {
            let foreign = [
                ("matrix", keys.matrix.is_some()),
                ("radius", keys.step.radius.is_some()),
                ("precision", keys.precision.is_some()),
                ("pseudospectrum", keys.pseudospectrum.is_some()),
            ];
            let foreign = first_given(foreign);
            if let Some(name) = foreign.or(keys.ensemble.first()) {
                return invalid!("{name}: a trained model is taken as it is; remove `{name}` or `checkpoint`");
            }
            keys.trained.apply(&mut spec.input)?;
            keys.layers.apply(&mut spec);
            spec.step_size = keys.step.step_size.unwrap_or(spec.step_size);
            spec.damping = keys.step.damping.unwrap_or(spec.damping);
            spec.derived = keys.derived.unwrap_or(spec.derived);
            spec.values |= keys.values;
            spec.seed = keys.ensemble.seed.map_or(spec.seed, |seed| seed.0);
        }
        spec.validate()?;
        Ok(spec)
    }

    fn apply(&self, spec: &mut SpectrumSpec) {
        self.ensemble.apply(&mut spec.ensemble);
        spec.radius = self.step.radius.unwrap_or(spec.radius);
        spec.step_size = self.step.step_size.or(spec.step_size);
        spec.damping = self.step.damping.or(spec.damping);
        spec.matrix = self.matrix.clone().or(spec.matrix.take());
        spec.values |= self.values;
        spec.precision = self.precision.or(spec.precision);
        spec.pseudospectrum = self.pseudospectrum.or(spec.pseudospectrum);
        spec.derived = self.derived.unwrap_or(spec.derived);
    }
}
