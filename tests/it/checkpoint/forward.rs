//! A trained model's forward pass, from its papers, in plain loops over any numbers.

use crate::definitions::number::{Dual, Number};
use eulerscope::checkpoint::{Activation, Architecture, Checkpoint};
use eulerscope::spec::{Mask, NormKind, NormPlacement};
use eulerscope::weights::{Affine, LearnedLayer, Projection};

/// The states of all tokens.
pub type State<N> = Vec<Vec<N>>;

/// The states of some tokens before the first layer and behind every layer.
pub fn states(model: &Checkpoint, ids: &[u32]) -> Vec<State<f64>> {
    let form = model.architecture();
    let embedded: State<f64> = model.embed(ids).expect("tokens").chunks(form.width).map(<[f64]>::to_vec).collect();
    let norm = model.embedding_norm().expect("finite");
    let mut states = vec![embedded.iter().map(|x| normed(form, norm.as_ref(), x)).collect()];
    for layer in 0..form.depth {
        let weights = model.layer(layer).expect("finite weights");
        states.push(behind(form, &weights, &states[layer]));
    }
    states
}

/// The logits of all tokens that could follow a state.
pub fn logits(model: &Checkpoint, state: &[f64]) -> Vec<f64> {
    let form = model.architecture();
    let norm = model.final_norm().expect("finite").expect("models that predict have one");
    let last = normed(form, Some(&norm), state);
    let middle = form.vocabulary / 2;
    let pieces = [0..middle, middle..form.vocabulary];
    let rows = pieces.map(|rows| model.unembedding(rows).expect("finite")).concat();
    rows.chunks(form.width).map(|row| row.iter().zip(&last).map(|(&w, x)| f64::from(w) * x).sum()).collect()
}

/// ∂x⁺_t/∂x_t of a layer, `[n][n]`.
pub fn block(form: &Architecture, weights: &LearnedLayer, x: &State<f64>, token: usize) -> Vec<Vec<f64>> {
    let columns: Vec<_> = (0..form.width).map(|j| moved(form, weights, x, [token, j]).swap_remove(token)).collect();
    (0..form.width).map(|i| columns.iter().map(|column| column[i]).collect()).collect()
}

/// How all states behind a layer move with number `j` of one token's state before it.
pub fn moved(form: &Architecture, weights: &LearnedLayer, x: &State<f64>, [token, j]: [usize; 2]) -> State<f64> {
    let lift = |t: usize, i: usize, value: f64| {
        let slope = if (t, i) == (token, j) { 1.0 } else { 0.0 };
        Dual { value, slope }
    };
    let duals = x.iter().enumerate();
    let duals = duals.map(|(t, x)| x.iter().enumerate().map(|(i, &value)| lift(t, i, value)).collect()).collect();
    behind(form, weights, &duals).iter().map(|x| x.iter().map(|x| x.slope).collect()).collect()
}

/// What the sublayers of a layer add to these states, one after the other; without norms behind the sums.
pub fn fields(form: &Architecture, weights: &LearnedLayer, x: &State<f64>) -> Vec<State<f64>> {
    let (first, second) = (weights.attention.norm.as_ref(), weights.feedforward.norm.as_ref());
    let attended = attention(form, weights, &all(form, first, x));
    if form.parallel {
        return vec![sum(&attended, &feedforward(form, weights, &all(form, second, x)))];
    }
    let between = sum(x, &attended);
    vec![attended, feedforward(form, weights, &all(form, second, &between))]
}

/// The states behind a layer.
pub fn behind<N: Number>(form: &Architecture, weights: &LearnedLayer, x: &State<N>) -> State<N> {
    let (first, second) = (weights.attention.norm.as_ref(), weights.feedforward.norm.as_ref());
    match form.norm.placement {
        NormPlacement::Post => {
            let between = all(form, first, &sum(x, &attention(form, weights, x)));
            all(form, second, &sum(&between, &feedforward(form, weights, &between)))
        }
        _ if form.parallel => {
            let attended = attention(form, weights, &all(form, first, x));
            sum(&sum(x, &attended), &feedforward(form, weights, &all(form, second, x)))
        }
        _ => {
            let between = sum(x, &attention(form, weights, &all(form, first, x)));
            sum(&between, &feedforward(form, weights, &all(form, second, &between)))
        }
    }
}

fn sum<N: Number>(x: &State<N>, y: &State<N>) -> State<N> {
    x.iter().zip(y).map(|(x, y)| x.iter().zip(y).map(|(&x, &y)| x + y).collect()).collect()
}

fn add<N: Number>(numbers: impl Iterator<Item = N>) -> N {
    numbers.fold(N::from(0.0), |sum, x| sum + x)
}

fn dot<N: Number>(x: &[N], y: &[N]) -> N {
    add(x.iter().zip(y).map(|(&x, &y)| x * y))
}

