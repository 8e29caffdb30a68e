//! The layers: f of every model, with its norms.
//!
//! Weights are standard normal numbers over sqrt(fan in), biases such numbers times their own standard deviation, and both
//! are multiplied by the gain of their projection; the output projections, hence f, carry the radius. A Q, K, V
//! projection is one tensor of 3 n rows, and head k has rows k n / heads .. (k + 1) n / heads of each.

use super::dense::{Matrix, State, blurred, dot, eigenvalues, spectral_radius, sum, times};
use super::given::matrix;
use super::number::Number;
use super::random::{Address, Tensor};
use super::setting::Setting;

/// Added to the variance before a norm's root.
const EPSILON: f64 = 1e-5;

/// The layer of a member at one step.
pub struct Layer<'a> {
    setting: &'a Setting,
    sublayers: Vec<Sublayer>,
}

enum Sublayer {
    /// A = -shift I + radius `scaled`.
    Linear {
        scaled: Matrix,
    },
    Attention {
        query_key_value: Projection,
        output: Projection,
    },
    Feedforward {
        up: Projection,
        down: Projection,
    },
}

/// W / sqrt(fan in), and a bias of every row.
struct Projection {
    weights: Matrix,
    biases: Vec<f64>,
}

impl Projection {
    fn draw(setting: &Setting, [weights, bias]: [Address; 2], rows: usize, columns: usize) -> Self {
        let biases = (0..rows).map(|row| setting.bias_gain * bias.normal(row)).collect();
        Projection { weights: weights.matrix(rows, columns), biases }
    }

    /// gain (W y / sqrt(fan in) + b).
    fn of<N: Number>(&self, y: &[N], gain: N) -> Vec<N> {
        let scale = N::from(1.0) / N::from(y.len() as f64).sqrt();
        let biased = |(x, &bias): (N, &f64)| gain * (x + N::from(bias));
        times(&self.weights, y, scale).into_iter().zip(&self.biases).map(biased).collect()
    }
}

impl<'a> Layer<'a> {
    /// Draws the layer of step `step`, from 1.
    pub fn draw(setting: &'a Setting, member: usize, step: usize) -> Self {
        let step = if setting.weights == "tied" { 0 } else { step as u32 - 1 };
        let address = |tensor| Address { seed: setting.seed, member: member as u32, tensor, step };
        let (n, hidden) = (setting.width, setting.ffn_ratio * setting.width);
        let draw = |tensors: [Tensor; 2], rows, columns| Projection::draw(setting, tensors.map(address), rows, columns);
        let attention = || Sublayer::Attention {
            query_key_value: draw([Tensor::QueryKeyValue, Tensor::QueryKeyValueBias], 3 * n, n),
            output: draw([Tensor::Output, Tensor::OutputBias], n, n),
        };
        let feedforward = || Sublayer::Feedforward {
            up: draw([Tensor::Up, Tensor::UpBias], hidden, n),
            down: draw([Tensor::Down, Tensor::DownBias], n, hidden),
        };
        let sublayers = match setting.model {
            "linear" => vec![Sublayer::Linear { scaled: with_radius_one(setting, &address(Tensor::Linear)) }],
            "mlp" => vec![feedforward()],
            "attention" => vec![attention()],
            _ => vec![attention(), feedforward()],
        };
        Layer { setting, sublayers }
    }

    /// How many sublayers it has.
    pub fn sublayers(&self) -> usize {
        self.sublayers.len()
    }

    /// f of a sublayer, its norm included where that stands before f.
    pub fn f<N: Number>(&self, sublayer: usize, x: &State<N>, radius: f64) -> State<N> {
        let normed = if self.setting.norm == "pre" { self.normed(x) } else { x.clone() };
        match &self.sublayers[sublayer] {
            Sublayer::Linear { scaled } => {
                let pulled = |x: &Vec<N>| {
                    let pushed = times(scaled, x, radius.into());
                    pushed.iter().zip(x).map(|(&push, &x)| push - N::from(self.setting.shift) * x).collect()
                };
                x.iter().map(pulled).collect()
            }
            Sublayer::Attention { query_key_value, output } => {
                let heads = self.attended(&self.stacked(query_key_value, &normed)).0;
                let gain = N::from(radius) * N::from(self.setting.output_gain);
                heads.iter().map(|y| output.of(y, gain)).collect()
            }
            Sublayer::Feedforward { up, down } => {
                let gain = N::from(radius) * N::from(self.setting.output_gain);
                let token = |y: &Vec<N>| {
                    let units = up.of(y, self.setting.hidden_gain.into());
                    down.of(&units.into_iter().map(|z| self.activated(z)).collect::<Vec<N>>(), gain)
                };
                normed.iter().map(token).collect()
            }
        }
    }

    /// The mean entropy of the attention's rows at a state, in nats, over heads and tokens.
    pub fn attention_entropy<N: Number>(&self, x: &State<N>) -> Option<N> {
        let Some(Sublayer::Attention { query_key_value, .. }) = self.sublayers.first() else { return None };
        let normed = if self.setting.norm == "pre" { self.normed(x) } else { x.clone() };
        let rows = self.attended(&self.stacked(query_key_value, &normed)).1;
        let entropy = |row: &Vec<N>| -sum(row.iter().filter(|p| p.value() > 0.0).map(|&p| p * logarithm(p)));
        let count = rows.len() as f64;
        Some(sum(rows.iter().map(entropy)) / count.into())
    }

