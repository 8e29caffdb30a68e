//! Trained models through the program's own kernels, against their makers' library in f64 (tests/checkpoints/make.py) and
//! against numbers of SmolLM2 that were computed elsewhere.

use crate::adapter::{gpu, software_adapters};
use crate::checkpoint::oracles::{close, data, ids, json, numbers};
use crate::checkpoint::real::{minilm_folder, smollm2_file};
use eulerscope::device::Device;
use eulerscope::layer::Point;
use eulerscope::spec::{Control, Integrator, Tokens, TrainedInput, TrainedLyapunovSpec, TrainedSpectrumSpec};
use eulerscope::spectrum::eigenvalues;
use eulerscope::trained::spectrum::Asked;
use eulerscope::trained::{Model, Stack, Way, lyapunov, spectrum};
use faer::Mat;
use serde_json::Value;
use std::ops::ControlFlow;

/// Tiny models of every family.
pub const TINY: [&str; 7] = ["llama", "llama_scaled", "qwen2", "gpt2", "neox", "neox_sequential", "bert"];

/// What a trained model does.
pub const OWN: Point = Point { step_size: 1.0, radius: 1.0, damping: 0.0 };

pub fn device(word: &str) -> Device {
    Device::open(word).expect("the device opens")
}

/// States, logits and own-token Jacobians of a model, layer by layer, against its oracle.
fn agrees(device: &Device, name: &str, tolerance: f64) {
    let (model, oracle) = (Model::open(&data(name)).expect(name), json(&format!("{name}/oracle.json")));
    let token_ids = ids(&oracle["token_ids"]);
    let mut stack = Stack::begin(device, &model, &token_ids, &[OWN], Integrator::Euler).expect(name);
    let all: Vec<usize> = (0..token_ids.len()).collect();
    let states = |layer: usize| numbers(&oracle["states"][layer]);
    close(&format!("{name}: embedding"), &stack.states(), &states(0), tolerance);
    for layer in 0..model.depth() {
        let weights = model.layer(layer).expect(name);
        let blocks = stack.jacobians(&weights, &all).expect(name).matrices;
        let truth = numbers(&oracle["jacobians"][layer]);
        close(&format!("{name}: Jacobian of layer {layer}"), blocks.last().expect("a token"), &truth, tolerance);
        let n = model.anatomy().width;
        let traces: Vec<f64> = blocks.iter().map(|block| (0..n).map(|i| block[i * n + i]).sum()).collect();
        close(&format!("{name}: traces of layer {layer}"), &traces, &numbers(&oracle["traces"][layer]), tolerance);
        stack.pass(&weights).expect(name);
        close(&format!("{name}: states behind layer {layer}"), &stack.states(), &states(layer + 1), tolerance);
    }
    if !oracle["logits"].is_null() {
        let mut logits = Vec::new();
        let last = stack.state(0, token_ids.len() - 1);
        model
            .logits(device, &last, &mut |own| logits.extend(own.words.clone().map(|word| own.at(word, 0))))
            .expect(name);
        close(&format!("{name}: logits"), &logits, &numbers(&oracle["logits"]), tolerance);
    }
}

#[test]
fn tiny_models_are_those_of_their_makers_in_f64() {
    let reference = device("reference");
    TINY.iter().for_each(|name| agrees(&reference, name, 1e-11));
}

/// A sum of k products in f32 is off by k / 2^24 at most; the widest here has 96 terms, a layer has four such sums behind
/// each other, and three layers multiply errors by the norms of their Jacobians, which are below 30. Errors are far from
/// all of one sign, so a hundredth of that bound is generous.
#[test]
fn tiny_models_are_those_of_their_makers_in_f32() {
    let cpu = device("cpu");
    TINY.iter().for_each(|name| agrees(&cpu, name, 2e-5));
}

#[test]
fn tiny_models_are_those_of_their_makers_on_a_gpu() {
    let gpu = gpu(&software_adapters()[0]);
    TINY.iter().for_each(|name| agrees(&gpu, name, 2e-5));
}

/// The Jacobian of the whole state of a tiny model's layer, by tangents of all tokens: `[n T, n T]`, row-major, where row and
/// column are element * T + token.
fn whole(stack: &Stack, model: &Model, layer: usize) -> Vec<f64> {
    let order = model.anatomy().width * stack.tokens();
    let identity: Mat<f64> = Mat::identity(order, order);
    let moved = stack.through(&model.layer(layer).expect("finite"), Way::Forth, &identity).expect("it runs");
    (0..order).flat_map(|i| (0..order).map(move |j| (i, j))).map(|(i, j)| moved[(i, j)]).collect()
}

