//! What is seen of a nonlinear state besides its norm.

use super::Outcomes;
use super::outcome::Outputs;
use crate::kernel::end_step::observation;
use crate::layer::Shape;

/// What was seen of one member at one grid point after a step; missing where the state was frozen before, and where a
/// state of norm 0 has no such number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observation {
    /// The norm |x| of the state after the step.
    pub norm: Option<f64>,
    /// The cosine of the angle to the initial state.
    pub cosine: Option<f64>,
    /// The mean cosine of two tokens; missing for one token, and where a token is 0.
    pub token_similarity: Option<f64>,
    /// The mean entropy of the attention's rows, in nats; missing without attention.
    pub attention_entropy: Option<f64>,
    /// The effective step |h f| / |x|.
    pub effective_step: Option<f64>,
    /// The effective damping 1 - |x_k| / |x_{k+1}|.
    pub effective_damping: Option<f64>,
    /// ln |d_k| / |d_0| of the tangent d; missing without one.
    pub log_perturbation_growth: Option<f64>,
}

impl Outcomes<'_> {
    /// What was seen of a member of the chunk at a grid point after a step: the last one, or any if all are kept, the
    /// initial state as step 0. None of a linear layer.
    pub fn observation(&self, member: usize, step: usize, point: usize) -> Option<Observation> {
        let Outputs { observations, shape, kept, attends, .. } = self.outputs;
        let numbers = self.chunk.reals((*observations)?);
        if step == 0 {
            return self.start(member, point);
        }
        if self.is_frozen(member, step, point) {
            return Some(Observation::default());
        }
        let at =
            |row: usize| ((member * kept.slots() + kept.slot(step)) * observation::ROWS + row) * shape.points + point;
        let there = |x: &f64| x.is_finite() && *x != observation::MISSING;
        let value = |row: usize| Some(numbers.at(at(row))).filter(there);
        Some(Observation {
            norm: value(observation::NORM),
            cosine: value(observation::COSINE),
            token_similarity: value(observation::SIMILARITY).filter(|_| shape.tokens > 1),
            attention_entropy: value(observation::ENTROPY).filter(|_| *attends),
            effective_step: value(observation::EFFECTIVE_STEP),
            effective_damping: value(observation::EFFECTIVE_DAMPING),
            log_perturbation_growth: self.stretch(member, step, point).filter(|x| x.is_finite()),
        })
    }

    /// The same of the initial state, which is kept where all steps are.
    fn start(&self, member: usize, point: usize) -> Option<Observation> {
        let Shape { width, rows, tokens, columns, .. } = self.outputs.shape;
        let state = self.chunk.reals(self.outputs.start?);
        let x = |row: usize, token: usize| state.at((member * rows + row) * columns + point * tokens + token);
        let norm = |token: usize| (0..width).map(|row| x(row, token).powi(2)).sum::<f64>().sqrt();
        let norms: Vec<f64> = (0..tokens).map(norm).collect();
        // The sum of the cosines of all pairs is the squared length of the sum of the directions.
        let direction = |row: usize| (0..tokens).map(|token| x(row, token) / norms[token]).sum::<f64>();
        let directions: f64 = (0..width).map(|row| direction(row).powi(2)).sum();
        let count = tokens as f64;
        let similarity = (directions - count) / (count * (count - 1.0));
        let size = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        Some(Observation {
            norm: Some(size),
            cosine: (size > 0.0).then_some(1.0),
            token_similarity: Some(similarity).filter(|similarity| similarity.is_finite()),
            log_perturbation_growth: self.outputs.lengths.map(|_| 0.0),
            ..Observation::default()
        })
    }
}
