//! Exponents of nonlinear layers against Benettin's method written here: layers in plain loops, their Jacobians by
//! central differences, a QR in f64. Only the drawn numbers are the program's.

use crate::adapter::{gpu, reference, software_adapters};
use eulerscope::device::Device;
use eulerscope::lyapunov;
use eulerscope::random::{NORMAL_UNIT, Stream, Tensor};
use eulerscope::spec::{
    Activation, EnsembleSpec, Integrator, LayerSpec, LyapunovSpec, Mask, Model, NormPlacement, Weights,
};
use std::ops::ControlFlow;

const SEED: u64 = 11;

/// Standard normal numbers of member 0.
fn drawn(tensor: Tensor, count: usize) -> Vec<f64> {
    let stream = Stream { seed: SEED, member: 0, tensor: tensor as u32, step: 0 };
    (0..count as u32).map(|element| f64::from(stream.normal(element)) * NORMAL_UNIT).collect()
}

/// A tied layer of member 0; states are `[row, token]`.
struct Layer<'a> {
    spec: &'a LyapunovSpec,
    n: usize,
    tokens: usize,
    query_key_value: Vec<f64>,
    output: Vec<f64>,
    up: Vec<f64>,
    down: Vec<f64>,
}

impl<'a> Layer<'a> {
    fn new(spec: &'a LyapunovSpec) -> Self {
        let n = spec.ensemble.width;
        let hidden = spec.layer.ffn_ratio * n;
        Layer {
            spec,
            n,
            tokens: spec.layer.tokens,
            query_key_value: drawn(Tensor::QueryKeyValue, 3 * n * n),
            output: drawn(Tensor::Output, n * n),
            up: drawn(Tensor::Up, hidden * n),
            down: drawn(Tensor::Down, n * hidden),
        }
    }

    /// `weights . x / sqrt(inner)` of every token.
    fn product(&self, weights: &[f64], rows: usize, x: &[f64]) -> Vec<f64> {
        let (inner, t) = (x.len() / self.tokens, self.tokens);
        let mut out = vec![0.0; rows * t];
        for (r, token) in (0..rows).flat_map(|r| (0..t).map(move |token| (r, token))) {
            let sum: f64 = (0..inner).map(|k| weights[r * inner + k] * x[k * t + token]).sum();
            out[r * t + token] = sum / (inner as f64).sqrt();
        }
        out
    }

    fn norm(&self, x: &[f64]) -> Vec<f64> {
        let (n, t) = (self.n, self.tokens);
        if self.spec.layer.norm == NormPlacement::None {
            return x.to_vec();
        }
        let mut y = x.to_vec();
        for token in 0..t {
            let mean = (0..n).map(|r| x[r * t + token]).sum::<f64>() / n as f64;
            let variance = (0..n).map(|r| (x[r * t + token] - mean).powi(2)).sum::<f64>() / n as f64;
            (0..n).for_each(|r| y[r * t + token] = (x[r * t + token] - mean) / (variance + 1e-5).sqrt());
        }
        y
    }

