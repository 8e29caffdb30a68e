//! A real model from its GGUF file and from a folder with the same numbers, written here by the format's own words: a length,
//! a header of JSON, and numbers.

use super::oracles::close;
use super::real::smollm2_file;
use crate::trained::{OWN, device};
use eulerscope::checkpoint::Checkpoint;
use eulerscope::spec::Integrator;
use eulerscope::trained::{Model, Stack};
use serde_json::{Map, json};
use std::path::Path;

/// So much of it: the first layers, and the first words.
const LAYERS: usize = 3;
const WORDS: usize = 2048;

/// Tensors in f32 with their shapes, one behind the other.
#[derive(Default)]
struct Tensors {
    header: Map<String, serde_json::Value>,
    data: Vec<u8>,
}

impl Tensors {
    fn add(&mut self, name: &str, rows: usize, values: &[f32]) {
        let start = self.data.len();
        self.data.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        let shape = if rows == 0 { vec![values.len()] } else { vec![rows, values.len() / rows] };
        let place = json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, self.data.len()] });
        self.header.insert(name.to_string(), place);
    }

    fn write(self, path: &Path) {
        let header = serde_json::to_vec(&self.header).expect("JSON");
        let length = (header.len() as u64).to_le_bytes();
        std::fs::write(path, [&length[..], &header, &self.data].concat()).expect("it is written");
    }
}

/// Writes the folder of a Llama whose numbers are those of `model`.
fn convert(model: &Checkpoint, folder: &Path) {
    let form = model.architecture();
    let (n, shared) = (form.width, form.key_value_heads * form.head_width);
    let mut tensors = Tensors::default();
    tensors.add("model.embed_tokens.weight", WORDS, &model.unembedding(0..WORDS).expect("a tied embedding"));
    tensors.add("model.norm.weight", 0, &model.final_norm().expect("finite").expect("one").gain);
    for number in 0..LAYERS {
        let layer = model.layer(number).expect("finite");
        let mut add = |stem: &str, rows: usize, values: &[f32]| {
            tensors.add(&format!("model.layers.{number}.{stem}.weight"), rows, values);
        };
        let (queries, rest) = layer.attention.input.weights.split_at(form.heads * form.head_width * n);
        let (keys, values) = rest.split_at(shared * n);
        let (gates, units) = layer.feedforward.input.weights.split_at(form.hidden * n);
        add("self_attn.q_proj", form.heads * form.head_width, queries);
        add("self_attn.k_proj", shared, keys);
        add("self_attn.v_proj", shared, values);
        add("self_attn.o_proj", n, &layer.attention.output.weights);
        add("mlp.gate_proj", form.hidden, gates);
        add("mlp.up_proj", form.hidden, units);
        add("mlp.down_proj", n, &layer.feedforward.output.weights);
        add("input_layernorm", 0, &layer.attention.norm.expect("one").gain);
        add("post_attention_layernorm", 0, &layer.feedforward.norm.expect("one").gain);
    }
    tensors.write(&folder.join("model.safetensors"));
    let config = json!({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": n, "num_hidden_layers": LAYERS,
        "num_attention_heads": form.heads, "num_key_value_heads": form.key_value_heads, "intermediate_size": form.hidden,
        "vocab_size": WORDS, "max_position_embeddings": form.positions, "rms_norm_eps": form.norm.epsilon,
        "rope_theta": form.rotary.as_ref().expect("it turns").base, "hidden_act": "silu", "tie_word_embeddings": true,
    });
    std::fs::write(folder.join("config.json"), config.to_string()).expect("it is written");
}

/// States, logits and a Jacobian are the same to the last bit. That a GGUF file's numbers and the order of its rows are right is
/// tested on tiny models.
#[test]
fn smollm2_from_a_folder_is_smollm2_from_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = Model::open(&smollm2_file()).expect("a model");
    convert(file.checkpoint(), folder.path());
    let converted = Model::open(folder.path()).expect("a model");
    assert_eq!((converted.depth(), converted.anatomy()), (LAYERS, file.anatomy()));
    let cpu = device("cpu");
    let token_ids = [1, 253, 314, 1070, 30, 1701];
    let begin = |model| Stack::begin(&cpu, model, &token_ids, &[OWN], Integrator::Euler).expect("it begins");
    let (mut one, mut other) = (begin(&file), begin(&converted));
    for layer in 0..LAYERS {
        let weights = [&file, &converted].map(|model| model.layer(layer).expect("finite"));
        assert_eq!(weights[0], weights[1], "layer {layer}");
        let [a, b] = [(&one, &weights[0]), (&other, &weights[1])]
            .map(|(stack, weights)| stack.jacobians(weights, &[5]).expect("it runs").matrices.remove(0));
        close(&format!("Jacobian of layer {layer}"), &a, &b, 0.0);
        one.pass(&weights[0]).expect("it passes");
        other.pass(&weights[1]).expect("it passes");
        close(&format!("states behind layer {layer}"), &one.states(), &other.states(), 0.0);
    }
    let words: Vec<u32> = (0..WORDS as u32).step_by(97).collect();
    let logits = |model: &Model| model.logits_of(&cpu, &one.state(0, 5), &words).expect("it predicts").concat();
    close("logits", &logits(&converted), &logits(&file), 0.0);
}
