//! From states to logits: the norm behind the last layer and the unembedding, some rows of it at a time.

use super::model::in_columns;
use super::spectrum::NextToken;
use super::{Model, Stack};
use crate::device::Device;
use crate::error::Result;
use crate::kernel::shared::PADDING;
use crate::layer::Shape;
use crate::layer::learned;
use crate::layer::normed_alone;
use crate::plan::{Data, Inputs, Numbers, Plan};
use crate::weights::Projection;
use std::ops::Range;

/// Numbers of the unembedding that are in memory at a time.
const NUMBERS_AT_ONCE: usize = 8 << 20;

/// Logits of some words, `[words, columns]`, padded.
pub struct Logits<'a> {
    /// Which words.
    pub words: Range<usize>,
    columns: usize,
    numbers: Numbers<'a>,
}

impl Logits<'_> {
    /// That of word `word`, of all words, and a state.
    pub fn at(&self, word: usize, state: usize) -> f64 {
        self.numbers.at((word - self.words.start) * self.columns + state)
    }
}

impl Model {
    /// Hands the logits of these states, `[states, width]`, to `sink`, some words at a time, in order. A model that
    /// predicts no tokens has none.
    ///
    /// # Errors
    /// What the checkpoint is refused for, and what the device reports.
    pub fn logits(&self, device: &Device, states: &[f64], sink: &mut dyn FnMut(Logits)) -> Result<()> {
        let of = self.checkpoint().architecture();
        if !self.predicts() {
            return Ok(());
        }
        let at_once = (NUMBERS_AT_ONCE / of.width).max(1).next_multiple_of(PADDING);
        for first in (0..of.vocabulary).step_by(at_once) {
            let words = first..of.vocabulary.min(first + at_once);
            let weights = self.unembedding(words.clone())?;
            self.read_out(device, states, weights, &mut |numbers, columns| {
                sink(Logits { words: words.clone(), columns, numbers });
            })?;
        }
        Ok(())
    }

    /// The logits of some words at these states, `[states, words]`.
    ///
    /// # Errors
    /// What the checkpoint is refused for, and what the device reports.
    pub fn logits_of(&self, device: &Device, states: &[f64], words: &[u32]) -> Result<Vec<Vec<f64>>> {
        let row = |&word: &u32| self.unembedding(word as usize..word as usize + 1);
        let weights = words.iter().map(row).collect::<Result<Vec<_>>>()?.concat();
        let count = states.len() / self.anatomy().width;
        let mut logits = Vec::new();
        self.read_out(device, states, weights, &mut |numbers, columns| {
            let of = |state: usize| (0..words.len()).map(|word| numbers.at(word * columns + state)).collect();
            logits = (0..count).map(of).collect();
        })?;
        Ok(logits)
    }

    /// What rows of the unembedding, `[words, width]`, make of the normed states: numbers `[words, columns]`, padded, and
    /// the number of columns.
    fn read_out(
        &self,
        device: &Device,
        states: &[f64],
        weights: Vec<f32>,
        sink: &mut dyn FnMut(Numbers, usize),
    ) -> Result<()> {
        let width = self.anatomy().width;
        let shape = Shape::new(width, states.len() / width, 1);
        let rows = (weights.len() / width).next_multiple_of(PADDING);
        let unembedding = Projection::new(weights, None);
        let mut plan = Plan::new();
        let x = plan.reals("x", shape.rows * shape.columns);
        let x = plan.input(x);
        let input = match self.final_norm()? {
            Some(norm) => normed_alone(&mut plan, shape, self.anatomy().norm, Some(&norm), x),
            None => x,
        };
        let weights = learned::matrix(&mut plan, "unembedding", &unembedding, width);
        let out = learned::read_out(&mut plan, weights, rows, shape, input);
        let out = plan.output(out);
        let inputs = Inputs::new().with(x, Data::F64(in_columns(states, shape)));
        device.run(&plan, 1, 0, &inputs, &mut |chunk| {
            sink(chunk.reals(out), shape.columns);
            Ok(())
        })
    }
}

impl Stack<'_> {
    /// The likeliest tokens behind the last one at the first grid point, from the likeliest.
    ///
    /// # Errors
    /// What the checkpoint is refused for, and what the device reports.
    pub fn next_tokens(&self, count: usize) -> Result<Vec<NextToken>> {
        let mut best: Vec<(f64, usize)> = Vec::new();
        self.model.logits(self.device, &self.state(0, self.tokens - 1), &mut |logits| {
            best.extend(logits.words.clone().map(|word| (logits.at(word, 0), word)));
            best.sort_by(|a, b| b.0.total_cmp(&a.0));
            best.truncate(count);
        })?;
        let text = |id: usize| self.model.checkpoint().decode(&[id as u32]).ok();
        Ok(best.into_iter().map(|(logit, id)| NextToken { id: id as u32, text: text(id), logit }).collect())
    }
}
