//! BERT: LayerNorm behind each sum, biases everywhere, learned positions, types of tokens, a norm behind the embedding, and
//! no mask.
//!
//! Source: Devlin et al., BERT, arXiv 1810.04805.

use super::super::architecture::{Architecture, Biases, Embedding, Family, Norm, Unembedding};
use super::super::config::Config;
use super::super::naming::{Arrangement, Naming};
use super::super::store::quoted;
use super::Described;
use crate::error::Result;
use crate::spec::{Mask, NormKind, NormPlacement};

static NAMING: Naming = Naming {
    prefix: "bert.",
    embedding: "embeddings.word_embeddings",
    positions: "embeddings.position_embeddings",
    token_types: "embeddings.token_type_embeddings",
    embedding_norm: "embeddings.LayerNorm",
    final_norm: "",
    unembedding: "",
    block: "encoder.layer.",
    attention_norm: "attention.output.LayerNorm",
    feedforward_norm: "output.LayerNorm",
    query_key_value: &["attention.self.query", "attention.self.key", "attention.self.value"],
    output: "attention.output.dense",
    up: &["intermediate.dense"],
    down: "output.dense",
    transposed: false,
    arrangement: Arrangement::Stacked,
    // Heads for other tasks stand behind the last layer.
    ignored: &["pooler.", "cls.", "classifier.", "qa_outputs.", "position_ids"],
};

pub(super) fn describe(config: &Config) -> Result<Described> {
    let (width, heads) = (config.count("hidden_size")?, config.count("num_attention_heads")?);
    let kind = config.text("position_embedding_type").unwrap_or("absolute");
    if kind != "absolute" {
        return config.refuse(format_args!("position_embedding_type {} is not supported; absolute is", quoted(kind)));
    }
    let architecture = Architecture {
        family: Family::Bert,
        width,
        depth: config.count("num_hidden_layers")?,
        vocabulary: config.count("vocab_size")?,
        heads,
        key_value_heads: heads,
        head_width: super::head_width(config, width, heads)?,
        hidden: config.count("intermediate_size")?,
        norm: Norm {
            kind: NormKind::Layernorm,
            placement: NormPlacement::Post,
            epsilon: config.needed("layer_norm_eps")?,
        },
        rotary: None,
        activation: config.activation("hidden_act")?,
        gated: false,
        parallel: false,
        mask: Mask::None,
        positions: config.count("max_position_embeddings")?,
        biases: Biases::all(true),
        embedding: Embedding { positions: true, token_types: config.count("type_vocab_size")?, norm: true },
        final_norm: false,
        unembedding: Unembedding::None,
        initializer_range: config.real("initializer_range")?,
    };
    Ok(Described { architecture, naming: &NAMING })
}
