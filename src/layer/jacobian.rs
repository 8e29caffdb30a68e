//! The Jacobian of a layer, assembled column by column from tangents of the unit vectors, in one batch.

use crate::layer::{NonlinearLayer, Part, Shape, Tangents};
use crate::plan::{Numbers, Plan, Reals};

/// Where the Jacobians of all grid points are: `[rows, columns, vectors]` for each member.
///
/// For one grid point, and n and T multiples of 4, this is the (n T) x (n T) matrix itself, row-major, without padding;
/// rows and columns are elements `row * T + token` of the state.
#[derive(Clone, Copy, Debug)]
pub struct Jacobian {
    /// The buffer.
    pub buffer: Reals,
    /// n T: rows and columns of the matrix.
    pub order: usize,
    width: usize,
    tokens: usize,
    rows: usize,
    columns: usize,
    vectors: usize,
}

/// Records the Jacobian of a part of the layer at the state before its last step. The buffer stays valid until the
/// next use of `tangents`, which must have n T vectors.
pub fn jacobian(plan: &mut Plan, layer: &NonlinearLayer, tangents: &Tangents, part: Part) -> Jacobian {
    let shape = layer.shape();
    let order = shape.width * shape.tokens;
    assert!(tangents.vectors() >= order, "a Jacobian needs {order} tangent vectors");
    let basis = tangents.basis(plan, layer, 0);
    Jacobian::of(tangents.apply(plan, layer, part, basis), shape, tangents.vectors())
}

impl Jacobian {
    /// In a buffer that so many vectors of a state of this shape were carried to.
    pub(super) fn of(buffer: Reals, shape: Shape, vectors: usize) -> Self {
        let Shape { width, rows, tokens, columns, .. } = shape;
        Jacobian { buffer, order: width * tokens, width, tokens, rows, columns, vectors }
    }

    /// Is the buffer the bare matrix of each member?
    pub fn is_bare(&self) -> bool {
        self.rows == self.width && self.columns == self.tokens && self.vectors == self.order
    }

    /// Elements of the buffer for each member.
    pub fn len(&self) -> usize {
        self.rows * self.columns * self.vectors
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The matrix of one member of a chunk at one grid point, `[order, order]`, row-major, without padding.
    pub fn matrix(&self, numbers: Numbers, member: usize, point: usize) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.order * self.order);
        for (row, token) in (0..self.width).flat_map(|row| (0..self.tokens).map(move |token| (row, token))) {
            let line = (member * self.rows + row) * self.columns + point * self.tokens + token;
            values.extend((0..self.order).map(|k| numbers.at(line * self.vectors + k)));
        }
        values
    }
}
