//! The keys of `sweep`.

use super::given::{Given, refuse_drawn};
use super::{EnsembleKeys, GivenKeys, GridText, Keys, LayerKeys, Seed, Source, TrainedKeys, first_given, take, word};
use crate::error::Result;
use crate::invalid;
use crate::request::swept::{self, AxisText, Swept};
use crate::spec::{Axis, Grid, MapAxes, StepScaling, SweepSpec, TrainedSweepSpec, Weights};

/// What `sweep` varies and how it steps.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct SweepKeys {
    /// Step sizes h [default: 32 from 0.01 to 2, with 1 among them; 12 for nonlinear models]
    #[arg(long, visible_alias = "h", value_name = "GRID", help_heading = "Sweep", allow_hyphen_values = true)]
    #[serde(alias = "h")]
    pub step_size: Option<GridText>,
    /// Spectral radii rho [default: lin(0.05,1.6,32); lin(0.1,1.6,12) for nonlinear models; 1 for own matrices]
    #[arg(long, visible_alias = "rho", value_name = "GRID", help_heading = "Sweep", allow_hyphen_values = true)]
    #[serde(alias = "rho")]
    pub radius: Option<GridText>,
    /// Friction gamma, 0 to 1 [default: 0,0.1]
    #[arg(long, visible_alias = "gamma", value_name = "GRID", help_heading = "Sweep", allow_hyphen_values = true)]
    #[serde(alias = "gamma")]
    pub damping: Option<GridText>,
    /// Steps L of a trajectory [default: 80; one a matrix with weights given]
    #[arg(long, visible_alias = "steps", value_name = "STEPS", help_heading = "Sweep", allow_negative_numbers = true)]
    #[serde(alias = "steps")]
    pub depth: Option<usize>,
    /// How the step size shrinks with the depth [default: constant]
    #[arg(long, value_name = "KIND", help_heading = "Sweep", value_parser = word::<StepScaling>())]
    pub step_scaling: Option<StepScaling>,
    /// Growth of the norm that counts as diverged [default: 1000]
    #[arg(long, value_name = "FACTOR", help_heading = "Sweep", allow_negative_numbers = true)]
    pub threshold: Option<f64>,
    /// Linearise the MLP or transformer at every K-th step, 0 for never [default: first, middle and last]
    #[arg(long, value_name = "K", help_heading = "Sweep", allow_negative_numbers = true)]
    pub linearise_every: Option<usize>,
    /// Follow a random tangent along each trajectory of a nonlinear model [default: true]
    #[arg(long, value_name = "BOOL", help_heading = "Sweep", num_args = 0..=1, default_missing_value = "true")]
    pub perturbations: Option<bool>,
    /// Members recorded step by step [default: 8]
    #[arg(long, value_name = "COUNT", help_heading = "Sweep", allow_negative_numbers = true)]
    pub trajectories: Option<usize>,
    /// Sweep one more key, once for each: step_size, radius, damping, depth, width, tokens, heads, logit_gain,
    /// query_key_gain, value_gain, hidden_gain, output_gain or bias_gain
    #[arg(long, value_name = "KEY=GRID", help_heading = "Sweep")]
    #[serde(deserialize_with = "swept::table")]
    pub sweep_over: Vec<AxisText>,
    /// The axes of the maps, two swept keys [default: step_size,radius]
    #[arg(long, value_name = "X,Y", help_heading = "Sweep")]
    pub axes: Option<String>,
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
    /// Two words of a trained model whose logits are compared behind the last token, such as " planet, metal"
    #[arg(long, value_name = "WORD,WORD", help_heading = "A trained model", value_parser = margin)]
    #[serde(deserialize_with = "margin_key")]
    pub margin: Option<[String; 2]>,
}

/// Two words with a comma between them; spaces belong to the words.
fn margin(text: &str) -> std::result::Result<[String; 2], String> {
    match text.split(',').collect::<Vec<_>>()[..] {
        [first, second] if !first.is_empty() && !second.is_empty() => Ok([first.to_owned(), second.to_owned()]),
        _ => Err("two words with one comma between them, such as ' planet, metal'".to_string()),
    }
}

/// The same in a file: as text, or as a list of two.
fn margin_key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<[String; 2]>, D::Error> {
    use serde::Deserialize;
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Words([String; 2]),
    }
    match Form::deserialize(deserializer)? {
        Form::Text(text) => margin(&text).map(Some).map_err(serde::de::Error::custom),
        Form::Words(words) => Ok(Some(words)),
    }
}

/// What is swept.
#[derive(Debug, Clone, PartialEq)]
pub enum SweepRequest {
    /// Layers of an ensemble, or own matrices.
    Members(Box<SweepSpec>),
    /// The layers of a trained model.
    Trained(Box<TrainedSweepSpec>),
}

impl Keys for SweepKeys {
    type Spec = SweepRequest;

