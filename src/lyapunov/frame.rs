//! The frame of deviations: its orthonormalisation after every step, and what was divided out.

use crate::kernel::orthonormalise;
use crate::layer::Deviations;
use crate::plan::{Chunk, Ints, Output, Plan, Reals};
use std::f64::consts::LN_2;

/// Where the deviations and their growth live.
pub(super) struct Frame {
    growth: Reals,
    exponents: Ints,
    rows: usize,
    columns: usize,
    stride: usize,
    blocks: usize,
}

impl Frame {
    /// Of the first `columns` of these deviations, in so many blocks of steps.
    pub fn new(plan: &mut Plan, deviations: &Deviations, columns: usize, blocks: usize) -> Self {
        let (rows, stride) = (deviations.rows, deviations.vectors);
        let growth = plan.reals("growth", blocks * stride);
        let exponents = plan.ints("growth_exponents", blocks * stride);
        Frame { growth, exponents, rows, columns, stride, blocks }
    }

    /// The growth comes back.
    pub fn output(&self, plan: &mut Plan) -> GrowthOutputs {
        let Frame { columns, stride, blocks, .. } = *self;
        let (mantissas, exponents) = (plan.output(self.growth), plan.output(self.exponents));
        GrowthOutputs { mantissas, exponents, columns, stride, blocks }
    }

    /// `begin`: this is the first step of the block.
    pub fn orthonormalise(&self, plan: &mut Plan, deviations: Reals, block: usize, begin: bool) {
        let at_once = orthonormalise::pivots_at_once(self.rows, self.columns);
        // Twice is enough.
        for pass in 0..2 {
            for first in (0..self.columns).step_by(at_once) {
                let params = orthonormalise::Params {
                    rows: self.rows as u32,
                    columns: self.columns as u32,
                    stride: self.stride as u32,
                    first: first as u32,
                    last: self.columns.min(first + at_once) as u32,
                    block: block as u32,
                    blocks: self.blocks as u32,
                    begin: u32::from(begin && pass == 0),
                };
                let Frame { growth, exponents, .. } = *self;
                plan.run(params, orthonormalise::Buffers { deviations, growth, growth_exponents: exponents });
            }
        }
    }
}

/// The growth of deviations as it comes back, `[blocks, stride]`.
pub(super) struct GrowthOutputs {
    mantissas: Output<Reals>,
    exponents: Output<Ints>,
    columns: usize,
    stride: usize,
    blocks: usize,
}

impl GrowthOutputs {
    /// ln of the growth of a member of the chunk, `[blocks, exponents]` without the transient.
    pub fn logs(&self, chunk: &Chunk, member: usize) -> Vec<f64> {
        let (mantissas, exponents) = (chunk.reals(self.mantissas), chunk.ints(self.exponents));
        let mut logs = Vec::with_capacity((self.blocks - 1) * self.columns);
        for block in 1..self.blocks {
            for column in 0..self.columns {
                let at = (member * self.blocks + block) * self.stride + column;
                logs.push(f64::from(exponents[at]) * LN_2 + mantissas.at(at).ln());
            }
        }
        logs
    }
}
