//! Nonlinear layers against theory: mean-field norms, rank collapse, growth laws, and independence of the batch.
//!
//! Constants: research of the project's science brief, sections 1.5 and 1.6.

use crate::adapter::{gpu, software_adapters};
use eulerscope::device::Device;
use eulerscope::kernel::end_step::observation;
use eulerscope::layer::{NonlinearLayer, Point, Threshold};
use eulerscope::plan::Plan;
use eulerscope::spec::{Activation, LayerSpec, Model, NormKind, NormPlacement, Weights};
use eulerscope::weights::Source;
use std::ops::Range;

/// A rollout and what is kept of it.
struct Rolled {
    observations: Vec<f64>,
    points: usize,
    slots: usize,
    members: usize,
    events: Vec<i32>,
    bytes: Vec<f64>,
}

impl Rolled {
    /// Of a member at a grid point after step `step`, from 1.
    fn observed(&self, member: usize, step: usize, row: usize, point: usize) -> f64 {
        self.observations[((member * self.slots + step - 1) * observation::ROWS + row) * self.points + point]
    }

    /// Mean and standard error over members.
    fn mean(&self, step: usize, point: usize, f: impl Fn(&dyn Fn(usize) -> f64) -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..self.members).map(|m| f(&|row: usize| self.observed(m, step, row, point))).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
        (mean, (variance / n).sqrt())
    }
}

/// Rolls members of a layer out over `depth` steps, keeping all of them.
fn roll(
    device: &Device,
    spec: &LayerSpec,
    width: usize,
    depth: usize,
    points: &[Point],
    members: Range<usize>,
) -> Rolled {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 11);
    let mut layer = NonlinearLayer::new(&mut plan, spec, width, points, Threshold::new(1e3), depth);
    let mut x = layer.start(&mut plan, &source);
    for step in 1..=depth {
        if step == 1 || spec.weights == Weights::Iid {
            layer.draw(&mut plan, &source, step as u32 - 1);
        }
        x = layer.step(&mut plan, x, step as u32, step - 1);
    }
    let (seen, happened) = (plan.output(layer.record.observations), plan.output(layer.record.events));
    let x = plan.output(x);
    let (mut observations, mut bytes, mut events) = (Vec::new(), Vec::new(), Vec::new());
    device
        .run(&plan, members.len(), 0, &source.inputs(members.clone()), &mut |chunk| {
            observations.extend(chunk.reals(seen).to_vec());
            events.extend_from_slice(chunk.ints(happened));
            bytes.extend(chunk.reals(x).to_vec());
            Ok(())
        })
        .expect("the rollout runs");
    Rolled { observations, points: points.len(), slots: depth, members: members.len(), events, bytes }
}

fn point(step_size: f64, radius: f64, damping: f64) -> Point {
    Point { step_size, radius, damping }
}

fn hosts() -> [Device; 2] {
    ["cpu", "reference"].map(|word| Device::open(word).expect("always there"))
}

fn assert_near((found, error): (f64, f64), truth: f64, what: &str) {
    assert!((found - truth).abs() <= 5.0 * error, "{what}: {found} +- {error}, not {truth}");
}

/// E |x_k|^2 / n = q_0 + k h^2 s2 exactly, damped by (1 - gamma)^2 each step, when W2 has mean 0 and the norm fixes the
/// length that W1 sees. s2 = 1/2 for ReLU; for GELU and tanh in the limit of large n.
#[test]
fn pre_norm_mlps_grow_as_the_mean_field_says() {
    let width = 64;
    let points = [point(1.0, 1.0, 0.0), point(0.5, 1.0, 0.0), point(1.0, 1.0, 0.1), point(0.5, 2.0, 0.0)];
    for (activation, s2) in [(Activation::Relu, 0.5), (Activation::Gelu, 0.4252215), (Activation::Tanh, 0.394294)] {
        let spec =
            LayerSpec { weights: Weights::Iid, norm_kind: NormKind::Rmsnorm, activation, ..LayerSpec::of(Model::Mlp) };
        for device in hosts() {
            let rolled = roll(&device, &spec, width, 20, &points, 0..100);
            for (g, p) in points.iter().enumerate() {
                for step in [1, 20] {
                    let keep = (1.0 - p.damping) * (1.0 - p.damping);
                    let added = p.step_size * p.radius * p.step_size * p.radius * s2;
                    let truth = (0..step).fold(1.0, |q, _| keep * q + added);
                    let mean = rolled.mean(step, g, |o| o(observation::NORM).powi(2) / width as f64);
                    assert_near(mean, truth, &format!("{activation} point {g} step {step}"));
                }
            }
        }
    }
}

