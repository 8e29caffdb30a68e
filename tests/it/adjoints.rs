//! Adjoints of layers: of trained ones against Jacobians of dual numbers in plain loops, of random ones against tangents.

use crate::adapter::{gpu, software_adapters};
use crate::checkpoint::forward;
use crate::checkpoint::oracles::{close, data, ids, json, tiny};
use crate::layer_tangent::{WIDTH, specs, stepped};
use crate::trained::{OWN, TINY, device};
use eulerscope::device::Device;
use eulerscope::layer::{Adjoint, NonlinearLayer, Point, Tangents, Threshold};
use eulerscope::numbers::random::sample;
use eulerscope::plan::{Data, Inputs, Plan};
use eulerscope::spec::{Integrator, LayerSpec};
use eulerscope::trained::{Model, Stack, Way};
use eulerscope::weights::{LearnedLayer, Source};
use faer::Mat;

/// J^T of each of these tokens' own Jacobians, by the adjoint of unit vectors: `[n, n]` each, row-major.
fn own_transposed(
    device: &Device,
    model: &Model,
    weights: &LearnedLayer,
    states: &[Vec<f64>],
    tokens: &[usize],
) -> Vec<Vec<f64>> {
    let (mut plan, n) = (Plan::new(), model.anatomy().width);
    let mut layer =
        NonlinearLayer::learned(&mut plan, model.anatomy(), weights, Integrator::Euler, states.len(), &[OWN]);
    let x = plan.input(layer.start_buffer());
    layer.step(&mut plan, x, 1, 0);
    let adjoint = Adjoint::of_own_columns(&mut plan, &layer, tokens, n);
    let start = plan.input(adjoint.start_buffer());
    let end = adjoint.step(&mut plan, start);
    let (end, shape, vectors) = (plan.output(end), layer.shape(), adjoint.vectors());
    let mut state = vec![0.0; shape.rows * shape.columns];
    states.iter().enumerate().for_each(|(t, x)| (0..n).for_each(|row| state[row * shape.columns + t] = x[row]));
    let at = |row: usize, token: usize, k: usize| (row * tokens.len() + token) * vectors + k;
    let mut cotangents = vec![0.0; shape.rows * tokens.len() * vectors];
    (0..n).for_each(|i| (0..tokens.len()).for_each(|token| cotangents[at(i, token, i)] = 1.0));
    let inputs = Inputs::new().with(x, Data::F64(state)).with(start, Data::F64(cotangents));
    let mut found = Vec::new();
    device
        .run(&plan, 1, 0, &inputs, &mut |chunk| {
            let numbers = chunk.reals(end);
            let of = |token: usize| {
                (0..n).flat_map(|i| (0..n).map(move |k| (i, k))).map(|(i, k)| numbers.at(at(i, token, k))).collect()
            };
            found = (0..tokens.len()).map(of).collect();
            Ok(())
        })
        .expect("it runs");
    found
}

/// Adjoints of every layer, of own tokens and of the whole state, are the transposed Jacobians.
fn agrees(device: &Device, name: &str, tolerance: f64) {
    let (model, checkpoint) = (Model::open(&data(name)).expect(name), tiny(name));
    let form = checkpoint.architecture();
    let token_ids = ids(&json(&format!("{name}/oracle.json"))["token_ids"]);
    let states = forward::states(&checkpoint, &token_ids);
    let (n, tokens) = (form.width, token_ids.len());
    let mut stack = Stack::begin(device, &model, &token_ids, &[OWN], Integrator::Euler).expect(name);
    for (layer, states) in states.iter().enumerate().take(model.depth()) {
        let weights = model.layer(layer).expect(name);
        // Twice the first one, and not in their order.
        let chosen: Vec<usize> = (0..=tokens).map(|t| 2 * t % tokens).collect();
        let found = own_transposed(device, &model, &weights, states, &chosen);
        for (&token, found) in chosen.iter().zip(&found) {
            let block = forward::block(form, &weights, states, token);
            let truth: Vec<f64> = (0..n).flat_map(|i| block.iter().map(move |row| row[i])).collect();
            close(&format!("{name}, layer {layer}, token {token}"), found, &truth, tolerance);
        }
        let identity: Mat<f64> = Mat::identity(n * tokens, n * tokens);
        let found = stack.through(&weights, Way::Back, &identity).expect(name);
        for (t, j) in (0..tokens).flat_map(|t| (0..n).map(move |j| (t, j))) {
            // Row (j, t) of the transpose is what a move of that number does to all others.
            let truth = forward::moved(form, &weights, states, [t, j]);
            let own: Vec<f64> = (0..tokens)
                .flat_map(|s| (0..n).map(move |i| (s, i)))
                .map(|(s, i)| found[(j * tokens + t, i * tokens + s)])
                .collect();
            let scale = found.norm_max();
            for (own, truth) in own.iter().zip(truth.concat()) {
                assert!(
                    (own - truth).abs() <= tolerance * scale,
                    "{name}, layer {layer}, number {j} of {t}: {own}, not {truth}"
                );
            }
        }
        stack.pass(&weights).expect(name);
    }
}

