//! Bounds of the errors of f32, carried through the steps: a second, plain form of the layer, in f64, for one point.
//!
//! Every vector has a bound of the 2-norm of its error. A product passes an error on by no more than the spectral norm
//! of its weights, a norm by no more than 1 / deviation, an activation by 1.13; rounding is as in the separate
//! kernels' cases.

use super::super::Params;
use crate::kernel::shared::trajectory::DIVERGED_EXPONENT;
use crate::numbers::activation::activate;
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::numbers::real::Real;
use crate::spec::NORM_EPSILON;

const ULP: f64 = f32::EPSILON as f64;

/// A vector and a bound of the length of its error.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    values: Vec<f64>,
    error: f64,
}

impl Vector {
    fn length(&self) -> f64 {
        self.square().sqrt()
    }

    /// The squared length.
    pub fn square(&self) -> f64 {
        self.values.iter().map(|x| x * x).sum()
    }

    fn largest(&self) -> f64 {
        self.values.iter().fold(0.0, |largest, x| x.abs().max(largest))
    }
}

/// Some rows of weights, as they are in a product.
struct Matrix {
    weights: Vec<f64>,
    inner: usize,
    /// A bound of the spectral norm.
    norm: f64,
}

impl Matrix {
    fn new(weights: &[f64], inner: usize) -> Self {
        Matrix { weights: weights.to_vec(), inner, norm: spectral_bound(weights, inner) }
    }

    /// `scale (weights . x)`: a sum of k products in any order is off by (k + 4) 2^-23 times the sum of magnitudes.
    fn times(&self, scale: f64, x: &Vector) -> Vector {
        let row = |row: &[f64]| {
            let products = row.iter().zip(&x.values).map(|(w, x)| w * x);
            products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()))
        };
        let (values, sizes): (Vec<f64>, Vec<f64>) = self.weights.chunks_exact(self.inner).map(row).unzip();
        let size = sizes.iter().map(|x| x * x).sum::<f64>().sqrt();
        let error = scale * (self.norm * x.error + (self.inner + 4) as f64 * ULP * size);
        Vector { values: values.into_iter().map(|x| scale * x).collect(), error }
    }
}

/// A bound of the largest singular value: (trace G^16)^(1/32) for the Gram matrix G of the shorter side.
fn spectral_bound(weights: &[f64], inner: usize) -> f64 {
    let rows = weights.len() / inner;
    let n = rows.min(inner);
    let at = |i: usize, k: usize| if rows <= inner { weights[i * inner + k] } else { weights[k * inner + i] };
    let entry = |i: usize, j: usize| (0..rows.max(inner)).map(|k| at(i, k) * at(j, k)).sum::<f64>();
    let mut gram: Vec<f64> = (0..n * n).map(|e| entry(e / n, e % n)).collect();
    for _ in 0..3 {
        let product = |i: usize, j: usize| (0..n).map(|k| gram[i * n + k] * gram[j * n + k]).sum::<f64>();
        gram = (0..n * n).map(|e| product(e / n, e % n)).collect();
    }
    gram.iter().map(|x| x * x).sum::<f64>().powf(1.0 / 32.0)
}

/// The bounds of a point after all steps.
pub(super) struct Bounds {
    /// Of every number of a token.
    pub columns: Vec<f64>,
    /// Of the squared norm.
    pub square: f64,
    /// Of the mantissa of its peak.
    pub peak: f64,
}

/// The layer of a member.
pub(super) struct Member<'a> {
    p: &'a Params,
    /// Queries, keys and values of each head.
    heads: Vec<[Matrix; 3]>,
    output: Matrix,
    up: Matrix,
    down: Matrix,
    coefficients: &'a [f64],
}

