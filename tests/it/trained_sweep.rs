//! A text through trained models under other step sizes and frictions: likelihoods and margins.

use crate::checkpoint::oracles::{data, ids, json};
use crate::checkpoint::real::smollm2_file;
use crate::trained::device;
use eulerscope::layer::Point;
use eulerscope::spec::{Grid, Integrator, TrainedInput, TrainedSweepSpec};
use eulerscope::trained::sweep::{self, Margin, Text};
use eulerscope::trained::{Model, Stack};
use serde_json::Value;
use std::ops::ControlFlow;

/// The cross-entropy of a paragraph at every published step size and friction, to 1e-3: f32 against f64 of another program.
#[test]
fn smollm2_has_the_published_cross_entropies() {
    let (path, truth) = (smollm2_file(), json("mercury.json"));
    let model = Model::open(&path).expect("a model");
    let token_ids = model.checkpoint().encode(truth["text"].as_str().expect("a text")).expect("tokens");
    let text = Text { model: &model, token_ids: &token_ids, margin: None };
    assert_eq!(token_ids.len() as u64, truth["text_tokens"].as_u64().expect("a count"));
    let margin = Margin::of(&model, &[" planet".to_string(), " metal".to_string()]).expect("single tokens");
    assert_eq!(Value::from(margin.first), truth["token_ids"]["planet"]);
    let cpu = device("cpu");
    let cells = truth["cross_entropy"].as_array().expect("cells");
    for (step_sizes, dampings) in [("0.5,0.8,0.9,1,1.1,1.2,1.5,2", "0"), ("1", "0.01,0.02,0.05,0.1")] {
        let spec = TrainedSweepSpec {
            input: TrainedInput {
                checkpoint: path.clone(),
                prompts: vec!["-".to_string()],
                token_ids: Vec::new(),
                ..TrainedInput::default()
            },
            step_size: Grid::parse(step_sizes).expect("step sizes"),
            damping: Grid::parse(dampings).expect("frictions"),
            ..TrainedSweepSpec::default()
        };
        let found = sweep::run(&cpu, &text, &spec, &mut |_| ControlFlow::Continue(())).expect("it runs");
        for cell in &found.cells {
            let is_this = |truth: &&Value| truth["step_size"] == cell.step_size && truth["damping"] == cell.damping;
            let truth =
                cells.iter().find(is_this).expect("it is published")["nats_per_token"].as_f64().expect("a number");
            let likely = cell.likely.expect("states are finite");
            assert!((likely.cross_entropy - truth).abs() <= 1e-3 * truth, "{cell:?}: {truth}");
            // What is predicted at h = 1 without friction is as good as itself, and as nothing else.
            let is_own = (cell.step_size, cell.damping) == (1.0, 0.0);
            assert!(if is_own { likely.kl_divergence.abs() <= 1e-6 } else { likely.kl_divergence > 1e-3 }, "{cell:?}");
        }
    }
}

/// What is diverged from is the trained model's own step, whatever the integrator of the sweep is.
#[test]
fn divergence_is_counted_from_the_trained_model() {
    let reference = device("reference");
    let model = Model::open(&data("llama")).expect("a model");
    let token_ids = ids(&json("llama/oracle.json")["token_ids"]);
    let text = Text { model: &model, token_ids: &token_ids, margin: None };
    let input = TrainedInput { checkpoint: data("llama"), token_ids: token_ids.clone(), ..TrainedInput::default() };
    let run = |integrator| {
        let spec = TrainedSweepSpec { input: input.clone(), integrator, ..TrainedSweepSpec::default() };
        let progress = &mut |_| ControlFlow::Continue(());
        let found = sweep::run(&reference, &text, &spec, progress).expect("it runs");
        found.cells[0].likely.expect("states are finite").kl_divergence
    };
    assert!(run(Integrator::Euler).abs() <= 1e-12);
    assert!(run(Integrator::Heun) > 1e-3);
}

/// Softmaxes of whole rows of logits, divergence and cross-entropy by their definitions, and the margin as a difference of
/// logits: the program makes all of them as logits pass.
#[test]
fn likelihoods_and_margins_are_those_of_their_definitions() {
    let reference = device("reference");
    let model = Model::open(&data("llama")).expect("a model");
    let token_ids = ids(&json("llama/oracle.json")["token_ids"]);
    let input = TrainedInput { checkpoint: data("llama"), token_ids: token_ids.clone(), ..TrainedInput::default() };
    let step_size = Grid::parse("0.6,1.3").expect("step sizes");
    let spec = TrainedSweepSpec { input, step_size, damping: Grid::single(0.1), ..TrainedSweepSpec::default() };
    let margin = Margin { first: 7, second: 41 };
    let text = Text { model: &model, token_ids: &token_ids, margin: Some(margin) };
    let progress = &mut |_| ControlFlow::Continue(());
    let found = sweep::run(&reference, &text, &spec, progress).expect("it runs");
    let logits = |step_size: f64, damping: f64| -> Vec<Vec<f64>> {
        let point = Point { step_size, radius: 1.0, damping };
        let mut stack = Stack::begin(&reference, &model, &token_ids, &[point], Integrator::Euler).expect("it begins");
        (0..model.depth()).for_each(|layer| stack.pass(&model.layer(layer).expect("finite")).expect("it passes"));
        let mut rows = vec![Vec::new(); token_ids.len()];
        let add = &mut |own: eulerscope::trained::Logits| {
            rows.iter_mut()
                .enumerate()
                .for_each(|(token, row)| row.extend(own.words.clone().map(|w| own.at(w, token))));
        };
        model.logits(&reference, &stack.states(), add).expect("it predicts");
        rows
    };
    let log_softmax = |row: &[f64]| -> Vec<f64> {
        let total: f64 = row.iter().map(|l| l.exp()).sum();
        row.iter().map(|l| l - total.ln()).collect()
    };
    let (trained, count) = (logits(1.0, 0.0), (token_ids.len() - 1) as f64);
    for cell in &found.cells {
        let own = logits(cell.step_size, cell.damping);
        let (mut entropy, mut divergence) = (0.0, 0.0);
        for token in 0..token_ids.len() - 1 {
            let (p, b) = (log_softmax(&own[token]), log_softmax(&trained[token]));
            entropy -= p[token_ids[token + 1] as usize] / count;
            divergence += b.iter().zip(&p).map(|(b, p)| b.exp() * (b - p)).sum::<f64>() / count;
        }
        let likely = cell.likely.expect("states are finite");
        assert!((likely.cross_entropy - entropy).abs() <= 1e-11, "{likely:?}: {entropy}");
        assert!((likely.kl_divergence - divergence).abs() <= 1e-11 && divergence > 1e-3, "{likely:?}: {divergence}");
        let last = own.last().expect("a token");
        let between = cell.margin.expect("it was asked for") - (last[7] - last[41]);
        assert!(between.abs() <= 1e-11 && cell.lens.len() == model.depth(), "{between}");
    }
}
