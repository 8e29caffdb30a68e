//! The weights of a checkpoint, or of a control that has its form.

use super::control;
use crate::checkpoint::{Activation, Architecture, Checkpoint, Unembedding};
use crate::device::Device;
use crate::error::Result;
use crate::layer::Shape;
use crate::layer::anatomy::{Anatomy, Heads, NormForm, Rotary, Units};
use crate::layer::normed_alone;
use crate::numbers::activation::kind;
use crate::plan::{Data, Inputs, Plan};
use crate::spec::{Control, Mask, TrainedInput};
use crate::weights::{Affine, LearnedLayer};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A checkpoint whose layers are handed out one by one.
#[derive(Clone)]
pub struct Model {
    checkpoint: Arc<Checkpoint>,
    anatomy: Anatomy,
    control: Option<Control>,
    seed: u64,
}

impl Model {
    /// Opens a folder of Hugging Face or a `.gguf` file; nothing of its layers is read yet.
    ///
    /// # Errors
    /// What the checkpoint is refused for.
    pub fn open(path: &Path) -> Result<Self> {
        let checkpoint = Arc::new(Checkpoint::open(path)?);
        let anatomy = anatomy(checkpoint.architecture());
        Ok(Model { checkpoint, anatomy, control: None, seed: 0 })
    }

    /// Opens the one that is asked for, which must be that of the recorded run if one is made again.
    ///
    /// # Errors
    /// What the checkpoint is refused for; [`Error::Invalid`](crate::error::Error::Invalid) for files that have changed.
    pub fn of(input: &TrainedInput) -> Result<Self> {
        let model = Self::open(&input.checkpoint)?;
        model.checkpoint.refuse_changed(&input.recorded_files)?;
        Ok(model)
    }

    /// The same form with the weights of a control.
    pub fn control(&self, control: Control, seed: u64) -> Self {
        Model { control: Some(control), seed, ..self.clone() }
    }

    /// The standard deviation of the weights of [`Control::Initial`]: that of the configuration, or else 0.02.
    pub fn initial_deviation(&self) -> f64 {
        control::range(self.checkpoint.architecture())
    }

    /// What its layers compute.
    pub fn anatomy(&self) -> &Anatomy {
        &self.anatomy
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The number of layers.
    pub fn depth(&self) -> usize {
        self.checkpoint.architecture().depth
    }

    /// The weights of layer `layer`, from 0.
    ///
    /// # Errors
    /// What the checkpoint is refused for.
    pub fn layer(&self, layer: usize) -> Result<LearnedLayer> {
        let trained = self.checkpoint.layer(layer)?;
        Ok(match self.control {
            None => trained,
            Some(Control::Initial) => control::initial(trained, self.checkpoint.architecture(), self.seed, layer),
            Some(Control::Shuffled) => control::shuffled(trained, self.checkpoint.architecture(), self.seed, layer),
        })
    }

    /// The states before the first layer, `[tokens, width]`, with the norm behind the embedding where there is one.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) for tokens that do not exist.
    pub fn embed(&self, device: &Device, token_ids: &[u32]) -> Result<Vec<f64>> {
        let mut embedded = self.checkpoint.embed(token_ids)?;
        if self.control == Some(Control::Initial) {
            embedded = control::initial_embedding(self.checkpoint.architecture(), self.seed, token_ids);
        }
        match self.checkpoint.embedding_norm()? {
            Some(norm) => self.normed(device, &norm, &embedded),
            None => Ok(embedded),
        }
    }

    /// The norm behind the last layer, if there is one.
    pub(super) fn final_norm(&self) -> Result<Option<Affine>> {
        let trained = self.checkpoint.final_norm()?;
        Ok(match self.control {
            Some(Control::Initial) => trained.map(control::initial_norm),
            _ => trained,
        })
    }

    /// Does it predict next tokens?
    pub fn predicts(&self) -> bool {
        self.checkpoint.architecture().unembedding != Unembedding::None
    }

    /// Rows of the unembedding, `[words, width]`.
    pub(super) fn unembedding(&self, words: Range<usize>) -> Result<Vec<f32>> {
        let first = words.start;
        let mut weights = self.checkpoint.unembedding(words)?;
        if self.control == Some(Control::Initial) {
            control::initial_unembedding(&mut weights, self.checkpoint.architecture(), self.seed, first);
        }
        Ok(weights)
    }

    /// States `[tokens, width]` behind a norm of the model's form.
    fn normed(&self, device: &Device, norm: &Affine, states: &[f64]) -> Result<Vec<f64>> {
        let shape = Shape::new(self.anatomy.width, states.len() / self.anatomy.width, 1);
        let mut plan = Plan::new();
        let x = plan.reals("x", shape.rows * shape.columns);
        let x = plan.input(x);
        let out = normed_alone(&mut plan, shape, self.anatomy.norm, Some(norm), x);
        let out = plan.output(out);
        let inputs = Inputs::new().with(x, Data::F64(in_columns(states, shape)));
        let mut after = Vec::new();
        device.run(&plan, 1, 0, &inputs, &mut |chunk| {
            after = of_columns(&chunk.reals(out).to_vec(), shape);
            Ok(())
        })?;
        Ok(after)
    }
}

/// States `[points, tokens, width]` as columns, `[rows, columns]`, padded.
pub(super) fn in_columns(states: &[f64], shape: Shape) -> Vec<f64> {
    let mut columns = vec![0.0; shape.rows * shape.columns];
    for (token, state) in states.chunks(shape.width).enumerate() {
        state.iter().enumerate().for_each(|(row, &value)| columns[row * shape.columns + token] = value);
    }
    columns
}

fn of_columns(columns: &[f64], shape: Shape) -> Vec<f64> {
    let token = |token: usize| (0..shape.width).map(move |row| columns[row * shape.columns + token]);
    (0..shape.tokens).flat_map(token).collect()
}

/// What the layers of a checkpoint compute.
fn anatomy(of: &Architecture) -> Anatomy {
    Anatomy {
        width: of.width,
        norm: NormForm { placement: of.norm.placement, kind: of.norm.kind, epsilon: of.norm.epsilon },
        attention: Some(Heads {
            count: of.heads,
            key_values: of.key_value_heads,
            width: of.head_width,
            causal: of.mask == Mask::Causal,
            scale: 1.0 / (of.head_width as f64).sqrt(),
            rotary: of.rotary.as_ref().map(|rotary| Rotary { frequencies: rotary.frequencies.clone() }),
        }),
        feedforward: Some(Units { count: of.hidden, activation: number(of.activation), gated: of.gated }),
        parallel: of.parallel,
    }
}

fn number(activation: Activation) -> u32 {
    match activation {
        Activation::Relu => kind::RELU,
        Activation::Gelu => kind::GELU,
        Activation::GeluTanh => kind::TANH_GELU,
        Activation::Silu => kind::SILU,
    }
}
