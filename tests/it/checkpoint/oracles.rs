//! Tiny models of every family against their maker's library in f64 (tests/checkpoints/make.py).

use super::forward;
use eulerscope::checkpoint::{Architecture, Checkpoint};
use serde_json::Value;
use std::path::PathBuf;

/// Both sides are of f64, and no sum has more than a hundred terms; layers multiply errors by the norms of their Jacobians,
/// which are below 30.
const TOLERANCE: f64 = 1e-11;

/// A file of tests/data/checkpoints.
pub fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoints").join(name)
}

/// A file of JSON there.
pub fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(data(name)).expect("a file of the tests")).expect("JSON")
}

/// A good model there.
pub fn tiny(name: &str) -> Checkpoint {
    Checkpoint::open(data(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The numbers of nested lists, in their order.
pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        _ => vec![value.as_f64().expect("a number")],
    }
}

pub fn ids(value: &Value) -> Vec<u32> {
    numbers(value).into_iter().map(|id| id as u32).collect()
}

/// The largest difference is below the tolerance times the largest number.
pub fn close(what: &str, found: &[f64], truth: &[f64], tolerance: f64) {
    assert_eq!(found.len(), truth.len(), "{what}");
    let scale = truth.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    for (i, (found, truth)) in found.iter().zip(truth).enumerate() {
        assert!((found - truth).abs() <= tolerance * scale, "{what}, number {i}: {found}, not {truth}");
    }
}

/// States, logits and Jacobian blocks of a model are those of an oracle.
fn agrees(name: &str, oracle: &str) -> Architecture {
    let (model, oracle) = (tiny(name), json(oracle));
    let form = model.architecture().clone();
    let states = forward::states(&model, &ids(&oracle["token_ids"]));
    for (layer, (state, truth)) in states.iter().zip(oracle["states"].as_array().expect("states")).enumerate() {
        close(&format!("{name}, state {layer}"), &state.concat(), &numbers(truth), TOLERANCE);
    }
    let last = states.last().and_then(|state| state.last()).expect("tokens");
    match oracle["logits"].is_null() {
        true => assert!(model.unembedding(0..1).is_err(), "{name}"),
        false => close(name, &forward::logits(&model, last), &numbers(&oracle["logits"]), TOLERANCE),
    }
    for layer in 0..form.depth {
        let weights = model.layer(layer).expect("finite");
        let blocks = (0..states[layer].len()).map(|token| forward::block(&form, &weights, &states[layer], token));
        let blocks: Vec<_> = blocks.collect();
        let what = format!("{name}, Jacobian of layer {layer}");
        close(&what, &blocks.last().expect("tokens").concat(), &numbers(&oracle["jacobians"][layer]), TOLERANCE);
        let traces: Vec<f64> = blocks.iter().map(|block| (0..form.width).map(|i| block[i][i]).sum()).collect();
        close(&what, &traces, &numbers(&oracle["traces"][layer]), TOLERANCE);
    }
    form
}

#[test]
fn llama_in_shards_with_grouped_queries() {
    let form = agrees("llama", "llama/oracle.json");
    assert_eq!((form.heads, form.key_value_heads, form.gated), (4, 2, true));
}

#[test]
fn llama_with_biases_scaled_positions_wide_heads_and_tied_ends() {
    let form = agrees("llama_scaled", "llama_scaled/oracle.json");
    assert_eq!((form.width, form.heads * form.head_width), (16, 24));
    assert!(form.biases.output && form.biases.feedforward);
    assert!(form.rotary.is_some_and(|rotary| rotary.frequencies[1] < 100_f64.powf(-1.0 / 3.0)), "scaled");
}

/// Its q and k have their pairs as neighbours.
#[test]
fn llama_from_gguf_is_llama_from_its_folder() {
    agrees("llama.gguf", "llama/oracle.json");
    let (file, folder) = (tiny("llama.gguf"), tiny("llama"));
    for layer in 0..2 {
        assert_eq!(file.layer(layer).expect("finite"), folder.layer(layer).expect("finite"));
    }
}

#[test]
fn qwen2_in_bf16_with_biases_of_q_k_and_v() {
    let form = agrees("qwen2", "qwen2/oracle.json");
    assert!(form.biases.query_key_value && !form.biases.output && !form.biases.feedforward);
}

#[test]
fn gpt2() {
    let form = agrees("gpt2", "gpt2/oracle.json");
    assert!(form.rotary.is_none() && form.embedding.positions);
}

#[test]
fn neox_in_f16_with_parallel_branches_and_turning_quarters() {
    let form = agrees("neox", "neox/oracle.json");
    assert!(form.parallel);
    assert_eq!((form.head_width, form.rotary.map(|rotary| rotary.dims)), (8, Some(2)));
}

#[test]
fn neox_with_branches_one_after_the_other() {
    assert!(!agrees("neox_sequential", "neox_sequential/oracle.json").parallel);
}

#[test]
fn bert() {
    let form = agrees("bert", "bert/oracle.json");
    assert!(form.embedding.norm && form.embedding.token_types == 2);
}

/// The truth is the package gguf's, bit by bit, for random bits in every block.
#[test]
fn every_format_of_gguf_is_decoded_to_the_last_bit() {
    let model = tiny("blocks.gguf");
    let bytes = std::fs::read(data("blocks.f32")).expect("a file of the tests");
    let mut truth = bytes.chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().expect("4 bytes")));
    let mut same = |what: &str, found: &[f32]| {
        for (i, found) in found.iter().enumerate() {
            let truth = truth.next().expect("as many numbers");
            assert_eq!(found.to_bits(), truth.to_bits(), "{what}, number {i}: {found}, not {truth}");
        }
    };
    let embedding: Vec<f32> = (model.embed(&[0, 1, 2, 3]).expect("tokens").into_iter()).map(|x| x as f32).collect();
    same("BF16", &embedding);
    same("F32", &model.final_norm().expect("finite").expect("one").gain);
    same("F16", &model.unembedding(0..4).expect("finite"));
    for layer in 0..2 {
        let weights = model.layer(layer).expect("finite");
        same("norm", &weights.attention.norm.as_ref().expect("it has one").gain);
        let formats = [["Q4_0", "Q4_1", "Q5_0"], ["Q2_K", "Q3_K", "Q4_K"]][layer];
        weights.attention.input.weights.chunks(512).zip(formats).for_each(|(part, format)| same(format, part));
        let formats = [["Q5_1", "Q8_0"], ["Q5_K", "Q6_K"]][layer];
        weights.feedforward.input.weights.chunks(512).zip(formats).for_each(|(part, format)| same(format, part));
        same("output", &weights.attention.output.weights);
        same("norm", &weights.feedforward.norm.as_ref().expect("it has one").gain);
        same("down", &weights.feedforward.output.weights);
    }
    assert_eq!(truth.next(), None);
}
