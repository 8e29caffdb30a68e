//! The weights of one layer of a trained model.

use std::sync::Arc;

/// A gain and a bias for each row: y = gain x + bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// `[rows]`.
    pub gain: Vec<f32>,
    /// `[rows]`, if there is one.
    pub bias: Option<Vec<f32>>,
}

/// A projection y = W x + b.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// W, `[rows, inner]`, row-major; plans read it where it is.
    pub weights: Arc<Vec<f32>>,
    /// b, `[rows]`, if there is one.
    pub bias: Option<Vec<f32>>,
}

impl Projection {
    /// One of its own weights.
    pub fn new(weights: Vec<f32>, bias: Option<Vec<f32>>) -> Self {
        Projection { weights: Arc::new(weights), bias }
    }

    /// The weights to be changed: its own from then on, if others have kept them.
    pub fn weights_mut(&mut self) -> &mut Vec<f32> {
        Arc::make_mut(&mut self.weights)
    }
}

/// A norm, the projection behind it and the output projection of a sublayer.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedSublayer {
    /// The norm's gain and bias, if it has them.
    pub norm: Option<Affine>,
    /// Queries, keys and values, one behind the other, `[(heads + 2 key-value heads) head width, n]`; of an FFN the hidden
    /// units `[hidden, n]`, behind their gates, if there are any: `[2 hidden, n]`.
    pub input: Projection,
    /// `[n, heads x head width]` or `[n, hidden]`.
    pub output: Projection,
}

/// The weights of one layer of a trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedLayer {
    /// Of the attention. Rotary pairs are halves of a head.
    pub attention: LearnedSublayer,
    /// Of the FFN.
    pub feedforward: LearnedSublayer,
}
