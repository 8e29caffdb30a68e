//! Controls: weights that have a checkpoint's form and not its training.
//!
//! What is true of a trained model and of these alike is a matter of its form. Random numbers have addresses as those of
//! random layers ([`random`](crate::numbers::random)): the layer stands for the step, the matrix is the tensor.

use crate::checkpoint::{Architecture, Family};
use crate::numbers::random::{Stream, Tensor};
use crate::weights::{Affine, LearnedLayer, Projection};

/// The usual standard deviation of weights before training, where a configuration does not say its own: that of GPT-2,
/// BERT and Llama.
const USUAL_RANGE: f64 = 0.02;

/// Layer `layer` as before training: normal numbers in every matrix, gains 1, biases 0. GPT-2's output projections begin
/// smaller by the root of their number, so that the residual stream does not grow with the depth (Radford et al. 2019, 2.3).
pub(super) fn initial(form: LearnedLayer, of: &Architecture, seed: u64, layer: usize) -> LearnedLayer {
    let residual = match of.family {
        Family::Gpt2 => (2.0 * of.depth as f64).sqrt().recip(),
        _ => 1.0,
    };
    let mut drawn = each_matrix(form, |projection, tensor| {
        let own = if matches!(tensor, Tensor::Output | Tensor::Down) { residual } else { 1.0 };
        stream(seed, tensor, layer).fill(own * range(of), projection.weights_mut());
        projection.bias.iter_mut().for_each(|bias| bias.fill(0.0));
    });
    for sublayer in [&mut drawn.attention, &mut drawn.feedforward] {
        sublayer.norm = sublayer.norm.take().map(initial_norm);
    }
    drawn
}

/// Embeddings `[tokens, width]` as before training: of the token, and of its position and its type where the model has such.
pub(super) fn initial_embedding(of: &Architecture, seed: u64, token_ids: &[u32]) -> Vec<f64> {
    let row = |tensor: Tensor, member: u32| {
        let mut row = vec![0.0; of.width];
        Stream { seed, member, tensor: tensor as u32, step: 0 }.fill(range(of), &mut row);
        row
    };
    let state = |(position, &id): (usize, &u32)| {
        let mut state: Vec<f64> = row(Tensor::Embedding, id).into_iter().map(f64::from).collect();
        let mut add = |row: Vec<f32>| state.iter_mut().zip(row).for_each(|(x, more)| *x += f64::from(more));
        if of.embedding.positions {
            add(row(Tensor::Position, position as u32));
        }
        if of.embedding.token_types > 0 {
            add(row(Tensor::TokenType, 0));
        }
        state
    };
    token_ids.iter().enumerate().flat_map(state).collect()
}

/// Rows of the unembedding `[words, width]` from word `first` on, as before training: those of the embedding.
pub(super) fn initial_unembedding(weights: &mut [f32], of: &Architecture, seed: u64, first: usize) {
    for (word, row) in (first as u32..).zip(weights.chunks_mut(of.width)) {
        Stream { seed, member: word, tensor: Tensor::Embedding as u32, step: 0 }.fill(range(of), row);
    }
}

/// A norm as before training.
pub(super) fn initial_norm(mut norm: Affine) -> Affine {
    norm.gain.fill(1.0);
    norm.bias.iter_mut().for_each(|bias| bias.fill(0.0));
    norm
}

/// Layer `layer` with the entries of each matrix in random order.
///
/// Queries, keys and values are matrices of their own, and so are gates and units: their entries differ in size.
pub(super) fn shuffled(form: LearnedLayer, of: &Architecture, seed: u64, layer: usize) -> LearnedLayer {
    each_matrix(form, |projection, tensor| {
        let mut rest = projection.weights_mut().as_mut_slice();
        for (part, rows) in parts(of, tensor).into_iter().enumerate() {
            let own;
            (own, rest) = rest.split_at_mut(rows * of.width);
            // The address of a part: its tensor, and its place there.
            let member = 16 * tensor as u32 + part as u32;
            shuffle(own, Stream { member, ..stream(seed, Tensor::Order, layer) });
        }
        let member = 16 * tensor as u32;
        shuffle(rest, Stream { member, ..stream(seed, Tensor::Order, layer) });
    })
}

/// Rows of the matrices that a projection stacks; none where it is one matrix.
fn parts(of: &Architecture, tensor: Tensor) -> Vec<usize> {
    match tensor {
        Tensor::QueryKeyValue => {
            let shared = of.key_value_heads * of.head_width;
            vec![of.heads * of.head_width, shared, shared]
        }
        Tensor::Up if of.gated => vec![of.hidden; 2],
        _ => Vec::new(),
    }
}

/// The standard deviation of weights before training.
pub(super) fn range(of: &Architecture) -> f64 {
    of.initializer_range.unwrap_or(USUAL_RANGE)
}

fn stream(seed: u64, tensor: Tensor, layer: usize) -> Stream {
    Stream { seed, member: 0, tensor: tensor as u32, step: layer as u32 }
}

fn each_matrix(mut layer: LearnedLayer, change: impl Fn(&mut Projection, Tensor)) -> LearnedLayer {
    change(&mut layer.attention.input, Tensor::QueryKeyValue);
    change(&mut layer.attention.output, Tensor::Output);
    change(&mut layer.feedforward.input, Tensor::Up);
    change(&mut layer.feedforward.output, Tensor::Down);
    layer
}

/// Fisher and Yates: entry i changes places with one of those up to it. Indices are a word times i + 1, over 2^32: uneven by
/// less than one part in 2^32 / i.
fn shuffle(weights: &mut [f32], order: Stream) {
    for i in (1..weights.len()).rev() {
        let word = order.block(i as u32 / 4)[i % 4];
        let other = (u64::from(word) * (i as u64 + 1)) >> 32;
        weights.swap(i, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_the_entries_and_moves_nearly_all_of_them() {
        let before: Vec<f32> = (0..4096).map(|x| x as f32).collect();
        let mut after = before.clone();
        shuffle(&mut after, stream(7, Tensor::Order, 3));
        let stayed = before.iter().zip(&after).filter(|(a, b)| a == b).count();
        // The number of fixed points of a random permutation is Poisson with mean 1.
        assert!(stayed < 10, "{stayed}");
        after.sort_by(f32::total_cmp);
        assert_eq!(before, after);
    }
}