    fn attention(&self, x: &[f64]) -> Vec<f64> {
        let (n, t, heads) = (self.n, self.tokens, self.spec.layer.heads);
        let d = n / heads;
        let stacked = self.product(&self.query_key_value, 3 * n, &self.norm(x));
        let mut mixed = vec![0.0; n * t];
        for (head, query) in (0..heads).flat_map(|head| (0..t).map(move |query| (head, query))) {
            let seen = if self.spec.layer.mask == Mask::Causal { query + 1 } else { t };
            let row = |kind: usize, i: usize| (kind * n + head * d + i) * t;
            let score = |s: usize| -> f64 {
                let sum: f64 = (0..d).map(|i| stacked[row(0, i) + query] * stacked[row(1, i) + s]).sum();
                self.spec.layer.logit_gain * sum / (d as f64).sqrt()
            };
            let largest = (0..seen).map(score).fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = (0..seen).map(|s| (score(s) - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for i in 0..d {
                let sum: f64 = (0..seen).map(|s| weights[s] * stacked[row(2, i) + s]).sum();
                mixed[(head * d + i) * t + query] = sum / total;
            }
        }
        self.product(&self.output, n, &mixed)
    }

    fn feedforward(&self, x: &[f64]) -> Vec<f64> {
        let hidden = self.product(&self.up, self.spec.layer.ffn_ratio * self.n, &self.norm(x));
        self.product(&self.down, self.n, &hidden.into_iter().map(f64::tanh).collect::<Vec<f64>>())
    }

    /// fraction * (h radius f(x) - gamma x) of these sublayers; each has its own friction.
    fn increment(&self, sublayers: &[usize], fraction: f64, x: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; x.len()];
        for sublayer in sublayers {
            let f = if *sublayer == 0 { self.attention(x) } else { self.feedforward(x) };
            for (sum, (f, x)) in sum.iter_mut().zip(f.iter().zip(x)) {
                *sum += fraction * (self.spec.step_size * self.spec.radius * f - self.spec.damping * x);
            }
        }
        sum
    }

    fn rk4(&self, sublayers: &[usize], fraction: f64, x: &[f64]) -> Vec<f64> {
        let k1 = self.increment(sublayers, fraction, x);
        let k2 = self.increment(sublayers, fraction, &plus(x, &[(0.5, &k1)]));
        let k3 = self.increment(sublayers, fraction, &plus(x, &[(0.5, &k2)]));
        let k4 = self.increment(sublayers, fraction, &plus(x, &[(1.0, &k3)]));
        plus(x, &[(1.0 / 6.0, &k1), (1.0 / 3.0, &k2), (1.0 / 3.0, &k3), (1.0 / 6.0, &k4)])
    }

    fn step(&self, x: &[f64]) -> Vec<f64> {
        let sublayers: &[usize] = match self.spec.layer.model {
            Model::Mlp => &[1],
            Model::Attention => &[0],
            _ => &[0, 1],
        };
        let euler =
            |x: Vec<f64>, sublayer: usize, fraction| plus(&x, &[(1.0, &self.increment(&[sublayer], fraction, &x))]);
        match self.spec.layer.integrator {
            Integrator::Euler => sublayers.iter().fold(x.to_vec(), |x, &sublayer| euler(x, sublayer, 1.0)),
            Integrator::Heun => {
                let k1 = self.increment(sublayers, 1.0, x);
                let k2 = self.increment(sublayers, 1.0, &plus(x, &[(1.0, &k1)]));
                plus(x, &[(0.5, &k1), (0.5, &k2)])
            }
            Integrator::Rk4 => self.rk4(sublayers, 1.0, x),
            Integrator::Strang => euler(euler(euler(x.to_vec(), 0, 0.5), 1, 1.0), 0, 0.5),
            _ => self.rk4(&[0], 0.5, &self.rk4(&[1], 1.0, &self.rk4(&[0], 0.5, x))),
        }
    }
}

fn plus(x: &[f64], terms: &[(f64, &[f64])]) -> Vec<f64> {
    let at = |i: usize| x[i] + terms.iter().map(|(factor, term)| factor * term[i]).sum::<f64>();
    (0..x.len()).map(at).collect()
}

/// Makes vectors orthonormal and returns their lengths on the way: Gram-Schmidt, twice.
fn orthonormalise(vectors: &mut [Vec<f64>]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut lengths = Vec::new();
    for i in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(i);
        for _ in 0..2 {
            for other in before.iter() {
                let along = dot(other, &rest[0]);
                rest[0].iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
            }
        }
        let length = dot(&rest[0], &rest[0]).sqrt();
        rest[0].iter_mut().for_each(|x| *x /= length);
        lengths.push(length);
    }
    lengths
}

/// The exponents of member 0.
fn exponents(spec: &LyapunovSpec) -> Vec<f64> {
    let layer = Layer::new(spec);
    let order = layer.n * layer.tokens;
    let mut x = drawn(Tensor::State, order);
    let mut frame: Vec<Vec<f64>> =
        drawn(Tensor::Deviations, order * spec.exponents()).chunks(order).map(<[f64]>::to_vec).collect();
    orthonormalise(&mut frame);
    let mut sums = vec![0.0; spec.exponents()];
    for step in 0..spec.transient_steps + spec.steps {
        for vector in &mut frame {
            // A difference along the vector itself: as good as the whole Jacobian, and quicker.
            let by = 1e-5;
            let [ahead, behind] = [by, -by].map(|by| layer.step(&plus(&x, &[(by, &vector[..])])));
            *vector = ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * by)).collect();
        }
        x = layer.step(&x);
        for (sum, length) in sums.iter_mut().zip(orthonormalise(&mut frame)) {
            *sum += if step < spec.transient_steps { 0.0 } else { length.ln() };
        }
    }
    sums.iter().map(|sum| sum / spec.steps as f64).collect()
}

