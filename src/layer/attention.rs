//! The attention branch of a sublayer, up to its output projection.

use crate::kernel::shared::PADDING;
use crate::kernel::{attend, project, rotate};
use crate::layer::anatomy::{Heads, Rotary};
use crate::layer::bias::DrawnBias;
use crate::layer::columns::{OwnColumns, Size};
use crate::layer::learned::{self, RowAffine};
use crate::layer::shape::Shape;
use crate::numbers::activation::kind;
use crate::numbers::random::Tensor;
use crate::plan::{Plan, Reals, Words};
use crate::weights::{Projection, Scale};
use std::cell::OnceCell;

/// Queries, keys and values, then every head.
pub(super) struct Attention {
    pub heads: Heads,
    /// `[stacked rows, width]`, padded.
    pub weights: Reals,
    /// Of the weights.
    pub scale: Scale,
    /// Q | K | V as they are projected, `[stacked rows, columns]`, padded.
    projected: Reals,
    bias: Option<RowAffine>,
    /// What the bias is drawn into, of a random layer.
    pub drawn_bias: Option<DrawnBias>,
    turn: Option<Turn>,
    /// Q | K | V as the heads read them.
    pub stacked: Reals,
    /// `[heads x head width, columns]`, padded.
    pub out: Reals,
    /// Of the first evaluation in a step, which is at a state of the trajectory, `[heads, columns]`.
    pub entropy: Reals,
    /// Of other evaluations; nobody reads it.
    other_entropy: OnceCell<Reals>,
    pub params: attend::Params,
    shape: Shape,
}

/// Rotary positions, with their tables.
#[derive(Clone, Copy)]
struct Turn {
    /// For a state.
    params: rotate::Params,
    /// `[pairs, tokens]`.
    cosines: Reals,
    sines: Reals,
    /// Of each column of the state.
    position: Words,
    /// Q | K | V after it.
    out: Reals,
}

/// The angle of every pair at every position, `[pairs, tokens]`.
fn angles(rotary: &Rotary, tokens: usize) -> impl Iterator<Item = f64> {
    rotary.frequencies.iter().flat_map(move |f| (0..tokens).map(move |token| f * token as f64))
}

impl Turn {
    fn new(plan: &mut Plan, shape: Shape, heads: &Heads, rotary: &Rotary) -> Self {
        let rows = heads.stacked_rows().next_multiple_of(PADDING);
        let (sines, cosines) = angles(rotary, shape.tokens).map(f64::sin_cos).unzip();
        Turn {
            params: rotate::Params {
                rows: rows as u32,
                columns: shape.columns as u32,
                vectors: 1,
                heads: (heads.count + heads.key_values) as u32,
                head_width: heads.width as u32,
                dimensions: 2 * rotary.frequencies.len() as u32,
                positions: shape.tokens as u32,
            },
            cosines: plan.shared_reals("cosines", cosines),
            sines: plan.shared_reals("sines", sines),
            position: plan.shared_words("position", (0..shape.columns).map(|c| (c % shape.tokens) as u32).collect()),
            out: plan.reals("turned", rows * shape.columns),
        }
    }

    fn apply(&self, plan: &mut Plan, x: Reals) {
        let Turn { params, cosines, sines, position, out } = *self;
        plan.run(params, rotate::Buffers { cosines, sines, position, x, out });
    }

    /// The same of tangents, in columns of their own or those of the state.
    fn tangent(&self, plan: &mut Plan, deviations: Reals, own: Option<&OwnColumns>, size: Size) -> Reals {
        let Turn { params, cosines, sines, .. } = *self;
        let position = match own {
            Some(own) => own.positions(plan, params.positions),
            None => self.position,
        };
        let out = plan.reals("turned", params.rows as usize * size.stride());
        let params = rotate::Params { columns: size.columns as u32, vectors: size.vectors as u32, ..params };
        plan.run(params, rotate::Buffers { cosines, sines, position, x: deviations, out });
        out
    }
}

