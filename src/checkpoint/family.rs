//! Families of models in folders of Hugging Face: what their `config.json` says, and what it says that is not supported.

mod bert;
mod gpt2;
mod llama;
mod neox;

use super::architecture::{Architecture, Rotary};
use super::config::Config;
use super::naming::Naming;
use super::store::quoted;
use crate::error::Result;

pub(super) use llama::scaled;

/// A model as its configuration describes it.
pub(super) struct Described {
    pub architecture: Architecture,
    pub naming: &'static Naming,
}

/// Families that are refused, by how their `model_type` begins, with what they would need.
const MISSING: &[(&str, &str)] = &[
    ("gemma", "norms with 1 + w, norms behind the branches, soft caps and sliding windows"),
    ("mixtral", "a mixture of experts"),
    ("qwen2_moe", "a mixture of experts"),
    ("qwen3", "norms of queries and keys"),
    ("olmo", "norms of queries and keys"),
    ("deepseek", "latent attention and a mixture of experts"),
    ("phi", "its own names of tensors and partly shared norms"),
    ("bloom", "ALiBi"),
    ("mpt", "ALiBi"),
    ("falcon", "its own arrangement of queries, keys and values"),
    ("gptj", "rotary pairs of neighbours and one norm for both branches"),
    ("opt", "positions with an offset"),
    ("t5", "an encoder with a decoder, and relative positions"),
    ("roberta", "positions with an offset"),
    ("distilbert", "its own names of tensors"),
    ("mamba", "state spaces instead of attention"),
];

/// What a configuration describes.
///
/// # Errors
/// [`crate::error::Error::Invalid`], which names what is not supported.
pub(super) fn describe(config: &Config) -> Result<Described> {
    let name = config.text("model_type").unwrap_or_default();
    let described = match name {
        "llama" | "mistral" | "qwen2" => llama::describe(config, name),
        "gpt2" => gpt2::describe(config),
        "gpt_neox" => neox::describe(config),
        "bert" => bert::describe(config),
        _ => {
            let needs = MISSING.iter().find(|(family, _)| name.starts_with(family));
            let needs = needs.map_or("it would need a description of its layers".to_owned(), |(_, needs)| {
                format!("it would need {needs}")
            });
            return config.refuse(format_args!(
                "model_type {} is not supported: {needs}; llama, mistral, qwen2, gpt2, gpt_neox and bert are",
                quoted(name)
            ));
        }
    }?;
    refuse_parts(config, &described.architecture)?;
    Ok(described)
}

/// Keys that change what a layer computes in any family.
fn refuse_parts(config: &Config, architecture: &Architecture) -> Result<()> {
    for key in ["num_experts", "num_local_experts", "n_routed_experts", "moe_intermediate_size"] {
        if config.value(key).and_then(serde_json::Value::as_u64).is_some_and(|count| count > 1) {
            return config.refuse(format_args!("{key}: a mixture of experts is not supported"));
        }
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping", "quantization_config", "pruned_heads"] {
        let used = config.value(key).is_some_and(|value| value.as_object().is_none_or(|object| !object.is_empty()));
        if used {
            return config.refuse(format_args!("{key}: is not supported; use a model without it"));
        }
    }
    for key in ["alibi", "is_decoder", "is_encoder_decoder", "add_cross_attention"] {
        if config.flag(key, false)? {
            return config.refuse(format_args!("{key}: is not supported; use a model without it"));
        }
    }
    if !architecture.heads.is_multiple_of(architecture.key_value_heads) {
        let (heads, shared) = (architecture.heads, architecture.key_value_heads);
        return config.refuse(format_args!("{heads} heads cannot share {shared} heads of keys and values evenly"));
    }
    Ok(())
}

/// The width of a head, which the configuration says or the width of the state implies.
fn head_width(config: &Config, width: usize, heads: usize) -> Result<usize> {
    match config.count_if("head_dim")? {
        Some(head_width) => Ok(head_width),
        None if width.is_multiple_of(heads) => Ok(width / heads),
        None => config.refuse(format_args!("{heads} heads do not divide the width {width}")),
    }
}

/// Rotary positions on so many rows of a head. Newer files keep what is said about them under `rope_parameters`, older ones
/// the base under its own name and the scaling under `rope_scaling`.
fn rotary(config: &Config, dims: usize, base: &str) -> Result<Rotary> {
    if !dims.is_multiple_of(2) {
        return config.refuse(format_args!("rotary positions turn pairs, and {dims} rows are none"));
    }
    let newer = config.with("rope_parameters");
    let base = match (newer.real("rope_theta")?, newer.real(base)?) {
        (Some(base), _) | (None, Some(base)) => base,
        (None, None) => 10_000.0,
    };
    let plain = Rotary::plain(dims, base);
    let scaling = match config.value("rope_scaling") {
        Some(_) => config.with("rope_scaling"),
        None => newer,
    };
    match scaling.text("rope_type").or(scaling.text("type")) {
        None | Some("default") => Ok(plain),
        Some(kind) => scaled(&scaling, plain, kind),
    }
}
