//! The tangent of attention at states so large that its terms cancel, against another formula in twice the digits:
//!
//! `out_t = sum_s P_s dV_s + 1/2 sum_s sum_r P_s P_r (dS_s - dS_r) (V_s - V_r)`, the covariance in pairs.

use crate::adapter::{gpu, reference, software_adapters};
use eulerscope::device::Device;
use eulerscope::kernel::attend_tangent;
use eulerscope::layer::{NonlinearLayer, Point, Tangents, Threshold};
use eulerscope::numbers::elementary::ELEMENTARY_ERROR;
use eulerscope::numbers::random::sample;
use eulerscope::plan::{Data, Inputs, Plan};
use eulerscope::spec::{LayerSpec, Model, NormPlacement};
use eulerscope::weights::Source;
use std::ops::{Add, Mul, Sub};

/// A number of 106 bits as the sum of two (Dekker 1971): operations are off by a few 2^-104.
#[derive(Clone, Copy, Debug)]
struct Double(f64, f64);

impl Double {
    const ZERO: Self = Double(0.0, 0.0);

    fn value(self) -> f64 {
        self.0 + self.1
    }

    fn abs(self) -> f64 {
        self.value().abs()
    }

    fn over(self, other: Self) -> Self {
        let first = self.0 / other.0;
        let rest = self - other * Double(first, 0.0);
        let second = rest.0 / other.0;
        let rest = rest - other * Double(second, 0.0);
        Double(first, 0.0) + Double(second, 0.0) + Double(rest.0 / other.0, 0.0)
    }

    /// e^self for self <= 0: Taylor's series at self / 2^12, squared twelve times.
    fn exponential(self) -> Self {
        if self.0 < -800.0 {
            return Double::ZERO;
        }
        let x = self * Double(1.0 / 4096.0, 0.0);
        let (mut term, mut sum) = (Double(1.0, 0.0), Double(1.0, 0.0));
        for k in 1..24 {
            term = (term * x).over(Double(f64::from(k), 0.0));
            sum = sum + term;
        }
        (0..12).fold(sum, |power, _| power * power)
    }
}

impl Add for Double {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let sum = self.0 + other.0;
        let part = sum - self.0;
        let error = (self.0 - (sum - part)) + (other.0 - part) + self.1 + other.1;
        let high = sum + error;
        Double(high, error - (high - sum))
    }
}

impl Sub for Double {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + Double(-other.0, -other.1)
    }
}

impl Mul for Double {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = self.0 * other.0;
        let error = self.0.mul_add(other.0, -product) + self.0 * other.1 + self.1 * other.0;
        let high = product + error;
        Double(high, error - (high - product))
    }
}

/// One member at one grid point; columns are tokens, `[3 heads d, padded tokens]` and `[.., vectors]`.
struct Problem {
    d: usize,
    heads: usize,
    tokens: usize,
    vectors: usize,
    causal: bool,
    scale: f64,
    stacked: Vec<f64>,
    deviations: Vec<f64>,
}

impl Problem {
    fn width(&self) -> usize {
        self.d * self.heads
    }

    fn columns(&self) -> usize {
        self.tokens.next_multiple_of(4)
    }

    /// Queries, keys and values of this size, tangents of size 1; `spread` is how far the tokens differ, relatively.
    fn new((d, heads, tokens): (usize, usize, usize), vectors: usize, seed: u32, (size, spread): (f64, f64)) -> Self {
        let rows = (3 * d * heads).next_multiple_of(4);
        let columns = tokens.next_multiple_of(4);
        let (common, own) = (sample(seed, rows), sample(seed + 1, rows * columns));
        let deviations = sample(seed + 2, rows * columns * vectors);
        let at = |i: usize| (size * ((1.0 - spread) * common[i / columns] + spread * own[i])) as f32 as f64;
        let stacked = (0..rows * columns).map(at).collect();
        Problem { d, heads, tokens, vectors, causal: seed.is_multiple_of(2), scale: 1.0, stacked, deviations }
    }

    /// What the kernel makes, `[heads d, padded tokens, vectors]`.
    fn on(&self, device: &Device) -> Vec<f64> {
        let mut plan = Plan::new();
        let [stacked, deviations] = [&self.stacked, &self.deviations].map(|values| {
            let id = plan.reals("input", values.len());
            plan.input(id)
        });
        let out_rows = self.width().next_multiple_of(4);
        let out = plan.reals("out", out_rows * self.columns() * self.vectors);
        let result = plan.output(out);
        let params = attend_tangent::Params {
            head_width: self.d as u32,
            tokens: self.tokens as u32,
            columns: self.columns() as u32,
            vectors: self.vectors as u32,
            rows: (3 * self.width()).next_multiple_of(4) as u32,
            out_rows: out_rows as u32,
            heads: self.heads as u32,
            key_value_heads: self.heads as u32,
            causal: u32::from(self.causal),
            scale: self.scale,
        };
        plan.run(params, attend_tangent::Buffers { stacked, differences: stacked, deviations, out });
        let inputs = Inputs::new()
            .with(stacked, Data::F64(self.stacked.clone()))
            .with(deviations, Data::F64(self.deviations.clone()));
        let mut found = Vec::new();
        device
            .run(&plan, 1, 0, &inputs, &mut |chunk| {
                found = chunk.reals(result).to_vec();
                Ok(())
            })
            .expect("it runs");
        found
    }

