//! The leading eigenvalues of a layer's Jacobians at some tokens, which are never assembled.

use super::Stack;
use crate::device::Device;
use crate::error::Result;
use crate::layer::{Part, Tangents};
use crate::plan::{Data, Inputs, Output, Plan, Reals};
use crate::spectrum::arnoldi::{Arnoldi, Leading};
use crate::weights::LearnedLayer;
use faer::Mat;

/// Vectors that are multiplied at once. A product computes the layer itself again, at all tokens, so that a few vectors cost
/// hardly more than one.
const VECTORS: usize = 8;

/// The Jacobians ∂x⁺_t/∂x_t of a layer at some tokens as operators: a plan that is recorded once and run for each product.
struct Operators<'a> {
    device: &'a Device,
    plan: Plan,
    state: Vec<f64>,
    inputs: [Reals; 2],
    end: Output<Reals>,
    /// The width.
    order: usize,
    tokens: usize,
    /// Numbers of the tangents.
    length: usize,
}

impl<'a> Operators<'a> {
    fn new(stack: &Stack<'a>, weights: &LearnedLayer, tokens: &[usize]) -> Self {
        let (mut plan, _, layer, _) = stack.recorded(weights);
        let tangents = Tangents::of_own_columns(&mut plan, &layer, tokens, VECTORS);
        let start = plan.input(tangents.start_buffer());
        let end = tangents.apply(&mut plan, &layer, Part::Step, start);
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
    fn apply(&self, blocks: &[Mat<f64>]) -> Result<Vec<Mat<f64>>> {
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

impl Stack<'_> {
    /// The `count` eigenvalues of largest magnitude of the Jacobian ∂x⁺_t/∂x_t of a layer at the states before it, of each of
    /// these tokens of the first grid point; `count` is the width at most.
    ///
    /// # Errors
    /// What the device reports.
    pub fn leading(&self, weights: &LearnedLayer, tokens: &[usize], count: usize) -> Result<Vec<Leading>> {
        self.check_work()?;
        let mut found = Vec::with_capacity(tokens.len());
        for tokens in tokens.chunks(self.tokens_at_once(VECTORS)) {
            let operators = Operators::new(self, weights, tokens);
            let begin = || Arnoldi::new(operators.order, count, VECTORS, self.device.epsilon());
            let mut iterations: Vec<Arnoldi> = tokens.iter().map(|_| begin()).collect();
            while iterations.iter().any(|own| own.asks().is_some()) {
                let none = || Mat::zeros(operators.order, 0);
                let blocks: Vec<Mat<f64>> =
                    iterations.iter().map(|own| own.asks().cloned().unwrap_or_else(none)).collect();
                let images = operators.apply(&blocks)?;
                iterations.iter_mut().zip(&images).for_each(|(own, images)| own.take(images));
            }
            found.extend(iterations.into_iter().map(Arnoldi::found));
        }
        Ok(found)
    }
}
