//! The weights of one layer in one order, however the files order them.

use super::Checkpoint;
use super::naming::{Arrangement, norm_name};
use crate::error::Result;
use crate::invalid;
use crate::spec::NormKind;
use crate::weights::{Affine, LearnedLayer, LearnedSublayer, Projection};
use std::sync::Arc;

impl Checkpoint {
    /// The weights of a layer, counted from 0, as f32.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) if there is no such layer, or if a weight of it is not finite.
    pub fn layer(&self, layer: usize) -> Result<LearnedLayer> {
        let (architecture, naming) = (&self.architecture, self.names.naming);
        if layer >= architecture.depth {
            return invalid!(
                "{}: has {} layers, and none is {layer} (from 0)",
                self.path.display(),
                architecture.depth
            );
        }
        let (width, biases) = (architecture.width, architecture.biases);
        let name = |stem: &str| self.names.inner(layer, stem);
        let joined = |stems: &[&str], biased: bool| {
            let mut joined = Projection::new(Vec::new(), biased.then(Vec::new));
            for stem in stems {
                let part = self.projection(&name(stem), width, biased)?;
                joined.weights_mut().extend_from_slice(&part.weights);
                joined.bias.iter_mut().zip(part.bias).for_each(|(bias, part)| bias.extend(part));
            }
            Ok::<_, crate::error::Error>(joined)
        };
        let query_key_value = joined(naming.query_key_value, biases.query_key_value)?;
        let values = architecture.heads * architecture.head_width;
        let attention = LearnedSublayer {
            norm: Some(self.affine(&name(naming.attention_norm))?),
            input: Projection::new(
                self.arranged(Arc::unwrap_or_clone(query_key_value.weights), width),
                query_key_value.bias.map(|bias| self.arranged(bias, 1)),
            ),
            output: self.projection(&name(naming.output), values, biases.output)?,
        };
        let feedforward = LearnedSublayer {
            norm: Some(self.affine(&name(naming.feedforward_norm))?),
            input: joined(naming.up, biases.feedforward)?,
            output: self.projection(&name(naming.down), architecture.hidden, biases.feedforward)?,
        };
        Ok(LearnedLayer { attention, feedforward })
    }

    /// The norm behind the embedding, before the first layer.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) if a number of it is not finite.
    pub fn embedding_norm(&self) -> Result<Option<Affine>> {
        let name = self.names.outer(self.names.naming.embedding_norm);
        self.architecture.embedding.norm.then(|| self.affine(&name)).transpose()
    }

    /// The norm behind the last layer.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) if a number of it is not finite.
    pub fn final_norm(&self) -> Result<Option<Affine>> {
        let name = self.names.outer(self.names.naming.final_norm);
        self.architecture.final_norm.then(|| self.affine(&name)).transpose()
    }

    fn affine(&self, stem: &str) -> Result<Affine> {
        let read = |part: &str| self.store.read(&norm_name(&self.store, format!("{stem}.{part}")));
        let biased = self.architecture.norm.kind == NormKind::Layernorm;
        Ok(Affine { gain: read("weight")?, bias: biased.then(|| read("bias")).transpose()? })
    }

    /// A projection with so many columns.
    fn projection(&self, stem: &str, columns: usize, biased: bool) -> Result<Projection> {
        let mut weights = self.store.read(&format!("{stem}.weight"))?;
        if self.names.naming.transposed {
            weights = transposed(&weights, columns);
        }
        let bias = biased.then(|| self.store.read(&format!("{stem}.bias"))).transpose()?;
        Ok(Projection::new(weights, bias))
    }

    /// Rows of queries, keys and values in the order of [`LearnedSublayer`].
    fn arranged(&self, stored: Vec<f32>, columns: usize) -> Vec<f32> {
        let (heads, width) = (self.architecture.heads, self.architecture.head_width);
        let turning = heads + self.architecture.key_value_heads;
        match self.names.naming.arrangement {
            Arrangement::Stacked => stored,
            // Row i of a half was stored beside row i of the other.
            Arrangement::Neighbours => reordered(&stored, columns, |row| {
                let (head, row) = (row / width, row % width);
                let within = if head < turning { row % (width / 2) * 2 + row / (width / 2) } else { row };
                head * width + within
            }),
            Arrangement::PerHead => reordered(&stored, columns, |row| {
                let (part, head, row) = (row / (heads * width), row / width % heads, row % width);
                (head * 3 + part) * width + row
            }),
        }
    }
}

/// Rows of a matrix, each from the place that `from` says.
fn reordered(stored: &[f32], columns: usize, from: impl Fn(usize) -> usize) -> Vec<f32> {
    let row = |row: usize| &stored[from(row) * columns..][..columns];
    (0..stored.len() / columns).flat_map(row).copied().collect()
}

/// A matrix that is stored as `[columns, rows]`.
fn transposed(stored: &[f32], columns: usize) -> Vec<f32> {
    let rows = stored.len() / columns;
    (0..rows).flat_map(|row| stored[row..].iter().step_by(rows).copied()).collect()
}
