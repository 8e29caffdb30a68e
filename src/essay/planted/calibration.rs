//! How far confidence is from what the evidence allows.

use super::{Answers, confidence, follows};
use crate::essay::Measured;

/// Answers to a context whose likelier word is right so often.
#[derive(Clone, Copy, Debug)]
pub struct Graded<'a> {
    /// The share of the context that speaks for that word.
    pub share: f64,
    /// The answers.
    pub answers: &'a Answers,
}

/// Bins of confidence, of equal width, from 0.5 to 1.
const BINS: usize = 10;

/// The expected calibration error behind layer `layer`, from 1, of answers to some contexts, as often one as the other: the
/// mean over bins of confidence of |mean confidence - share of right answers|, each weighed by its answers (Naeini, Cooper
/// and Hauskrecht, AAAI 2015). Answers of one stack are not independent, so the standard error is that of the jackknife that
/// leaves out a stack.
pub fn calibration_error(contexts: &[Graded], layer: usize) -> Measured {
    let stacks = contexts.iter().map(|own| own.answers.stacks().len()).min().unwrap_or(0);
    let of_stack = |stack: usize| {
        let mut bins = Bins::default();
        for Graded { share, answers } in contexts {
            answers.stacks()[stack].iter().for_each(|margins| bins.add(margins[layer - 1], *share));
        }
        bins
    };
    let each: Vec<Bins> = (0..stacks).map(of_stack).collect();
    let all = each.iter().fold(Bins::default(), |all, own| all.with(own, 1.0));
    if all.count() == 0.0 {
        return Measured::MISSING;
    }
    let without: Vec<f64> = each.iter().map(|own| all.with(own, -1.0).error()).collect();
    let mean = without.iter().sum::<f64>() / stacks as f64;
    let spread: f64 = without.iter().map(|error| (error - mean).powi(2)).sum();
    Measured::new(all.error(), (spread * (stacks as f64 - 1.0) / stacks as f64).sqrt())
}

/// Sums over the answers of each bin.
#[derive(Clone, Copy, Debug, Default)]
struct Bins([Bin; BINS]);

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    answers: f64,
    confidence: f64,
    right: f64,
}

impl Bins {
    fn add(&mut self, margin: f64, share: f64) {
        let confidence = confidence(margin);
        let place = ((2.0 * confidence - 1.0) * BINS as f64) as usize;
        let bin = &mut self.0[place.min(BINS - 1)];
        bin.answers += 1.0;
        bin.confidence += confidence;
        bin.right += if follows(margin) > 0.0 { share } else { 1.0 - share };
    }

    /// Its sums and so many times those of others.
    fn with(mut self, other: &Self, times: f64) -> Self {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            own.answers += times * other.answers;
            own.confidence += times * other.confidence;
            own.right += times * other.right;
        }
        self
    }

    fn count(&self) -> f64 {
        self.0.iter().map(|bin| bin.answers).sum()
    }

    fn error(&self) -> f64 {
        self.0.iter().map(|bin| (bin.confidence - bin.right).abs()).sum::<f64>() / self.count()
    }
}
