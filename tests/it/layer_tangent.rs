//! The exact linearisation of nonlinear layers, against central differences and against what is known of it.

use crate::adapter::{gpu, reference, software_adapters};
use eulerscope::device::Device;
use eulerscope::layer::{NonlinearLayer, Part, Point, Tangents, Threshold, jacobian};
use eulerscope::numbers::random::sample;
use eulerscope::plan::{Data, Inputs, Numbers, Plan};
use eulerscope::spec::{Activation, Integrator, LayerSpec, Mask, Model, NormKind, NormPlacement};
use eulerscope::weights::Source;

pub const WIDTH: usize = 8;

fn point(step_size: f64, radius: f64, damping: f64) -> Point {
    Point { step_size, radius, damping }
}

/// Layers of every kind.
pub fn specs() -> Vec<LayerSpec> {
    let transformer = LayerSpec { tokens: 3, heads: 2, logit_gain: 2.0, ..LayerSpec::of(Model::Transformer) };
    let mlp = LayerSpec::of(Model::Mlp);
    vec![
        transformer.clone(),
        LayerSpec {
            mask: Mask::Causal,
            norm_kind: NormKind::Rmsnorm,
            activation: Activation::Tanh,
            ..transformer.clone()
        },
        LayerSpec { norm: NormPlacement::Post, ..transformer.clone() },
        LayerSpec { norm: NormPlacement::None, mask: Mask::Causal, ..transformer.clone() },
        LayerSpec { norm: NormPlacement::Post, norm_kind: NormKind::Rmsnorm, ..mlp.clone() },
        LayerSpec { activation: Activation::Tanh, ..mlp },
    ]
}

/// Layers of other integrators, and attention alone.
pub fn stepped() -> Vec<LayerSpec> {
    let transformer = specs().swap_remove(0);
    let with = |integrator| LayerSpec { integrator, ..transformer.clone() };
    let mut specs: Vec<LayerSpec> =
        [Integrator::Heun, Integrator::Rk4, Integrator::Strang, Integrator::StrangRk4].map(with).to_vec();
    specs.push(LayerSpec { integrator: Integrator::Rk4, ..LayerSpec::of(Model::Mlp) });
    specs.push(LayerSpec { model: Model::Attention, ..transformer });
    specs
}

/// Padded columns of a state with so many tokens at one grid point.
fn columns(tokens: usize) -> usize {
    tokens.next_multiple_of(4)
}

/// A state `[WIDTH, tokens]` in the layout of a buffer.
fn padded(state: &[f64], tokens: usize) -> Vec<f64> {
    let mut values = vec![0.0; WIDTH * columns(tokens)];
    for (i, &value) in state.iter().enumerate() {
        values[i / tokens * columns(tokens) + i % tokens] = value;
    }
    values
}

/// The step of member 0's layer from each of these states: (x', x+), without padding.
fn steps(spec: &LayerSpec, point: Point, states: &[Vec<f64>]) -> Vec<[Vec<f64>; 2]> {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 3);
    let mut layer = NonlinearLayer::new(&mut plan, spec, WIDTH, &[point], Threshold::new(1e3), 1);
    layer.draw(&mut plan, &source, 0);
    let start = layer.start_buffer();
    plan.input(start);
    let after = layer.step(&mut plan, start, 1, 0);
    let after = plan.output(after);
    let transformer = spec.model == Model::Transformer;
    let middle = transformer.then(|| plan.output(layer.states()[1]));
    let values = states.iter().flat_map(|state| padded(state, spec.tokens)).collect();
    let inputs =
        Inputs::new().with(source.member_ids, Data::Word(vec![0; states.len()])).with(start, Data::F64(values));
    let mut results = Vec::new();
    reference()
        .run(&plan, states.len(), 0, &inputs, &mut |chunk| {
            for member in 0..chunk.members.len() {
                let bare = |data: Numbers| -> Vec<f64> {
                    let stride = columns(spec.tokens);
                    let at = |row: usize, token: usize| (member * WIDTH + row) * stride + token;
                    (0..WIDTH)
                        .flat_map(|r| (0..spec.tokens).map(move |t| (r, t)))
                        .map(|(r, t)| data.at(at(r, t)))
                        .collect()
                };
                let middle = middle.map(|middle| bare(chunk.reals(middle))).unwrap_or_default();
                results.push([middle, bare(chunk.reals(after))]);
            }
            Ok(())
        })
        .expect("it runs");
    results
}

