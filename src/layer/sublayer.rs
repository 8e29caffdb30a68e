//! A sublayer: norm, branch (attention or FFN) and the Euler update with the branch's output projection.

use crate::kernel::euler_update;
use crate::kernel::shared::PADDING;
use crate::kernel::shared::trajectory::{event, norm};
use crate::kernel::{attend, normalise, project};
use crate::layer::update::{Update, UpdateCoefficients};
use crate::layer::{Point, Threshold};
use crate::numbers::activation;
use crate::numbers::random::Tensor;
use crate::plan::{Ints, Plan, Reals};
use crate::spec::{LayerSpec, Mask, NORM_EPSILON, NormKind, NormPlacement};
use crate::weights::Scale;
use crate::weights::Source;
use std::cell::Cell;

/// The sizes of a nonlinear layer.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The width n of a state.
    pub width: usize,
    /// The rows of a state: the width, padded to a multiple of 4.
    pub rows: usize,
    /// The tokens T of a state.
    pub tokens: usize,
    /// The number of grid points.
    pub points: usize,
    /// Grid points times tokens, padded; column `point * tokens + token`.
    pub columns: usize,
}

impl Shape {
    /// Of a layer with so many tokens.
    pub fn new(width: usize, tokens: usize, points: usize) -> Self {
        let columns = (points * tokens).next_multiple_of(PADDING);
        Shape { width, rows: width.next_multiple_of(PADDING), tokens, points, columns }
    }
}

/// f of a sublayer up to its output projection.
pub(super) enum Branch {
    /// Queries, keys and values, then every head.
    Attention {
        /// `[3 width, width]`, padded.
        weights: Reals,
        /// Q | K | V, `[3 width, columns]`, padded.
        stacked: Reals,
        /// `[width, columns]`, padded.
        heads: Reals,
        /// Of the first evaluation in a step, which is at a state of the trajectory, `[heads, columns]`.
        entropy: Reals,
        /// Of other evaluations; nobody reads it.
        other_entropy: Reals,
        /// Of the kernel.
        params: attend::Params,
    },
    /// The FFN's hidden units.
    Feedforward {
        /// `[hidden, width]`, padded.
        weights: Reals,
        /// `[hidden, columns]`, padded.
        hidden: Reals,
        /// A number of [`activation::kind`].
        activation: u32,
    },
}

/// What the weights of the two projections of a sublayer are multiplied by.
struct Scales {
    input: Scale,
    output: Scale,
}

/// One sublayer.
pub(super) struct Sublayer {
    pub shape: Shape,
    pub norm: NormPlacement,
    pub kind: NormKind,
    pub branch: Branch,
    /// Units that the output projection reads, not padded.
    pub inner: usize,
    /// Of the weights of the branch's first projection.
    pub input_scale: Scale,
    /// Of the weights of the output projection, with all that multiplies f besides the radius.
    pub output_scale: Scale,
    /// The output projection, `[width, inner]`, padded.
    pub output: Reals,
    /// The normed input of the branch, `[rows, columns]`; with `pre` only.
    pub normed: Reals,
    /// 1 / deviation of what was normed, `[columns]`.
    pub inverse: Reals,
    /// The update before its norm, `[rows, columns]`; with `post` only.
    raw: Reals,
    pub coefficients: UpdateCoefficients,
    pub member_gain: Reals,
    /// The state at which the norm and the branch were last evaluated.
    evaluated_at: Cell<Option<Reals>>,
    norms: Reals,
    events: Ints,
    threshold: Threshold,
}

