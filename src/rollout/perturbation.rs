//! A random tangent along each nonlinear trajectory: what a perturbation of the initial state becomes.
//!
//! It takes the exact linearisation of every step, so it is what the product of the Jacobians along the trajectory makes of
//! it; its largest rate over many steps is the first Lyapunov exponent. It is kept near 1 by powers of two that are counted.

use super::middle;
use crate::kernel::rescale_tangent;
use crate::layer::sublayer::Shape;
use crate::layer::{NonlinearLayer, Tangents};
use crate::plan::{Chunk, Ints, Output, Plan, Reals};
use crate::weights::Source;
use std::f64::consts::LN_2;

/// Which lengths of a tangent are kept: of every step where every step is observed, else of the start, the middle and the
/// end.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    pub depth: usize,
    pub slots: usize,
}

impl Lengths {
    pub fn count(self) -> usize {
        if self.slots == 1 { 3 } else { self.depth + 1 }
    }

    /// ln |d_k| / |d_0| at step `step`, which is kept, of a member of the chunk at one of so many grid points.
    pub fn log(
        self,
        chunk: &Chunk,
        outputs: LengthOutputs,
        member: usize,
        step: usize,
        (point, points): (usize, usize),
    ) -> f64 {
        let (squares, exponents) = (chunk.reals(outputs.squares), chunk.ints(outputs.exponents));
        let log = |step: usize| {
            let at = (member * self.count() + self.row(step)) * points + point;
            match exponents[at] {
                rescale_tangent::OVERFLOWED => f64::INFINITY,
                exponent => f64::from(exponent) * LN_2 + 0.5 * squares.at(at).ln(),
            }
        };
        log(step) - log(0)
    }

    /// The row of a step; those in between are in the row of the next that is kept.
    pub fn row(self, step: usize) -> usize {
        match step {
            _ if self.slots > 1 => step,
            0 => 0,
            _ if step <= middle(self.depth) => 1,
            _ => 2,
        }
    }
}

/// The squared lengths that are kept, `[lengths, points]`, as mantissas and exponents.
#[derive(Clone, Copy)]
pub(super) struct LengthOutputs {
    squares: Output<Reals>,
    exponents: Output<Ints>,
}

/// A tangent along the trajectories of a plan being recorded.
pub(super) struct Perturbation {
    tangents: Tangents,
    deviations: Reals,
    lengths: Lengths,
    squares: Reals,
    exponents: Ints,
}

impl Perturbation {
    /// A random one, before the first step.
    pub fn new(plan: &mut Plan, layer: &NonlinearLayer, source: &Source, lengths: Lengths) -> Self {
        let tangents = Tangents::single(plan, layer);
        let own = Perturbation {
            deviations: tangents.draw_single(plan, layer, source),
            tangents,
            lengths,
            squares: plan.reals("squares", lengths.count() * layer.shape().points),
            exponents: plan.ints("exponents", lengths.count() * layer.shape().points),
        };
        own.rescale(plan, layer.shape(), 0);
        own
    }

    /// Follows the step that the layer has just made.
    pub fn step(&mut self, plan: &mut Plan, layer: &NonlinearLayer, step: usize) {
        self.deviations = self.tangents.step(plan, layer, self.deviations);
        self.rescale(plan, layer.shape(), step);
    }

    /// The lengths come back.
    pub fn output(&self, plan: &mut Plan) -> LengthOutputs {
        LengthOutputs { squares: plan.output(self.squares), exponents: plan.output(self.exponents) }
    }

    fn rescale(&self, plan: &mut Plan, shape: Shape, step: usize) {
        let params = rescale_tangent::Params {
            rows: shape.rows as u32,
            columns: shape.columns as u32,
            tokens: shape.tokens as u32,
            points: shape.points as u32,
            previous: self.lengths.row(step.saturating_sub(1)) as u32,
            row: self.lengths.row(step) as u32,
            lengths: self.lengths.count() as u32,
            begin: u32::from(step == 0),
        };
        let Perturbation { deviations, squares, exponents, .. } = *self;
        plan.run(params, rescale_tangent::Buffers { deviations, squares, exponents });
    }
}
