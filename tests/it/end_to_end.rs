//! Singular values of the product of all layers' Jacobians, and growth with frozen fields, against plain loops.

use crate::checkpoint::forward::{self, State};
use crate::checkpoint::oracles::{data, ids, json, tiny};
use crate::checkpoint::real::smollm2_file;
use crate::cli_bad_input::{eulerscope, refusal};
use crate::trained::device;
use eulerscope::device::Device;
use eulerscope::spec::{Grid, Integrator, TrainedInput, TrainedLyapunovSpec, TrainedSweepSpec};
use eulerscope::spectrum::Status;
use eulerscope::trained::{Model, lyapunov, sweep};
use faer::Mat;
use std::ops::ControlFlow;

fn exponents(device: &Device, model: &Model, token_ids: &[u32], count: usize) -> lyapunov::TrainedLyapunov {
    let input = TrainedInput { token_ids: token_ids.to_vec(), ..TrainedInput::default() };
    let spec = TrainedLyapunovSpec { input, top: 4, singular: Some(count), ..TrainedLyapunovSpec::default() };
    lyapunov::run(device, model, &spec, token_ids, &mut |_| ControlFlow::Continue(())).expect("it runs")
}

/// All of them, from the product of Jacobians of dual numbers; and no frame grows more than the largest.
#[test]
fn end_to_end_singular_values_are_those_of_the_product() {
    for name in ["llama", "neox", "gpt2", "bert"] {
        let (model, checkpoint) = (Model::open(&data(name)).expect(name), tiny(name));
        let form = checkpoint.architecture();
        let token_ids = ids(&json(&format!("{name}/oracle.json"))["token_ids"]);
        let states = forward::states(&checkpoint, &token_ids);
        let order = form.width * token_ids.len();
        let mut product: Mat<f64> = Mat::identity(order, order);
        for (layer, x) in states.iter().enumerate().take(form.depth) {
            let weights = checkpoint.layer(layer).expect("finite");
            let column = |j: usize| forward::moved(form, &weights, x, [j / form.width, j % form.width]).concat();
            let columns: Vec<Vec<f64>> = (0..order).map(column).collect();
            product = Mat::from_fn(order, order, |i, j| columns[j][i]) * product;
        }
        let truth = product.singular_values().expect("finite");
        for (word, tolerance) in [("reference", 1e-9), ("cpu", 1e-4)] {
            let found = exponents(&device(word), &model, &token_ids, 5);
            let own = found.end_to_end.as_ref().expect("it was asked for");
            assert!(own.status == Status::Ok && own.values.len() == 5, "{name} on {word}: {own:?}");
            for (own, truth) in own.values.iter().zip(&truth) {
                assert!((own.value - truth).abs() <= tolerance * truth, "{name} on {word}: {own:?}, not {truth}");
            }
            let largest = truth[0].ln() / form.depth as f64;
            assert!(found.exponents()[0] < largest, "{name}: a random frame is a lower bound");
        }
    }
}

/// e^0.326 a layer, which another program found by power iteration in f64, on nine tokens.
#[test]
fn smollm2_has_its_end_to_end_growth() {
    let model = Model::open(&smollm2_file()).expect("a model");
    let token_ids = ids(&json("mercury.json")["ids"]);
    let found = exponents(&device("cpu"), &model, &token_ids, 1);
    let own = found.end_to_end.expect("it was asked for").values[0];
    let exponent = own.value.ln() / model.depth() as f64;
    assert!(own.converged && (exponent - 0.326).abs() <= 5e-4, "{exponent}: {own:?}");
}

#[test]
fn end_to_end_singular_values_are_refused_where_there_are_none() {
    let mut command = eulerscope();
    command.args(["lyapunov", "--singular", "2"]);
    assert!(refusal(command, 4).contains("singular: it is of a trained model"));
    for (count, said) in
        [("0", "singular: 0 leaves nothing to compute"), ("49", "singular: 49 singular values of a state of 48")]
    {
        let mut command = eulerscope();
        command.args(["lyapunov", "--token-ids", "3,1,4", "--singular", count]).arg("--checkpoint").arg(data("llama"));
        let found = refusal(command, 4);
        assert!(found.contains(said), "{found}");
    }
}

