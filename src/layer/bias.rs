//! The biases of a random layer's projections, of every member its own.

use crate::kernel::affine;
use crate::kernel::shared::PADDING;
use crate::numbers::random::Tensor;
use crate::plan::{Plan, Reals};
use crate::weights::Source;

/// Normal numbers with a standard deviation, one for each row of a projection.
#[derive(Clone, Copy)]
pub(super) struct DrawnBias {
    tensor: Tensor,
    /// How many rows there are, without padding.
    rows: usize,
    /// Standard normal numbers, `[padded rows]`.
    normals: Reals,
    /// Their standard deviation, `[1]`.
    deviation: Reals,
    /// The biases, `[padded rows]`.
    pub values: Reals,
}

impl DrawnBias {
    /// Room for them; they are drawn with the weights of their layer.
    pub fn new(plan: &mut Plan, tensor: Tensor, rows: usize, deviation: f64) -> Self {
        let padded = rows.next_multiple_of(PADDING);
        DrawnBias {
            tensor,
            rows,
            normals: plan.reals("normals", padded),
            deviation: plan.shared_reals("deviation", vec![deviation]),
            values: plan.reals("bias", padded),
        }
    }

    /// Rows, with their padding.
    pub fn padded_rows(&self) -> usize {
        self.rows.next_multiple_of(PADDING)
    }

    /// Draws those of layer `step`.
    pub fn draw(&self, plan: &mut Plan, source: &Source, step: u32) {
        let DrawnBias { tensor, rows, normals, deviation, values } = *self;
        source.draw_row(plan, tensor, step, rows, normals);
        let params = affine::Params { rows: 1, columns: self.padded_rows() as u32, biased: 0 };
        // A bias that is left out is bound all the same, and not read.
        plan.run(params, affine::Buffers { gain: deviation, bias: deviation, x: normals, out: values });
    }
}
