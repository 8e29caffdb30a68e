//! What a trained model computes, as its files describe it.

use crate::spec::{Mask, NormKind, NormPlacement};
use serde::Serialize;

/// A family of models whose files are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Family {
    /// Llama, Mistral, SmolLM, and Qwen2 with its biases.
    Llama,
    /// GPT-2.
    Gpt2,
    /// GPT-NeoX and Pythia.
    NeoX,
    /// BERT: no causal mask, norms behind the sums.
    Bert,
}

/// The form of a model: sizes, and which of the parts that layers can have its layers do have.
///
/// A layer is two sublayers, attention and FFN, one after the other, unless `parallel` says that both see the same state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Architecture {
    /// Which family's files these are.
    pub family: Family,
    /// The width n of a state.
    pub width: usize,
    /// The number of layers.
    pub depth: usize,
    /// The number of tokens that exist: ids are below it.
    pub vocabulary: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub key_value_heads: usize,
    /// Rows of a head. `heads * head_width` need not be `width`.
    pub head_width: usize,
    /// Hidden units of the FFN.
    pub hidden: usize,
    /// The norm of every sublayer, and of embedding and end where they have one.
    pub norm: Norm,
    /// Rotary positions, if there are any.
    pub rotary: Option<Rotary>,
    /// The nonlinearity of the FFN.
    pub activation: Activation,
    /// Does an activated gate multiply each hidden unit?
    pub gated: bool,
    /// Do both sublayers see the same state, so that a layer is x + attention(x) + FFN(x)?
    pub parallel: bool,
    /// Which tokens a token attends to.
    pub mask: Mask,
    /// The longest text in tokens.
    pub positions: usize,
    /// Which projections have biases.
    pub biases: Biases,
    /// What is added to the embedding of a token.
    pub embedding: Embedding,
    /// Is there a norm behind the last layer?
    pub final_norm: bool,
    /// How the last states become logits of the next token.
    pub unembedding: Unembedding,
    /// The standard deviation of weights at initialisation, where the files say it.
    pub initializer_range: Option<f64>,
}

/// How the last states become logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unembedding {
    /// Not at all: the model predicts no next token.
    None,
    /// By the table of the embedding.
    Tied,
    /// By a matrix of its own.
    Own,
}

impl Unembedding {
    pub(super) fn tied(tied: bool) -> Self {
        if tied { Unembedding::Tied } else { Unembedding::Own }
    }
}

/// A norm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Norm {
    /// Which norm.
    pub kind: NormKind,
    /// Before the branch of a sublayer or behind its sum.
    pub placement: NormPlacement,
    /// What is added to the mean square before its root is taken.
    pub epsilon: f64,
}

/// Rotary positions: dimensions i and i + dims / 2 of a head turn by position x frequency i.
///
/// Source: Su et al., RoFormer, arXiv 2104.09864; pairs are halves, as in GPT-NeoX.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rotary {
    /// The first rows of a head, which turn; an even number.
    pub dims: usize,
    /// The base of the frequencies.
    pub base: f64,
    /// `[dims / 2]`: base^(-2 i / dims), and what a longer context makes of it.
    pub frequencies: Vec<f64>,
}

impl Rotary {
    /// Without scaling.
    pub fn plain(dims: usize, base: f64) -> Self {
        let frequency = |i: usize| base.powf(-(2.0 * i as f64) / dims as f64);
        Rotary { dims, base, frequencies: (0..dims / 2).map(frequency).collect() }
    }
}

/// The nonlinearity of a trained FFN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// x Φ(x).
    Gelu,
    /// The tanh form of GELU.
    GeluTanh,
    /// x / (1 + e^-x).
    Silu,
}

impl Activation {
    /// The activation that a configuration calls so.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "relu" => Activation::Relu,
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
            "silu" | "swish" => Activation::Silu,
            _ => return None,
        })
    }
}

/// Which projections have biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Biases {
    /// Queries, keys and values.
    pub query_key_value: bool,
    /// The output projection of the attention.
    pub output: bool,
    /// Both projections of the FFN.
    pub feedforward: bool,
}

impl Biases {
    /// Biases everywhere, or nowhere.
    pub(super) fn all(present: bool) -> Self {
        Biases { query_key_value: present, output: present, feedforward: present }
    }
}

/// What is added to the embedding of a token before the first layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Embedding {
    /// A learned vector for each position.
    pub positions: bool,
    /// How many types of tokens there are; every token here is of the first. 0 without types.
    pub token_types: usize,
    /// A norm behind the sum.
    pub norm: bool,
}
