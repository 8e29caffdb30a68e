//! What a layer computes, which the specifications share.

use super::check::{self, Gain};
use super::ensemble::{EnsembleSpec, WIDEST};
use super::words::*;
use crate::error::Result;
use crate::invalid;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The most tokens.
pub const MOST_TOKENS: usize = 512;

/// What the norms of random layers add to the mean square.
pub const NORM_EPSILON: f64 = 1e-5;
/// The widest state of an implicit integrator.
const WIDEST_IMPLICIT: usize = 512;
/// The widest FFN over the width.
const LARGEST_RATIO: usize = 64;

/// The largest standard deviation of biases: what layers make of larger ones may leave f32.
const LARGEST_BIAS: f64 = 1e6;

/// The largest tokens * width / heads of a linearised attention: its kernel makes 2.25 loop trips for each, and some
/// drivers end all loops silently after 65,535.
pub const MOST_ATTENTION: usize = 24_000;

/// What one layer computes, and whether the steps share it. The record has only what the model has.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSpec {
    /// What f is.
    pub model: Model,
    /// Whether the steps of one member share their layer.
    pub weights: Weights,
    /// The tokens T of a state.
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
    /// Standard deviations of the random weights of its parts; nonlinear models.
    pub gains: Gains,
    /// How a step follows dx/dt = f(x).
    pub integrator: Integrator,
}

/// Standard deviations of the random weights of a layer's parts, in units of 1 / sqrt(fan in).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gains {
    /// Of the query and of the key projection; models with attention.
    pub query_key: f64,
    /// Of the value projection; models with attention.
    pub value: f64,
    /// Of W1, from the state to the hidden units; MLP and transformer.
    pub hidden: f64,
    /// Of W_O and W2, the output projections, which the radius multiplies too.
    pub output: f64,
    /// Of the biases of all of them, over the gain of their projection; 0: there are none.
    pub bias: f64,
}

impl Default for Gains {
    /// 1 for all of them, without biases.
    fn default() -> Self {
        Gains { query_key: 1.0, value: 1.0, hidden: 1.0, output: 1.0, bias: 0.0 }
    }
}

impl Gains {
    /// Those of weights, each with its key.
    fn each(&self) -> [(&'static str, f64); 4] {
        [
            ("query_key_gain", self.query_key),
            ("value_gain", self.value),
            ("hidden_gain", self.hidden),
            ("output_gain", self.output),
        ]
    }
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
            gains: Gains::default(),
            integrator: Integrator::Euler,
        }
    }

    /// Refuses a key that means nothing for a model.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key and models that have a use for it.
    pub fn refuse_unused(model: Model, key: &str) -> Result<()> {
        match key {
            "heads" | "mask" | "logit_gain" | "query_key_gain" | "value_gain" if !model.attends() => {
                invalid!("{key}: the {model} model has no attention; remove it or use model transformer")
            }
            "ffn_ratio" | "activation" | "hidden_gain" if !model.has_ffn() => {
                invalid!("{key}: the {model} model has none; remove it or use model mlp or transformer")
            }
            "norm" | "norm_kind" | "output_gain" | "bias_gain" if model == Model::Linear => {
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
        self.gains.each().into_iter().try_for_each(|(key, gain)| check::factor(key, gain))?;
        if self.gains.bias != 0.0 {
            check::factor("bias_gain", self.gains.bias)?;
            if self.gains.bias > LARGEST_BIAS {
                return invalid!(
                    "bias_gain: {} leaves nothing of a state; give at most {LARGEST_BIAS:e}",
                    self.gains.bias
                );
            }
        }
        check::factor("query_key_gain: logit_gain x query_key_gain^2", self.logit_gain * self.gains.query_key.powi(2))?;
        self.validate_integrator(ensemble.width)?;
        if ensemble.matrices.is_some() && self.model != Model::Linear {
            return invalid!(
                "matrix: the {} model has weights of several parts; own matrices are for linear",
                self.model
            );
        }
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

    /// What one step at a grid point can do to a state.
    pub(super) fn gain(&self, ensemble: &EnsembleSpec, step_size: f64, radius: f64, damping: f64) -> Gain {
        Gain {
            step_size,
            radius: radius * self.largest_output_gain(),
            damping,
            shift: ensemble.shift,
            correlation: ensemble.correlation(),
            norm: ensemble.largest_norm(),
            integrator: self.integrator,
        }
    }

    /// The largest factor besides the radius on the f of a sublayer.
    fn largest_output_gain(&self) -> f64 {
        let value = if self.model.attends() { self.gains.value } else { 1.0 };
        self.gains.output * if self.model.has_ffn() { value.max(1.0) } else { value }
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
        for (key, gain) in self.gains.each().into_iter().filter(|(_, gain)| *gain != 1.0) {
            map.serialize_entry(key, &gain)?;
        }
        if self.gains.bias != 0.0 {
            map.serialize_entry("bias_gain", &self.gains.bias)?;
        }
        map.serialize_entry("integrator", &self.integrator)?;
        map.end()
    }
}
