//! Gains and biases of rows, and the weights of a trained layer as buffers that all members share, padded as the kernels
//! need them.

use crate::kernel::shared::PADDING;
use crate::kernel::{affine, project};
use crate::layer::bias::DrawnBias;
use crate::layer::shape::Shape;
use crate::numbers::activation::kind;
use crate::plan::{Data, Plan, Reals};
use crate::weights::{Affine, Projection};

/// A gain and a bias for each row of a state, with the buffer of the result.
#[derive(Clone, Copy)]
pub(super) struct RowAffine {
    gain: Reals,
    bias: Option<Reals>,
    /// `[rows, columns]`.
    pub out: Reals,
    rows: usize,
}

impl RowAffine {
    /// That of a norm, for a state of so many columns.
    pub fn of_norm(plan: &mut Plan, own: &Affine, columns: usize) -> Self {
        let (rows, gain) = (own.gain.len(), own.gain.clone());
        Self::new(plan, rows, gain, own.bias.as_deref(), columns)
    }

    /// A projection's bias, for a state of so many columns.
    pub fn of_bias(plan: &mut Plan, bias: &[f32], columns: usize) -> Self {
        Self::new(plan, bias.len(), vec![1.0; bias.len()], Some(bias), columns)
    }

    /// A random layer's bias, for a state of so many columns.
    pub fn of_drawn(plan: &mut Plan, bias: &DrawnBias, columns: usize) -> Self {
        let rows = bias.padded_rows();
        RowAffine { bias: Some(bias.values), ..Self::new(plan, rows, vec![1.0; rows], None, columns) }
    }

    fn new(plan: &mut Plan, rows: usize, gain: Vec<f32>, bias: Option<&[f32]>, columns: usize) -> Self {
        let padded = rows.next_multiple_of(PADDING);
        let bias = bias.map(|bias| plan.shared("bias", Data::F32(extended(bias, padded))));
        RowAffine {
            gain: plan.shared("gain", Data::F32(extended(&gain, padded))),
            bias,
            out: plan.reals("affine", padded * columns),
            rows: padded,
        }
    }

    /// gain x + bias, into its own buffer, for so many columns.
    pub fn apply(&self, plan: &mut Plan, x: Reals, columns: usize) -> Reals {
        self.apply_to(plan, x, columns, self.out);
        self.out
    }

    /// gain x + bias, into `out`.
    pub fn apply_to(&self, plan: &mut Plan, x: Reals, columns: usize, out: Reals) {
        self.run(plan, x, columns, self.bias.is_some(), out);
    }

    /// gain d: its tangent, for so many columns of tangents, into `out`.
    pub fn tangent_to(&self, plan: &mut Plan, deviations: Reals, columns: usize, out: Reals) {
        self.run(plan, deviations, columns, false, out);
    }

    fn run(&self, plan: &mut Plan, x: Reals, columns: usize, biased: bool, out: Reals) {
        let params = affine::Params { rows: self.rows as u32, columns: columns as u32, biased: u32::from(biased) };
        // A bias that is left out is bound all the same, and not read.
        plan.run(params, affine::Buffers { x, gain: self.gain, bias: self.bias.unwrap_or(self.gain), out });
    }
}

/// The weights of a projection that reads `inner` numbers, `[padded rows, padded inner]`.
pub(crate) fn matrix(plan: &mut Plan, label: &'static str, own: &Projection, inner: usize) -> Reals {
    let (rows, padded) = (own.weights.len() / inner, inner.next_multiple_of(PADDING));
    let size = rows.next_multiple_of(PADDING) * padded;
    if own.weights.len() == size {
        return plan.kept(label, own.weights.clone());
    }
    let lines: Vec<f32> = own.weights.chunks(inner).flat_map(|line| extended(line, padded)).collect();
    plan.shared(label, Data::F32(extended(&lines, size)))
}

/// What the first `rows` rows of an unembedding make of states of this shape: logits `[rows, columns]`, padded.
#[cfg_attr(not(feature = "checkpoint"), allow(dead_code, reason = "texts come with checkpoints"))]
pub(crate) fn read_out(plan: &mut Plan, weights: Reals, rows: usize, shape: Shape, states: Reals) -> Reals {
    let out = plan.reals("logits", rows * shape.columns);
    let params = project::Params {
        rows: rows as u32,
        inner: shape.rows as u32,
        columns: shape.columns as u32,
        activation: kind::IDENTITY,
        scale: 1.0,
    };
    plan.run(params, project::Buffers { weights, input: states, out });
    out
}

/// Numbers with zeros behind them.
pub(super) fn extended(values: &[f32], length: usize) -> Vec<f32> {
    let mut all = Vec::with_capacity(length);
    all.extend_from_slice(values);
    all.resize(length, 0.0);
    all
}
