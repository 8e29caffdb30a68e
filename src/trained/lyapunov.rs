//! Finite-time Lyapunov exponents along the depth of a trained model: how fast perturbations of the whole state grow.
//!
//! A frame of random tangents of all tokens goes through the exact linearisation of every layer, and is made orthonormal
//! behind each (Benettin et al., Meccanica 15, 1980): the sums of the logarithms of the diagonal of R, over the layers, are
//! the exponents.
//!
//! A few tens of layers are not many. A random frame of k vectors has little of the few directions that grow most, so these
//! exponents are what happens to *typical* perturbations, and a lower bound of what can happen, which are the singular values
//! of the product of all layers' Jacobians ([`TrainedLyapunovSpec::singular`]): the largest one of SmolLM2 on nine tokens is
//! e^0.326 a layer, where a random frame grows by e^0.18 to e^0.2. They depend on the frame, so several frames ([`TrainedLyapunovSpec::seed`]) tell how well they are known. Only all of them together, as
//! many as the state has numbers, have a sum that does not: the mean ln |det|.

use super::end_to_end::Whole;
use super::{Model, Stack, Way, length};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::invalid;
use crate::layer::Point;
use crate::numbers::random::{Stream, Tensor};
use crate::spec::TrainedLyapunovSpec;
use crate::spectrum::lanczos::LargestSingular;
use faer::Mat;
use std::ops::ControlFlow;

/// Exponents, in nats a layer, and how they came about.
pub struct TrainedLyapunov {
    /// `[layers, exponents]`: the exponents over the layers up to each; the last ones are the result.
    pub series: Vec<Vec<f64>>,
    /// `[layers]`: the growth ln(|x_k| / |x_0|) / k of the whole state's norm.
    pub norm_growth: Vec<f64>,
    /// The largest singular values of the product of all layers' Jacobians of the whole state, if they were asked for and
    /// the run was not stopped before their end.
    pub end_to_end: Option<LargestSingular>,
    /// Was it stopped before its end?
    pub interrupted: bool,
}

/// The part of a run with end-to-end singular values that comes before them, as progress has it.
const FIRST_PART: f64 = 0.1;
/// Ways through the model that are expected for them.
const EXPECTED_PASSES: f64 = 30.0;

impl TrainedLyapunov {
    /// The exponents, in the order of the frame.
    pub fn exponents(&self) -> Vec<f64> {
        self.series.last().cloned().unwrap_or_default()
    }

    /// The exponents of the direction alone: less the growth of the norm.
    pub fn angular_exponents(&self) -> Vec<f64> {
        let growth = self.norm_growth.last().copied().unwrap_or_default();
        self.exponents().into_iter().map(|exponent| exponent - growth).collect()
    }
}

/// Refuses, in one line, what cannot be computed of this model and a text.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
pub fn check(model: &Model, spec: &TrainedLyapunovSpec, token_ids: &[u32]) -> Result<()> {
    let dimension = model.anatomy().width * token_ids.len();
    let singular = spec.singular.unwrap_or_default();
    for (key, count, what) in [("top", spec.top, "exponents"), ("singular", singular, "singular values")] {
        if count > dimension {
            return invalid!("{key}: {count} {what} of a state of {dimension} numbers; ask for fewer");
        }
    }
    Ok(())
}

/// The exponents at the states of one text.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for more exponents than the state has numbers; what the device reports.
pub fn run(
    device: &Device,
    model: &Model,
    spec: &TrainedLyapunovSpec,
    token_ids: &[u32],
    progress: Progress,
) -> Result<TrainedLyapunov> {
    check(model, spec, token_ids)?;
    let dimension = model.anatomy().width * token_ids.len();
    let point = Point { step_size: spec.step_size, radius: 1.0, damping: spec.damping };
    let mut stack = Stack::begin(device, model, token_ids, &[point], spec.integrator)?;
    let start = length(&stack.states());
    if start == 0.0 {
        return invalid!(
            "checkpoint: the states of this text are 0, and growth is told relative to the start; check the embedding"
        );
    }
    let mut frame = orthonormal(drawn(spec.seed, dimension, spec.top)).0;
    let mut sums = vec![0.0; spec.top];
    let mut found =
        TrainedLyapunov { series: Vec::new(), norm_growth: Vec::new(), end_to_end: None, interrupted: false };
    let share = if spec.singular.is_some() { FIRST_PART } else { 1.0 };
    let mut before = Vec::new();
    for layer in 0..model.depth() {
        let weights = model.layer(layer)?;
        let moved = stack.through(&weights, Way::Forth, &frame)?;
        let (next, growth) = orthonormal(moved);
        frame = next;
        if spec.singular.is_some() {
            before.push(stack.clone());
        }
        stack.pass(&weights)?;
        stack.refuse_lost(layer)?;
        let steps = (layer + 1) as f64;
        sums.iter_mut().zip(growth).for_each(|(sum, growth)| *sum += growth.ln());
        found.series.push(sums.iter().map(|sum| sum / steps).collect());
        found.norm_growth.push((length(&stack.states()) / start).ln() / steps);
        let last = layer + 1 == model.depth();
        if progress(share * steps / model.depth() as f64).is_break() && !last {
            found.interrupted = true;
            return Ok(found);
        }
    }
    if let Some(count) = spec.singular {
        let whole = Whole { device, model, before };
        let mut told = |passes: usize| -> ControlFlow<()> {
            let done = passes as f64 / (passes as f64 + EXPECTED_PASSES);
            progress(share + (1.0 - share) * done)
        };
        found.end_to_end = whole.largest(count, &mut told)?;
        found.interrupted = found.end_to_end.is_none();
    }
    Ok(found)
}

/// Independent normal vectors, `[dimension, count]`.
fn drawn(seed: u64, dimension: usize, count: usize) -> Mat<f64> {
    let stream = Stream { seed, member: 0, tensor: Tensor::Deviations as u32, step: 0 };
    Mat::from_fn(dimension, count, |i, j| stream.standard((j * dimension + i) as u32))
}

/// An orthonormal basis of the columns, and by how much each is longer than what the ones before it leave of it.
fn orthonormal(columns: Mat<f64>) -> (Mat<f64>, Vec<f64>) {
    let qr = columns.qr();
    let growth = (0..columns.ncols()).map(|k| qr.thin_R()[(k, k)].abs()).collect();
    (qr.compute_thin_Q(), growth)
}