impl Sublayer {
    /// The attention of a layer.
    pub fn attention(
        plan: &mut Plan,
        shape: Shape,
        spec: &LayerSpec,
        points: &[Point],
        (updates, threshold): (&[Update], Threshold),
    ) -> Self {
        let stacked_rows = (3 * shape.width).next_multiple_of(PADDING);
        let head_width = shape.width / spec.heads;
        let branch = Branch::Attention {
            weights: plan.reals("query_key_value", stacked_rows * shape.rows),
            stacked: plan.reals("stacked", stacked_rows * shape.columns),
            heads: plan.reals("heads", shape.rows * shape.columns),
            entropy: plan.reals("entropy", spec.heads * shape.columns),
            other_entropy: plan.reals("other_entropy", spec.heads * shape.columns),
            params: attend::Params {
                head_width: head_width as u32,
                tokens: shape.tokens as u32,
                columns: shape.columns as u32,
                rows: stacked_rows as u32,
                out_rows: shape.rows as u32,
                heads: spec.heads as u32,
                key_value_heads: spec.heads as u32,
                causal: u32::from(spec.mask == Mask::Causal),
                key_lanes: attend::key_lanes(shape.tokens as u32),
                // Queries and keys are stored without their gain.
                scale: spec.logit_gain * spec.gains.query_key.powi(2) / (head_width as f64).sqrt(),
            },
        };
        let scales = Scales {
            input: Scale::random(1.0, shape.width),
            // Heads are linear in the values, which are stored without their gain.
            output: Scale::random(spec.gains.value * spec.gains.output, shape.width),
        };
        Self::new(plan, shape, spec, points, (updates, threshold), (branch, shape.width, scales))
    }

    /// The FFN of a layer.
    pub fn feedforward(
        plan: &mut Plan,
        shape: Shape,
        spec: &LayerSpec,
        points: &[Point],
        (updates, threshold): (&[Update], Threshold),
    ) -> Self {
        let hidden = spec.ffn_ratio * shape.width;
        let padded = hidden.next_multiple_of(PADDING);
        let branch = Branch::Feedforward {
            weights: plan.reals("up", padded * shape.rows),
            hidden: plan.reals("hidden", padded * shape.columns),
            activation: activation::number(spec.activation),
        };
        let scales = Scales {
            input: Scale::random(spec.gains.hidden, shape.width),
            output: Scale::random(spec.gains.output, hidden),
        };
        Self::new(plan, shape, spec, points, (updates, threshold), (branch, hidden, scales))
    }

    fn new(
        plan: &mut Plan,
        shape: Shape,
        spec: &LayerSpec,
        points: &[Point],
        (updates, threshold): (&[Update], Threshold),
        (branch, inner, scales): (Branch, usize, Scales),
    ) -> Self {
        let normed = if spec.norm == NormPlacement::Pre { shape.rows * shape.columns } else { 1 };
        let raw = if spec.norm == NormPlacement::Post { shape.rows * shape.columns } else { 1 };
        Sublayer {
            shape,
            norm: spec.norm,
            kind: spec.norm_kind,
            branch,
            inner,
            input_scale: scales.input,
            output_scale: scales.output,
            output: plan.reals("output", shape.rows * inner.next_multiple_of(PADDING)),
            normed: plan.reals("normed", normed),
            inverse: plan.reals("inverse", shape.columns),
            raw: plan.reals("raw", raw),
            coefficients: UpdateCoefficients::new(plan, (shape.columns, shape.tokens), points, scales.output, updates),
            evaluated_at: Cell::new(None),
            member_gain: plan.shared_reals("member_gain", vec![1.0]),
            norms: plan.reals("norms", norm::ROWS * shape.columns),
            events: plan.ints("events", event::ROWS * shape.columns),
            threshold,
        }
    }

    /// Can scores be so large that rounding them decides which one is the largest? Behind a norm they are about the logit
    /// gain times sqrt n.
    pub fn has_large_scores(&self) -> bool {
        let Branch::Attention { params, .. } = self.branch else { return false };
        self.norm == NormPlacement::None || params.scale * f64::from(params.head_width).sqrt() > 100.0
    }

    /// Draws the weights of layer `step`.
    pub fn draw(&self, plan: &mut Plan, source: &Source, step: u32) {
        let n = self.shape.width;
        match self.branch {
            Branch::Attention { weights, .. } => {
                source.draw(plan, Tensor::QueryKeyValue, step, (3 * n, n), weights);
                source.draw(plan, Tensor::Output, step, (n, n), self.output);
            }
            Branch::Feedforward { weights, .. } => {
                source.draw(plan, Tensor::Up, step, (self.inner, n), weights);
                source.draw(plan, Tensor::Down, step, (n, self.inner), self.output);
            }
        }
    }