/// The Jacobian of a part of member 0's layer at a state, `[n T, n T]`.
fn jacobian_at(device: &Device, spec: &LayerSpec, point: Point, part: Part, state: &[f64]) -> Vec<f64> {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 3);
    let mut layer = NonlinearLayer::new(&mut plan, spec, WIDTH, &[point], Threshold::new(1e3), 1);
    layer.draw(&mut plan, &source, 0);
    let start = layer.start_buffer();
    plan.input(start);
    layer.step(&mut plan, start, 1, 0);
    let tangents = Tangents::new(&mut plan, &layer, WIDTH * spec.tokens);
    let jacobian = jacobian(&mut plan, &layer, &tangents, part);
    let output = plan.output(jacobian.buffer);
    let inputs = source.inputs(0..1).with(start, Data::F64(padded(state, spec.tokens)));
    let mut matrix = Vec::new();
    device
        .run(&plan, 1, 0, &inputs, &mut |chunk| {
            matrix = jacobian.matrix(chunk.reals(output), 0, 0);
            Ok(())
        })
        .expect("it runs");
    matrix
}

fn multiply(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let sum = |r: usize, c: usize| (0..n).map(|k| a[r * n + k] * b[k * n + c]).sum();
    (0..n * n).map(|i| sum(i / n, i % n)).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |a, x| a.max(x.abs()))
}

/// The largest difference over the largest element; NaN stays NaN, and so fails.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let mut worst = 0.0;
    for (a, b) in a.iter().zip(b) {
        let error = (a - b).abs();
        if error > worst || error.is_nan() {
            worst = error;
        }
    }
    worst / largest(b)
}

#[test]
fn jacobians_match_central_differences() {
    let point = point(0.7, 1.3, 0.1);
    for (i, spec) in specs().into_iter().chain(stepped()).enumerate() {
        let order = WIDTH * spec.tokens;
        let state = sample(2000 + i as u32, order);
        let step = 1e-5;
        let moved = |k: usize, by: f64| {
            let mut state = state.clone();
            state[k] += by;
            state
        };
        let states: Vec<Vec<f64>> = (0..order).flat_map(|k| [moved(k, step), moved(k, -step)]).collect();
        let results = steps(&spec, point, &states);
        let found = jacobian_at(&reference(), &spec, point, Part::Step, &state);
        let difference = |r: usize, k: usize| (results[2 * k][1][r] - results[2 * k + 1][1][r]) / (2.0 * step);
        let truth: Vec<f64> = (0..order * order).map(|e| difference(e / order, e % order)).collect();
        let error = distance(&found, &truth);
        assert!(error <= 1e-8, "layer {i}: the Jacobian of the step is off by {error:e}");
        let by_sublayers = spec.model == Model::Transformer && spec.integrator == Integrator::Euler;
        if by_sublayers && spec.norm != NormPlacement::Post {
            // x' = (1 - gamma) x + h f(x)
            let f = |r: usize, k: usize| {
                let change = (results[2 * k][0][r] - results[2 * k + 1][0][r]) / (2.0 * step);
                (change - if r == k { 1.0 - point.damping } else { 0.0 }) / point.step_size
            };
            let truth: Vec<f64> = (0..order * order).map(|e| f(e / order, e % order)).collect();
            let error = distance(&jacobian_at(&reference(), &spec, point, Part::Attention, &state), &truth);
            assert!(error <= 1e-8, "layer {i}: the Jacobian of attention is off by {error:e}");
        }
    }
}