    /// Q, K and V of all tokens, with the standard deviations of their projections.
    fn stacked<N: Number>(&self, query_key_value: &Projection, normed: &State<N>) -> State<N> {
        let n = self.setting.width;
        let gain = |row: usize| if row < 2 * n { self.setting.query_key_gain } else { self.setting.value_gain };
        let token = |y: &Vec<N>| -> Vec<N> {
            let all = query_key_value.of(y, 1.0.into());
            all.into_iter().enumerate().map(|(row, x)| x * N::from(gain(row))).collect()
        };
        normed.iter().map(token).collect()
    }

    /// softmax(gain Q Kᵀ / sqrt(head width)) V of every head, from the stacked Q, K and V of all tokens; and all rows
    /// of the softmax.
    fn attended<N: Number>(&self, stacked: &State<N>) -> (State<N>, Vec<Vec<N>>) {
        let (n, heads) = (self.setting.width, self.setting.heads);
        let d = n / heads;
        let scale = N::from(self.setting.logit_gain) / N::from(d as f64).sqrt();
        let mut out = vec![Vec::new(); stacked.len()];
        let mut rows = Vec::new();
        for head in 0..heads {
            let part = |token: usize, which: usize| &stacked[token][which * n + head * d..which * n + (head + 1) * d];
            for (t, out) in out.iter_mut().enumerate() {
                let seen = if self.setting.mask == "causal" { t + 1 } else { stacked.len() };
                let scores = (0..seen).map(|s| scale * dot(part(t, 0), part(s, 1))).collect();
                let row = softmax(scores);
                out.extend((0..d).map(|i| sum((0..seen).map(|s| row[s] * part(s, 2)[i]))));
                rows.push(row);
            }
        }
        (out, rows)
    }

    fn activated<N: Number>(&self, z: N) -> N {
        match self.setting.activation {
            "relu" => {
                if z.value() > 0.0 {
                    z
                } else {
                    0.0.into()
                }
            }
            "gelu" => z * z.normal_share(),
            _ => z.tanh(),
        }
    }

    /// The norm of every token.
    pub fn normed<N: Number>(&self, x: &State<N>) -> State<N> {
        let n = N::from(self.setting.width as f64);
        let token = |x: &Vec<N>| -> Vec<N> {
            let mean = if self.setting.norm_kind == "layernorm" { sum(x.iter().copied()) / n } else { 0.0.into() };
            let centred: Vec<N> = x.iter().map(|&x| x - mean).collect();
            let deviation = (dot(&centred, &centred) / n + EPSILON.into()).sqrt();
            centred.into_iter().map(|x| x / deviation).collect()
        };
        x.iter().map(token).collect()
    }
}

/// ln of a number of which no derivative is wanted.
fn logarithm<N: Number>(x: N) -> N {
    x.value().ln().into()
}

/// e^s / Σ e^s, less the largest score in all exponents, which changes nothing.
fn softmax<N: Number>(scores: Vec<N>) -> Vec<N> {
    let largest = scores.iter().map(|s| s.value()).fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<N> = scores.into_iter().map(|s| (s - largest.into()).exp()).collect();
    let total = sum(powers.iter().copied());
    powers.into_iter().map(|power| power / total).collect()
}

/// A + shift I at radius 1: G over the edge of its limiting law, and for exact radii over its own spectral radius.
pub fn with_radius_one(setting: &Setting, address: &Address) -> Matrix {
    let unscaled = blurred(&at_the_edge(setting, address));
    let radius = match setting.radius_kind {
        "exact" => spectral_radius(&eigenvalues(&unscaled)),
        _ => 1.0,
    };
    unscaled.iter().map(|row| row.iter().map(|x| x / radius).collect()).collect()
}

/// G over the edge of its limiting law: sqrt(n) by the circular law, 2 sqrt(n) by the semicircle law of symmetric and
/// antisymmetric matrices, (1 + |tau|) sqrt(n) by the elliptic law.
///
/// An own matrix is as it is given.
pub fn at_the_edge(setting: &Setting, address: &Address) -> Matrix {
    if setting.given.matrices {
        return matrix(setting, if setting.weights == "given" { address.step } else { address.member } as usize);
    }
    let n = setting.width;
    let tau: f64 = match setting.ensemble {
        "symmetric" => 1.0,
        "antisymmetric" => -1.0,
        "elliptic" => setting.tau,
        _ => 0.0,
    };
    let g = address.matrix(n, n);
    let edge = (1.0 + tau.abs()) * (n as f64).sqrt();
    (0..n).map(|i| (0..n).map(|j| mixed(tau, g[i][j], g[j][i]) / edge).collect()).collect()
}

/// An entry of variance 1 with correlation tau to its mirror image, from two independent numbers: alpha a + beta b with
/// alpha, beta = (sqrt(1 + tau) ± sqrt(1 - tau)) / 2.
///
/// In fixed point: alpha and beta in whole steps of 2^-32, products in whole steps of 2^-27, the sum in whole steps of
/// 2^-20, everything rounded towards 0.
fn mixed(tau: f64, a: f64, b: f64) -> f64 {
    if tau == 0.0 {
        return a;
    }
    let whole = |x: f64, steps: i32| (x * 2_f64.powi(steps)).trunc() / 2_f64.powi(steps);
    let (plus, minus) = ((1.0 + tau).sqrt(), (1.0 - tau).sqrt());
    let largest = 1.0 - 2_f64.powi(-32);
    let [alpha, beta] = [(plus + minus) / 2.0, (plus - minus) / 2.0].map(|x| whole(x.clamp(-largest, largest), 32));
    whole(whole(alpha * a, 27) + whole(beta * b, 27), 20)
}
