//! What the specifications share: which matrices are drawn, and what a layer computes.

use super::check;
use super::words::*;
use crate::error::Result;
use crate::invalid;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The widest state.
pub const WIDEST: usize = 4096;
/// The most tokens.
pub const MOST_TOKENS: usize = 512;
/// The most members of an ensemble.
pub const MOST_LAYERS: usize = 1 << 31;
/// The widest state of an implicit integrator.
const WIDEST_IMPLICIT: usize = 512;
/// The widest FFN over the width.
const LARGEST_RATIO: usize = 64;

/// The largest tokens * width / heads of a linearised attention: its kernel makes 2.25 loop trips for each, and some
/// drivers end all loops silently after 65,535.
pub const MOST_ATTENTION: usize = 24_000;

/// Which random matrices are drawn: A = -shift I + rho G / sqrt(width), `layers` of them.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EnsembleSpec {
    /// The family of G; the key is `ensemble`.
    #[serde(rename = "ensemble")]
    pub family: Ensemble,
    /// Correlation of A_ij with A_ji, for the elliptic family only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// What the radius is the radius of.
    pub radius_kind: RadiusKind,
    /// The restoring force mu.
    pub shift: f64,
    /// Members; the key is `members`.
    #[serde(rename = "members")]
    pub layers: usize,
    /// n.
    pub width: usize,
    /// The seed of every random number.
    #[serde(serialize_with = "serialize_seed")]
    pub seed: u64,
}

impl Default for EnsembleSpec {
    /// 1,024 Ginibre matrices of width 64, unshifted, nominal radius, seed 0.
    fn default() -> Self {
        EnsembleSpec {
            family: Ensemble::Ginibre,
            tau: None,
            radius_kind: RadiusKind::Nominal,
            shift: 0.0,
            layers: 1024,
            width: 64,
            seed: 0,
        }
    }
}

impl EnsembleSpec {
    /// The correlation of A_ij with A_ji: 0 for Ginibre, 1 symmetric, -1 antisymmetric, else `tau`.
    pub fn correlation(&self) -> f64 {
        match self.family {
            Ensemble::Ginibre => 0.0,
            Ensemble::Symmetric => 1.0,
            Ensemble::Antisymmetric => -1.0,
            Ensemble::Elliptic => self.tau.unwrap_or(0.0),
        }
    }

    /// Refuses what cannot be drawn.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self) -> Result<()> {
        check::count("members", self.layers, MOST_LAYERS)?;
        check::count("width", self.width, WIDEST)?;
        check::finite("shift", self.shift)?;
        self.validate_tau()?;
        if self.radius_kind == RadiusKind::Exact && self.correlation() == -1.0 && self.width == 1 {
            return invalid!(
                "radius_kind: an antisymmetric matrix of width 1 is 0 and has no radius; use width 2 or nominal"
            );
        }
        Ok(())
    }

    fn validate_tau(&self) -> Result<()> {
        match (self.family, self.tau) {
            (Ensemble::Elliptic, None) => invalid!("tau: the elliptic ensemble needs one; give a number from -1 to 1"),
            (Ensemble::Elliptic, Some(tau)) if !(-1.0..=1.0).contains(&tau) => {
                invalid!("tau: {tau} is outside -1 to 1, and so no correlation; give a number from -1 to 1")
            }
            (Ensemble::Elliptic, Some(_)) | (_, None) => Ok(()),
            (other, Some(_)) => invalid!("tau: the {other} ensemble has none; remove it or use the elliptic ensemble"),
        }
    }
}

/// What one layer computes, and whether the steps share it. The record has only what the model has.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// f.
    pub model: Model,
    /// Whether the steps of one member share their layer.
    pub weights: Weights,
    /// T.
    pub tokens: usize,
    /// Attention heads; models with attention.
    pub heads: usize,
    /// Width of the FFN over the width of the state; MLP and transformer.
    pub ffn_ratio: usize,
    /// The nonlinearity of the FFN; MLP and transformer.
    pub activation: Activation,
    /// Where the norm stands; nonlinear models.
    pub norm: NormPlacement,
    /// Which norm; nonlinear models.
    pub norm_kind: NormKind,
    /// The attention's mask; models with attention.
    pub mask: Mask,
    /// Factor on the attention scores; models with attention.
    pub logit_gain: f64,
    /// How a step follows dx/dt = f(x).
    pub integrator: Integrator,
}

impl LayerSpec {
    /// The defaults of a model: 4 tokens with attention, else one.
    pub fn of(model: Model) -> Self {
        LayerSpec {
            model,
            weights: Weights::Tied,
            tokens: if model.attends() { 4 } else { 1 },
            heads: 4,
            ffn_ratio: 4,
            activation: Activation::Gelu,
            norm: NormPlacement::Pre,
            norm_kind: NormKind::Layernorm,
            mask: Mask::None,
            logit_gain: 1.0,
            integrator: Integrator::Euler,
        }
    }

    /// Refuses a key that means nothing for a model.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key and models that have a use for it.
    pub fn refuse_unused(model: Model, key: &str) -> Result<()> {
        match key {
            "heads" | "mask" | "logit_gain" if !model.attends() => {
                invalid!("{key}: the {model} model has no attention; remove it or use model transformer")
            }
            "ffn_ratio" | "activation" if !model.has_ffn() => {
                invalid!("{key}: the {model} model has none; remove it or use model mlp or transformer")
            }
            "norm" | "norm_kind" if model == Model::Linear => {
                invalid!("{key}: the linear model has none; remove it or use model mlp or transformer")
            }
            _ => Ok(()),
        }
    }