/// (1 - γ)^S x_0 + Σ h (1 - γ)^(S - k) f_k for the S sublayers of Euler's method, where f_k is what sublayer k adds to the
/// trained model's states.
#[test]
fn predicted_growth_is_that_of_frozen_fields() {
    for name in ["llama", "neox", "neox_sequential", "gpt2"] {
        let (model, checkpoint) = (Model::open(&data(name)).expect(name), tiny(name));
        let form = checkpoint.architecture();
        let token_ids = ids(&json(&format!("{name}/oracle.json"))["token_ids"]);
        let states = forward::states(&checkpoint, &token_ids);
        let fields: Vec<State<f64>> = (0..form.depth)
            .flat_map(|layer| forward::fields(form, &checkpoint.layer(layer).expect("finite"), &states[layer]))
            .collect();
        let input = TrainedInput { token_ids: token_ids.clone(), ..TrainedInput::default() };
        let spec = TrainedSweepSpec {
            input,
            step_size: Grid::parse("0.5,1,1.7").expect("a grid"),
            damping: Grid::parse("0,0.1").expect("a grid"),
            ..TrainedSweepSpec::default()
        };
        let reference = device("reference");
        let run = |spec: &TrainedSweepSpec| {
            let progress = &mut |_| ControlFlow::Continue(());
            let text = sweep::Text { model: &model, token_ids: &token_ids, margin: None };
            sweep::run(&reference, &text, spec, progress).expect("it runs").cells
        };
        let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        for cell in run(&spec) {
            let (h, keep) = (cell.step_size, 1.0 - cell.damping);
            let growth = |token: usize| {
                let mut end: Vec<f64> = states[0][token].iter().map(|x| keep.powi(fields.len() as i32) * x).collect();
                for (k, field) in fields.iter().enumerate() {
                    let factor = h * keep.powi((fields.len() - 1 - k) as i32);
                    end.iter_mut().zip(&field[token]).for_each(|(x, f)| *x += factor * f);
                }
                (length(&end) / length(&states[0][token])).ln()
            };
            let truth = (0..token_ids.len()).map(growth).sum::<f64>() / token_ids.len() as f64;
            let (found, observed) = (cell.predicted_log_growth.expect(name), cell.log_growth.expect(name));
            // Fields are kept in f32.
            assert!((found - truth).abs() <= 1e-6, "{name}, {cell:?}: {truth}");
            let is_own = (cell.step_size, cell.damping) == (1.0, 0.0);
            assert_eq!((found - observed).abs() <= 1e-6, is_own, "{name}, {cell:?}");
        }
        // With the same f everywhere the stages of Heun's method are those of one step of both sublayers at once.
        if form.parallel {
            let heun =
                run(&TrainedSweepSpec { integrator: Integrator::Heun, damping: Grid::single(0.0), ..spec.clone() });
            let euler = run(&TrainedSweepSpec { damping: Grid::single(0.0), ..spec.clone() });
            for (heun, euler) in heun.iter().zip(&euler) {
                let off = heun.predicted_log_growth.expect(name) - euler.predicted_log_growth.expect(name);
                assert!(off.abs() <= 1e-12, "{name}: {off}");
            }
        }
    }
}

/// Norms behind the sums decide how large states are, whatever was added.
#[test]
fn nothing_is_predicted_of_norms_behind_the_sums() {
    let model = Model::open(&data("bert")).expect("a model");
    let token_ids = ids(&json("bert/oracle.json")["token_ids"]);
    let input = TrainedInput { token_ids: token_ids.clone(), ..TrainedInput::default() };
    let spec = TrainedSweepSpec { input, ..TrainedSweepSpec::default() };
    let text = sweep::Text { model: &model, token_ids: &token_ids, margin: None };
    let found = sweep::run(&device("cpu"), &text, &spec, &mut |_| ControlFlow::Continue(()));
    let cell = &found.expect("it runs").cells[0];
    assert!(cell.predicted_log_growth.is_none() && cell.log_growth.is_some(), "{cell:?}");
}
