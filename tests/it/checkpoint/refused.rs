//! What is not supported is refused by name.

use super::oracles::{data, tiny};
use eulerscope::checkpoint::Checkpoint;
use serde_json::{Value, json};

/// The line with which a tiny model is refused whose configuration is changed.
fn refused(name: &str, changes: Value) -> String {
    match opened(name, changes) {
        Ok(_) => panic!("{name} is read"),
        Err(error) => {
            assert_eq!(error.exit_code(), 4, "{error}");
            error.to_string()
        }
    }
}

fn opened(name: &str, changes: Value) -> eulerscope::error::Result<Checkpoint> {
    let folder = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(data(name)).expect("a folder of the tests") {
        let file = file.expect("a file").path();
        std::fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("copied");
    }
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    for (key, value) in changes.as_object().expect("an object") {
        config[key] = value.clone();
    }
    std::fs::write(&path, config.to_string()).expect("written");
    Checkpoint::open(folder.path())
}

#[test]
fn families_are_refused_with_what_they_would_need() {
    for (family, needs) in [
        ("gemma2", "1 + w"),
        ("mixtral", "mixture of experts"),
        ("qwen2_moe", "mixture of experts"),
        ("qwen3", "norms of queries and keys"),
        ("bloom", "ALiBi"),
        ("t5", "relative positions"),
        ("unheard_of", "a description of its layers"),
    ] {
        let line = refused("llama", json!({"model_type": family}));
        assert!(line.contains(&format!("model_type \"{family}\" is not supported")) && line.contains(needs), "{line}");
    }
}

#[test]
fn parts_are_refused_by_their_keys() {
    for (name, changes, words) in [
        ("llama", json!({"hidden_act": "mish"}), "hidden_act is \"mish\", which is not supported"),
        ("llama", json!({"num_local_experts": 8}), "num_local_experts: a mixture of experts"),
        ("llama", json!({"final_logit_softcapping": 30.0}), "final_logit_softcapping: is not supported"),
        ("llama", json!({"quantization_config": {"quant_method": "gptq"}}), "quantization_config: is not supported"),
        (
            "llama",
            json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}),
            "rotary scaling \"yarn\" is not supported",
        ),
        ("llama", json!({"rope_scaling": {"type": "linear"}}), "has no factor"),
        ("llama", json!({"num_key_value_heads": 3}), "cannot share 3 heads"),
        ("llama", json!({"num_attention_heads": 3, "head_dim": null}), "3 heads do not divide the width 16"),
        ("llama", json!({"rms_norm_eps": -1e-5}), "rms_norm_eps is -0.00001; it is a positive number"),
        ("llama", json!({"tie_word_embeddings": "yes"}), "it is true or false"),
        ("llama", json!({"hidden_size": 32, "head_dim": 4}), "has shape [60, 16]"),
        ("llama", json!({"hidden_size": 0}), "hidden_size is 0; 1 to"),
        ("llama", json!({"vocab_size": 4_000_000_000_u64}), "vocab_size is 4000000000"),
        (
            "llama_scaled",
            json!({"mlp_bias": false}),
            "mlp.down_proj.bias\" has no place in a model of this configuration",
        ),
        ("qwen2", json!({"model_type": "llama"}), "_proj.bias\" has no place"),
        ("gpt2", json!({"scale_attn_by_inverse_layer_idx": true}), "scale_attn_by_inverse_layer_idx"),
        ("gpt2", json!({"scale_attn_weights": false}), "scale_attn_weights"),
        ("gpt2", json!({"add_cross_attention": true}), "add_cross_attention: is not supported"),
        ("bert", json!({"position_embedding_type": "relative_key"}), "position_embedding_type \"relative_key\""),
        ("bert", json!({"is_decoder": true}), "is_decoder: is not supported"),
    ] {
        let line = refused(name, changes.clone());
        assert!(line.contains(words), "{changes}: {line}");
    }
}

/// A window changes nothing in texts that fit into it; others are refused.
#[test]
fn sliding_windows_may_not_act() {
    let model = opened("llama", json!({"model_type": "mistral", "sliding_window": 4})).expect("can be used");
    assert_eq!(model.architecture().positions, 4);
    assert!(model.embed(&[1, 2, 3, 4]).is_ok());
    let line = model.embed(&[1, 2, 3, 4, 5]).expect_err("too long").to_string();
    assert!(line.contains("5 tokens; 1 to 4 are possible"), "{line}");
    let model = opened("qwen2", json!({"sliding_window": 4, "use_sliding_window": false})).expect("is off");
    assert_eq!(model.architecture().positions, 32);
}

#[test]
fn tokens_rows_and_layers_that_do_not_exist_are_refused() {
    let model = tiny("llama");
    for (line, words) in [
        (model.embed(&[]).expect_err("none").to_string(), "0 tokens; 1 to 32 are possible"),
        (model.embed(&[60]).expect_err("none").to_string(), "there is no token 60; ids go from 0 to 59"),
        (model.layer(2).expect_err("none").to_string(), "has 2 layers, and none is 2 (from 0)"),
        (model.unembedding(50..61).expect_err("none").to_string(), "rows 50..61 of \"lm_head.weight\", which has 60"),
        (
            model.encode("text").expect_err("none").to_string(),
            "tokenizer.json: is not there; give the text as token ids",
        ),
        (
            tiny("llama.gguf").encode("text").expect_err("none").to_string(),
            "has no tokenizer; give the text as token ids",
        ),
        (tiny("bert").unembedding(0..1).expect_err("none").to_string(), "predicts no next token"),
    ] {
        assert!(line.contains(words), "{line}");
    }
    let missing = Checkpoint::open("no/such/folder").err().expect("is not there");
    assert_eq!(missing.exit_code(), 7, "{missing}");
    let other = Checkpoint::open(data("llama/config.json")).err().expect("no model").to_string();
    assert!(other.contains("is no GGUF file"), "{other}");
}
