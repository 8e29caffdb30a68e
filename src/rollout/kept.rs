//! Which steps of a rollout are kept, and the norms of states at these.

use super::middle;
use crate::kernel::save;
use crate::plan::{Ints, Plan, Reals};
use crate::weights::State;

/// Which steps of a rollout are kept: all of them, or its start, its middle and its end.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub depth: usize,
    pub all: bool,
}

impl Kept {
    /// Slots of observations: one for each step, or one for the last.
    pub fn slots(self) -> usize {
        if self.all { self.depth } else { 1 }
    }

    /// The slot of step `step`, from 1.
    pub fn slot(self, step: usize) -> usize {
        if self.all { step - 1 } else { 0 }
    }

    /// Lengths of tangents, from step 0 on.
    pub fn lengths(self) -> usize {
        if self.all { self.depth + 1 } else { 3 }
    }

    /// The place of the length at a step; those that are not kept are in the place of the next that is.
    pub fn length(self, step: usize) -> usize {
        match step {
            _ if self.all => step,
            0 => 0,
            _ if step <= middle(self.depth) => 1,
            _ => 2,
        }
    }
}

/// The norms of all columns at each step, or in the middle, as mantissas and exponents: `[slots, columns]` each.
#[derive(Clone, Copy)]
pub(super) struct Norms {
    pub squares: Reals,
    pub exponents: Ints,
    pub columns: usize,
    pub kept: Kept,
}

impl Norms {
    pub fn new(plan: &mut Plan, columns: usize, kept: Kept) -> Self {
        let size = kept.slots() * columns;
        let (squares, exponents) = (plan.reals("history", size), plan.ints("history_exponents", size));
        Norms { squares, exponents, columns, kept }
    }

    /// Keeps the norms after step `step` if they are wanted.
    pub fn take(&self, plan: &mut Plan, State { norms, events, .. }: State, step: usize) {
        if self.kept.all || step == middle(self.kept.depth) {
            let (row, rows) = (self.kept.slot(step) as u32, self.kept.slots() as u32);
            let params = save::Params { columns: self.columns as u32, row, rows };
            let (history, history_exponents) = (self.squares, self.exponents);
            plan.run(params, save::Buffers { norms, events, history, history_exponents });
        }
    }
}