    /// Refuses layers that cannot be built from `ensemble`.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self, ensemble: &EnsembleSpec) -> Result<()> {
        check::count("tokens", self.tokens, MOST_TOKENS)?;
        check::count("heads", self.heads, WIDEST)?;
        check::count("ffn_ratio", self.ffn_ratio, LARGEST_RATIO)?;
        check::factor("logit_gain", self.logit_gain)?;
        self.validate_integrator(ensemble.width)?;
        if self.model == Model::Linear {
            return match self.tokens {
                1 => Ok(()),
                tokens => invalid!("tokens: the linear model has 1 token, not {tokens}; leave `tokens` out"),
            };
        }
        self.validate_heads(ensemble.width)?;
        self.validate_weights(ensemble)
    }

    /// Implicit and exponential steps need a constant matrix, splitting needs two sublayers, and a norm behind the sum
    /// is no step along a field.
    fn validate_integrator(&self, width: usize) -> Result<()> {
        let (integrator, model) = (self.integrator, self.model);
        let linear_only = matches!(integrator, Integrator::BackwardEuler | Integrator::ExponentialEuler);
        if linear_only && model != Model::Linear {
            return invalid!("integrator: {integrator} is for the linear model only; use rk4 with the {model} model");
        }
        if matches!(integrator, Integrator::Strang | Integrator::StrangRk4) && model != Model::Transformer {
            return invalid!("integrator: {integrator} splits two sublayers, and the {model} model has none; use rk4");
        }
        if integrator != Integrator::Euler && model != Model::Linear && self.norm == NormPlacement::Post {
            return invalid!(
                "integrator: with norm post a layer is no step along a field; use euler, or norm pre or none"
            );
        }
        if integrator == Integrator::BackwardEuler && width > WIDEST_IMPLICIT {
            return invalid!(
                "width: {width} is too large for backward-euler, which factorises a matrix at each grid point; the most is \
                 {WIDEST_IMPLICIT}"
            );
        }
        Ok(())
    }

    fn validate_heads(&self, width: usize) -> Result<()> {
        let heads = self.heads;
        if !self.model.attends() || width.is_multiple_of(heads) {
            return Ok(());
        }
        let fitting = (1..=heads.min(width)).rev().find(|&fewer| width.is_multiple_of(fewer)).unwrap_or(1);
        invalid!(
            "heads: {heads} do not divide width {width}; use {fitting} heads or width {}",
            width.next_multiple_of(heads)
        )
    }

    /// Refuses attention that is too large for its tangents. Whole Jacobians need no such guard: one that fits has
    /// n T <= 23,170.
    pub(super) fn validate_tangents(&self, width: usize) -> Result<()> {
        let (tokens, heads) = (self.tokens, self.heads);
        let work = |heads: usize| tokens * (width / heads);
        if matches!(self.model, Model::Linear | Model::Mlp) || work(heads) <= MOST_ATTENTION {
            return Ok(());
        }
        let fits = |&more: &usize| width.is_multiple_of(more) && work(more) <= MOST_ATTENTION;
        let fitting = (heads..=width).find(fits).unwrap_or(width);
        invalid!(
            "tokens: linearised attention needs tokens x width / heads of at most {MOST_ATTENTION}, not {}; lower tokens \
             to {} or use {fitting} heads",
            work(heads),
            MOST_ATTENTION / (width / heads)
        )
    }

    /// The weights of sublayers are rectangular, and their Jacobian differs from state to state.
    fn validate_weights(&self, ensemble: &EnsembleSpec) -> Result<()> {
        let model = self.model;
        if ensemble.family != Ensemble::Ginibre {
            return invalid!("ensemble: the {model} model draws ginibre weights only; leave `ensemble` out");
        }
        if ensemble.radius_kind != RadiusKind::Nominal {
            return invalid!(
                "radius_kind: the {model} model has no one exact radius, its Jacobian changes with the state; use nominal"
            );
        }
        if ensemble.shift != 0.0 {
            return invalid!("shift: only the linear model has a restoring force; leave `shift` out of model {model}");
        }
        Ok(())
    }
}

impl Serialize for LayerSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", &self.model)?;
        map.serialize_entry("weights", &self.weights)?;
        map.serialize_entry("tokens", &self.tokens)?;
        if self.model.attends() {
            map.serialize_entry("heads", &self.heads)?;
            map.serialize_entry("mask", &self.mask)?;
            map.serialize_entry("logit_gain", &self.logit_gain)?;
        }
        if self.model.has_ffn() {
            map.serialize_entry("ffn_ratio", &self.ffn_ratio)?;
            map.serialize_entry("activation", &self.activation)?;
        }
        if self.model != Model::Linear {
            map.serialize_entry("norm", &self.norm)?;
            map.serialize_entry("norm_kind", &self.norm_kind)?;
        }
        map.serialize_entry("integrator", &self.integrator)?;
        map.end()
    }
}

/// Writes a seed as a number, or as hexadecimal text where TOML and JSON readers would lose digits.
fn serialize_seed<S: serde::Serializer>(seed: &u64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    const EXACT_IN_F64: u64 = 1 << 53;
    if *seed <= EXACT_IN_F64 {
        serializer.serialize_u64(*seed)
    } else {
        serializer.serialize_str(&format!("{seed:#x}"))
    }
}