/// The diagonal blocks of the whole state's Jacobian are the own-token ones; with a causal mask what is above them is 0, so
/// that all eigenvalues of the blocks are those of the whole.
#[test]
fn the_blocks_of_causal_models_have_the_eigenvalues_of_the_whole() {
    let reference = device("reference");
    for name in TINY {
        let model = Model::open(&data(name)).expect(name);
        let token_ids = ids(&json(&format!("{name}/oracle.json"))["token_ids"]);
        let stack = Stack::begin(&reference, &model, &token_ids, &[OWN], Integrator::Euler).expect(name);
        let (n, tokens) = (model.anatomy().width, token_ids.len());
        let jacobian = whole(&stack, &model, 0);
        let at = |i: usize, t: usize, j: usize, s: usize| jacobian[(i * tokens + t) * n * tokens + j * tokens + s];
        let blocks = stack.jacobians(&model.layer(0).expect(name), &(0..tokens).collect::<Vec<_>>()).expect(name);
        for (t, block) in blocks.matrices.iter().enumerate() {
            let own: Vec<f64> = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| at(i, t, j, t)).collect();
            close(&format!("{name}, token {t}"), &own, block, 1e-12);
        }
        let causal = model.anatomy().attention.as_ref().is_some_and(|heads| heads.causal);
        let above = |i: usize, j: usize| (0..tokens).any(|t| (t + 1..tokens).any(|s| at(i, t, j, s) != 0.0));
        assert_eq!((0..n).any(|i| (0..n).any(|j| above(i, j))), !causal, "{name}");
        if causal {
            let sorted = |values: Vec<[f64; 2]>| {
                let mut sizes: Vec<f64> = values.iter().map(|[re, im]| re.hypot(*im)).collect();
                sizes.sort_by(f64::total_cmp);
                sizes
            };
            let of_whole = eigenvalues(&reference, &jacobian, n * tokens).expect(name).remove(0).eigenvalues;
            let of_blocks = eigenvalues(&reference, &blocks.matrices.concat(), n).expect(name);
            let of_blocks = of_blocks.into_iter().flat_map(|spectrum| spectrum.eigenvalues).collect();
            // Eigenvalues of the whole are as good as its conditioning lets them be.
            close(name, &sorted(of_whole), &sorted(of_blocks), 1e-7);
        }
    }
}

fn smollm2(device: &Device, tokens: Tokens) -> (Value, spectrum::TrainedSpectrum) {
    let (path, truth) = (smollm2_file(), json("mercury.json"));
    let model = Model::open(&path).expect("a model");
    let prompt = truth["prompt"].as_str().expect("a prompt");
    let token_ids = model.checkpoint().encode(prompt).expect("tokens");
    assert_eq!(token_ids, ids(&truth["ids"]));
    let input = TrainedInput {
        checkpoint: path,
        prompts: vec![prompt.to_string()],
        token_ids: Vec::new(),
        ..TrainedInput::default()
    };
    let spec = TrainedSpectrumSpec { input, tokens, ..TrainedSpectrumSpec::default() };
    let asked = Asked { model: &model, spec: &spec, texts: &[token_ids], stop: &|| false };
    let found = spectrum::run(device, &asked, &mut |_| ControlFlow::Continue(())).expect("it runs");
    (truth, found)
}

