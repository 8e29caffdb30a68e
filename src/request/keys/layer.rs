//! The keys of a layer.

use super::{first_given, take, word};
use crate::error::Result;
use crate::spec::{Activation, Integrator, LayerSpec, Mask, Model, NormKind, NormPlacement, Weights};

/// What a layer computes.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct LayerKeys {
    /// What a layer computes [default: linear]
    #[arg(long, value_name = "NAME", help_heading = "Layer", value_parser = word::<Model>())]
    pub model: Option<Model>,
    /// Whether the steps of a member share their layer [default: tied; iid for lyapunov without own matrices]
    #[arg(long, value_name = "KIND", help_heading = "Layer", value_parser = word::<Weights>())]
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
    #[arg(long, value_name = "NAME", help_heading = "Layer", value_parser = word::<Activation>())]
    pub activation: Option<Activation>,
    /// Where the norm stands [default: pre]
    #[arg(long, value_name = "PLACE", help_heading = "Layer", value_parser = word::<NormPlacement>())]
    pub norm: Option<NormPlacement>,
    /// Which norm [default: layernorm]
    #[arg(long, value_name = "NAME", help_heading = "Layer", value_parser = word::<NormKind>())]
    pub norm_kind: Option<NormKind>,
    /// Which tokens a token attends to [default: none]
    #[arg(long, value_name = "MASK", help_heading = "Layer", value_parser = word::<Mask>())]
    pub mask: Option<Mask>,
    /// Factor on the attention scores [default: 1]
    #[arg(long, value_name = "NUMBER", help_heading = "Layer", allow_negative_numbers = true)]
    pub logit_gain: Option<f64>,
    /// Standard deviation of the random query and key projections, over 1/sqrt(width) [default: 1]
    #[arg(long, value_name = "SIGMA", help_heading = "Layer", allow_negative_numbers = true)]
    pub query_key_gain: Option<f64>,
    /// Standard deviation of the random value projection, over 1/sqrt(width) [default: 1]
    #[arg(long, value_name = "SIGMA", help_heading = "Layer", allow_negative_numbers = true)]
    pub value_gain: Option<f64>,
    /// Standard deviation of the random W1 of the FFN, over 1/sqrt(width) [default: 1]
    #[arg(long, value_name = "SIGMA", help_heading = "Layer", allow_negative_numbers = true)]
    pub hidden_gain: Option<f64>,
    /// Standard deviation of the random output projections W_O and W2, which the radius multiplies too [default: 1]
    #[arg(long, value_name = "SIGMA", help_heading = "Layer", allow_negative_numbers = true)]
    pub output_gain: Option<f64>,
    /// Standard deviation of the random biases of all projections, which the projection's gain multiplies too [default: 0]
    #[arg(long, value_name = "SIGMA", help_heading = "Layer", allow_negative_numbers = true)]
    pub bias_gain: Option<f64>,
    /// How a step follows dx/dt = f(x) [default: euler]
    #[arg(long, value_name = "NAME", help_heading = "Layer", value_parser = word::<Integrator>())]
    pub integrator: Option<Integrator>,
}

impl LayerKeys {
    /// Refuses keys that were given although the model has nothing that they could change.
    pub(super) fn refuse_unused(&self, model: Model) -> Result<()> {
        let given = [
            ("heads", self.heads.is_some()),
            ("mask", self.mask.is_some()),
            ("logit_gain", self.logit_gain.is_some()),
            ("ffn_ratio", self.ffn_ratio.is_some()),
            ("activation", self.activation.is_some()),
            ("query_key_gain", self.query_key_gain.is_some()),
            ("value_gain", self.value_gain.is_some()),
            ("hidden_gain", self.hidden_gain.is_some()),
            ("output_gain", self.output_gain.is_some()),
            ("bias_gain", self.bias_gain.is_some()),
            ("norm", self.norm.is_some()),
            ("norm_kind", self.norm_kind.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).try_for_each(|(key, _)| LayerSpec::refuse_unused(model, key))
    }

    /// The first key that was given of those that a trained model has an answer of its own to: all but the integrator.
    pub(super) fn first_of_form(&self) -> Option<&'static str> {
        let given = [
            ("model", self.model.is_some()),
            ("weights", self.weights.is_some()),
            ("tokens", self.tokens.is_some()),
            ("heads", self.heads.is_some()),
            ("ffn_ratio", self.ffn_ratio.is_some()),
            ("activation", self.activation.is_some()),
            ("norm", self.norm.is_some()),
            ("norm_kind", self.norm_kind.is_some()),
            ("mask", self.mask.is_some()),
            ("logit_gain", self.logit_gain.is_some()),
            ("query_key_gain", self.query_key_gain.is_some()),
            ("value_gain", self.value_gain.is_some()),
            ("hidden_gain", self.hidden_gain.is_some()),
            ("output_gain", self.output_gain.is_some()),
            ("bias_gain", self.bias_gain.is_some()),
        ];
        first_given(given)
    }

    /// Takes over the keys that were given.
    pub(super) fn apply(&self, spec: &mut LayerSpec) {
        take!(self => spec; model, weights, tokens, heads, ffn_ratio, activation, norm, norm_kind, mask, logit_gain,
            integrator);
        spec.gains.query_key = self.query_key_gain.unwrap_or(spec.gains.query_key);
        spec.gains.value = self.value_gain.unwrap_or(spec.gains.value);
        spec.gains.hidden = self.hidden_gain.unwrap_or(spec.gains.hidden);
        spec.gains.output = self.output_gain.unwrap_or(spec.gains.output);
        spec.gains.bias = self.bias_gain.unwrap_or(spec.gains.bias);
    }
}
