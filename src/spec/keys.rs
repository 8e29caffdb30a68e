//! The keys of a specification, as somebody gave them: each is a flag and a TOML key, listed once for both.
//!
//! Everything is optional here; the defaults live with the specifications.

mod bench;
mod lyapunov;
mod spectrum;

pub use bench::BenchKeys;
pub use lyapunov::LyapunovKeys;
pub use spectrum::SpectrumKeys;

use super::axes::{self, AxisText};
use super::grid::{Grid, plain};
use super::words::*;
use crate::error::{Error, Result};
use crate::invalid;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::str::FromStr;

/// The keys of a command: its flags, and what its file can say.
pub trait Keys: clap::Args + Default {
    /// The command.
    const COMMAND: &'static str;
    /// Can its file say how many members are computed at a time?
    const HAS_CHUNK: bool = true;

    /// Reads all of them from one file.
    fn read(file: &impl Source) -> Result<Self>;

    /// Takes over those that are global options on the command line.
    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>);
}

/// A file of keys that can be looked at as often as there are groups of keys in it: so each key is listed once, and
/// errors keep their place.
pub trait Source {
    /// The keys of one group; others are none of its business.
    fn view<T: serde::de::DeserializeOwned>(&self) -> Result<T>;
}

/// Which matrices are drawn.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct EnsembleKeys {
    /// Random matrices [default: ginibre]
    #[arg(long, value_name = "NAME", help_heading = "Ensemble")]
    pub ensemble: Option<Ensemble>,
    /// Correlation of A_ij with A_ji in the elliptic ensemble, -1 to 1
    #[arg(long, value_name = "NUMBER", help_heading = "Ensemble", allow_negative_numbers = true)]
    pub tau: Option<f64>,
    /// What the radius is the radius of [default: nominal]
    #[arg(long, value_name = "KIND", help_heading = "Ensemble")]
    pub radius_kind: Option<RadiusKind>,
    /// Restoring force mu: A = -mu I + rho G / sqrt(n) [default: 0]
    #[arg(long, visible_alias = "mu", value_name = "MU", help_heading = "Ensemble", allow_negative_numbers = true)]
    #[serde(alias = "mu")]
    pub shift: Option<f64>,
    /// How many random layers (or stacks of them) are drawn [default: 1024; 64 for lyapunov and nonlinear sweeps]
    #[arg(
        long,
        visible_alias = "layers",
        value_name = "COUNT",
        help_heading = "Ensemble",
        allow_negative_numbers = true
    )]
    #[serde(alias = "layers")]
    pub members: Option<usize>,
    /// Width n of the state, 1 to 4096 [default: 64; 16 for nonlinear sweeps, 32 for lyapunov]
    #[arg(long, value_name = "N", help_heading = "Ensemble", allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// The seed of every random number; on the command line it is a global option.
    #[arg(skip)]
    pub seed: Option<Seed>,
}