fn all<N: Number>(form: &Architecture, affine: Option<&Affine>, x: &State<N>) -> State<N> {
    x.iter().map(|x| normed(form, affine, x)).collect()
}

/// The norm of a token's state, and nothing where there is none.
fn normed<N: Number>(form: &Architecture, affine: Option<&Affine>, x: &[N]) -> Vec<N> {
    let Some(affine) = affine else { return x.to_vec() };
    let n = N::from(x.len() as f64);
    let mean = if form.norm.kind == NormKind::Layernorm { add(x.iter().copied()) / n } else { N::from(0.0) };
    let centred: Vec<N> = x.iter().map(|&x| x - mean).collect();
    let deviation = (dot(&centred, &centred) / n + N::from(form.norm.epsilon)).sqrt();
    let bias = |i: usize| N::from(affine.bias.as_ref().map_or(0.0, |bias| f64::from(bias[i])));
    let gain = |i: usize| N::from(f64::from(affine.gain[i]));
    centred.into_iter().enumerate().map(|(i, x)| gain(i) * (x / deviation) + bias(i)).collect()
}

fn projected<N: Number>(projection: &Projection, x: &[N]) -> Vec<N> {
    let row = |(i, row): (usize, &[f32])| {
        let bias = projection.bias.as_ref().map_or(0.0, |bias| f64::from(bias[i]));
        N::from(bias) + add(row.iter().zip(x).map(|(&w, &x)| N::from(f64::from(w)) * x))
    };
    projection.weights.chunks(x.len()).enumerate().map(row).collect()
}

fn attention<N: Number>(form: &Architecture, weights: &LearnedLayer, x: &State<N>) -> State<N> {
    let (width, shared) = (form.head_width, form.heads / form.key_value_heads);
    let stacked: State<N> = x.iter().map(|x| projected(&weights.attention.input, x)).collect();
    let head = |token: usize, head: usize| &stacked[token][head * width..(head + 1) * width];
    let mut outputs = vec![Vec::new(); x.len()];
    for query in 0..form.heads {
        let (key, value) = (form.heads + query / shared, form.heads + form.key_value_heads + query / shared);
        for (t, output) in outputs.iter_mut().enumerate() {
            let seen = if form.mask == Mask::Causal { t + 1 } else { x.len() };
            let turned = turned(form, head(t, query), t);
            let score = |s: usize| dot(&turned, &self::turned(form, head(s, key), s)) / N::from((width as f64).sqrt());
            let scores: Vec<N> = (0..seen).map(score).collect();
            let largest = scores.iter().map(|s| s.value()).fold(f64::NEG_INFINITY, f64::max);
            let shares: Vec<N> = scores.iter().map(|&s| (s - N::from(largest)).exp()).collect();
            let total = add(shares.iter().copied());
            output.extend((0..width).map(|i| add((0..seen).map(|s| shares[s] / total * head(s, value)[i]))));
        }
    }
    outputs.iter().map(|output| projected(&weights.attention.output, output)).collect()
}

/// A head's rows at a position, turned.
fn turned<N: Number>(form: &Architecture, rows: &[N], position: usize) -> Vec<N> {
    let mut turned = rows.to_vec();
    let Some(rotary) = &form.rotary else { return turned };
    let half = rotary.dims / 2;
    for (i, frequency) in rotary.frequencies.iter().enumerate() {
        let (sin, cos) = (position as f64 * frequency).sin_cos();
        let (a, b) = (rows[i], rows[i + half]);
        turned[i] = a * N::from(cos) - b * N::from(sin);
        turned[i + half] = b * N::from(cos) + a * N::from(sin);
    }
    turned
}

fn feedforward<N: Number>(form: &Architecture, weights: &LearnedLayer, x: &State<N>) -> State<N> {
    let token = |x: &Vec<N>| {
        let up = projected(&weights.feedforward.input, x);
        let hidden: Vec<N> = if form.gated {
            let (gates, units) = up.split_at(form.hidden);
            gates.iter().zip(units).map(|(&gate, &unit)| activated(form.activation, gate) * unit).collect()
        } else {
            up.into_iter().map(|z| activated(form.activation, z)).collect()
        };
        projected(&weights.feedforward.output, &hidden)
    };
    x.iter().map(token).collect()
}

fn activated<N: Number>(activation: Activation, z: N) -> N {
    let one = N::from(1.0);
    match activation {
        Activation::Relu if z.value() > 0.0 => z,
        Activation::Gelu => z * z.normal_share(),
        Activation::GeluTanh => {
            let inner = N::from((2.0 / std::f64::consts::PI).sqrt()) * (z + N::from(0.044715) * z * z * z);
            N::from(0.5) * z * (one + inner.tanh())
        }
        Activation::Silu => z / (one + (-z).exp()),
        _ => N::from(0.0),
    }
}
