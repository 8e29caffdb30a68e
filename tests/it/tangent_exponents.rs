//! Exponents of nonlinear layers against Benettin's method written here: layers in plain loops, their Jacobians by
//! central differences, a QR in f64. Only the drawn numbers are the program's.

use crate::adapter::{gpu, reference, software_adapters};
use eulerscope::device::Device;
use eulerscope::lyapunov;
use eulerscope::numbers::random::{NORMAL_UNIT, Stream, Tensor};
use eulerscope::spec::{
    Activation, EnsembleSpec, Integrator, LayerSpec, LyapunovSpec, Mask, Model, NormPlacement, Weights,
};
use std::ops::ControlFlow;

pub const SEED: u64 = 11;

/// Standard normal numbers of a member.
pub fn drawn(member: u32, tensor: Tensor, count: usize) -> Vec<f64> {
    let stream = Stream { seed: SEED, member, tensor: tensor as u32, step: 0 };
    (0..count as u32).map(|element| f64::from(stream.normal(element)) * NORMAL_UNIT).collect()
}

/// A tied layer of a member; states are `[row, token]`.
pub struct Layer<'a> {
    spec: &'a LyapunovSpec,
    n: usize,
    tokens: usize,
    query_key_value: Vec<f64>,
    output: Vec<f64>,
    up: Vec<f64>,
    down: Vec<f64>,
}