impl<'a> Member<'a> {
    /// From its padded weights: queries, keys and values, output, up, down.
    pub fn new(p: &'a Params, [stacked, output, up, down]: [Vec<f64>; 4], coefficients: &'a [f64]) -> Self {
        let (n, rows) = (p.width as usize, p.rows as usize);
        let head_width = n / p.heads as usize;
        let part = |which: usize, head: usize| {
            Matrix::new(&stacked[(which * n + head * head_width) * rows..][..head_width * rows], rows)
        };
        Member {
            p,
            heads: (0..p.heads as usize).map(|head| [0, 1, 2].map(|which| part(which, head))).collect(),
            output: Matrix::new(&output, rows),
            up: Matrix::new(&up, rows),
            down: Matrix::new(&down, p.hidden as usize),
            coefficients,
        }
    }

    /// The tokens of a point.
    pub fn point(&self, x: &[f64], point: usize) -> Vec<Vector> {
        let (tokens, columns) = (self.p.tokens as usize, self.p.columns as usize);
        let token = |t: usize| (0..self.p.rows as usize).map(|r| x[r * columns + point * tokens + t]).collect();
        (0..tokens).map(|t| Vector { values: token(t), error: 0.0 }).collect()
    }

    /// The bounds of a point that is not frozen yet. What a step decides must be decided by more than them.
    pub fn bounds(&self, mut x: Vec<Vector>, point: usize, steps: usize) -> Bounds {
        let start: f64 = x.iter().map(Vector::square).sum();
        let limit = start * self.p.threshold_mantissa * f64::from(self.p.threshold_exponent).exp2();
        let frozen = f64::from(DIVERGED_EXPONENT).exp2();
        let (mut highest, mut bounds) = (start, Bounds { columns: Vec::new(), square: 0.0, peak: ULP });
        for step in 0..steps {
            let after = self.step(&x, point);
            let decided = |value: f64, limit: f64, error: f64| {
                assert!((value - limit).abs() > error, "point {point}, step {step}: {value} is too near to {limit}");
                value > limit
            };
            let largest = after.iter().map(Vector::largest).fold(0.0, f64::max);
            let error = after.iter().map(|token| token.error).fold(0.0, f64::max);
            if decided(largest, frozen, error) {
                break;
            }
            x = after;
            let square: f64 = x.iter().map(Vector::square).sum();
            if square == 0.0 {
                continue;
            }
            let passed: f64 = x.iter().map(|token| 2.0 * token.length() * token.error + token.error.powi(2)).sum();
            bounds.square = passed + (x.len() * self.p.rows as usize + 4) as f64 * ULP * square;
            decided(square, limit, bounds.square + 4.0 * ULP * limit);
            if decided(square, highest, bounds.square + bounds.peak * highest) {
                let power = f64::from(Real::exponent(square)).exp2();
                decided(square, power, bounds.square);
                decided(2.0 * power, square, bounds.square);
                // A mantissa is at most 2 norms' worth.
                bounds.peak = bounds.peak.max(2.0 * bounds.square / square);
                highest = square;
            }
        }
        bounds.columns = x.iter().map(|token| token.error).collect();
        bounds
    }

    fn step(&self, x: &[Vector], point: usize) -> Vec<Vector> {
        let first = point * self.p.tokens as usize;
        let normed: Vec<Vector> = x.iter().map(|token| self.norm(token)).collect();
        let heads = self.attend(&normed);
        let middle = x.iter().zip(&heads).enumerate();
        let middle = middle.map(|(t, (x, heads))| self.advance(x, 0, first + t, &self.output.times(1.0, heads)));
        let feedforward = |(t, x): (usize, Vector)| {
            let hidden = self.activate(self.up.times(self.scale(), &self.norm(&x)));
            self.advance(&x, 1, first + t, &self.down.times(1.0, &hidden))
        };
        middle.enumerate().map(feedforward).collect()
    }

    fn scale(&self) -> f64 {
        self.p.projection_scale
    }

