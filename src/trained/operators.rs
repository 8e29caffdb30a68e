//! A layer's Jacobians at some tokens as operators on vectors: they are never assembled.

use super::Stack;
use crate::device::Device;
use crate::error::Result;
use crate::layer::{Adjoint, Part, Tangents};
use crate::plan::{Data, Inputs, Output, Plan, Reals};
use crate::weights::LearnedLayer;
use faer::Mat;

/// Vectors that are multiplied at once. A product computes the layer itself again, at all tokens, so that a few vectors cost
/// hardly more than one.
pub(super) const VECTORS: usize = 8;

/// Which way vectors go through a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Tangents: J d.
    Forth,
    /// Cotangents: J^T w.
    Back,
}

/// The Jacobians ∂x⁺_t/∂x_t of a layer at some tokens, or their transposes, as operators: a plan that is recorded once and
/// run for each product.
pub(super) struct Operators<'a> {
    device: &'a Device,
    plan: Plan,
    state: Vec<f64>,
    inputs: [Reals; 2],
    end: Output<Reals>,
    /// The width.
    pub order: usize,
    tokens: usize,
    /// Numbers of the vectors.
    length: usize,
}

impl<'a> Operators<'a> {
    pub fn new(stack: &Stack<'a>, weights: &LearnedLayer, tokens: &[usize], way: Way) -> Self {
        let (mut plan, _, layer, _) = stack.recorded(weights);
        let (start, end) = match way {
            Way::Forth => {
                let tangents = Tangents::of_own_columns(&mut plan, &layer, tokens, VECTORS);
                let start = plan.input(tangents.start_buffer());
                (start, tangents.apply(&mut plan, &layer, Part::Step, start))
            }
            Way::Back => {
                let adjoint = Adjoint::of_own_columns(&mut plan, &layer, tokens, VECTORS);
                let start = plan.input(adjoint.start_buffer());
                (start, adjoint.step(&mut plan, start))
            }
        };
        let (end, shape) = (plan.output(end), layer.shape());
        Operators {
            device: stack.device,
            plan,
            state: stack.state.clone(),
            inputs: [layer.start_buffer(), start],
            end,
            order: shape.width,
            tokens: tokens.len(),
            length: shape.rows * tokens.len() * VECTORS,
        }
    }

    /// The images of each token's vectors, `[width, at most VECTORS]` each.
    pub fn apply(&self, blocks: &[Mat<f64>]) -> Result<Vec<Mat<f64>>> {
        let at = |row: usize, token: usize, k: usize| (row * self.tokens + token) * VECTORS + k;
        let mut deviations = vec![0.0; self.length];
        for (token, block) in blocks.iter().enumerate() {
            for (row, k) in (0..block.nrows()).flat_map(|row| (0..block.ncols()).map(move |k| (row, k))) {
                deviations[at(row, token, k)] = block[(row, k)];
            }
        }
        let [state, start] = self.inputs;
        let inputs = Inputs::new().with(state, Data::F64(self.state.clone())).with(start, Data::F64(deviations));
        let mut images = Vec::new();
        self.device.run(&self.plan, 1, 0, &inputs, &mut |chunk| {
            let numbers = chunk.reals(self.end);
            let image = |(token, block): (usize, &Mat<f64>)| {
                Mat::from_fn(self.order, block.ncols(), |row, k| numbers.at(at(row, token, k)))
            };
            images = blocks.iter().enumerate().map(image).collect();
            Ok(())
        })?;
        Ok(images)
    }
}