impl<'a> Layer<'a> {
    pub fn new(spec: &'a LyapunovSpec, member: u32) -> Self {
        let n = spec.ensemble.width;
        let hidden = spec.layer.ffn_ratio * n;
        Layer {
            spec,
            n,
            tokens: spec.layer.tokens,
            query_key_value: drawn(member, Tensor::QueryKeyValue, 3 * n * n),
            output: drawn(member, Tensor::Output, n * n),
            up: drawn(member, Tensor::Up, hidden * n),
            down: drawn(member, Tensor::Down, n * hidden),
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

    /// M d by a central difference, which is as good as the whole Jacobian, and quicker.
    fn tangent(&self, x: &[f64], d: &[f64]) -> Vec<f64> {
        let by = 1e-5;
        let [ahead, behind] = [by, -by].map(|by| self.step(&plus(x, &[(by, d)])));
        ahead.iter().zip(&behind).map(|(a, b)| (a - b) / (2.0 * by)).collect()
    }

    /// M d of attention without norm, mask and stages, in differences of tokens: at large states a difference quotient
    /// moves tokens past each other. The softmax's part is the covariance of its scores' slopes and its values, by pairs.
    pub fn tangent_by_pairs(&self, x: &[f64], d: &[f64]) -> Vec<f64> {
        let (n, t, heads) = (self.n, self.tokens, self.spec.layer.heads);
        let width = n / heads;
        let apart: Vec<f64> = (0..n * t).map(|i| x[i] - x[i / t * t]).collect();
        let [whole, apart, moved] = [x, &apart, d].map(|x| self.product(&self.query_key_value, 3 * n, x));
        let mut mixed = vec![0.0; n * t];
        for (head, query) in (0..heads).flat_map(|head| (0..t).map(move |query| (head, query))) {
            let row = |kind: usize, i: usize| (kind * n + head * width + i) * t;
            let dot = |a: &[f64], b: &[f64], s: usize| -> f64 {
                let sum: f64 = (0..width).map(|i| a[row(0, i) + query] * b[row(1, i) + s]).sum();
                self.spec.layer.logit_gain * sum / (width as f64).sqrt()
            };
            let scores: Vec<f64> = (0..t).map(|s| dot(&whole, &apart, s)).collect();
            let slope: Vec<f64> = (0..t).map(|s| dot(&moved, &apart, s) + dot(&whole, &moved, s)).collect();
            let largest = scores.iter().fold(f64::NEG_INFINITY, |most, &score| most.max(score));
            let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for i in 0..width {
                let value = |s: usize| apart[row(2, i) + s];
                let mut sum = 0.0;
                for s in 0..t {
                    sum += weights[s] / total * moved[row(2, i) + s];
                    for r in 0..s {
                        let pair = weights[s] / total * (weights[r] / total);
                        sum += if pair > 0.0 { pair * (slope[s] - slope[r]) * (value(s) - value(r)) } else { 0.0 };
                    }
                }
                mixed[(head * width + i) * t + query] = sum;
            }
        }
        let f = self.product(&self.output, n, &mixed);
        let LyapunovSpec { step_size, radius, damping, .. } = self.spec;
        f.iter().zip(d).map(|(f, d)| (1.0 - damping) * d + step_size * radius * f).collect()
    }

    pub fn step(&self, x: &[f64]) -> Vec<f64> {
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

/// M d at a state of a layer.
pub type Tangent<'a> = fn(&Layer<'a>, &[f64], &[f64]) -> Vec<f64>;

/// The exponents of the frame's directions, of a member.
pub fn exponents<'a>(layer: &Layer<'a>, spec: &LyapunovSpec, member: u32, tangent: Tangent<'a>) -> Vec<f64> {
    let order = layer.n * layer.tokens;
    let mut x = drawn(member, Tensor::State, order);
    let mut frame: Vec<Vec<f64>> =
        drawn(member, Tensor::Deviations, order * spec.exponents()).chunks(order).map(<[f64]>::to_vec).collect();
    orthonormalise(&mut frame);
    let mut sums = vec![0.0; spec.exponents()];
    for step in 0..spec.transient_steps + spec.depth {
        for vector in &mut frame {
            *vector = tangent(layer, &x, vector);
        }
        x = layer.step(&x);
        for (sum, length) in sums.iter_mut().zip(orthonormalise(&mut frame)) {
            *sum += if step < spec.transient_steps { 0.0 } else { length.ln() };
        }
    }
    sums.iter().map(|sum| sum / spec.depth as f64).collect()
}

fn spec(model: Model, integrator: Integrator, tokens: usize) -> LyapunovSpec {
    LyapunovSpec {
        ensemble: EnsembleSpec { width: 6, members: 1, seed: SEED, ..Default::default() },
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
        depth: 5,
        transient_steps: tokens % 3,
        top: Some((6 * tokens).min(5)),
        blocks: 1,
    }
}

/// f32 is off by some hundred roundings in a step, which ratios of lengths up to 10 in the frame and five steps of the
/// trajectory multiply; differences are good to 1e-8, and with the reference's scales in f32 to 1e-6.
fn check(device: &Device, model: Model, integrator: Integrator, tokens: usize) {
    let spec = spec(model, integrator, tokens);
    let found = lyapunov::run(device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
    let bound = if device.epsilon() < 1e-10 { 1e-6 } else { 5e3 * device.epsilon() };
    let mut wanted = exponents(&Layer::new(&spec, 0), &spec, 0, Layer::tangent);
    wanted.sort_by(|a, b| b.total_cmp(a));
    for (i, (found, wanted)) in found.exponents.iter().zip(wanted).enumerate() {
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
    let devices = [Device::open("cpu").expect("always there"), reference()];
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

pub fn devices() -> Vec<Device> {
    let mut devices = vec![Device::open("cpu").expect("always there"), reference()];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    devices
}

/// With f = 0 a step multiplies by Φ(-γ) of the integrator, and by nothing else.
#[test]
fn friction_alone_gives_the_growth_factor() {
    for device in &devices() {
        for (integrator, factor) in [(Integrator::Heun, 0.625), (Integrator::Rk4, 0.606_770_833_333_333_3)] {
            let layer = LayerSpec {
                norm: NormPlacement::None,
                integrator,
                weights: Weights::Tied,
                ..LayerSpec::of(Model::Mlp)
            };
            let spec = LyapunovSpec {
                ensemble: EnsembleSpec { width: 8, members: 1, ..Default::default() },
                layer,
                radius: 0.0,
                damping: 0.5,
                top: Some(2),
                transient_steps: 0,
                depth: 40,
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