    /// For an error d its deviation is at least the deviation less d / sqrt n. Rounding is that of `normalise`.
    fn norm(&self, x: &Vector) -> Vector {
        let n = self.p.width as usize;
        let own = &x.values[..n];
        let root = (n as f64).sqrt();
        let mean = if self.p.root_mean_square == 1 { 0.0 } else { own.iter().sum::<f64>() / n as f64 };
        let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        let scale = 1.0 / (variance + NORM_EPSILON).sqrt();
        let least = (variance.sqrt() - x.error / root).max(0.0);
        let steepest = 1.0 / (least * least + NORM_EPSILON).sqrt();
        let e = (n + 3) as f64 * ULP * x.largest() * scale;
        let relative = e + (n as f64 / 2.0 + 8.0) * ULP;
        let mut values: Vec<f64> = own.iter().map(|x| (x - mean) * scale).collect();
        values.resize(x.values.len(), 0.0);
        let mut normed = Vector { values, error: 0.0 };
        normed.error = steepest * x.error + 1.01 * (root * e + normed.length() * relative);
        normed
    }

    /// All heads of each token.
    fn attend(&self, normed: &[Vector]) -> Vec<Vector> {
        let empty = Vector { values: Vec::new(), error: 0.0 };
        let mut all = vec![empty; normed.len()];
        for head in &self.heads {
            let [queries, keys, values] =
                head.each_ref().map(|part| normed.iter().map(|x| part.times(self.scale(), x)).collect::<Vec<_>>());
            for (t, all) in all.iter_mut().enumerate() {
                let seen = if self.p.causal != 0 { t + 1 } else { keys.len() };
                let own = self.softmax(&queries[t], &keys[..seen], &values[..seen]);
                all.values.extend(own.values);
                all.error = all.error.hypot(own.error);
            }
        }
        all.iter_mut().for_each(|all| all.values.resize(self.p.rows as usize, 0.0));
        all
    }

    /// A score is off by e, so a weight by a factor e^(2 e), the error of exp and the sums' rounding.
    fn softmax(&self, query: &Vector, keys: &[Vector], values: &[Vector]) -> Vector {
        let (scale, d) = (self.p.score_scale, query.values.len());
        let (mut e, mut scores) = (0.0f64, Vec::new());
        for key in keys {
            let products = query.values.iter().zip(&key.values).map(|(q, k)| q * k);
            let (sum, size) = products.fold((0.0, 0.0), |(sum, size): (f64, f64), p| (sum + p, size + p.abs()));
            let passed = query.error * (key.length() + key.error) + query.length() * key.error;
            e = e.max(scale * (passed + (d + 6) as f64 * ULP * size));
            scores.push(scale * sum);
        }
        let largest = scores.iter().fold(f64::MIN, |a, &b| a.max(b));
        let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let count = keys.len() as f64;
        let relative = 1.1 * ((2.0 * e).exp_m1() + 2.0 * ELEMENTARY_ERROR + (count + 6.0) * ULP);
        let mut out = Vector { values: vec![0.0; d], error: 0.0 };
        for (weight, value) in weights.iter().map(|weight| weight / total).zip(values) {
            out.values.iter_mut().zip(&value.values).for_each(|(out, v)| *out += weight * v);
            let rounding = relative + (count + 4.0) * ULP;
            out.error += weight * (rounding * value.length() + (1.0 + relative) * value.error);
        }
        out
    }

    fn activate(&self, mut x: Vector) -> Vector {
        let size = x.length();
        x.error = 1.13 * x.error + 2.0 * ELEMENTARY_ERROR * size;
        x.values.iter_mut().for_each(|x| {
            let mut one = [*x];
            activate::<f64, false, 1>(self.p.activation, &mut one);
            *x = one[0];
        });
        x
    }

    /// keep x + gain sum.
    fn advance(&self, x: &Vector, sublayer: usize, column: usize, sum: &Vector) -> Vector {
        let of = |row: usize| self.coefficients[(2 * sublayer + row) * self.p.columns as usize + column];
        let (keep, gain) = (of(0), of(1));
        let values = x.values.iter().zip(&sum.values).map(|(x, f)| keep * x + gain * f).collect();
        let size = keep.abs() * x.length() + gain.abs() * sum.length();
        Vector { values, error: keep.abs() * x.error + gain.abs() * sum.error + 5.0 * ULP * size }
    }
}
