//! The FFN branch of a sublayer, up to its output projection.

use crate::kernel::shared::PADDING;
use crate::kernel::{activate, project};
use crate::layer::anatomy::Units;
use crate::layer::bias::DrawnBias;
use crate::layer::learned::{self, RowAffine};
use crate::layer::shape::Shape;
use crate::numbers::activation::kind;
use crate::numbers::random::Tensor;
use crate::plan::{Plan, Reals};
use crate::weights::{Projection, Scale};

/// The hidden units of an FFN.
pub(super) struct Feedforward {
    pub units: Units,
    /// `[hidden, width]`, padded, or gates and units one behind the other.
    pub weights: Reals,
    /// Of the weights.
    pub scale: Scale,
    /// `[hidden, columns]`, padded.
    pub hidden: Reals,
    /// Where the activation is not part of the projection.
    pub apart: Option<Apart>,
    /// What the bias is drawn into, of a random layer.
    pub drawn_bias: Option<DrawnBias>,
    shape: Shape,
}

/// Standard deviations of random weights, over 1 / sqrt(fan in), and of their biases over that gain.
#[derive(Clone, Copy)]
pub(super) struct Drawn {
    pub gain: f64,
    pub bias: f64,
}

/// What is projected, before its activation.
#[derive(Clone, Copy)]
pub(super) struct Apart {
    projected: Reals,
    bias: Option<RowAffine>,
}

impl Apart {
    /// What the activation reads, `[hidden, columns]` or gates and units.
    pub fn read(&self) -> Reals {
        self.bias.map_or(self.projected, |bias| bias.out)
    }
}

impl Feedforward {
    /// An FFN whose weights are drawn, with these standard deviations of theirs and of biases, or the learned ones.
    pub fn new(plan: &mut Plan, shape: Shape, units: Units, drawn: Drawn, learned: Option<&Projection>) -> Self {
        let (stacked, hidden) = (stacked_rows(units), units.count.next_multiple_of(PADDING));
        let Drawn { gain, bias } = drawn;
        let drawn_bias = (bias > 0.0).then(|| DrawnBias::new(plan, Tensor::UpBias, units.count, gain * bias));
        let bias = match (learned.and_then(|own| own.bias.as_deref()), &drawn_bias) {
            (Some(bias), _) => Some(RowAffine::of_bias(plan, bias, shape.columns)),
            (None, Some(drawn)) => Some(RowAffine::of_drawn(plan, drawn, shape.columns)),
            (None, None) => None,
        };
        let is_apart = learned.is_some() || bias.is_some();
        let apart = is_apart.then(|| Apart { projected: plan.reals("projected", stacked * shape.columns), bias });
        Feedforward {
            units,
            weights: match learned {
                Some(own) => learned::matrix(plan, "up", own, shape.width),
                None => plan.reals("up", stacked * shape.rows),
            },
            scale: if learned.is_some() { Scale::one() } else { Scale::random(gain, shape.width) },
            hidden: plan.reals("hidden", hidden * shape.columns),
            apart,
            drawn_bias,
            shape,
        }
    }

    /// Columns of the state.
    pub fn columns(&self) -> usize {
        self.shape.columns
    }

    /// Rows of the hidden units, padded.
    pub fn hidden_rows(&self) -> usize {
        self.units.count.next_multiple_of(PADDING)
    }

    /// The hidden units of `input`.
    pub fn evaluate(&self, plan: &mut Plan, input: Reals) -> Reals {
        let columns = self.shape.columns;
        let Some(apart) = &self.apart else {
            let params = self.projection(columns, self.units.activation);
            plan.run(params, project::Buffers { weights: self.weights, input, out: self.hidden });
            return self.hidden;
        };
        let params = self.projection(columns, kind::IDENTITY);
        plan.run(params, project::Buffers { weights: self.weights, input, out: apart.projected });
        let stacked = apart.bias.map_or(apart.projected, |bias| bias.apply(plan, apart.projected, columns));
        plan.run(self.activation(columns), activate::Buffers { stacked, out: self.hidden });
        self.hidden
    }

    pub fn activation(&self, columns: usize) -> activate::Params {
        activate::Params {
            hidden: self.units.count as u32,
            stacked_rows: stacked_rows(self.units) as u32,
            rows: self.hidden_rows() as u32,
            columns: columns as u32,
            gated: u32::from(self.units.gated),
            activation: self.units.activation,
        }
    }

    /// The projection to what is activated, of so many columns.
    pub fn projection(&self, columns: usize, activation: u32) -> project::Params {
        project::Params {
            rows: stacked_rows(self.units) as u32,
            inner: self.shape.rows as u32,
            columns: columns as u32,
            activation,
            scale: self.scale.times(1.0),
        }
    }
}

/// Rows of what is projected, padded: of the units, behind their gates if there are any.
fn stacked_rows(units: Units) -> usize {
    units.projected_rows().next_multiple_of(PADDING)
}
