//! Layers whose weights are written: a direction is planted among random ones.
//!
//! They run as those of a trained model do: their weights are shared by all members of a plan, whose states differ.

mod answers;
mod calibration;
mod evidence;
mod locked;
mod passage;
mod saddle;

pub use answers::{Answers, confidence, decided, first_sure, follows, probability, sure};
pub use calibration::{Graded, calibration_error};
pub use evidence::Evidence;
pub use locked::{Turned, locked};
pub use passage::{Form, Layers, Passage, Words, dot};
pub use saddle::Saddle;

use crate::layer::anatomy::{Anatomy, Heads, NormForm, Units};
use crate::numbers::activation;
use crate::numbers::random::{Stream, Tensor};
use crate::spec::{Activation, Gains, NORM_EPSILON, NormKind, NormPlacement};
use crate::weights::{LearnedLayer, LearnedSublayer, Projection};

/// A layer's form: one causal head as wide as the stream, hidden units, RMSNorms without gains. Either may be left out.
pub fn anatomy(width: usize, norm: NormPlacement, attends: bool, units: Option<(usize, Activation)>) -> Anatomy {
    let scale = 1.0 / (width as f64).sqrt();
    let heads = Heads { count: 1, key_values: 1, width, causal: true, scale, rotary: None };
    let units = units.map(|(count, own)| Units { count, activation: activation::number(own), gated: false });
    Anatomy {
        width,
        norm: NormForm { placement: norm, kind: NormKind::Rmsnorm, epsilon: NORM_EPSILON },
        attention: attends.then_some(heads),
        feedforward: units,
        parallel: false,
    }
}

/// Which random numbers.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// The run's seed.
    pub seed: u64,
    /// The stack of layers.
    pub stack: usize,
    /// The layer, from 0.
    pub layer: usize,
}

/// A layer of independent normal numbers of variance 1 / fan-in, times the squares of their gains.
pub fn drawn(anatomy: &Anatomy, gains: Gains, address: Address) -> LearnedLayer {
    let mut layer = blank(anatomy);
    let n = anatomy.width;
    let hidden = anatomy.feedforward.map_or(0, |units| units.count);
    let stream = |tensor: Tensor| Stream {
        seed: address.seed,
        member: address.stack as u32,
        tensor: tensor as u32,
        step: address.layer as u32,
    };
    let LearnedLayer { attention, feedforward } = &mut layer;
    draw(&mut attention.input, 1.0, n, stream(Tensor::QueryKeyValue));
    let queries_and_keys = attention.input.weights.len() / 3 * 2;
    let (query_key, value) = attention.input.weights_mut().split_at_mut(queries_and_keys);
    scale(query_key, gains.query_key);
    scale(value, gains.value);
    draw(&mut attention.output, gains.output, n, stream(Tensor::Output));
    draw(&mut feedforward.input, gains.hidden, n, stream(Tensor::Up));
    draw(&mut feedforward.output, gains.output, hidden, stream(Tensor::Down));
    layer
}

/// A layer that writes nothing.
pub fn blank(anatomy: &Anatomy) -> LearnedLayer {
    let n = anatomy.width;
    let (stacked, heads) = anatomy.attention.as_ref().map_or((0, 0), |own| (own.stacked_rows(), own.query_rows()));
    let hidden = anatomy.feedforward.map_or(0, |units| units.count);
    let zeros = |rows: usize, inner: usize| Projection::new(vec![0.0; rows * inner], None);
    let sublayer = |input, output| LearnedSublayer { norm: None, input, output };
    LearnedLayer {
        attention: sublayer(zeros(stacked, n), zeros(n, heads)),
        feedforward: sublayer(zeros(hidden, n), zeros(n, hidden)),
    }
}

fn draw(own: &mut Projection, gain: f64, inner: usize, stream: Stream) {
    stream.fill(gain / (inner as f64).sqrt(), own.weights_mut());
}

fn scale(weights: &mut [f32], gain: f64) {
    weights.iter_mut().for_each(|weight| *weight *= gain as f32);
}

/// What is planted along an axis u, of y = <x, u> of what a sublayer reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planted {
    /// κ: a query draws attention to keys that agree with it, by scores (κ / 2) y_q y_k.
    pub feedback: f64,
    /// θ: the values of the tokens that are seen, θ y_k u.
    pub value: f64,
    /// s: two hidden units that read ±y and write ±s u. With ReLU and GELU they write s y u together, with tanh 2 s tanh y u.
    pub saddle: f64,
}

/// Along which unit vectors, `[width]`.
#[derive(Clone, Copy, Debug)]
pub struct Axes<'a> {
    /// What keys and values read.
    pub read: &'a [f64],
    /// What queries and hidden units read, and what all write.
    pub written: &'a [f64],
}

impl Planted {
    /// Nothing.
    pub const NOTHING: Self = Planted { feedback: 0.0, value: 0.0, saddle: 0.0 };

    /// Writes itself over the first row of the head, and the first two hidden units if they are a saddle.
    pub fn plant(&self, anatomy: &Anatomy, layer: &mut LearnedLayer, axes: Axes) {
        if let Some(heads) = &anatomy.attention {
            // Scores are products of queries and keys over √n: a² / √n = κ / 2.
            let reach = (0.5 * self.feedback / heads.scale).sqrt();
            let rows = heads.query_rows();
            put_row(&mut layer.attention.input, 0, axes.written, reach);
            put_row(&mut layer.attention.input, rows, axes.read, reach);
            put_row(&mut layer.attention.input, 2 * rows, axes.read, 1.0);
            put_column(&mut layer.attention.output, 0, axes.written, self.value);
        }
        if anatomy.feedforward.is_some() && self.saddle != 0.0 {
            for (unit, sign) in [(0, 1.0), (1, -1.0)] {
                put_row(&mut layer.feedforward.input, unit, axes.written, sign);
                put_column(&mut layer.feedforward.output, unit, axes.written, sign * self.saddle);
            }
        }
    }
}

/// Row `row` of a matrix that reads as many numbers as the axis has.
pub fn put_row(own: &mut Projection, row: usize, axis: &[f64], factor: f64) {
    let line = &mut own.weights_mut()[row * axis.len()..(row + 1) * axis.len()];
    line.iter_mut().zip(axis).for_each(|(weight, &x)| *weight = (factor * x) as f32);
}

/// Column `column` of a matrix that writes as many numbers as the axis has.
pub fn put_column(own: &mut Projection, column: usize, axis: &[f64], factor: f64) {
    let inner = own.weights.len() / axis.len();
    own.weights_mut().chunks_mut(inner).zip(axis).for_each(|(line, &x)| line[column] = (factor * x) as f32);
}