#[test]
fn the_step_is_the_product_of_its_sublayers() {
    let point = point(0.7, 1.3, 0.1);
    for spec in specs().into_iter().filter(|spec| spec.norm != NormPlacement::Post) {
        let order = WIDTH * spec.tokens;
        let state = sample(2100, order);
        let part = |part| jacobian_at(&reference(), &spec, point, part, &state);
        let euler = |f: &[f64]| -> Vec<f64> {
            let keep = |i: usize| if i / order == i % order { 1.0 - point.damping } else { 0.0 };
            f.iter().enumerate().map(|(i, f)| keep(i) + point.step_size * f).collect()
        };
        let mut product = euler(&part(Part::Feedforward));
        if spec.model == Model::Transformer {
            product = multiply(&product, &euler(&part(Part::Attention)), order);
        }
        assert!(distance(&part(Part::Step), &product) <= 1e-12);
    }
}

/// The vector field does not know the step size; at step size 0 both sublayers stand at x.
#[test]
fn the_field_is_the_sum_of_its_sublayers() {
    for spec in specs().into_iter().filter(|spec| spec.norm == NormPlacement::Pre) {
        let state = sample(2200, WIDTH * spec.tokens);
        let part = |step_size, part| jacobian_at(&reference(), &spec, point(step_size, 1.3, 0.0), part, &state);
        let mut sum = part(0.0, Part::Feedforward);
        if spec.model == Model::Transformer {
            sum.iter_mut().zip(part(0.0, Part::Attention)).for_each(|(sum, f)| *sum += f);
        }
        assert!(distance(&part(0.7, Part::Field), &sum) <= 1e-12);
    }
}

#[test]
fn devices_agree_on_jacobians() {
    let mut devices = vec![Device::open("cpu").expect("always there")];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    for (i, spec) in specs().into_iter().chain(stepped()).enumerate() {
        let state = sample(2300 + i as u32, WIDTH * spec.tokens);
        let truth = jacobian_at(&reference(), &spec, point(0.7, 1.3, 0.1), Part::Step, &state);
        for device in &devices {
            let found = jacobian_at(device, &spec, point(0.7, 1.3, 0.1), Part::Step, &state);
            let error = distance(&found, &truth);
            assert!(error <= 3e-5, "layer {i} on {}: off by {error:e}", device.description());
        }
    }
}

/// Maps that are linear, or homogeneous of degree 1, are their own tangent: J(x) x = f(x). Uniform attention without
/// norm is linear, and an MLP with ReLU is homogeneous.
#[test]
fn the_tangent_of_a_linear_map_is_the_map() {
    let relu = LayerSpec { norm: NormPlacement::None, activation: Activation::Relu, ..LayerSpec::of(Model::Mlp) };
    let uniform = LayerSpec {
        model: Model::Transformer,
        heads: 2,
        tokens: 5,
        mask: Mask::Causal,
        logit_gain: 1e-30,
        ..relu.clone()
    };
    for spec in [relu, uniform] {
        let order = WIDTH * spec.tokens;
        let state = sample(2400, order);
        let m = jacobian_at(&reference(), &spec, point(0.7, 1.3, 0.1), Part::Step, &state);
        let mx: Vec<f64> = (0..order).map(|r| (0..order).map(|c| m[r * order + c] * state[c]).sum()).collect();
        let [_, after] = &steps(&spec, point(0.7, 1.3, 0.1), &[state])[0];
        assert!(distance(&mx, after) <= 1e-12);
    }
}

/// Uniform causal attention without norm is (W_O W_V) x P with P_ts = 1 / t for s <= t: block triangular, so that its
/// eigenvalues are those of W_O W_V times 1 / t.
#[test]
fn uniform_causal_attention_has_the_eigenvalues_one_over_token() {
    let spec = LayerSpec {
        heads: 2,
        tokens: 5,
        mask: Mask::Causal,
        norm: NormPlacement::None,
        logit_gain: 1e-30,
        ..LayerSpec::of(Model::Transformer)
    };
    let (tokens, order) = (spec.tokens, WIDTH * spec.tokens);
    let j = jacobian_at(&reference(), &spec, point(1.0, 1.0, 0.0), Part::Attention, &sample(2500, order));
    let scale = largest(&j);
    for (row, column) in (0..order).flat_map(|r| (0..order).map(move |c| (r, c))) {
        let (t, s) = (row % tokens, column % tokens);
        let block = j[(row - t) * order + column - s];
        let truth = if s <= t { block / (t + 1) as f64 } else { 0.0 };
        assert!((j[row * order + column] - truth).abs() <= 1e-13 * scale, "element {row}, {column}");
    }
}

