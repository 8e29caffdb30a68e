//! The nonlinear layers: the MLP, and the essay's Transformer layer with its two sublayers.

use crate::ensemble::Source;
use crate::kernel::euler_update::{mark, norm};
use crate::kernel::observe::{self, Observe, observation};
use crate::layer::sublayer::{Branch, Shape, Sublayer};
use crate::layer::{Point, State, Threshold};
use crate::plan::{BufferId, Plan};
use crate::random::Tensor;
use crate::spec::{LayerSpec, Model};

/// What is kept of a rollout, for each grid point: see [`observe`].
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// `[slots, 6 observations, points]`, the rows of [`observation`].
    pub observations: BufferId,
    /// `[now | peak | initial, points]`: squared norms over all tokens.
    pub norms: BufferId,
    /// `[7 marks, points]`: the rows of [`mark`].
    pub marks: BufferId,
}

/// An MLP or Transformer layer for the whole grid.
///
/// ```text
/// mlp:          x+ = (1 - gamma) x  + h FFN(norm(x))
/// transformer:  x' = (1 - gamma) x  + h MultiHead(norm(x))
///               x+ = (1 - gamma) x' + h FFN(norm(x'))
/// ```
///
/// with FFN(y) = radius W2 φ(W1 y) and MultiHead(y) = radius W_O [softmax(Q^T K / sqrt d) V of each head]; all weights
/// N(0, 1/fan_in). With `norm = post` the sums are normed instead of the inputs.
pub struct NonlinearLayer {
    pub(super) shape: Shape,
    pub(super) points: Vec<Point>,
    pub(super) attention: Option<Sublayer>,
    pub(super) feedforward: Sublayer,
    /// x', `[rows, columns]`.
    pub(super) middle: BufferId,
    /// The states before and after the last step.
    pub(super) last: Option<(BufferId, BufferId)>,
    start: State,
    others: [BufferId; 2],
    no_entropy: BufferId,
    threshold: Threshold,
    slots: usize,
    /// What is kept.
    pub record: Record,
}

impl NonlinearLayer {
    /// The layer of width `width` for these grid points; `slots` steps of a rollout can be kept.
    pub fn new(
        plan: &mut Plan,
        spec: &LayerSpec,
        width: usize,
        points: &[Point],
        threshold: Threshold,
        slots: usize,
    ) -> Self {
        let shape = Shape::new(width, spec.tokens, points.len());
        let attention =
            (spec.model == Model::Transformer).then(|| Sublayer::attention(plan, shape, spec, points, threshold));
        let state = |plan: &mut Plan| plan.reals("x", shape.rows * shape.columns);
        NonlinearLayer {
            shape,
            points: points.to_vec(),
            feedforward: Sublayer::feedforward(plan, shape, spec, points, threshold),
            middle: if attention.is_some() { state(plan) } else { plan.reals("unused", 1) },
            attention,
            last: None,
            start: State::new(plan, shape.rows, shape.columns),
            others: [state(plan), state(plan)],
            no_entropy: plan.reals("no_entropy", 1),
            threshold,
            slots,
            record: Record {
                observations: plan.reals("observations", slots * observation::ROWS * points.len()),
                norms: plan.reals("norms", norm::ROWS * points.len()),
                marks: plan.ints("marks", mark::ROWS * points.len()),
            },
        }
    }

    /// The sizes of the state.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Draws the weights of layer `step`: 0 once for tied weights, a new one before each step for iid weights.
    pub fn draw(&self, plan: &mut Plan, source: &Source, step: u32) {
        if let Some(attention) = &self.attention {
            attention.draw(plan, source, step);
        }
        self.feedforward.draw(plan, source, step);
    }

    /// The buffers of the weights, for callers that fill them themselves: of attention (stacked query, key and value
    /// `[3 n, n]`, output `[n, n]`), if there is any, then of the FFN (up `[hidden, n]`, down `[n, hidden]`), padded,
    /// with elements of variance 1.
    pub fn weights(&self) -> Vec<BufferId> {
        self.attention.iter().chain([&self.feedforward]).flat_map(Sublayer::weights).collect()
    }

    /// Draws the initial state, standard normal numbers, the same at every grid point: `[rows, columns]`.
    pub fn start(&self, plan: &mut Plan, source: &Source) -> BufferId {
        let Shape { width, tokens, points, .. } = self.shape;
        source.draw_state(plan, Tensor::State, (width, points * tokens, tokens), false, &self.start);
        self.start.x
    }

    /// The buffer of the initial state, for callers that fill it themselves.
    pub fn start_buffer(&self) -> BufferId {
        self.start.x
    }

    /// x', the state between the sublayers of the last step, `[rows, columns]`; unused by an MLP.
    pub fn middle(&self) -> BufferId {
        self.middle
    }

    /// One step from state `x`, `step` = 1, 2, ..; what is seen goes to slot `slot` of the record.
    /// The state moves between buffers, so the result names it anew.
    pub fn step(&mut self, plan: &mut Plan, x: BufferId, step: u32, slot: usize) -> BufferId {
        let after = self.others[usize::from(x == self.others[0])];
        match &self.attention {
            Some(attention) => {
                // x' = (1 - gamma) x + h MultiHead(norm(x))
                attention.update(plan, x, self.middle, step);
                // x+ = (1 - gamma) x' + h FFN(norm(x'))
                self.feedforward.update(plan, self.middle, after, step);
            }
            // x+ = (1 - gamma) x + h FFN(norm(x))
            None => self.feedforward.update(plan, x, after, step),
        }
        self.observe(plan, x, after, (step, slot));
        self.last = Some((x, after));
        after
    }

    fn observe(&self, plan: &mut Plan, x: BufferId, after: BufferId, (step, slot): (u32, usize)) {
        let (heads, entropy) = match self.attention.as_ref().map(|attention| &attention.branch) {
            Some(Branch::Attention { params, entropy, .. }) => (params.heads, *entropy),
            _ => (0, self.no_entropy),
        };
        let params = observe::Params {
            rows: self.shape.rows as u32,
            columns: self.shape.columns as u32,
            tokens: self.shape.tokens as u32,
            points: self.shape.points as u32,
            heads,
            sublayers: if heads > 0 { 2 } else { 1 },
            token_lanes: self.shape.tokens.next_power_of_two().min(64) as u32,
            step,
            slot: slot as u32,
            slots: self.slots as u32,
            threshold_exponent: self.threshold.exponent,
            threshold_mantissa: self.threshold.mantissa,
        };
        let Record { observations, norms, marks } = self.record;
        let coefficients = self.feedforward.coefficients;
        plan.run::<Observe>(params, &[x, self.start.x, coefficients, entropy, after, observations, norms, marks]);
    }
}
