//! How large a nonlinear layer is.

use crate::kernel::shared::PADDING;

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