/// Radii to 2e-3, logits to 1e-3, counts but for eigenvalues within 1e-3 of the circle: what f32 leaves of the published
/// numbers, which were computed in f64 with another program (JAX, LAPACK).
#[test]
fn smollm2_has_the_published_jacobians() {
    let (truth, found) = smollm2(&device("cpu"), Tokens::Last);
    let text = &found.texts[0];
    for (layer, truth) in text.layers.iter().zip(truth["layers"].as_array().expect("layers")) {
        let (at, own) = (&layer.tokens[0], layer.tokens[0].solved().expect("it has eigenvalues"));
        let near = |what: &str, found: f64, tolerance: f64| {
            let truth = truth[what].as_f64().expect(what);
            assert!((found - truth).abs() <= tolerance * truth.abs(), "layer {}: {what} {found}, {truth}", layer.layer);
        };
        near("state_norm", at.state_norm, 1e-4);
        near("spectral_radius", own.facts.radius, 2e-3);
        near("abscissa_of_f", own.abscissa(), 2e-3);
        near("trace", own.trace, 1e-3);
        near("frobenius", own.frobenius, 1e-3);
        near("norm", own.derived.norm.expect("it was asked for"), 1e-3);
        near("norm", own.singular_values[0], 1e-3);
        let count = |what: &str, found: usize, edge: &dyn Fn(&[f64; 2]) -> bool| {
            let truth = truth[what].as_u64().expect(what) as usize;
            let doubtful = own.spectrum.eigenvalues.iter().filter(|value| edge(value)).count();
            assert!(found.abs_diff(truth) <= doubtful, "layer {}: {what} {found}, not {truth}", layer.layer);
        };
        let band = own.facts.band.half_width().max(1e-3);
        count("outside_unit_circle", own.facts.outside, &|[re, im]| (re.hypot(*im) - 1.0).abs() <= band);
        count("growing_modes_of_f", own.growing_modes(), &|[re, _]| (re - 1.0).abs() <= band);
        // The singular values have the norm of the matrix.
        let squares: f64 = own.singular_values.iter().map(|value| value * value).sum();
        assert!((squares.sqrt() / own.frobenius - 1.0).abs() <= 1e-10, "layer {}", layer.layer);
    }
    assert_eq!(text.layers.len(), 30);
    for (found, truth) in text.next_token.iter().zip(truth["top5"].as_array().expect("tokens")) {
        assert_eq!(Value::from(found.id), truth[0]);
        assert!((found.logit - truth[2].as_f64().expect("a logit")).abs() <= 1e-3 * found.logit);
    }
    let end = truth["final_norm"].as_f64().expect("a norm");
    assert!((text.end_norms[0] - end).abs() <= 1e-4 * end);
}

/// Where both branches see the same state a layer is one Euler step, so that other steps follow from the trained one:
/// (1 - γ) x + h (x⁺ - x).
#[test]
fn steps_of_parallel_layers_scale_with_the_step_size() {
    let reference = device("reference");
    let model = Model::open(&data("neox")).expect("a model");
    let token_ids = ids(&json("neox/oracle.json")["token_ids"]);
    let weights = model.layer(0).expect("finite");
    let points = [OWN, Point { step_size: 0.3, radius: 1.0, damping: 0.2 }];
    let mut stack = Stack::begin(&reference, &model, &token_ids, &points, Integrator::Euler).expect("it begins");
    let before: Vec<Vec<f64>> = (0..token_ids.len()).map(|token| stack.state(0, token)).collect();
    stack.pass(&weights).expect("it passes");
    for (token, x) in before.iter().enumerate() {
        let own = stack.state(0, token);
        let expected: Vec<f64> = x.iter().zip(&own).map(|(x, own)| 0.8 * x + 0.3 * (own - x)).collect();
        close(&format!("token {token}"), &stack.state(1, token), &expected, 1e-13);
    }
}

/// All exponents of a tiny model sum up to the mean ln |det| of its Jacobians, and those of a causal model are block
/// triangular, so that their determinants are products of those of the blocks.
#[test]
fn exponents_sum_up_to_determinants() {
    let reference = device("reference");
    for name in ["llama", "gpt2"] {
        let model = Model::open(&data(name)).expect(name);
        let token_ids = ids(&json(&format!("{name}/oracle.json"))["token_ids"]);
        let n = model.anatomy().width;
        let input = TrainedInput { checkpoint: data(name), token_ids: token_ids.clone(), ..TrainedInput::default() };
        let spec = TrainedLyapunovSpec { input, top: n * token_ids.len(), ..TrainedLyapunovSpec::default() };
        let found =
            lyapunov::run(&reference, &model, &spec, &token_ids, &mut |_| ControlFlow::Continue(())).expect(name);
        let mut stack = Stack::begin(&reference, &model, &token_ids, &[OWN], Integrator::Euler).expect(name);
        let mut log = 0.0;
        for layer in 0..model.depth() {
            let weights = model.layer(layer).expect(name);
            let blocks = stack.jacobians(&weights, &(0..token_ids.len()).collect::<Vec<_>>()).expect(name);
            let det = |block: &Vec<f64>| Mat::from_fn(n, n, |i, j| block[i * n + j]).determinant().abs().ln();
            log += blocks.matrices.iter().map(det).sum::<f64>();
            stack.pass(&weights).expect(name);
        }
        let sum: f64 = found.exponents().iter().sum();
        assert!((sum - log / model.depth() as f64).abs() <= 1e-9 * (1.0 + log.abs()), "{name}: {sum}, {log}");
    }
}