/// The pre-LN recursion with uniform attention and a ReLU FFN: q = E |x_t|^2 / n and c = E cosine of two tokens.
fn xiong(tokens: f64, depth: usize) -> (f64, f64) {
    let (mut q, mut p) = (1.0, 0.0);
    for _ in 0..depth {
        let c: f64 = p / q;
        let uniform = (1.0 - c) / tokens + c;
        q += uniform;
        p += uniform;
        let c: f64 = p / q;
        q += 0.5;
        p += 0.5 * ((1.0 - c * c).sqrt() + (std::f64::consts::PI - c.acos()) * c) / std::f64::consts::PI;
    }
    (q, p / q)
}

#[test]
fn a_pre_norm_transformer_follows_the_recursion() {
    let (q, c) = xiong(16.0, 80);
    assert!((q - 109.20).abs() < 0.01 && (c - 0.94499).abs() < 1e-5, "the recursion itself: {q}, {c}");
    // Uniform attention: almost no logits.
    let spec = LayerSpec {
        weights: Weights::Iid,
        activation: Activation::Relu,
        logit_gain: 1e-6,
        tokens: 16,
        heads: 4,
        ..LayerSpec::of(Model::Transformer)
    };
    let width = 128;
    let rolled = roll(&hosts()[0], &spec, width, 80, &[point(1.0, 1.0, 0.0)], 0..12);
    for (step, slack) in [(12, 0.03), (80, 0.03)] {
        let (q, c) = xiong(16.0, step);
        let scale = (width * 16) as f64;
        let (found, error) = rolled.mean(step, 0, |o| o(observation::NORM).powi(2) / scale);
        assert!((found / q - 1.0).abs() <= slack + 5.0 * error / q, "step {step}: q {found} +- {error}, not {q}");
        let (found, error) = rolled.mean(step, 0, |o| o(observation::SIMILARITY));
        assert!((found - c).abs() <= 0.01 + 5.0 * error, "step {step}: cosine {found} +- {error}, not {c}");
    }
    let entropy = rolled.observed(0, 1, observation::ENTROPY, 0);
    assert!((entropy - 16f64.ln()).abs() < 1e-4, "uniform attention has entropy ln T, not {entropy}");
}

/// Without skips (gamma = 1) attention makes all tokens equal within a few layers; with skips they stay apart.
#[test]
fn tokens_collapse_without_skips_and_less_with_them() {
    let spec = LayerSpec { weights: Weights::Iid, tokens: 16, ..LayerSpec::of(Model::Transformer) };
    let points = [point(1.0, 1.0, 1.0), point(1.0, 1.0, 0.0)];
    let rolled = roll(&hosts()[0], &spec, 32, 12, &points, 0..8);
    let similarity = |step, point| rolled.mean(step, point, |o| o(observation::SIMILARITY)).0;
    assert!(similarity(12, 0) > 0.9999, "no skip: {}", similarity(12, 0));
    assert!(similarity(12, 1) < 0.97, "skip: {}", similarity(12, 1));
}

/// Pre-LN norms grow like sqrt(k) with a fresh layer at each step, and like k with the same one.
#[test]
fn norms_grow_like_the_root_of_depth_or_like_depth() {
    for (weights, range) in [(Weights::Iid, 0.45..0.68), (Weights::Tied, 0.88..1.1)] {
        let spec = LayerSpec { weights, tokens: 4, ffn_ratio: 2, ..LayerSpec::of(Model::Transformer) };
        let rolled = roll(&hosts()[0], &spec, 64, 200, &[point(1.0, 1.0, 0.0)], 0..8);
        let log = |step| rolled.mean(step, 0, |o| o(observation::NORM).ln()).0;
        let exponent = (log(200) - log(50)) / 4f64.ln();
        assert!(range.contains(&exponent), "{weights}: exponent {exponent}");
    }
}