    /// Compares with the formula in pairs; returns how many numbers had a softmax that this device's scores determine.
    fn check(&self, device: &Device, name: &str) -> usize {
        let found = self.on(device);
        let (d, columns, epsilon) = (self.d, self.columns(), device.epsilon());
        // erf and exp of f64 are the library's.
        let elementary = if epsilon < 1e-10 { 4.0 * epsilon } else { ELEMENTARY_ERROR };
        let x = |row: usize, token: usize| Double(self.stacked[row * columns + token], 0.0);
        let scale = Double(self.scale, 0.0);
        let mut compared = 0;
        for (head, query) in (0..self.heads).flat_map(|head| (0..self.tokens).map(move |query| (head, query))) {
            let used = if self.causal { query + 1 } else { self.tokens };
            let row = |kind: usize, i: usize| kind * self.width() + head * d + i;
            let score =
                |s: usize| (0..d).fold(Double::ZERO, |sum, i| sum + scale * x(row(0, i), query) * x(row(1, i), s));
            let scores: Vec<Double> = (0..used).map(score).collect();
            let top = (0..used).fold(0, |top, s| if (scores[s] - scores[top]).0 > 0.0 { s } else { top });
            let weights: Vec<Double> = scores.iter().map(|&score| (score - scores[top]).exponential()).collect();
            let total = weights.iter().fold(Double::ZERO, |sum, &weight| sum + weight);
            let weights: Vec<Double> = weights.into_iter().map(|weight| weight.over(total)).collect();
            // A score is off by (d + 4) ε times the sum of its terms' sizes, and a weight by twice that.
            let size = |s: usize| (0..d).map(|i| (scale * x(row(0, i), query) * x(row(1, i), s)).abs()).sum::<f64>();
            // Keys that are the same have the same score to the bit.
            let equal = (1..used).all(|s| (0..d).all(|i| x(row(1, i), s).0 == x(row(1, i), 0).0));
            let error = 2.0 * (d + 4) as f64 * epsilon * (0..used).map(size).fold(0.0, f64::max);
            let error = if equal { 0.0 } else { error };
            let alone = (0..used).all(|s| s == top || (scores[s] - scores[top]).0 + error < -800.0);
            if error > 0.1 && !alone {
                continue;
            }
            let relative = 2.0 * (2.0 * if alone { 0.0 } else { error } + elementary) + (used + 6) as f64 * epsilon;
            let rounding = relative + (2 * d + 2 * used + 12) as f64 * epsilon;
            for (i, k) in (0..d).flat_map(|i| (0..self.vectors).map(move |k| (i, k))) {
                let tangent =
                    |row: usize, token: usize| Double(self.deviations[(row * columns + token) * self.vectors + k], 0.0);
                let terms = |s: usize, i: usize| {
                    [tangent(row(0, i), query) * x(row(1, i), s), x(row(0, i), query) * tangent(row(1, i), s)]
                        .map(|term| scale * term)
                };
                let slope = |s: usize| (0..d).flat_map(|i| terms(s, i)).fold(Double::ZERO, |sum, term| sum + term);
                let size = |s: usize| (0..d).flat_map(|i| terms(s, i)).map(Double::abs).sum::<f64>();
                let (slopes, sizes): (Vec<Double>, Vec<f64>) = (0..used).map(|s| (slope(s), size(s))).unzip();
                let value = |s: usize| x(row(2, i), s);
                let mut truth = Double::ZERO;
                let (mut bound, mut pull) = (0.0, 0.0);
                for s in 0..used {
                    truth = truth + weights[s] * tangent(row(2, i), s);
                    bound += weights[s].abs() * tangent(row(2, i), s).abs();
                    pull += weights[s].abs() * (value(s) - value(top)).abs();
                    for r in 0..s {
                        let pair = weights[s] * weights[r];
                        truth = truth + pair * (slopes[s] - slopes[r]) * (value(s) - value(r));
                    }
                }
                for s in (0..used).filter(|&s| s != top) {
                    let through = (sizes[s] + sizes[top]) * ((value(s) - value(top)).abs() + pull);
                    bound += weights[s].abs() * through;
                }
                let own = found[((head * d + i) * columns + query) * self.vectors + k];
                let off = (Double(own, 0.0) - truth).abs();
                let place =
                    format!("{name}: head {head}, token {query}, row {i}, vector {k} on {}", device.description());
                assert!(off <= rounding * bound, "{place}: {own:e}, not {:e} ± {:e}", truth.value(), rounding * bound);
                compared += 1;
            }
        }
        compared
    }
}