/// What cannot be computed is refused in one line that says what to change.
#[test]
fn steps_and_texts_that_do_not_fit_are_refused() {
    let reference = device("reference");
    let begin = |name: &str, tokens: usize, integrator| {
        let model = Model::open(&data(name)).expect(name);
        Stack::begin(&reference, &model, &vec![1; tokens], &[OWN], integrator).map(drop)
    };
    let words = |refused: eulerscope::error::Result<()>| refused.expect_err("it does not fit").to_string();
    assert!(words(begin("neox", 3, Integrator::Strang)).contains("splits two sublayers"));
    assert!(begin("neox_sequential", 3, Integrator::Strang).is_ok());
    assert!(words(begin("llama", 513, Integrator::Euler)).contains("tokens"));
}

/// Queries, keys and values are shuffled apart, and so are gates and units: each keeps its own entries.
#[test]
fn shuffled_matrices_keep_their_entries() {
    let model = Model::open(&data("llama")).expect("a model");
    let (own, other) = (model.layer(0).expect("finite"), model.control(Control::Shuffled, 3).layer(0).expect("finite"));
    let heads = model.anatomy().attention.clone().expect("it attends");
    let (n, shared) = (model.anatomy().width, heads.key_values * heads.width);
    let (queries, hidden) = (heads.query_rows(), model.anatomy().feedforward.expect("it has one").count);
    let sorted = |part: &[f32]| {
        let mut part = part.to_vec();
        part.sort_by(f32::total_cmp);
        part
    };
    let check = |own: &[f32], other: &[f32], rows: &[usize]| {
        let mut start = 0;
        for rows in rows {
            let place = start..start + rows * n;
            start = place.end;
            assert_eq!(sorted(&own[place.clone()]), sorted(&other[place.clone()]));
            assert_ne!(own[place.clone()], other[place]);
        }
        assert_eq!(start, own.len());
    };
    check(&own.attention.input.weights, &other.attention.input.weights, &[queries, shared, shared]);
    check(&own.feedforward.input.weights, &other.feedforward.input.weights, &[hidden, hidden]);
    assert_eq!(sorted(&own.attention.output.weights), sorted(&other.attention.output.weights));
    assert_eq!(own.attention.norm, other.attention.norm);
}

/// Before training weights are normal with the configuration's deviation: the mean square of m of them is off by
/// sqrt(2 / m) of it, of which five are allowed.
#[test]
fn initial_weights_have_the_deviation_of_the_configuration() {
    // GPT-2's output projections are smaller by the root of how many there are, two a layer.
    for (name, residual) in [("llama", 1.0), ("gpt2", 0.5)] {
        let model = Model::open(&data(name)).expect("a model");
        assert_eq!(model.depth(), 2);
        let deviation = model.checkpoint().architecture().initializer_range.expect("it says so");
        let layer = model.control(Control::Initial, 3).layer(1).expect("finite");
        let check = |weights: &[f32], deviation: f64| {
            let square = weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / weights.len() as f64;
            let slack = 5.0 * (2.0 / weights.len() as f64).sqrt();
            assert!((square / deviation.powi(2) - 1.0).abs() <= slack, "{name}: {square}");
        };
        check(&layer.attention.input.weights, deviation);
        check(&layer.feedforward.input.weights, deviation);
        check(&layer.attention.output.weights, residual * deviation);
        check(&layer.feedforward.output.weights, residual * deviation);
        assert!(layer.attention.norm.expect("it has one").gain.iter().all(|gain| *gain == 1.0));
    }
}

/// The same token at two places has the same embedding before training, but for its position where positions are learned.
#[test]
fn initial_embeddings_know_their_positions() {
    let reference = device("reference");
    for (name, learned) in [("llama", false), ("gpt2", true)] {
        let model = Model::open(&data(name)).expect("a model").control(Control::Initial, 3);
        let states = model.embed(&reference, &[5, 6, 5]).expect("tokens");
        let n = model.anatomy().width;
        assert_eq!(states[..n] == states[2 * n..], !learned, "{name}");
        assert!(states[..n] != states[n..2 * n], "{name}");
    }
}

