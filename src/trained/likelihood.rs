//! How likely a text is: cross-entropy, and the divergence from what an undisturbed model predicts.
//!
//! Logits come some words at a time, so softmaxes are made as they pass: sums are counted from the largest logit so far
//! (Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867).

use super::Logits;
use rayon::prelude::*;

/// What has been summed of one state's logits.
#[derive(Clone, Copy, Debug)]
struct Sums {
    /// The largest logit so far.
    largest: f64,
    /// Σ e^(l - largest).
    total: f64,
    /// The logit of the token that follows.
    target: f64,
    /// Σ e^(b - largest of b) (b - l), with b the logits of the same token at the undisturbed point.
    excess: f64,
}

/// The likelihood of a text at some grid points, while logits arrive.
pub(super) struct Likelihood<'a> {
    token_ids: &'a [u32],
    /// `[points, tokens - 1]`: of every token that another follows.
    sums: Vec<Sums>,
    /// The undisturbed point.
    base: usize,
}

/// What a text is like at one grid point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likely {
    /// The mean of -ln p over the tokens but the first one.
    pub cross_entropy: f64,
    /// The mean over tokens of Σ b ln (b / p), with b what the undisturbed model predicts.
    pub kl_divergence: f64,
}

impl<'a> Likelihood<'a> {
    /// Of a text at so many points, of which `base` is the undisturbed one.
    pub fn new(token_ids: &'a [u32], points: usize, base: usize) -> Self {
        let none = Sums { largest: f64::NEG_INFINITY, total: 0.0, target: f64::NAN, excess: 0.0 };
        Likelihood { token_ids, sums: vec![none; points * (token_ids.len() - 1)], base }
    }

    /// Takes some words of all states, `[points, tokens]`.
    pub fn add(&mut self, logits: &Logits) {
        let tokens = self.token_ids.len();
        let before: Vec<Sums> = self.of(self.base).to_vec();
        let base = self.base;
        let largest = |point: usize, token: usize, so_far: f64| {
            let all = logits.words.clone().map(|word| logits.at(word, point * tokens + token));
            // A NaN counts as the largest, so that it is seen.
            all.fold(so_far, |largest, l| if l <= largest { largest } else { l })
        };
        let bases: Vec<f64> = before.iter().enumerate().map(|(t, sums)| largest(base, t, sums.largest)).collect();
        self.sums.par_iter_mut().enumerate().for_each(|(place, sums)| {
            let (point, token) = (place / (tokens - 1), place % (tokens - 1));
            let top = largest(point, token, sums.largest);
            sums.total *= (sums.largest - top).exp();
            sums.excess *= (before[token].largest - bases[token]).exp();
            for word in logits.words.clone() {
                let (l, b) = (logits.at(word, point * tokens + token), logits.at(word, base * tokens + token));
                sums.total += (l - top).exp();
                sums.excess += (b - bases[token]).exp() * (b - l);
                if word == self.token_ids[token + 1] as usize {
                    sums.target = l;
                }
            }
            sums.largest = top;
        });
    }

    fn of(&self, point: usize) -> &[Sums] {
        let each = self.token_ids.len() - 1;
        &self.sums[point * each..][..each]
    }

    /// At one point, once all words are there; none where the states are beyond the device's numbers.
    pub fn at(&self, point: usize) -> Option<Likely> {
        let count = (self.token_ids.len() - 1) as f64;
        let log_total = |sums: &Sums| sums.largest + sums.total.ln();
        let cross_entropy = self.of(point).iter().map(|own| log_total(own) - own.target).sum::<f64>() / count;
        let pairs = self.of(point).iter().zip(self.of(self.base));
        let divergence = pairs.map(|(own, base)| own.excess / base.total + log_total(own) - log_total(base));
        let kl_divergence = divergence.sum::<f64>() / count;
        (cross_entropy.is_finite() && kl_divergence.is_finite()).then_some(Likely { cross_entropy, kl_divergence })
    }
}