    /// The branch's weights and the output projection.
    pub fn weights(&self) -> [Reals; 2] {
        match self.branch {
            Branch::Attention { weights, .. } | Branch::Feedforward { weights, .. } => [weights, self.output],
        }
    }

    /// `out <- keep base + gain f(x)` as `update` says, with the norm before f or behind the sum.
    pub fn update(&self, plan: &mut Plan, update: Update, [base, x, out]: [Reals; 3], step: u32) {
        let units = self.evaluate(plan, x);
        let sum = if self.norm == NormPlacement::Post { self.raw } else { out };
        let params = self.euler_params(self.shape.columns, step);
        let buffers = euler_update::Buffers {
            weights: self.output,
            input: units,
            x: base,
            coefficients: self.coefficients.of(update),
            member_gain: self.member_gain,
            out: sum,
            norms: self.norms,
            events: self.events,
        };
        plan.run(params, buffers);
        if self.norm == NormPlacement::Post {
            plan.run(self.norm_params(), normalise::Buffers { x: sum, out, inverse: self.inverse });
        }
    }

    /// The units that the output projection reads at state `x`; leaves the norm and the branch as they are there.
    pub fn evaluate(&self, plan: &mut Plan, x: Reals) -> Reals {
        let first = self.evaluated_at.replace(Some(x)).is_none();
        let input = self.prepare(plan, x);
        self.branch(plan, input, first)
    }

    /// Forgets the evaluations of the last step.
    pub fn begin_step(&self) {
        self.evaluated_at.set(None);
    }

    /// [`Sublayer::evaluate`] where the last evaluation was at another state.
    pub fn evaluate_again(&self, plan: &mut Plan, x: Reals) {
        if self.evaluated_at.get() != Some(x) {
            self.evaluate(plan, x);
        }
    }

    /// The input of the branch at state `x`.
    fn prepare(&self, plan: &mut Plan, x: Reals) -> Reals {
        if self.norm != NormPlacement::Pre {
            return x;
        }
        plan.run(self.norm_params(), normalise::Buffers { x, out: self.normed, inverse: self.inverse });
        self.normed
    }

    /// The units that the output projection reads.
    fn branch(&self, plan: &mut Plan, input: Reals, first: bool) -> Reals {
        match self.branch {
            Branch::Attention { weights, stacked, heads, entropy, other_entropy, params } => {
                let entropy = if first { entropy } else { other_entropy };
                let linear = self.projection(activation::kind::IDENTITY);
                plan.run(linear, project::Buffers { weights, input, out: stacked });
                plan.run(params, attend::Buffers { stacked, out: heads, entropy });
                heads
            }
            Branch::Feedforward { weights, hidden, activation } => {
                plan.run(self.projection(activation), project::Buffers { weights, input, out: hidden });
                hidden
            }
        }
    }

    /// The branch's first projection.
    pub fn projection(&self, activation: u32) -> project::Params {
        let rows = match &self.branch {
            Branch::Attention { params, .. } => params.rows as usize,
            Branch::Feedforward { .. } => self.inner.next_multiple_of(PADDING),
        };
        project::Params {
            rows: rows as u32,
            inner: self.shape.rows as u32,
            columns: self.shape.columns as u32,
            activation,
            scale: self.input_scale.times(1.0),
        }
    }

    /// Of the Euler update with the output projection, for a state or tangents with so many columns.
    pub fn euler_params(&self, columns: usize, step: u32) -> euler_update::Params {
        euler_update::Params {
            rows: self.shape.rows as u32,
            inner: self.inner.next_multiple_of(PADDING) as u32,
            columns: columns as u32,
            step,
            renormalise: 0,
            threshold_exponent: self.threshold.exponent,
            threshold_mantissa: self.threshold.mantissa,
        }
    }

    fn norm_params(&self) -> normalise::Params {
        normalise::Params {
            width: self.shape.width as u32,
            rows: self.shape.rows as u32,
            columns: self.shape.columns as u32,
            root_mean_square: u32::from(self.kind == NormKind::Rmsnorm),
            epsilon: NORM_EPSILON,
        }
    }
}
