//! Own matrices and initial states in a plan, as inputs of it.

use crate::kernel::shared::PADDING;
use crate::plan::{Data, Inputs, Plan, Reals};
use crate::spec::{InitialStates, Matrices, Weights};
use std::ops::Range;

/// Own matrices in a plan.
pub(super) struct GivenWeights {
    matrices: Matrices,
    /// Are they the layers of one member, or the members?
    along_depth: bool,
    /// The layer, from 0, whose matrix each input of the plan holds, `[padded width, padded width]`.
    inputs: Vec<(usize, Reals)>,
}

impl GivenWeights {
    pub fn new(matrices: Matrices, weights: Weights) -> Self {
        GivenWeights { matrices, along_depth: weights == Weights::Given, inputs: Vec::new() }
    }

    /// Makes `weights` the input that holds layer `layer`, or a new buffer where it is one already.
    pub fn place(&mut self, plan: &mut Plan, layer: usize, weights: Reals) -> Reals {
        let is_taken = self.inputs.iter().any(|(_, id)| *id == weights);
        let padded = self.matrices.width().next_multiple_of(PADDING);
        let id = if is_taken { plan.reals("weights", padded * padded) } else { weights };
        self.inputs.push((layer, plan.input(id)));
        id
    }

    /// Adds the values of the inputs, for these members.
    pub fn fill<'a>(&self, members: Range<usize>, inputs: Inputs<'a>) -> Inputs<'a> {
        self.inputs.iter().fold(inputs, |inputs, &(layer, id)| {
            let values = match self.along_depth {
                true => members.clone().flat_map(|_| self.padded(layer..layer + 1)).collect(),
                false => self.padded(members.clone()),
            };
            inputs.with(id, Data::F64(values))
        })
    }

    /// Some of the matrices, each row and each matrix padded with zeros.
    fn padded(&self, range: Range<usize>) -> Vec<f64> {
        let n = self.matrices.width();
        let stride = n.next_multiple_of(PADDING);
        let mut values = vec![0.0; range.len() * stride * stride];
        for (i, row) in self.matrices.of(range).chunks(n).enumerate() {
            let start = (i / n * stride + i % n) * stride;
            values[start..start + n].copy_from_slice(row);
        }
        values
    }
}

/// Own initial states in a plan.
pub(super) struct GivenStates {
    states: InitialStates,
    width: usize,
    tokens: usize,
    /// `[width, tokens]`, an input.
    pub start: Reals,
}

impl GivenStates {
    pub fn new(plan: &mut Plan, states: &InitialStates, width: usize, tokens: usize) -> Self {
        let start = plan.reals("start", width * tokens);
        GivenStates { states: states.clone(), width, tokens, start: plan.input(start) }
    }

    /// Adds the values of the input, for these members; one state is that of all of them.
    pub fn fill<'a>(&self, members: Range<usize>, inputs: Inputs<'a>) -> Inputs<'a> {
        let size = self.width * self.tokens;
        let states: Vec<&[f64]> = self.states.values().chunks(size).collect();
        let number = |member: usize, row: usize, token: usize| states[member % states.len()][token * self.width + row];
        let state =
            |member| (0..self.width).flat_map(move |row| (0..self.tokens).map(move |token| number(member, row, token)));
        inputs.with(self.start, Data::F64(members.flat_map(state).collect()))
    }
}

/// What stored weights are multiplied by. It belongs to where they come from: random numbers are stored with variance 1,
/// own weights as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    factor: f64,
    divisor: f64,
}

impl Scale {
    /// Of random weights with standard deviation `gain` / sqrt(fan in).
    pub fn random(gain: f64, fan_in: usize) -> Self {
        Scale { factor: gain, divisor: (fan_in as f64).sqrt() }
    }

    /// Of weights that are taken as they are.
    pub fn one() -> Self {
        Scale { factor: 1.0, divisor: 1.0 }
    }

    /// `x` times the scale.
    pub fn times(self, x: f64) -> f64 {
        x * self.factor / self.divisor
    }
}
