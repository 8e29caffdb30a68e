//! What stacks of layers answer.

use crate::essay::Measured;

/// The margins of many answers behind every layer, seen from the side of the evidence: above 0 they follow it.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// `[stacks][answers][layers]`.
    stacks: Vec<Vec<Vec<f64>>>,
}

impl Answers {
    /// Adds those of one stack of weights, `[answers][layers]`.
    pub fn push(&mut self, answers: Vec<Vec<f64>>) {
        self.stacks.push(answers);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.stacks.iter().map(Vec::len).sum()
    }

    /// The margins, `[stacks][answers][layers]`.
    pub fn stacks(&self) -> &[Vec<Vec<f64>>] {
        &self.stacks
    }

    /// The mean of something about an answer's margins by layer. Answers of one stack are not independent, so the standard
    /// error is that of the means of stacks.
    pub fn mean(&self, of: impl Fn(&[f64]) -> f64) -> Measured {
        self.paired(self, |own, _| of(own))
    }

    /// The mean of something about the margin behind layer `layer`, from 1.
    pub fn behind(&self, layer: usize, of: impl Fn(f64) -> f64) -> Measured {
        self.mean(|margins| of(margins[layer - 1]))
    }

    /// The share of answers whose margin behind layer `layer` is such. Its standard error is not 0 where all of them are.
    pub fn share(&self, layer: usize, is: impl Fn(f64) -> f64) -> Measured {
        let by_stacks = self.behind(layer, is);
        let alone = Measured::share(by_stacks.value, self.count() as u64);
        Measured { standard_error: by_stacks.standard_error.max(alone.standard_error), ..by_stacks }
    }

    /// The mean of something about an answer's margins and those of another answer to the same question.
    pub fn paired(&self, others: &Self, of: impl Fn(&[f64], &[f64]) -> f64) -> Measured {
        let of_stack = |(own, others): (&Vec<Vec<f64>>, &Vec<Vec<f64>>)| {
            own.iter().zip(others).map(|(own, other)| of(own, other)).sum::<f64>() / own.len() as f64
        };
        Measured::of(self.stacks.iter().zip(&others.stacks).map(of_stack))
    }
}

/// Does the answer follow the evidence?
pub fn follows(margin: f64) -> f64 {
    f64::from(margin > 0.0)
}

/// Is one of the words given more than 90 %?
pub fn sure(margin: f64) -> f64 {
    f64::from(margin.abs() > 9.0_f64.ln())
}

/// The first layer behind which one of the words is given more than 90 %, from 1; one more than there are where none does.
pub fn first_sure(margins: &[f64]) -> f64 {
    let first = margins.iter().position(|&margin| sure(margin) > 0.0);
    first.unwrap_or(margins.len()) as f64 + 1.0
}

/// The probability of the likelier word.
pub fn confidence(margin: f64) -> f64 {
    probability(margin.abs())
}

/// That of a word with this margin over the other.
pub fn probability(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

/// The layer from which on the answer stays on its side, from 1.
pub fn decided(margins: &[f64]) -> f64 {
    let side = |margin: &f64| *margin > 0.0;
    let last = margins.last().map(side);
    let changes = margins.iter().rposition(|margin| Some(side(margin)) != last);
    changes.map_or(1.0, |layer| layer as f64 + 2.0)
}