impl Attention {
    /// An attention whose weights are drawn, with biases of this standard deviation, or the learned ones.
    pub fn new(plan: &mut Plan, shape: Shape, heads: &Heads, bias: f64, learned: Option<&Projection>) -> Self {
        let rows = heads.stacked_rows().next_multiple_of(PADDING);
        let whole = rows * shape.columns;
        let weights = match learned {
            Some(own) => learned::matrix(plan, "query_key_value", own, shape.width),
            None => plan.reals("query_key_value", rows * shape.rows),
        };
        let projected = plan.reals("stacked", whole);
        let drawn_bias =
            (bias > 0.0).then(|| DrawnBias::new(plan, Tensor::QueryKeyValueBias, heads.stacked_rows(), bias));
        let bias = match (learned.and_then(|own| own.bias.as_deref()), &drawn_bias) {
            (Some(bias), _) => Some(RowAffine::of_bias(plan, bias, shape.columns)),
            (None, Some(drawn)) => Some(RowAffine::of_drawn(plan, drawn, shape.columns)),
            (None, None) => None,
        };
        let turn = heads.rotary.as_ref().map(|rotary| Turn::new(plan, shape, heads, rotary));
        let out_rows = heads.query_rows().next_multiple_of(PADDING);
        Attention {
            heads: heads.clone(),
            weights,
            scale: if learned.is_some() { Scale::one() } else { Scale::random(1.0, shape.width) },
            projected,
            bias,
            drawn_bias,
            turn,
            stacked: turn.map(|turn| turn.out).or(bias.map(|bias| bias.out)).unwrap_or(projected),
            out: plan.reals("heads", out_rows * shape.columns),
            entropy: plan.reals("entropy", heads.count * shape.columns),
            other_entropy: OnceCell::new(),
            params: attend::Params {
                head_width: heads.width as u32,
                tokens: shape.tokens as u32,
                columns: shape.columns as u32,
                rows: rows as u32,
                out_rows: out_rows as u32,
                heads: heads.count as u32,
                key_value_heads: heads.key_values as u32,
                causal: u32::from(heads.causal),
                key_lanes: attend::key_lanes(shape.tokens as u32),
                scale: heads.scale,
            },
            shape,
        }
    }

    /// What the heads make of `input`; the entropy is kept of the first evaluation in a step.
    pub fn evaluate(&self, plan: &mut Plan, input: Reals, first: bool) -> Reals {
        let columns = self.shape.columns;
        plan.run(self.projection(columns), project::Buffers { weights: self.weights, input, out: self.projected });
        let biased = self.bias.map_or(self.projected, |bias| bias.apply(plan, self.projected, columns));
        if let Some(turn) = &self.turn {
            turn.apply(plan, biased);
        }
        let rows = self.heads.count * columns;
        let other = || plan.reals("other_entropy", rows);
        let entropy = if first { self.entropy } else { *self.other_entropy.get_or_init(other) };
        plan.run(self.params, attend::Buffers { stacked: self.stacked, out: self.out, entropy });
        self.out
    }

    /// The projection of queries, keys and values, of so many columns.
    pub fn projection(&self, columns: usize) -> project::Params {
        project::Params {
            rows: self.params.rows,
            inner: self.shape.rows as u32,
            columns: columns as u32,
            activation: kind::IDENTITY,
            scale: self.scale.times(1.0),
        }
    }

    /// Tangents of Q | K | V after their rotation, which is linear.
    pub fn turned(&self, plan: &mut Plan, deviations: Reals, own: Option<&OwnColumns>, size: Size) -> Reals {
        self.turn.map_or(deviations, |turn| turn.tangent(plan, deviations, own, size))
    }

    /// Cotangents of Q | K | V before their rotation, from those after it: the rotation by the opposite angles.
    pub fn turned_back(&self, plan: &mut Plan, cotangents: Reals, own: Option<&OwnColumns>, size: Size) -> Reals {
        let (Some(turn), Some(rotary)) = (self.turn, &self.heads.rotary) else { return cotangents };
        let sines = angles(rotary, self.shape.tokens).map(|angle| -angle.sin()).collect();
        let back = Turn { sines: plan.shared_reals("sines", sines), ..turn };
        back.tangent(plan, cotangents, own, size)
    }
}