/// What a layer computes.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct LayerKeys {
    /// What a layer computes [default: linear]
    #[arg(long, value_name = "NAME", help_heading = "Layer")]
    pub model: Option<Model>,
    /// Whether the steps of a member share their layer [default: tied; iid for lyapunov]
    #[arg(long, value_name = "KIND", help_heading = "Layer")]
    pub weights: Option<Weights>,
    /// Tokens T, 1 to 512 [default: 4 with attention, else 1]
    #[arg(long, value_name = "T", help_heading = "Layer", allow_negative_numbers = true)]
    pub tokens: Option<usize>,
    /// Attention heads; must divide the width [default: 4]
    #[arg(long, value_name = "COUNT", help_heading = "Layer", allow_negative_numbers = true)]
    pub heads: Option<usize>,
    /// FFN width over the width [default: 4]
    #[arg(long, value_name = "RATIO", help_heading = "Layer", allow_negative_numbers = true)]
    pub ffn_ratio: Option<usize>,
    /// Nonlinearity of the FFN [default: gelu]
    #[arg(long, value_name = "NAME", help_heading = "Layer")]
    pub activation: Option<Activation>,
    /// Where the norm stands [default: pre]
    #[arg(long, value_name = "PLACE", help_heading = "Layer")]
    pub norm: Option<NormPlacement>,
    /// Which norm [default: layernorm]
    #[arg(long, value_name = "NAME", help_heading = "Layer")]
    pub norm_kind: Option<NormKind>,
    /// Which tokens a token attends to [default: none]
    #[arg(long, value_name = "MASK", help_heading = "Layer")]
    pub mask: Option<Mask>,
    /// Factor on the attention scores [default: 1]
    #[arg(long, value_name = "NUMBER", help_heading = "Layer", allow_negative_numbers = true)]
    pub logit_gain: Option<f64>,
    /// How a step follows dx/dt = f(x) [default: euler]
    #[arg(long, value_name = "NAME", help_heading = "Layer")]
    pub integrator: Option<Integrator>,
}