/// A model with norms behind its sums, without a mask and with biases everywhere, against its maker's library in f64: norms of
/// all states, and traces and spectral radii of all own-token blocks. Every sum has 1,536 terms at most, and roundings are far
/// from all of one sign; six layers multiply errors by norms below 10.
#[test]
fn minilm_is_that_of_its_maker() {
    let (cpu, oracle) = (device("cpu"), json("minilm.json"));
    let model = Model::open(&minilm_folder()).expect("a model");
    let token_ids = model.checkpoint().encode(oracle["text"].as_str().expect("a text")).expect("tokens");
    assert_eq!(token_ids, ids(&oracle["token_ids"]));
    let mut stack = Stack::begin(&cpu, &model, &token_ids, &[OWN], Integrator::Euler).expect("it begins");
    let (n, tokens): (_, Vec<usize>) = (model.anatomy().width, (0..token_ids.len()).collect());
    for layer in 0..model.depth() {
        let what = |name: &str| format!("{name} of layer {layer}");
        let norms: Vec<f64> = tokens.iter().map(|&token| stack.norm(0, token)).collect();
        close(&what("norms"), &norms, &numbers(&oracle["state_norms"][layer]), 1e-5);
        let weights = model.layer(layer).expect("finite");
        let blocks = stack.jacobians(&weights, &tokens).expect("it runs").matrices;
        let traces: Vec<f64> = blocks.iter().map(|block| (0..n).map(|i| block[i * n + i]).sum()).collect();
        close(&what("traces"), &traces, &numbers(&oracle["traces"][layer]), 1e-4);
        let spectra = eigenvalues(&cpu, &blocks.concat(), n).expect("it runs");
        let radii: Vec<f64> = spectra.iter().map(|spectrum| spectrum.radius().expect("it has eigenvalues")).collect();
        close(&what("radii"), &radii, &numbers(&oracle["spectral_radii"][layer]), 1e-3);
        stack.pass(&weights).expect("it passes");
    }
    let ends: Vec<f64> = tokens.iter().flat_map(|&token| stack.state(0, token)[..8].to_vec()).collect();
    close("the last states", &ends, &numbers(&oracle["last_states"]), 1e-4);
}

/// The products of the Jacobians up to each layer, multiplied out as they are.
#[test]
fn products_along_the_depth_are_those_of_the_jacobians() {
    let reference = device("reference");
    let model = Model::open(&data("gpt2")).expect("a model");
    let token_ids = ids(&json("gpt2/oracle.json")["token_ids"]);
    let (n, token) = (model.anatomy().width, token_ids.len() - 1);
    let input = TrainedInput { checkpoint: data("gpt2"), token_ids: token_ids.clone(), ..TrainedInput::default() };
    let spec = TrainedSpectrumSpec { input, ..TrainedSpectrumSpec::default() };
    let progress = &mut |_| ControlFlow::Continue(());
    let texts = std::slice::from_ref(&token_ids);
    let asked = Asked { model: &model, spec: &spec, texts, stop: &|| false };
    let found = spectrum::run(&reference, &asked, progress).expect("it runs");
    let mut stack = Stack::begin(&reference, &model, &token_ids, &[OWN], Integrator::Euler).expect("it begins");
    let mut product: Mat<f64> = Mat::identity(n, n);
    for (layer, found) in found.texts[0].layers.iter().enumerate() {
        let weights = model.layer(layer).expect("finite");
        let own = stack.jacobians(&weights, &[token]).expect("it runs").matrices.remove(0);
        product = Mat::from_fn(n, n, |i, j| own[i * n + j]) * product;
        let values = product.singular_values().expect("it converges");
        let said = &found.tokens[0].whole().expect("it was assembled").product;
        assert!((said.log_norm - values[0].ln()).abs() <= 1e-12, "layer {layer}: {said:?}");
        let relative: Vec<f64> = values.iter().map(|value| value / values[0]).collect();
        let known = said.relative_singular_values.len();
        close(&format!("layer {layer}"), &said.relative_singular_values, &relative[..known], 1e-12);
        assert!(known == n || relative[known] <= 1e-12, "layer {layer}: {known} of {n}");
        stack.pass(&weights).expect("it passes");
    }
}
