//! A random tangent along each nonlinear trajectory: what a perturbation of the initial state becomes.
//!
//! It takes the exact linearisation of every step, so it is what the product of the Jacobians along the trajectory makes of
//! it; its largest rate over many steps is the first Lyapunov exponent. It is kept near 1 by powers of two that are counted.

use super::kept::Kept;
use crate::kernel::rescale_tangent;
use crate::layer::{Layer, Shape, Vectors};
use crate::plan::{Chunk, Ints, Output, Plan, Reals};
use crate::weights::Source;
use std::f64::consts::LN_2;

/// The squared lengths that are kept, `[lengths, points]`, as mantissas and exponents.
#[derive(Clone, Copy)]
pub(super) struct LengthOutputs {
    squares: Output<Reals>,
    exponents: Output<Ints>,
    points: usize,
    kept: Kept,
}

impl LengthOutputs {
    /// ln |d_k| / |d_0| at step `step`, which is kept, of a member of the chunk at a grid point.
    pub fn log(&self, chunk: &Chunk, member: usize, step: usize, point: usize) -> f64 {
        let (squares, exponents) = (chunk.reals(self.squares), chunk.ints(self.exponents));
        let log = |step: usize| {
            let at = (member * self.kept.lengths() + self.kept.length(step)) * self.points + point;
            match exponents[at] {
                rescale_tangent::OVERFLOWED => f64::INFINITY,
                exponent => f64::from(exponent) * LN_2 + 0.5 * squares.at(at).ln(),
            }
        };
        log(step) - log(0)
    }
}

/// A tangent along the trajectories of a plan being recorded.
pub(super) struct Perturbation {
    deviations: Reals,
    kept: Kept,
    squares: Reals,
    exponents: Ints,
    shape: Shape,
}

impl Perturbation {
    /// A random one, before the first step.
    pub fn new(plan: &mut Plan, layer: &mut dyn Layer, source: &Source, kept: Kept) -> Self {
        let shape = layer.shape();
        let own = Perturbation {
            deviations: layer.tangents(plan, source, Vectors::One).x,
            kept,
            squares: plan.reals("squares", kept.lengths() * shape.points),
            exponents: plan.ints("exponents", kept.lengths() * shape.points),
            shape,
        };
        own.rescale(plan, 0);
        own
    }

    /// Follows the step that the layer has just made.
    pub fn step(&mut self, plan: &mut Plan, layer: &mut dyn Layer, step: usize) {
        self.deviations = layer.deviate(plan, self.deviations);
        self.rescale(plan, step);
    }

    /// The lengths come back.
    pub fn output(&self, plan: &mut Plan) -> LengthOutputs {
        let (squares, exponents) = (plan.output(self.squares), plan.output(self.exponents));
        LengthOutputs { squares, exponents, points: self.shape.points, kept: self.kept }
    }

    fn rescale(&self, plan: &mut Plan, step: usize) {
        let params = rescale_tangent::Params {
            rows: self.shape.rows as u32,
            columns: self.shape.columns as u32,
            tokens: self.shape.tokens as u32,
            points: self.shape.points as u32,
            previous: self.kept.length(step.saturating_sub(1)) as u32,
            row: self.kept.length(step) as u32,
            lengths: self.kept.lengths() as u32,
            begin: u32::from(step == 0),
        };
        let Perturbation { deviations, squares, exponents, .. } = *self;
        plan.run(params, rescale_tangent::Buffers { deviations, squares, exponents });
    }
}
