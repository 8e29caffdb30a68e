//! What a nonlinear layer computes, wherever its weights come from.
//!
//! A random layer and a trained one are the same sublayers: a norm, a branch (attention or an FFN) and an Euler update
//! with the branch's output projection. A trained one may have more in them: norm gains and biases, biases of projections,
//! rotary positions, keys and values that several heads share, a gate before the hidden units, and both branches at one
//! state instead of one after the other. Which weights it has is said by [`LearnedLayer`](crate::weights::LearnedLayer).

use crate::numbers::activation;
use crate::spec::{LayerSpec, Mask, NORM_EPSILON, NormKind, NormPlacement};

/// The form of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Anatomy {
    /// The width n of a state.
    pub width: usize,
    /// The norm of each sublayer.
    pub norm: NormForm,
    /// The attention, if there is one.
    pub attention: Option<Heads>,
    /// The FFN, if there is one.
    pub feedforward: Option<Units>,
    /// Are both branches evaluated at one state, as one sublayer whose f is their sum? Else the FFN sees what attention
    /// has made.
    pub parallel: bool,
}

/// A norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormForm {
    /// Before the branch, behind the sum, or nowhere.
    pub placement: NormPlacement,
    /// Which norm.
    pub kind: NormKind,
    /// What is added to the mean square before its root is taken.
    pub epsilon: f64,
}

/// An attention.
#[derive(Clone, Debug, PartialEq)]
pub struct Heads {
    /// The number of heads.
    pub count: usize,
    /// The number of heads that keys and values have, which divides that of the queries.
    pub key_values: usize,
    /// Rows of a head.
    pub width: usize,
    /// Does a token see only itself and those before it?
    pub causal: bool,
    /// The factor on the scores.
    pub scale: f64,
    /// Rotary positions, if there are any.
    pub rotary: Option<Rotary>,
}

/// Rotary positions: dimensions i and i + m of a head turn by position x frequency i, with m frequencies.
///
/// Source: Su et al., RoFormer, arXiv 2104.09864; pairs are halves, as in GPT-NeoX.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary {
    /// Radians from one token to the next, of each pair.
    pub frequencies: Vec<f64>,
}

/// The hidden units of an FFN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// How many there are.
    pub count: usize,
    /// A number of [`activation::kind`].
    pub activation: u32,
    /// Does an activated gate multiply each unit?
    pub gated: bool,
}

impl Anatomy {
    /// That of a random layer of this width.
    pub fn of(spec: &LayerSpec, width: usize) -> Self {
        let head = width / spec.heads.max(1);
        let heads = Heads {
            count: spec.heads,
            key_values: spec.heads,
            width: head,
            causal: spec.mask == Mask::Causal,
            // Queries and keys are stored without their gain.
            scale: spec.logit_gain * spec.gains.query_key.powi(2) / (head as f64).sqrt(),
            rotary: None,
        };
        let units =
            Units { count: spec.ffn_ratio * width, activation: activation::number(spec.activation), gated: false };
        Anatomy {
            width,
            norm: NormForm { placement: spec.norm, kind: spec.norm_kind, epsilon: NORM_EPSILON },
            attention: spec.model.attends().then_some(heads),
            feedforward: spec.model.has_ffn().then_some(units),
            parallel: false,
        }
    }

    /// Does no token see those behind it? Then Jacobians of the whole state are block lower triangular.
    pub fn is_causal(&self) -> bool {
        self.attention.as_ref().is_none_or(|heads| heads.causal)
    }

    /// Numbers of all matrices of a layer.
    pub fn weights(&self) -> usize {
        let attention = self.attention.as_ref().map_or(0, |heads| heads.stacked_rows() + heads.query_rows());
        let feedforward = self.feedforward.map_or(0, |units| units.projected_rows() + units.count);
        (attention + feedforward) * self.width
    }

    /// How many Euler steps a step of Euler's method is made of.
    pub fn sublayers(&self) -> usize {
        let branches = usize::from(self.attention.is_some()) + usize::from(self.feedforward.is_some());
        if self.parallel { branches.min(1) } else { branches }
    }
}

impl Heads {
    /// Rows of queries.
    pub fn query_rows(&self) -> usize {
        self.count * self.width
    }

    /// Rows of queries, keys and values.
    pub fn stacked_rows(&self) -> usize {
        (self.count + 2 * self.key_values) * self.width
    }
}

impl Units {
    /// Rows of gates and units together.
    pub fn projected_rows(&self) -> usize {
        if self.gated { 2 * self.count } else { self.count }
    }
}
