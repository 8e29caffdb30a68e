//! The largest singular values of the product of all layers' Jacobians, those of the whole state: how much any perturbation
//! before the first layer can have grown behind the last one.
//!
//! The product is never made: tangents go through all layers from the first to the last, cotangents from the last to the
//! first, each layer at the state that the text has before it. One layer's weights are in memory at a time, so they are read
//! anew for each way through the model.

use super::{Model, Stack, Way};
use crate::device::Device;
use crate::error::Result;
use crate::spectrum::lanczos::{Asked, Lanczos, LargestSingular};
use faer::Mat;
use std::ops::ControlFlow;

/// Vectors that go through the model at once. Reading the weights takes as long as a few of them.
const VECTORS: usize = 8;

/// The layers of a model at the states of a text.
pub(super) struct Whole<'a> {
    pub device: &'a Device,
    pub model: &'a Model,
    /// `[layers]`: the text before each.
    pub before: Vec<Stack<'a>>,
}

impl Whole<'_> {
    /// The `count` largest singular values; none if `passed`, which is told how often vectors have gone through the model,
    /// stops it.
    ///
    /// # Errors
    /// What the checkpoint is refused for, and what the device reports.
    pub fn largest(
        &self,
        count: usize,
        passed: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Option<LargestSingular>> {
        let order = self.model.anatomy().width * self.before[0].tokens();
        let mut iteration = Lanczos::new(order, count, VECTORS, self.device.epsilon());
        let mut passes = 0;
        while let Some(asked) = iteration.asks() {
            let products = match asked {
                Asked::Images(vectors) => self.through(Way::Forth, vectors)?,
                Asked::Back(vectors) => self.through(Way::Back, vectors)?,
            };
            iteration.take(&products);
            passes += 1;
            if passed(passes).is_break() && iteration.asks().is_some() {
                return Ok(None);
            }
        }
        Ok(Some(iteration.found()))
    }

    /// The product times some vectors, or its transpose.
    fn through(&self, way: Way, vectors: &Mat<f64>) -> Result<Mat<f64>> {
        let (mut frame, mut scale) = (vectors.clone(), 1.0);
        for step in 0..self.before.len() {
            let layer = match way {
                Way::Forth => step,
                Way::Back => self.before.len() - 1 - step,
            };
            frame = self.before[layer].through(&self.model.layer(layer)?, way, &frame)?;
            // Far from the limits of f32 in between, by a power of two.
            let largest = frame.norm_max();
            if largest > 0.0 && largest.is_finite() {
                let power = largest.log2().floor().exp2();
                frame /= faer::Scale(power);
                scale *= power;
            }
        }
        Ok(frame * faer::Scale(scale))
    }
}