/// The cosine to the start and the effective damping say the same as the norms.
#[test]
fn observables_are_consistent() {
    let spec = LayerSpec { weights: Weights::Iid, ..LayerSpec::of(Model::Mlp) };
    let rolled = roll(&hosts()[1], &spec, 32, 4, &[point(0.5, 1.0, 0.1)], 0..2);
    let norm = |step| rolled.observed(1, step, observation::NORM, 0);
    let damping = rolled.observed(1, 3, observation::EFFECTIVE_DAMPING, 0);
    assert!((damping - (1.0 - norm(2) / norm(3))).abs() < 1e-12);
    assert!(rolled.observed(1, 1, observation::COSINE, 0) > 0.7);
    assert_eq!(rolled.observed(1, 1, observation::SIMILARITY, 0), 1.0);
}

/// Without norms a large step size explodes: the state is frozen, finite, and the step is marked.
#[test]
fn a_diverging_state_is_frozen() {
    let spec = LayerSpec { norm: NormPlacement::None, tokens: 4, ..LayerSpec::of(Model::Transformer) };
    let points = [point(100.0, 1.0, 0.0), point(1e-3, 1.0, 0.0)];
    for device in hosts() {
        let rolled = roll(&device, &spec, 16, 30, &points, 0..3);
        for member in 0..3 {
            let diverged = rolled.events[(member * 7 + 6) * 2];
            assert!(diverged > 1 && diverged < 20, "member {member}: {diverged}");
            assert_eq!(rolled.events[(member * 7 + 6) * 2 + 1], 0);
        }
        assert!(rolled.bytes.iter().all(|x| x.abs() < 2f64.powi(48)));
    }
}

/// A member alone, and the same one among 4,095 others: the same bytes, on every device.
#[test]
fn a_member_does_not_depend_on_its_neighbours() {
    let spec = LayerSpec { tokens: 5, heads: 2, ..LayerSpec::of(Model::Transformer) };
    let points = [point(1.0, 1.0, 0.0), point(0.5, 2.0, 0.1)];
    let mut devices = Vec::from(hosts());
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    for device in &devices {
        let many = roll(device, &spec, 12, 3, &points, 0..4096);
        let alone = roll(device, &spec, 12, 3, &points, 2017..2018);
        let size = alone.bytes.len();
        assert_eq!(alone.bytes, many.bytes[2017 * size..2018 * size]);
        assert!(alone.bytes.iter().any(|&x| x != 0.0));
    }
}

/// Every device tells the same of a few steps.
#[test]
fn devices_agree_on_short_rollouts() {
    for (norm, norm_kind) in [(NormPlacement::Pre, NormKind::Layernorm), (NormPlacement::Post, NormKind::Rmsnorm)] {
        let spec = LayerSpec { tokens: 6, heads: 3, norm, norm_kind, ..LayerSpec::of(Model::Transformer) };
        let points = [point(1.0, 1.0, 0.0), point(0.3, 2.0, 0.1)];
        let truth = roll(&hosts()[1], &spec, 18, 4, &points, 0..3);
        let mut devices = vec![hosts().into_iter().next().expect("two of them")];
        devices.extend(software_adapters().iter().map(|name| gpu(name)));
        for device in devices {
            let found = roll(&device, &spec, 18, 4, &points, 0..3);
            for (i, (a, b)) in found.bytes.iter().zip(&truth.bytes).enumerate() {
                assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{norm}: element {i} is {a} not {b}");
            }
            for (i, (a, b)) in found.observations.iter().zip(&truth.observations).enumerate() {
                assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{norm}: observation {i} is {a} not {b}");
            }
        }
    }
}