    const COMMAND: &'static str = "sweep";
    const RECORDED: &'static [&'static [&'static str]] = &[GivenKeys::RECORDED, TrainedKeys::RECORDED];

    fn read(file: &impl Source) -> Result<Self> {
        Ok(SweepKeys {
            ensemble: file.view()?,
            given: file.view()?,
            layer: file.view()?,
            trained: file.view()?,
            ..file.view()?
        })
    }

    fn specify(mut file: Self, flags: Self) -> Result<SweepRequest> {
        if file.trained.checkpoint.is_some() || flags.trained.checkpoint.is_some() {
            return Self::of_trained([&file, &flags]).map(Box::new).map(SweepRequest::Trained);
        }
        let of_trained = |keys: &Self| keys.trained.first().or(keys.margin.as_ref().map(|_| "margin"));
        if let Some(name) = of_trained(&file).or(of_trained(&flags)) {
            return invalid!("{name}: it is of a trained model; name its folder or file with checkpoint");
        }
        let model = flags.layer.model.or(file.layer.model).unwrap_or_default();
        file.layer.refuse_unused(model)?;
        flags.layer.refuse_unused(model)?;
        refuse_drawn(&mut file.ensemble, &flags.ensemble, [&file.given, &flags.given])?;
        let given = Given::read(&file.given, &flags.given)?;
        let weights = flags.layer.weights.or(file.layer.weights).unwrap_or_default();
        let mut spec = SweepSpec::of(model);
        if let Some(own) = &given.matrices {
            spec.radius = Grid::single(1.0);
            spec.depth = if weights == Weights::Given { own.count() } else { spec.depth };
        }
        spec.ensemble = given.ensemble(weights, spec.ensemble);
        file.apply(&mut spec)?;
        flags.apply(&mut spec)?;
        spec.trajectories = spec.trajectories.min(spec.ensemble.members);
        spec.validate()?;
        Ok(SweepRequest::Members(Box::new(spec)))
    }

    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>) {
        self.ensemble.seed = seed;
        self.chunk = chunk;
    }
}

impl SweepKeys {
    /// What is swept of a trained model.
    fn of_trained(both: [&Self; 2]) -> Result<TrainedSweepSpec> {
        let mut spec = TrainedSweepSpec::default();
        for keys in both {
            if let Some(name) = keys.foreign_to_trained() {
                return invalid!("{name}: a trained model is taken as it is; remove `{name}` or `checkpoint`");
            }
            keys.trained.apply(&mut spec.input)?;
            for (name, text, grid) in
                [("step_size", &keys.step_size, &mut spec.step_size), ("damping", &keys.damping, &mut spec.damping)]
            {
                if let Some(text) = text {
                    *grid = text.read(name)?;
                }
            }
            spec.integrator = keys.layer.integrator.unwrap_or(spec.integrator);
            spec.margin = keys.margin.clone().or(spec.margin);
        }
        spec.validate()?;
        Ok(spec)
    }

    /// The first key that was given of those that mean nothing for a trained model; a new key is one of them, or it is not.
    fn foreign_to_trained(&self) -> Option<&'static str> {
        #[rustfmt::skip]
        let Self {
            radius, depth, step_scaling, threshold, linearise_every, perturbations, trajectories, sweep_over, axes,
            ensemble, given, layer, step_size: _, damping: _, margin: _, chunk: _, trained: _,
        } = self;
        let own = [
            ("radius", radius.is_some()),
            ("depth", depth.is_some()),
            ("step_scaling", step_scaling.is_some()),
            ("threshold", threshold.is_some()),
            ("linearise_every", linearise_every.is_some()),
            ("perturbations", perturbations.is_some()),
            ("trajectories", trajectories.is_some()),
            ("sweep_over", !sweep_over.is_empty()),
            ("axes", axes.is_some()),
        ];
        first_given(own).or(given.first()).or(ensemble.first()).or(layer.first_of_form())
    }

    /// Was this key, one that can be swept, given on its own?
    fn gives(&self, key: &str) -> bool {
        match key {
            "step_size" => self.step_size.is_some(),
            "radius" => self.radius.is_some(),
            "damping" => self.damping.is_some(),
            "depth" => self.depth.is_some(),
            "width" => self.ensemble.width.is_some(),
            "tokens" => self.layer.tokens.is_some(),
            "heads" => self.layer.heads.is_some(),
            "logit_gain" => self.layer.logit_gain.is_some(),
            "query_key_gain" => self.layer.query_key_gain.is_some(),
            "value_gain" => self.layer.value_gain.is_some(),
            "hidden_gain" => self.layer.hidden_gain.is_some(),
            "output_gain" => self.layer.output_gain.is_some(),
            "bias_gain" => self.layer.bias_gain.is_some(),
            _ => false,
        }
    }

    fn apply(&self, spec: &mut SweepSpec) -> Result<()> {
        self.ensemble.apply(&mut spec.ensemble);
        self.layer.apply(&mut spec.layer);
        take!(self => spec; depth, step_scaling, threshold, perturbations, trajectories);
        spec.linearise_every = self.linearise_every.or(spec.linearise_every);
        spec.chunk = self.chunk.or(spec.chunk);
        spec.axes = self.axes.as_deref().map(MapAxes::parse).transpose()?.or(spec.axes);
        for (name, text, grid) in [
            ("step_size", &self.step_size, &mut spec.step_size),
            ("radius", &self.radius, &mut spec.radius),
            ("damping", &self.damping, &mut spec.damping),
        ] {
            if let Some(text) = text {
                *grid = text.read(name)?;
            }
        }
        // A key given on its own wins over an earlier sweep of it.
        Axis::ALL.into_iter().filter(|axis| self.gives(axis.key())).for_each(|axis| spec.sweep_over.remove(axis));
        for swept in swept::read(&self.sweep_over, |key| self.gives(key))? {
            match swept {
                Swept::Outer(axis, grid) => spec.sweep_over.set(axis, grid)?,
                Swept::Inner("step_size", grid) => spec.step_size = grid,
                Swept::Inner("radius", grid) => spec.radius = grid,
                Swept::Inner(_, grid) => spec.damping = grid,
            }
        }
        Ok(())
    }
}