fn devices() -> Vec<Device> {
    let mut devices = vec![Device::open("cpu").expect("always there"), reference()];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    devices
}

/// States from 1 to 2^40, gains from 1 to 1e12, one token to many, one vector a column and several.
#[test]
fn tangents_of_attention_do_not_cancel() {
    for device in &devices() {
        let mut seed = 5000;
        for exponent in [0, 4, 10, 20, 30, 40] {
            for gain in [1.0, 1e3, 1e6, 1e12] {
                for (shape, vectors) in [((3, 2, 6), 4), ((2, 1, 1), 4), ((4, 1, 19), 1), ((5, 1, 5), 20)] {
                    seed += 3;
                    let mut problem = Problem::new(shape, vectors, seed, (f64::powi(2.0, exponent), 1.0));
                    problem.scale = gain;
                    let numbers = shape.0 * shape.1 * shape.2 * vectors;
                    let compared = problem.check(device, &format!("2^{exponent}, gain {gain:e}, {shape:?}"));
                    // Scores beyond 2^23 leave a softmax open only where two of them tie.
                    let sure = exponent == 0 && gain == 1.0 || exponent >= 20;
                    assert!(!sure || compared >= numbers / 2, "{compared} of {numbers} are determined");
                }
            }
        }
    }
}

/// Tokens that are all the same, and nearly: V - V at the largest key is small where V is not.
#[test]
fn equal_tokens_leave_the_mean_of_the_tangents() {
    for device in &devices() {
        for (i, spread) in [0.0, 1e-4, 1e-2].into_iter().enumerate() {
            for (vectors, size) in [(1, 64.0), (4, 64.0), (1, 1e12), (4, 1e12)] {
                let problem = Problem::new((3, 2, 7), vectors, 6000 + 3 * i as u32, (size, spread));
                let compared = problem.check(device, &format!("spread {spread}, size {size}"));
                assert!(compared == 3 * 2 * 7 * vectors || spread > 0.0, "{compared} numbers are determined");
            }
        }
    }
}

/// With one token attention is W_O W_V, whatever multiplies the scores: to the bit.
#[test]
fn one_token_does_not_see_the_logit_gain() {
    let width = 8;
    for device in &devices() {
        for vectors in [1, 8] {
            let jacobian = |gain: f64| -> Vec<f64> {
                let spec = LayerSpec {
                    tokens: 1,
                    heads: 2,
                    norm: NormPlacement::None,
                    logit_gain: gain,
                    ..LayerSpec::of(Model::Attention)
                };
                let point = Point { step_size: 1.0, radius: 1.0, damping: 0.0 };
                let mut plan = Plan::new();
                let source = Source::new(&mut plan, 3);
                let mut layer = NonlinearLayer::new(&mut plan, &spec, width, &[point], Threshold::new(1e3), 1);
                layer.draw(&mut plan, &source, 0);
                let x = layer.start(&mut plan, &source);
                layer.step(&mut plan, x, 1, 0);
                let tangents = match vectors {
                    1 => Tangents::single(&mut plan, &layer),
                    _ => Tangents::new(&mut plan, &layer, vectors),
                };
                let basis = tangents.basis(&mut plan, &layer, 0);
                let out = tangents.step(&mut plan, &layer, basis);
                let out = plan.output(out);
                let mut found = Vec::new();
                let read = &mut |chunk: eulerscope::plan::Chunk| {
                    found = chunk.reals(out).to_vec();
                    Ok(())
                };
                device.run(&plan, 1, 0, &source.inputs(0..1), read).expect("it runs");
                found
            };
            let plain = jacobian(1.0);
            assert!(plain.iter().any(|x| x.abs() > 0.1));
            for gain in [1e6, 1e12, 1e30] {
                assert!(jacobian(gain) == plain, "gain {gain:e}, {vectors} vectors on {}", device.description());
            }
        }
    }
}

/// The numbers themselves have twice the digits: (1/3) 3 and e^-1 e^-1 against e^-2 (DLMF 4.2.11).
#[test]
fn double_numbers_have_thirty_digits() {
    let one = Double(1.0, 0.0);
    let third = one.over(Double(3.0, 0.0));
    assert!((third * Double(3.0, 0.0) - one).abs() <= 1e-31);
    let e = Double(-1.0, 0.0).exponential();
    assert!((e * e - Double(-2.0, 0.0).exponential()).abs() <= 1e-28);
    assert!((e.0 - 0.367_879_441_171_442_33).abs() <= 1e-16 && e.1.abs() <= 3e-17);
}
