//! The keys of `lyapunov`.

use super::given::{Given, refuse_drawn};
use super::{EnsembleKeys, GivenKeys, Keys, LayerKeys, Seed, Source, StepKeys, TrainedKeys, first_given, take};
use crate::error::Result;
use crate::invalid;
use crate::spec::{LyapunovSpec, TrainedLyapunovSpec, Weights};

/// What the layers do, and how many steps of them.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct LyapunovKeys {
    /// One step.
    #[command(flatten)]
    #[serde(skip)]
    pub step: StepKeys,
    /// Steps L that are averaged over [default: 1000; all that are left of the matrices with weights given]
    #[arg(long, visible_alias = "steps", value_name = "STEPS", allow_negative_numbers = true)]
    #[serde(alias = "steps")]
    pub depth: Option<usize>,
    /// Steps before the average begins [default: 100; 0 with weights given]
    #[arg(long, value_name = "STEPS", allow_negative_numbers = true)]
    pub transient_steps: Option<usize>,
    /// Only the K largest exponents [default: all; 16 for a trained model]
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub top: Option<usize>,
    /// The K largest singular values of the product of all layers' Jacobians of a trained model, by Lanczos' method
    #[arg(long, value_name = "K", help_heading = "A trained model")]
    pub singular: Option<usize>,
    /// Points of the convergence series [default: 20, or one a step]
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    pub blocks: Option<usize>,
    /// Members computed at a time; on the command line it is a global option.
    #[arg(skip)]
    pub chunk: Option<usize>,
    /// Which matrices are drawn.
    #[command(flatten)]
    #[serde(skip)]
    pub ensemble: EnsembleKeys,
    /// What is brought along.
    #[command(flatten)]
    #[serde(skip)]
    pub given: GivenKeys,
    /// What a layer computes.
    #[command(flatten)]
    #[serde(skip)]
    pub layer: LayerKeys,
    /// Which trained model.
    #[command(flatten)]
    #[serde(skip)]
    pub trained: TrainedKeys,
}

/// Whose exponents are asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum LyapunovRequest {
    /// Those of an ensemble, or of own matrices.
    Members(Box<LyapunovSpec>),
    /// Those along the depth of a trained model.
    Trained(TrainedLyapunovSpec),
}

impl Keys for LyapunovKeys {
    type Spec = LyapunovRequest;

    const COMMAND: &'static str = "lyapunov";
    const RECORDED: &'static [&'static [&'static str]] = &[GivenKeys::RECORDED, TrainedKeys::RECORDED];

    fn read(file: &impl Source) -> Result<Self> {
        Ok(LyapunovKeys {
            step: file.view()?,
            ensemble: file.view()?,
            given: file.view()?,
            layer: file.view()?,
            trained: file.view()?,
            ..file.view()?
        })
    }

    fn specify(mut file: Self, flags: Self) -> Result<LyapunovRequest> {
        if file.trained.checkpoint.is_some() || flags.trained.checkpoint.is_some() {
            return Self::of_trained([&file, &flags]).map(LyapunovRequest::Trained);
        }
        let of_trained = |keys: &Self| keys.trained.first().or(keys.singular.map(|_| "singular"));
        if let Some(name) = of_trained(&file).or(of_trained(&flags)) {
            return invalid!("{name}: it is of a trained model; name its folder or file with checkpoint");
        }
        let model = flags.layer.model.or(file.layer.model).unwrap_or_default();
        let mut spec = LyapunovSpec::of(model);
        refuse_drawn(&mut file.ensemble, &flags.ensemble, [&file.given, &flags.given])?;
        let given = Given::read(&file.given, &flags.given)?;
        if let Some(own) = &given.matrices {
            spec.layer.weights = flags.layer.weights.or(file.layer.weights).unwrap_or(Weights::Tied);
            if spec.layer.weights == Weights::Given {
                spec.transient_steps = flags.transient_steps.or(file.transient_steps).unwrap_or(0);
                spec.depth = own.count().saturating_sub(spec.transient_steps);
            }
        }
        spec.ensemble = given.ensemble(spec.layer.weights, spec.ensemble);
        for keys in [&file, &flags] {
            keys.layer.refuse_unused(model)?;
            keys.ensemble.apply(&mut spec.ensemble);
            keys.layer.apply(&mut spec.layer);
            take!(keys.step => spec; radius, step_size, damping);
            take!(keys => spec; depth, transient_steps);
            spec.top = keys.top.or(spec.top);
        }
        spec.blocks = flags.blocks.or(file.blocks).unwrap_or(spec.blocks.min(spec.depth.max(1)));
        spec.validate()?;
        Ok(LyapunovRequest::Members(Box::new(spec)))
    }

    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>) {
        self.ensemble.seed = seed;
        self.chunk = chunk;
    }
}

impl LyapunovKeys {
    /// What is asked of a trained model.
    fn of_trained(both: [&Self; 2]) -> Result<TrainedLyapunovSpec> {
        let mut spec = TrainedLyapunovSpec::default();
        for keys in both {
            if let Some(name) = keys.foreign_to_trained() {
                return invalid!("{name}: a trained model is taken as it is; remove `{name}` or `checkpoint`");
            }
            keys.trained.apply(&mut spec.input)?;
            take!(keys.step => spec; step_size, damping);
            take!(keys => spec; top);
            spec.integrator = keys.layer.integrator.unwrap_or(spec.integrator);
            spec.seed = keys.ensemble.seed.map_or(spec.seed, |seed| seed.0);
            spec.singular = keys.singular.or(spec.singular);
        }
        spec.validate()?;
        Ok(spec)
    }

    /// The first key that was given of those that mean nothing for a trained model; a new key is one of them, or it is not.
    fn foreign_to_trained(&self) -> Option<&'static str> {
        #[rustfmt::skip]
        let Self {
            step, depth, transient_steps, blocks, ensemble, given, layer,
            top: _, singular: _, chunk: _, trained: _,
        } = self;
        let own = [
            ("radius", step.radius.is_some()),
            ("depth", depth.is_some()),
            ("transient_steps", transient_steps.is_some()),
            ("blocks", blocks.is_some()),
        ];
        first_given(own).or(given.first()).or(ensemble.first()).or(layer.first_of_form())
    }
}
