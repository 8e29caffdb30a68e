//! Llama, Mistral, SmolLM and Qwen2: RMSNorm before each sublayer, rotary positions, grouped keys and values, gated FFN.
//!
//! Source: Touvron et al., Llama, arXiv 2302.13971; Qwen2, arXiv 2407.10671.

use super::super::architecture::{Architecture, Biases, Embedding, Family, Norm, Rotary, Unembedding};
use super::super::config::Config;
use super::super::naming::{Arrangement, Naming};
use super::super::store::quoted;
use super::Described;
use crate::error::Result;
use crate::spec::{Mask, NormKind, NormPlacement};
use std::f64::consts::TAU;

static NAMING: Naming = Naming {
    prefix: "model.",
    embedding: "embed_tokens",
    positions: "",
    token_types: "",
    embedding_norm: "",
    final_norm: "norm",
    unembedding: "lm_head",
    block: "layers.",
    attention_norm: "input_layernorm",
    feedforward_norm: "post_attention_layernorm",
    query_key_value: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    output: "self_attn.o_proj",
    up: &["mlp.gate_proj", "mlp.up_proj"],
    down: "mlp.down_proj",
    transposed: false,
    arrangement: Arrangement::Stacked,
    ignored: &[".rotary_emb.inv_freq"],
};

pub(super) fn describe(config: &Config, name: &str) -> Result<Described> {
    let (width, heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
    let head_width = super::head_width(config, width, heads)?;
    if config.with("rope_parameters").real("partial_rotary_factor")?.is_some_and(|share| share != 1.0) {
        return config.refuse("partial_rotary_factor: positions on a part of a head are not supported in this family");
    }
    let attention = config.flag("attention_bias", name == "qwen2")?;
    let architecture = Architecture {
        family: Family::Llama,
        width,
        depth: config.count("num_hidden_layers")?,
        vocabulary: config.count("vocab_size")?,
        heads,
        key_value_heads: config.count_if("num_key_value_heads")?.unwrap_or(heads),
        head_width,
        hidden: config.count("intermediate_size")?,
        norm: Norm { kind: NormKind::Rmsnorm, placement: NormPlacement::Pre, epsilon: config.needed("rms_norm_eps")? },
        rotary: Some(super::rotary(config, head_width, "rope_theta")?),
        activation: config.activation("hidden_act")?,
        gated: true,
        parallel: false,
        mask: Mask::Causal,
        positions: positions(config, name)?,
        biases: Biases {
            query_key_value: attention,
            // Qwen2 has none here.
            output: attention && name != "qwen2",
            feedforward: config.flag("mlp_bias", false)?,
        },
        embedding: Embedding::default(),
        final_norm: true,
        unembedding: Unembedding::tied(config.flag("tie_word_embeddings", false)?),
        initializer_range: config.real("initializer_range")?,
    };
    Ok(Described { architecture, naming: &NAMING })
}

/// The longest text. In a sliding window, which is not supported, a token does not see all before it: the longest text is
/// one that fits into the window, where it changes nothing.
fn positions(config: &Config, name: &str) -> Result<usize> {
    let longest = config.count("max_position_embeddings")?;
    let slides = config.flag("use_sliding_window", name != "qwen2")?;
    Ok(match config.count_if("sliding_window")? {
        Some(window) if slides => longest.min(window),
        _ => longest,
    })
}

/// Frequencies for a longer context: divided by a factor, or, as in Llama 3.1, slow ones by the factor, fast ones not, and
/// those between in between.
pub(in super::super) fn scaled(scaling: &Config, plain: Rotary, kind: &str) -> Result<Rotary> {
    let scale = |change: &dyn Fn(f64) -> f64| Rotary {
        frequencies: plain.frequencies.iter().map(|frequency| change(*frequency)).collect(),
        ..plain.clone()
    };
    match kind {
        "linear" => {
            let factor = scaling.needed("factor")?;
            Ok(scale(&|frequency| frequency / factor))
        }
        "llama3" => {
            let factor = scaling.needed("factor")?;
            let (slow, fast) = (scaling.needed("low_freq_factor")?, scaling.needed("high_freq_factor")?);
            let context = scaling.needed("original_max_position_embeddings")?;
            Ok(scale(&|frequency| {
                let turns = context * frequency / TAU;
                let kept = ((turns - slow) / (fast - slow)).clamp(0.0, 1.0);
                (1.0 - kept) * frequency / factor + kept * frequency
            }))
        }
        _ => scaling
            .refuse(format_args!("rotary scaling {} is not supported; default, linear and llama3 are", quoted(kind))),
    }
}
