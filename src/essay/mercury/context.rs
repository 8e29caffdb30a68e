//! What is asked: words of context for one answer and for the other, and the word that is to be continued.

use crate::numbers::random::{Stream, Tensor};

/// Words of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Those that speak for the planet.
    pub planet: usize,
    /// Those that speak for the element.
    pub element: usize,
}

impl Context {
    /// The labels exchanged.
    pub fn mirrored(self) -> Self {
        Context { planet: self.element, element: self.planet }
    }

    /// The evidence b = ln(planet / element) in nats; infinite where only one of them is there.
    pub fn evidence(self) -> f64 {
        (self.planet as f64 / self.element as f64).ln()
    }

    /// The part of the context that speaks for the planet: how often that is right where this context is found.
    pub fn share(self) -> f64 {
        self.planet as f64 / self.tokens() as f64
    }

    /// Its words.
    pub fn tokens(self) -> usize {
        self.planet + self.element
    }
}

/// The states of a text before the first layer: N(0, 1) numbers, the same for every context, and the marks of its words,
/// whose order is random; the word to be continued stands last and has none.
pub struct Text {
    background: Vec<Vec<f64>>,
    /// The rank of each place: a context's words for the planet stand at the first ranks.
    rank: Vec<usize>,
}

impl Text {
    /// Text number `member` of a seed, with so many words of context.
    pub fn drawn(seed: u64, member: usize, words: usize, width: usize) -> Self {
        let stream = |step| Stream { seed, member: member as u32, tensor: Tensor::State as u32, step };
        let numbers = stream(0);
        let state = |token: usize| (0..width).map(|row| numbers.standard((row * (words + 1) + token) as u32)).collect();
        let order = stream(1);
        let key = |place: usize| order.block(place as u32 / 4)[place % 4];
        let rank = |place: usize| (0..words).filter(|&other| (key(other), other) < (key(place), place)).count();
        Text { background: (0..=words).map(state).collect(), rank: (0..words).map(rank).collect() }
    }

    /// The state of a token in a context, whose words are marked ±`mark` u.
    pub fn state(&self, token: usize, context: Context, axis: &[f64], mark: f64) -> Vec<f64> {
        let sign = match self.rank.get(token) {
            None => 0.0,
            Some(&rank) if rank < context.planet => 1.0,
            Some(_) => -1.0,
        };
        self.background[token].iter().zip(axis).map(|(x, u)| x + sign * mark * u).collect()
    }
}
