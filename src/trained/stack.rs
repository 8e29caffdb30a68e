//! The states of one text on their way through the layers.

use super::model::in_columns;
use super::operators::Way;
use super::{Model, length};
use crate::device::Device;
use crate::error::Result;
use crate::invalid;
use crate::kernel::attend_tangent::MOST_WORK;
use crate::kernel::shared::trajectory::event;
use crate::layer::Shape;
use crate::layer::{Adjoint, NonlinearLayer, Part, Point, Tangents};
use crate::plan::{Data, Inputs, Plan, Reals};
use crate::spec::{Integrator, MOST_TOKENS};
use crate::weights::LearnedLayer;
use faer::Mat;

/// The states of one text at some grid points, between two layers.
#[derive(Clone)]
pub struct Stack<'a> {
    pub(super) device: &'a Device,
    pub(super) model: &'a Model,
    points: Vec<Point>,
    integrator: Integrator,
    pub(super) tokens: usize,
    /// `[rows, columns]`, padded; column `point * tokens + token`.
    pub(super) state: Vec<f64>,
}

/// The Jacobians ∂x⁺_t/∂x_t of a layer, of some tokens.
pub struct Jacobians {
    /// Rows and columns of each: the width.
    pub order: usize,
    /// `[tokens]`: row-major matrices.
    pub matrices: Vec<Vec<f64>>,
}

/// Where states are frozen.
const LARGEST_STATE: f64 = (1_u64 << 48) as f64;
/// Bytes of the tangents of one run.
const TANGENT_BYTES: usize = 96 << 20;

impl<'a> Stack<'a> {
    /// The states before the first layer: embeddings of these tokens, the same at every grid point.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) for tokens that do not exist, or too many of them.
    pub fn begin(
        device: &'a Device,
        model: &'a Model,
        token_ids: &[u32],
        points: &[Point],
        integrator: Integrator,
    ) -> Result<Self> {
        let (tokens, width) = (token_ids.len(), model.anatomy().width);
        if tokens > MOST_TOKENS {
            return invalid!(
                "text: it has {tokens} tokens, and at most {MOST_TOKENS} are possible; give a shorter text"
            );
        }
        if model.anatomy().sublayers() == 1 && matches!(integrator, Integrator::Strang | Integrator::StrangRk4) {
            return invalid!("integrator: {integrator} splits two sublayers, and this model's layers are one; use rk4");
        }
        let embedded = model.embed(device, token_ids)?;
        if !embedded.iter().all(|x| x.abs() < LARGEST_STATE) {
            return invalid!(
                "checkpoint: the embedding of this text reaches 2^48, where states are frozen; check its weights"
            );
        }
        let shape = Shape::new(width, tokens, points.len());
        let state = in_columns(&embedded.repeat(points.len()), shape);
        Ok(Stack { device, model, points: points.to_vec(), integrator, tokens, state })
    }