impl EnsembleKeys {
    /// The first key that was given, but for the seed, which means something without an ensemble too.
    pub(super) fn first(&self) -> Option<&'static str> {
        let given = [
            ("ensemble", self.ensemble.is_some()),
            ("tau", self.tau.is_some()),
            ("radius_kind", self.radius_kind.is_some()),
            ("shift", self.shift.is_some()),
            ("members", self.members.is_some()),
            ("width", self.width.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

impl LayerKeys {
    /// Refuses keys that were given although the model has nothing that they could change.
    pub fn refuse_unused(&self, model: Model) -> Result<()> {
        let attention =
            [("heads", self.heads.is_some()), ("mask", self.mask.is_some()), ("logit_gain", self.logit_gain.is_some())];
        let feedforward = [("ffn_ratio", self.ffn_ratio.is_some()), ("activation", self.activation.is_some())];
        let norm = [("norm", self.norm.is_some()), ("norm_kind", self.norm_kind.is_some())];
        let first = |keys: &[(&'static str, bool)]| keys.iter().find(|(_, given)| *given).map(|(name, _)| *name);
        if !model.attends()
            && let Some(name) = first(&attention)
        {
            return invalid!("{name}: the {model} model has no attention; remove it or use model transformer");
        }
        if !model.has_ffn()
            && let Some(name) = first(&feedforward)
        {
            return invalid!("{name}: the {model} model has none; remove it or use model mlp or transformer");
        }
        if model == Model::Linear
            && let Some(name) = first(&norm)
        {
            return invalid!("{name}: the linear model has none; remove it or use model mlp or transformer");
        }
        Ok(())
    }
}

/// What `sweep` varies and how it steps.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct SweepKeys {
    /// Step sizes h [default: 32 from 0.01 to 2, with 1 among them; 12 for nonlinear models]
    #[arg(long, visible_alias = "h", value_name = "GRID", help_heading = "Sweep", allow_hyphen_values = true)]
    #[serde(alias = "h")]
    pub step_size: Option<GridText>,
    /// Spectral radii rho [default: lin(0.05,1.6,32); lin(0.1,1.6,12) for nonlinear models]
    #[arg(long, visible_alias = "rho", value_name = "GRID", help_heading = "Sweep", allow_hyphen_values = true)]
    #[serde(alias = "rho")]
    pub radius: Option<GridText>,
    /// Friction gamma, 0 to 1 [default: 0,0.1]
    #[arg(long, visible_alias = "gamma", value_name = "GRID", help_heading = "Sweep", allow_hyphen_values = true)]
    #[serde(alias = "gamma")]
    pub damping: Option<GridText>,
    /// Steps L of a trajectory [default: 80]
    #[arg(long, visible_alias = "steps", value_name = "STEPS", help_heading = "Sweep", allow_negative_numbers = true)]
    #[serde(alias = "steps")]
    pub depth: Option<usize>,
    /// How the step size shrinks with the depth [default: constant]
    #[arg(long, value_name = "KIND", help_heading = "Sweep")]
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
    /// Sweep one more key, once for each: step_size, radius, damping, depth, width, tokens, heads or logit_gain
    #[arg(long, value_name = "KEY=GRID", help_heading = "Sweep")]
    #[serde(deserialize_with = "axes::table")]
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
    /// What a layer computes.
    #[command(flatten)]
    #[serde(skip)]
    pub layer: LayerKeys,
}

impl Keys for SweepKeys {
    const COMMAND: &'static str = "sweep";

    fn read(file: &impl Source) -> Result<Self> {
        Ok(SweepKeys { ensemble: file.view()?, layer: file.view()?, ..file.view()? })
    }

    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>) {
        self.ensemble.seed = seed;
        self.chunk = chunk;
    }
}

impl SweepKeys {
    /// Was this key, one that can be swept, given on its own?
    pub(super) fn gives(&self, key: &str) -> bool {
        match key {
            "step_size" => self.step_size.is_some(),
            "radius" => self.radius.is_some(),
            "damping" => self.damping.is_some(),
            "depth" => self.depth.is_some(),
            "width" => self.ensemble.width.is_some(),
            "tokens" => self.layer.tokens.is_some(),
            "heads" => self.layer.heads.is_some(),
            "logit_gain" => self.layer.logit_gain.is_some(),
            _ => false,
        }
    }
}

/// A grid not yet read: TOML may say it as text, as a number or as an array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct GridText(String);

impl GridText {
    /// Reads the grid of the key `name`.
    pub fn read(&self, name: &str) -> Result<Grid> {
        Grid::parse(&self.0).map_err(|error| Error::Invalid(format!("{name}: {error}")))
    }
}

impl FromStr for GridText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(GridText(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for GridText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(GridVisitor)
    }
}

struct GridVisitor;

impl<'de> Visitor<'de> for GridVisitor {
    type Value = GridText;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a grid: text such as \"lin(0.01,2,64)\", a number or an array of numbers")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<GridText, E> {
        Ok(GridText(text.to_owned()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<GridText, E> {
        Ok(GridText(plain(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<GridText, E> {
        Ok(GridText(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<GridText, E> {
        Ok(GridText(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<GridText, A::Error> {
        let mut texts = Vec::new();
        while let Some(value) = items.next_element::<f64>()? {
            texts.push(plain(value));
        }
        Ok(GridText(texts.join(",")))
    }
}

/// A seed as given: decimal, or hexadecimal after `0x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl FromStr for Seed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Seed> {
        let digits = text.trim();
        let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hexadecimal) if !hexadecimal.starts_with('+') => u64::from_str_radix(hexadecimal, 16),
            Some(_) => "".parse(),
            None => digits.parse(),
        };
        match value {
            Ok(value) => Ok(Seed(value)),
            Err(_) => invalid!("a seed is a whole number from 0 to {}, or hexadecimal like 0x2a", u64::MAX),
        }
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(SeedVisitor)
    }
}

struct SeedVisitor;

impl Visitor<'_> for SeedVisitor {
    type Value = Seed;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a seed: a whole number from 0, or text such as \"0x2a\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Seed, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Seed, E> {
        Ok(Seed(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<Seed, E> {
        match u64::try_from(value) {
            Ok(value) => Ok(Seed(value)),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
        }
    }
}

/// Writes a seed as a number, or as hexadecimal text where TOML and JSON readers would lose digits.
pub(super) fn serialize_seed<S: serde::Serializer>(seed: &u64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    const EXACT_IN_F64: u64 = 1 << 53;
    if *seed <= EXACT_IN_F64 {
        serializer.serialize_u64(*seed)
    } else {
        serializer.serialize_str(&format!("{seed:#x}"))
    }
}
