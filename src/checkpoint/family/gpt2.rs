//! GPT-2: LayerNorm before each sublayer, learned positions, matrices stored as `[in, out]`.
//!
//! Source: Radford et al., Language Models are Unsupervised Multitask Learners, 2019.

use super::super::architecture::{Architecture, Biases, Embedding, Family, Norm, Unembedding};
use super::super::config::Config;
use super::super::naming::{Arrangement, Naming};
use super::Described;
use crate::error::Result;
use crate::spec::{Mask, NormKind, NormPlacement};

static NAMING: Naming = Naming {
    prefix: "transformer.",
    embedding: "wte",
    positions: "wpe",
    token_types: "",
    embedding_norm: "",
    final_norm: "ln_f",
    unembedding: "lm_head",
    block: "h.",
    attention_norm: "ln_1",
    feedforward_norm: "ln_2",
    query_key_value: &["attn.c_attn"],
    output: "attn.c_proj",
    up: &["mlp.c_fc"],
    down: "mlp.c_proj",
    transposed: true,
    arrangement: Arrangement::Stacked,
    // Masks.
    ignored: &[".attn.bias", ".attn.masked_bias"],
};

pub(super) fn describe(config: &Config) -> Result<Described> {
    let (width, heads) = (config.count("n_embd")?, config.count("n_head")?);
    if !config.flag("scale_attn_weights", true)? {
        return config.refuse("scale_attn_weights: scores without their scale are not supported");
    }
    if config.flag("scale_attn_by_inverse_layer_idx", false)? {
        return config.refuse("scale_attn_by_inverse_layer_idx: scores scaled by the layer are not supported");
    }
    let architecture = Architecture {
        family: Family::Gpt2,
        width,
        depth: config.count("n_layer")?,
        vocabulary: config.count("vocab_size")?,
        heads,
        key_value_heads: heads,
        head_width: super::head_width(config, width, heads)?,
        hidden: config.count_if("n_inner")?.unwrap_or(4 * width),
        norm: Norm {
            kind: NormKind::Layernorm,
            placement: NormPlacement::Pre,
            epsilon: config.needed("layer_norm_epsilon")?,
        },
        rotary: None,
        activation: config.activation("activation_function")?,
        gated: false,
        parallel: false,
        mask: Mask::Causal,
        positions: config.count("n_positions")?,
        biases: Biases::all(true),
        embedding: Embedding { positions: true, ..Embedding::default() },
        final_norm: true,
        unembedding: Unembedding::tied(config.flag("tie_word_embeddings", true)?),
        initializer_range: config.real("initializer_range")?,
    };
    Ok(Described { architecture, naming: &NAMING })
}
