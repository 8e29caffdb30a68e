//! Norms and angles along the depth of pre-norm stacks of fresh layers, for large n.

use super::{MeanField, relu_cosine};

/// E |x_k|² / n of a pre-RMSNorm MLP after k steps, from 1: q' = (1 - γ)² q + h² s².
pub fn norm_squared(field: MeanField, step_size: f64, damping: f64, steps: usize) -> f64 {
    let keep = (1.0 - damping).powi(2);
    (0..steps).fold(1.0, |q, _| keep * q + step_size.powi(2) * field.written)
}

/// ln of the growth of the angle between two near states of a pre-RMSNorm MLP over so many steps:
/// (angle²)' = angle² [(1 - γ)² q + h² χ] / [(1 - γ)² q + h² s²]. Half of the sum of the logarithms.
pub fn angular_growth(field: MeanField, step_size: f64, damping: f64, steps: usize) -> f64 {
    let (keep, square) = ((1.0 - damping).powi(2), step_size.powi(2));
    let (mut q, mut log) = (1.0, 0.0);
    for _ in 0..steps {
        let kept = keep * q;
        log += 0.5 * ((kept + square * field.stretch) / (kept + square * field.written)).ln();
        q = kept + square * field.written;
    }
    log
}

/// The essay's two-sublayer layer with uniform attention and a ReLU FFN, pre-norm and fresh at every step: the mean square
/// of a token, and the cosine of two.
///
/// Source: the recursion behind the bounds of Xiong et al., ICML 2020.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UniformAttention {
    /// E |x_t|² / n.
    pub square: f64,
    /// E of the product of two tokens over n.
    pub product: f64,
}

impl UniformAttention {
    /// Independent tokens of mean square 1.
    pub const START: Self = UniformAttention { square: 1.0, product: 0.0 };

    /// The cosine of two tokens.
    pub fn cosine(self) -> f64 {
        self.product / self.square
    }

    /// A layer with so many tokens further on.
    pub fn step(self, tokens: usize, step_size: f64, damping: f64) -> Self {
        let (keep, square) = ((1.0 - damping).powi(2), step_size.powi(2));
        let c = self.cosine();
        let mean = square * ((1.0 - c) / tokens as f64 + c);
        let between = UniformAttention { square: keep * self.square + mean, product: keep * self.product + mean };
        let c = between.cosine();
        UniformAttention {
            square: keep * between.square + square / 2.0,
            product: keep * between.product + square / 2.0 * relu_cosine(c),
        }
    }

    /// So many layers further on.
    pub fn after(self, tokens: usize, step_size: f64, damping: f64, steps: usize) -> Self {
        (0..steps).fold(self, |state, _| state.step(tokens, step_size, damping))
    }
}
