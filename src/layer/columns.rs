//! Which columns of a state are perturbed.

use crate::kernel::select_columns;
use crate::layer::shape::Shape;
use crate::plan::{Plan, Reals, Words};

/// How many tangent vectors there are at how many columns.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Columns of the state.
    pub columns: usize,
    /// Vectors at each: 1, or a multiple of 4.
    pub vectors: usize,
}

impl Size {
    /// Columns of the tangents.
    pub fn stride(self) -> usize {
        self.columns * self.vectors
    }
}

/// Columns of a state of which each is perturbed alone.
pub struct OwnColumns {
    /// Which they are, `[columns]`.
    pub which: Words,
    list: Vec<usize>,
    all: usize,
}

impl OwnColumns {
    pub fn new(plan: &mut Plan, shape: Shape, which: &[usize]) -> Self {
        let words = which.iter().map(|&column| column as u32).collect();
        OwnColumns { which: plan.shared_words("own_columns", words), list: which.to_vec(), all: shape.columns }
    }

    /// Their places among the tokens, of which there are so many, `[columns]`.
    pub fn positions(&self, plan: &mut Plan, tokens: u32) -> Words {
        plan.shared_words("position", self.list.iter().map(|&column| column as u32 % tokens).collect())
    }

    /// These columns of a buffer of so many rows, `[rows, own columns]`.
    pub fn of(&self, plan: &mut Plan, x: Reals, rows: usize) -> Reals {
        let out = plan.reals("selected", rows * self.list.len());
        let params =
            select_columns::Params { rows: rows as u32, columns: self.all as u32, selected: self.list.len() as u32 };
        plan.run(params, select_columns::Buffers { x, columns_of: self.which, out });
        out
    }

    /// The same where there is a choice, else all columns.
    pub fn picked(own: Option<&Self>, plan: &mut Plan, x: Reals, rows: usize) -> Reals {
        own.map_or(x, |own| own.of(plan, x, rows))
    }
}
