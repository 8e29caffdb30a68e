//! GPT-NeoX and Pythia: LayerNorm, rotary positions on a part of each head, both branches at one state.
//!
//! Source: Black et al., GPT-NeoX-20B, arXiv 2204.06745.

use super::super::architecture::{Architecture, Biases, Embedding, Family, Norm, Unembedding};
use super::super::config::Config;
use super::super::naming::{Arrangement, Naming};
use super::Described;
use crate::error::Result;
use crate::spec::{Mask, NormKind, NormPlacement};

static NAMING: Naming = Naming {
    prefix: "gpt_neox.",
    embedding: "embed_in",
    positions: "",
    token_types: "",
    embedding_norm: "",
    final_norm: "final_layer_norm",
    unembedding: "embed_out",
    block: "layers.",
    attention_norm: "input_layernorm",
    feedforward_norm: "post_attention_layernorm",
    query_key_value: &["attention.query_key_value"],
    output: "attention.dense",
    up: &["mlp.dense_h_to_4h"],
    down: "mlp.dense_4h_to_h",
    transposed: false,
    arrangement: Arrangement::PerHead,
    // Masks and tables of positions.
    ignored: &[".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"],
};

pub(super) fn describe(config: &Config) -> Result<Described> {
    let (width, heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
    let head_width = super::head_width(config, width, heads)?;
    // Older files and newer ones.
    let share = match (config.with("rope_parameters").real("partial_rotary_factor")?, config.real("rotary_pct")?) {
        (Some(share), _) | (None, Some(share)) => share,
        (None, None) => 0.25,
    };
    if share > 1.0 {
        return config.refuse(format_args!("rotary_pct is {share}; it is a part of a head, at most 1"));
    }
    let dims = (head_width as f64 * share) as usize;
    let attention = config.flag("attention_bias", true)?;
    let architecture = Architecture {
        family: Family::NeoX,
        width,
        depth: config.count("num_hidden_layers")?,
        vocabulary: config.count("vocab_size")?,
        heads,
        key_value_heads: heads,
        head_width,
        hidden: config.count("intermediate_size")?,
        norm: Norm {
            kind: NormKind::Layernorm,
            placement: NormPlacement::Pre,
            epsilon: config.needed("layer_norm_eps")?,
        },
        rotary: if dims == 0 { None } else { Some(super::rotary(config, dims, "rotary_emb_base")?) },
        activation: config.activation("hidden_act")?,
        gated: false,
        parallel: config.flag("use_parallel_residual", true)?,
        mask: Mask::Causal,
        positions: config.count("max_position_embeddings")?,
        biases: Biases { query_key_value: attention, output: attention, feedforward: true },
        embedding: Embedding::default(),
        final_norm: true,
        unembedding: Unembedding::tied(config.flag("tie_word_embeddings", false)?),
        initializer_range: config.real("initializer_range")?,
    };
    Ok(Described { architecture, naming: &NAMING })
}
