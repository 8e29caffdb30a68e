//! A layer's Jacobians at some tokens as operators on vectors: they are never assembled.

use super::Stack;
use crate::device::Device;
use crate::error::Result;
use crate::layer::{Adjoint, Part, Tangents};
use crate::plan::{Data, Inputs, Output, Plan, Reals};
use crate::weights::LearnedLayer;
use faer::Mat;

/// Vectors that are multiplied at once. A product reads the layer's weights, so that a few vectors cost hardly more than one.
pub(super) const VECTORS: usize = 8;

/// Which way vectors go through a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Tangents: J d.
    Forth,
    /// Cotangents: J^T w.
    Back,
}

/// The Jacobians ∂x⁺_t/∂x_t of a layer at some tokens, or their transposes, as operators: the layer itself is computed once,
/// and what tangents or cotangents read of it is kept for all products.
pub(super) struct Operators<'a> {
    device: &'a Device,
    plan: Plan,
    kept: Inputs<'static>,
    start: Reals,
    end: Output<Reals>,
    /// The width.
    pub order: usize,
    tokens: usize,
    /// Numbers of the vectors.
    length: usize,
}

impl<'a> Operators<'a> {
    /// # Errors
    /// What the device reports.
    pub fn new(stack: &Stack<'a>, weights: &LearnedLayer, tokens: &[usize], way: Way) -> Result<Self> {
        let (mut plan, inputs, layer, _) = stack.recorded(weights);
        let of_layer = plan.runs.len();
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
        let (plan, kept) = stack.device.begin(plan, of_layer, &inputs)?;
        Ok(Operators {
            device: stack.device,
            plan,
            kept,
            start,
            end,
            order: shape.width,
            tokens: tokens.len(),
            length: shape.rows * tokens.len() * VECTORS,
        })
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
        let inputs = self.kept.clone().with(self.start, Data::F64(deviations));
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