/// LayerNorm does not see a constant added to a token, nor (up to its epsilon) a scaling of what is left.
#[test]
fn layer_norm_has_two_null_directions() {
    let spec = LayerSpec { tokens: 3, heads: 2, ..LayerSpec::of(Model::Transformer) };
    let order = WIDTH * 3;
    let state: Vec<f64> = sample(2600, order).iter().map(|x| 30.0 * x).collect();
    let j = jacobian_at(&reference(), &spec, point(1.0, 1.0, 0.0), Part::Attention, &state);
    for token in 0..3 {
        let mean = (0..WIDTH).map(|r| state[3 * r + token]).sum::<f64>() / WIDTH as f64;
        for row in 0..order {
            let along = |direction: &dyn Fn(usize) -> f64| -> f64 {
                (0..WIDTH).map(|r| j[row * order + 3 * r + token] * direction(r)).sum()
            };
            assert!(along(&|_| 1.0).abs() <= 1e-13 * WIDTH as f64 * largest(&j));
            // The epsilon leaves x eps / var^(3/2).
            assert!(along(&|r| state[3 * r + token] - mean).abs() <= 1e-6);
        }
    }
}

/// Tangents carried along a rollout are the derivative of the rollout, for several grid points at once.
#[test]
fn tangents_follow_a_rollout() {
    for integrator in [Integrator::Euler, Integrator::Rk4] {
        follow_a_rollout(&LayerSpec { tokens: 3, heads: 2, integrator, ..LayerSpec::of(Model::Transformer) });
    }
}

fn follow_a_rollout(spec: &LayerSpec) {
    let points = [point(0.7, 1.3, 0.1), point(1.0, 0.5, 0.0), point(0.2, 2.0, 0.3)];
    let stride = (points.len() * spec.tokens).next_multiple_of(4);
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 5);
    let mut layer = NonlinearLayer::new(&mut plan, spec, WIDTH, &points, Threshold::new(1e3), 1);
    layer.draw(&mut plan, &source, 0);
    let tangents = Tangents::new(&mut plan, &layer, 4);
    let mut x = layer.start_buffer();
    plan.input(x);
    let mut d = tangents.start_buffer();
    plan.input(d);
    let inputs_of = (x, d);
    for step in 1..=3 {
        x = layer.step(&mut plan, x, step, 0);
        d = tangents.step(&mut plan, &layer, d);
    }
    let (end, tangents_there) = (plan.output(x), plan.output(d));
    // Member 0 at the base, 1 and 2 on both sides of it along tangent vector 1.
    let base = sample(3000, WIDTH * stride);
    let directions = sample(3001, WIDTH * stride * 4);
    let live = |i: usize| i % stride < points.len() * spec.tokens;
    let at = |by: f64| (0..WIDTH * stride).map(move |i| (i, by));
    let states = [0.0, 2e-6, -2e-6].into_iter().flat_map(at);
    let states: Vec<f64> =
        states.map(|(i, by)| if live(i) { base[i] + by * directions[4 * i + 1] } else { 0.0 }).collect();
    let own: Vec<f64> = (0..directions.len()).map(|i| if live(i / 4) { directions[i] } else { 0.0 }).collect();
    let inputs = Inputs::new()
        .with(source.member_ids, Data::Word(vec![0; 3]))
        .with(inputs_of.0, Data::F64(states))
        .with(inputs_of.1, Data::F64(own.repeat(3)));
    let size = WIDTH * stride;
    reference()
        .run(&plan, 3, 0, &inputs, &mut |chunk| {
            let x = |member: usize, i: usize| chunk.reals(end).at(member * size + i);
            let truth: Vec<f64> = (0..size).map(|i| (x(1, i) - x(2, i)) / 4e-6).collect();
            let found: Vec<f64> = (0..size).map(|i| chunk.reals(tangents_there).at(4 * i + 1)).collect();
            let error = distance(&found, &truth);
            assert!(error <= 1e-8, "off by {error:e}");
            Ok(())
        })
        .expect("it runs");
}