    /// The tokens of the text.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    fn shape(&self) -> Shape {
        Shape::new(self.model.anatomy().width, self.tokens, self.points.len())
    }

    /// The state of a token at a grid point, `[width]`.
    pub fn state(&self, point: usize, token: usize) -> Vec<f64> {
        let (shape, column) = (self.shape(), point * self.tokens + token);
        (0..shape.width).map(|row| self.state[row * shape.columns + column]).collect()
    }

    /// All states, `[points, tokens, width]`.
    pub fn states(&self) -> Vec<f64> {
        (0..self.points.len()).flat_map(|p| (0..self.tokens).flat_map(move |t| self.state(p, t))).collect()
    }

    /// The norm of a state.
    pub fn norm(&self, point: usize, token: usize) -> f64 {
        length(&self.state(point, token))
    }

    /// Replaces the states by those behind a layer.
    ///
    /// # Errors
    /// What the device reports. A state that reaches 2^48 is frozen there, and NaN from then on.
    pub fn pass(&mut self, weights: &LearnedLayer) -> Result<()> {
        self.advance(weights, 1).map(drop)
    }

    /// [`Stack::pass`], which returns what each Euler step of a sublayer added to all states of the first grid point,
    /// `[sublayers]` of `[tokens, width]`: its f, where h is 1 and there is neither friction nor a norm behind it.
    ///
    /// # Errors
    /// As of [`Stack::pass`].
    pub fn pass_with_fields(&mut self, weights: &LearnedLayer) -> Result<Vec<Vec<f32>>> {
        let before = self.state.clone();
        let states = [vec![before], self.advance(weights, usize::MAX)?].concat();
        let of_column = |state: &[f64], token: usize, row: usize| state[row * self.shape().columns + token];
        let (tokens, width) = (self.tokens, self.shape().width);
        let field = |pair: &[Vec<f64>]| -> Vec<f32> {
            let places = (0..tokens).flat_map(|token| (0..width).map(move |row| (token, row)));
            places.map(|(t, row)| (of_column(&pair[1], t, row) - of_column(&pair[0], t, row)) as f32).collect()
        };
        Ok(states.windows(2).map(field).collect())
    }

    /// Replaces the states by those behind a layer, and returns those behind the last operations of the step, so many of them
    /// at most.
    fn advance(&mut self, weights: &LearnedLayer, most: usize) -> Result<Vec<Vec<f64>>> {
        let (mut plan, inputs, layer, _) = self.recorded(weights);
        let operations = &layer.states()[1..];
        let last = &operations[operations.len().saturating_sub(most)..];
        let outputs: Vec<_> = last.iter().map(|&state| plan.output(state)).collect();
        let events = plan.output(layer.record.events);
        let points = self.points.len();
        let mut states = Vec::new();
        let mut frozen = Vec::new();
        self.device.run(&plan, 1, 0, &inputs, &mut |chunk| {
            states = outputs.iter().map(|&state| chunk.reals(state).to_vec()).collect();
            let events = chunk.ints(events);
            frozen = (0..points).filter(|point| events[event::DIVERGED_STEP * points + point] > 0).collect();
            Ok(())
        })?;
        self.state = states.last().expect("a step has an operation").clone();
        frozen.into_iter().for_each(|point| self.lose(point));
        Ok(states)
    }

    /// Refuses to go on where a state was frozen behind this layer: what would be said of it and of those behind it is not
    /// known.
    pub(super) fn refuse_lost(&self, layer: usize) -> Result<()> {
        match self.state.iter().any(|x| x.is_nan()) {
            false => Ok(()),
            true => invalid!(
                "checkpoint: the state reaches 2^48 in layer {layer} (from 0), where it is frozen; lower step_size, or check the \
                 weights"
            ),
        }
    }

    /// A point whose states are beyond the device's numbers has none any more.
    fn lose(&mut self, point: usize) {
        let (shape, tokens) = (self.shape(), self.tokens);
        for row in self.state.chunks_mut(shape.columns) {
            row[point * tokens..(point + 1) * tokens].fill(f64::NAN);
        }
    }

    /// The Jacobians ∂x⁺_t/∂x_t of a layer at the states before it, of these tokens of the first grid point.
    ///
    /// # Errors
    /// What the device reports.
    pub fn jacobians(&self, weights: &LearnedLayer, tokens: &[usize]) -> Result<Jacobians> {
        self.check_work()?;
        let order = self.model.anatomy().width;
        let mut matrices = Vec::with_capacity(tokens.len());
        for tokens in tokens.chunks(self.tokens_at_once(order)) {
            let (mut plan, inputs, layer, _) = self.recorded(weights);
            let tangents = Tangents::of_own_columns(&mut plan, &layer, tokens, order);
            let basis = tangents.basis(&mut plan, &layer, 0);
            let end = tangents.apply(&mut plan, &layer, Part::Step, basis);
            let blocks = plan.output(end);
            let (columns, vectors) = (tokens.len(), tangents.vectors());
            self.device.run(&plan, 1, 0, &inputs, &mut |chunk| {
                let blocks = chunk.reals(blocks);
                matrices.extend((0..columns).map(|column| {
                    let line = |row: usize| (row * columns + column) * vectors;
                    (0..order).flat_map(|row| (0..order).map(move |k| line(row) + k)).map(|at| blocks.at(at)).collect()
                }));
                Ok(())
            })?;
        }
        Ok(Jacobians { order, matrices })
    }

    /// The tangents of a layer's step at the states before it, J d: of each column d of `frame`, `[width x tokens, vectors]`,
    /// whose row is element `row * tokens + token` of the state; or the cotangents J^T w of each column w.
    ///
    /// # Errors
    /// What the device reports.
    pub fn through(&self, weights: &LearnedLayer, way: Way, frame: &Mat<f64>) -> Result<Mat<f64>> {
        self.check_work()?;
        let (mut plan, inputs, layer, _) = self.recorded(weights);
        let (shape, tokens) = (self.shape(), self.tokens);
        let (start, end, vectors) = match way {
            Way::Forth => {
                let tangents = Tangents::new(&mut plan, &layer, frame.ncols());
                let start = plan.input(tangents.start_buffer());
                (start, tangents.step(&mut plan, &layer, start), tangents.vectors())
            }
            Way::Back => {
                let adjoint = Adjoint::new(&mut plan, &layer, frame.ncols());
                let start = plan.input(adjoint.start_buffer());
                (start, adjoint.step(&mut plan, start), adjoint.vectors())
            }
        };
        let end = plan.output(end);
        let at = |row: usize, token: usize, k: usize| (row * shape.columns + token) * vectors + k;
        let mut start_of = vec![0.0; shape.rows * shape.columns * vectors];
        for (i, k) in (0..frame.nrows()).flat_map(|i| (0..frame.ncols()).map(move |k| (i, k))) {
            start_of[at(i / tokens, i % tokens, k)] = frame[(i, k)];
        }
        let inputs = inputs.with(start, Data::F64(start_of));
        let mut moved = Mat::zeros(frame.nrows(), frame.ncols());
        self.device.run(&plan, 1, 0, &inputs, &mut |chunk| {
            let numbers = chunk.reals(end);
            moved = Mat::from_fn(frame.nrows(), frame.ncols(), |i, k| numbers.at(at(i / tokens, i % tokens, k)));
            Ok(())
        })?;
        Ok(moved)
    }

    /// Refuses texts that are too long for the tangents of attention.
    pub(super) fn check_work(&self) -> Result<()> {
        let most = self.model.anatomy().attention.as_ref().map_or(MOST_TOKENS, |heads| MOST_WORK / heads.width);
        match self.tokens <= most {
            true => Ok(()),
            false => invalid!(
                "text: it has {} tokens, and Jacobians can be made of {most}; give a shorter text",
                self.tokens
            ),
        }
    }

    /// Tokens of which so many tangents each fit into one run.
    pub(super) fn tokens_at_once(&self, vectors: usize) -> usize {
        let anatomy = self.model.anatomy();
        let stacked = anatomy.attention.as_ref().map_or(0, |heads| heads.stacked_rows());
        let hidden = anatomy.feedforward.map_or(0, |units| units.projected_rows());
        let rows = stacked.max(hidden).max(anatomy.width);
        (TANGENT_BYTES / (4 * rows * vectors)).max(1)
    }

    /// The plan of one layer's step on the states, an input of it.
    pub(super) fn recorded(&self, weights: &LearnedLayer) -> (Plan, Inputs<'static>, NonlinearLayer, Reals) {
        let mut plan = Plan::new();
        let anatomy = self.model.anatomy();
        let mut layer =
            NonlinearLayer::learned(&mut plan, anatomy, weights, self.integrator, self.tokens, &self.points);
        let start = plan.input(layer.start_buffer());
        let inputs = Inputs::new().with(start, Data::F64(self.state.clone()));
        let end = layer.step(&mut plan, start, 1, 0);
        (plan, inputs, layer, end)
    }
}
