//! A run in units: a layer at a few tokens of the texts, of the model or of a control.

use super::NextToken;
use crate::error::Result;
use crate::spec::{Control, TrainedSpectrumSpec};
use crate::trained::facts::TokenFacts;
use crate::units::Units;
use std::ops::Range;

/// Tokens of a unit, and Jacobians that are solved at once: as many as keep all cores busy, and few beside the layer's weights.
pub(super) const AT_ONCE: usize = 8;

/// What a unit leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What was found of the layer at each of its tokens.
    pub tokens: Vec<TokenFacts>,
    /// Norms of the states behind the last layer at these tokens; none of other layers.
    pub end_norms: Vec<f64>,
    /// The likeliest next tokens of the texts whose first chosen token is among these; none of other layers.
    pub next_tokens: Vec<Next>,
}

/// A likely next token of a text.
#[derive(Clone, Debug)]
pub struct Next {
    /// The text, from 0.
    pub text: usize,
    /// The token.
    pub token: NextToken,
}

/// A token of a text at which Jacobians are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub text: usize,
    pub token: usize,
    /// Is it the first one of its text?
    pub is_first: bool,
}

/// The units of a run. Those of the same tokens stand together, from the first layer to the last: they are one walk through the
/// model.
#[derive(Clone, Debug)]
pub struct Shapes {
    /// The model, then its controls.
    models: usize,
    depth: usize,
    chosen: Vec<Chosen>,
}

impl Shapes {
    /// Those of a specification, with the tokens of its texts, for a model of so many layers.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) for tokens that a text does not have.
    pub fn of(spec: &TrainedSpectrumSpec, depth: usize, texts: &[Vec<u32>]) -> Result<Self> {
        let mut chosen = Vec::new();
        for (text, ids) in texts.iter().enumerate() {
            let tokens = spec.tokens.of(ids.len())?;
            let own = tokens.into_iter().enumerate();
            chosen.extend(own.map(|(place, token)| Chosen { text, token, is_first: place == 0 }));
        }
        Ok(Shapes { models: 1 + controls(spec).len(), depth, chosen })
    }

    /// The Jacobians of all of them.
    pub fn jacobians(&self) -> usize {
        self.models * self.depth * self.chosen.len()
    }

    /// The walks of one model.
    fn walks_of_model(&self) -> usize {
        self.chosen.len().div_ceil(AT_ONCE)
    }

    /// All walks.
    pub(super) fn walks(&self) -> Range<usize> {
        0..self.models * self.walks_of_model()
    }

    /// Which model a walk goes through: 0 is the trained one, others are controls.
    pub(super) fn model(&self, walk: usize) -> usize {
        walk / self.walks_of_model()
    }

    /// The tokens of a walk.
    pub(super) fn chosen(&self, walk: usize) -> &[Chosen] {
        let first = walk % self.walks_of_model() * AT_ONCE;
        &self.chosen[first..self.chosen.len().min(first + AT_ONCE)]
    }

    /// The units of a walk, layer by layer.
    pub(super) fn units(&self, walk: usize) -> Range<usize> {
        walk * self.depth..(walk + 1) * self.depth
    }

    /// The tokens of a text that are wanted.
    pub(super) fn tokens(&self, text: usize) -> usize {
        self.chosen.iter().filter(|own| own.text == text).count()
    }
}

impl Units for Shapes {
    type Part = Part;

    fn count(&self) -> usize {
        self.walks().len() * self.depth
    }

    /// In Jacobians.
    fn work(&self, unit: usize) -> f64 {
        self.chosen(unit / self.depth).len() as f64
    }

    fn empty(&self, _unit: usize) -> Part {
        Part::default()
    }
}

/// The controls of a run, each once, in their order.
pub(super) fn controls(spec: &TrainedSpectrumSpec) -> Vec<Control> {
    let mut controls = Vec::new();
    for &control in &spec.controls {
        if !controls.contains(&control) {
            controls.push(control);
        }
    }
    controls
}