fn spec(model: Model, integrator: Integrator, tokens: usize) -> LyapunovSpec {
    LyapunovSpec {
        ensemble: EnsembleSpec { width: 6, layers: 1, seed: SEED, ..Default::default() },
        layer: LayerSpec {
            weights: Weights::Tied,
            tokens,
            heads: 2,
            integrator,
            activation: Activation::Tanh,
            // Every other count without norm, and with a mask.
            norm: if tokens.is_multiple_of(2) { NormPlacement::Pre } else { NormPlacement::None },
            mask: if tokens.is_multiple_of(3) { Mask::Causal } else { Mask::None },
            ..LayerSpec::of(model)
        },
        radius: 0.8,
        step_size: 0.7,
        damping: 0.2,
        steps: 5,
        transient_steps: tokens % 3,
        top: Some((6 * tokens).min(5)),
        blocks: 1,
    }
}

/// f32 is off by some hundred roundings in a step, which ratios of lengths up to 10 in the frame and five steps of the
/// trajectory multiply; differences by 1e-5 are good to 1e-9, and with the reference's scales in f32 to 1e-6.
fn check(device: &Device, model: Model, integrator: Integrator, tokens: usize) {
    let spec = spec(model, integrator, tokens);
    let found = lyapunov::run(device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
    let bound = if device.epsilon() < 1e-10 { 1e-6 } else { 5e3 * device.epsilon() };
    for (i, (found, wanted)) in found.exponents.iter().zip(exponents(&spec)).enumerate() {
        let found = found.mean.expect("nothing collapses");
        let name = format!("exponent {i}, {model} with {integrator}, {tokens} tokens on {}", device.description());
        assert!((found - wanted).abs() <= bound, "{name}: {found}, not {wanted}");
    }
}

const EXPLICIT: [Integrator; 5] =
    [Integrator::Euler, Integrator::Heun, Integrator::Rk4, Integrator::Strang, Integrator::StrangRk4];

/// Every integrator of every model for one to nine tokens: most of them leave padding beside the state.
#[test]
fn exponents_are_those_of_a_qr_for_every_integrator_and_count_of_tokens() {
    let devices = [Device::open("cpu").expect("always there").0, reference()];
    for model in [Model::Mlp, Model::Attention, Model::Transformer] {
        let splits = |integrator: &Integrator| matches!(integrator, Integrator::Strang | Integrator::StrangRk4);
        for integrator in EXPLICIT.into_iter().filter(|own| model == Model::Transformer || !splits(own)) {
            for tokens in 1..=9 {
                devices.iter().for_each(|device| check(device, model, integrator, tokens));
            }
        }
    }
}

#[test]
fn exponents_are_those_of_a_qr_on_software() {
    for device in software_adapters().iter().map(|name| gpu(name)) {
        check(&device, Model::Mlp, Integrator::Heun, 1);
        check(&device, Model::Mlp, Integrator::Rk4, 5);
        check(&device, Model::Attention, Integrator::Heun, 3);
        check(&device, Model::Transformer, Integrator::StrangRk4, 2);
    }
}

/// With f = 0 a step multiplies by Φ(-γ) of the integrator, and by nothing else.
#[test]
fn friction_alone_gives_the_growth_factor() {
    let mut devices = vec![Device::open("cpu").expect("always there").0, reference()];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    for device in &devices {
        for (integrator, factor) in [(Integrator::Heun, 0.625), (Integrator::Rk4, 0.606_770_833_333_333_3)] {
            let layer = LayerSpec {
                norm: NormPlacement::None,
                integrator,
                weights: Weights::Tied,
                ..LayerSpec::of(Model::Mlp)
            };
            let spec = LyapunovSpec {
                ensemble: EnsembleSpec { width: 8, layers: 1, ..Default::default() },
                layer,
                radius: 0.0,
                damping: 0.5,
                top: Some(2),
                transient_steps: 0,
                steps: 40,
                blocks: 4,
                ..LyapunovSpec::of(Model::Mlp)
            };
            let found = lyapunov::run(device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
            for exponent in &found.exponents {
                let (mean, wanted) = (exponent.mean.expect("is"), f64::ln(factor));
                // Lengths of 8 numbers and their logarithms.
                assert!((mean - wanted).abs() <= 40.0 * device.epsilon(), "{integrator}: {mean}, not {wanted}");
            }
            // The state shrinks by the same factor, so nothing turns: from the initial state on.
            for angular in &found.angular_exponents {
                let mean = angular.mean.expect("is");
                assert!(mean.abs() <= 80.0 * device.epsilon(), "{integrator}: {mean} is not 0");
            }
        }
    }
}