/// As for tangents: no sum has more than a hundred terms.
#[test]
fn adjoints_of_tiny_models_are_transposed_jacobians_in_f64() {
    TINY.iter().for_each(|name| agrees(&device("reference"), name, 1e-11));
}

/// For the tolerance see `trained::tiny_models_are_those_of_their_makers_in_f32`.
#[test]
fn adjoints_of_tiny_models_are_transposed_jacobians_in_f32() {
    TINY.iter().for_each(|name| agrees(&device("cpu"), name, 2e-5));
}

#[test]
fn adjoints_of_tiny_models_are_transposed_jacobians_on_a_gpu() {
    let gpu = gpu(&software_adapters()[0]);
    TINY.iter().for_each(|name| agrees(&gpu, name, 2e-5));
}

const POINTS: [Point; 2] =
    [Point { step_size: 0.7, radius: 1.3, damping: 0.1 }, Point { step_size: 1.2, radius: 0.8, damping: 0.0 }];

/// The images of some vectors `[rows, columns, vectors]` under the step of a random layer, or under its adjoint.
fn image(device: &Device, spec: &LayerSpec, way: Way, x: &[f64], vectors: &[f64]) -> Vec<f64> {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 3);
    let mut layer = NonlinearLayer::new(&mut plan, spec, WIDTH, &POINTS, Threshold::new(1e3), 1);
    layer.draw(&mut plan, &source, 0);
    let state = plan.input(layer.start_buffer());
    layer.step(&mut plan, state, 1, 0);
    let (start, end) = match way {
        Way::Forth => {
            let tangents = Tangents::new(&mut plan, &layer, VECTORS);
            let start = plan.input(tangents.start_buffer());
            (start, tangents.step(&mut plan, &layer, start))
        }
        Way::Back => {
            let adjoint = Adjoint::new(&mut plan, &layer, VECTORS);
            let start = plan.input(adjoint.start_buffer());
            (start, adjoint.step(&mut plan, start))
        }
    };
    let end = plan.output(end);
    let inputs = source.inputs(0..1).with(state, Data::F64(x.to_vec())).with(start, Data::F64(vectors.to_vec()));
    let mut found = Vec::new();
    device
        .run(&plan, 1, 0, &inputs, &mut |chunk| {
            found = chunk.reals(end).to_vec();
            Ok(())
        })
        .expect("it runs");
    found
}

const VECTORS: usize = 4;

/// <M d, w> = <d, M^T w>, for every layer and integrator, and for each grid point on its own. The tangents are held against
/// central differences elsewhere.
fn products_agree(device: &Device, tolerance: f64) {
    for (i, spec) in specs().into_iter().chain(stepped()).enumerate() {
        let used = POINTS.len() * spec.tokens;
        let columns = used.next_multiple_of(4);
        let fill = |stream: u32, each: usize| -> Vec<f64> {
            let mut all = sample(stream + i as u32, WIDTH * columns * each);
            let padding = |at: usize| at / each % columns >= used;
            all.iter_mut().enumerate().filter(|(at, _)| padding(*at)).for_each(|(_, x)| *x = 0.0);
            all
        };
        let (x, d, w) = (fill(6000, 1), fill(6100, VECTORS), fill(6200, VECTORS));
        let (forth, back) = (image(device, &spec, Way::Forth, &x, &d), image(device, &spec, Way::Back, &x, &w));
        for (point, k) in (0..POINTS.len()).flat_map(|point| (0..VECTORS).map(move |k| (point, k))) {
            let dot = |a: &[f64], b: &[f64]| -> (f64, f64) {
                let own = (0..WIDTH * columns).filter(|at| (at % columns) / spec.tokens == point);
                let terms: Vec<f64> = own.map(|at| a[at * VECTORS + k] * b[at * VECTORS + k]).collect();
                (terms.iter().sum(), terms.iter().map(|term| term.abs()).sum())
            };
            let ((one, size), (other, other_size)) = (dot(&forth, &w), dot(&d, &back));
            let within = (one - other).abs() <= tolerance * (size + other_size);
            assert!(within, "layer {i} ({spec:?}), point {point}, vector {k}: {one}, {other}");
            assert!(size > 0.1 && other_size > 0.1, "layer {i}: there is something to compare");
        }
    }
}

#[test]
fn products_with_tangents_are_products_with_cotangents() {
    products_agree(&device("reference"), 1e-13);
    // Rounding of scores and of the state between sublayers, times norms of Jacobians below 30.
    products_agree(&device("cpu"), 2e-5);
    products_agree(&gpu(&software_adapters()[0]), 2e-5);
}
