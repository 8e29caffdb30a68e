//! A nonlinear layer along its trajectory, with what can ride there: fused steps, and tangents.

use super::{Deviations, FusedSteps, Jacobian, Layer, NonlinearLayer, Part, Recipe, Setting, Shape, State, Tangents};
use super::{Vectors, jacobian};
use crate::layer::nonlinear::Record;
use crate::machine::Machine;
use crate::plan::{Plan, Reals};
use crate::weights::Source;
use std::ops::RangeInclusive;

/// A [`NonlinearLayer`] as a [`Layer`].
///
/// Where only the last step of a Transformer is seen, hardware makes those before it many at a time, by
/// [`transformer_steps`](crate::kernel::transformer_steps): the same arithmetic with sums in another order, so where every
/// step is seen results are the same within rounding and not to the bit.
pub struct Trajectory {
    layer: NonlinearLayer,
    machine: Machine,
    /// Looked for when the first of them is to be made.
    fused: Option<Option<FusedSteps>>,
    tangents: Option<Tangents>,
}

impl Trajectory {
    /// The layer of a recipe.
    pub fn new(plan: &mut Plan, recipe: Recipe, Setting { threshold, slots, machine }: Setting) -> Self {
        let Recipe { ensemble, spec, points } = recipe;
        let layer = NonlinearLayer::new(plan, spec, ensemble.width, points, threshold, slots);
        Trajectory { layer, machine, fused: None, tangents: None }
    }

    fn fused(&mut self, plan: &mut Plan) -> Option<&FusedSteps> {
        let (layer, machine) = (&self.layer, &self.machine);
        self.fused.get_or_insert_with(|| FusedSteps::new(plan, layer, machine)).as_ref()
    }
}

impl Layer for Trajectory {
    fn shape(&self) -> Shape {
        self.layer.shape()
    }

    fn is_linear(&self) -> bool {
        false
    }

    fn load(&mut self, plan: &mut Plan, source: &mut Source, layer: usize) {
        self.layer.draw(plan, source, layer as u32);
    }

    fn start(&mut self, plan: &mut Plan, source: &Source) -> State {
        let Record { norms, events, .. } = self.layer.record;
        State { x: self.layer.start(plan, source), norms, events }
    }

    fn step(&mut self, plan: &mut Plan, state: State, step: usize, slot: usize) -> State {
        State { x: self.layer.step(plan, state.x, step as u32, slot), ..state }
    }

    fn steps(&mut self, plan: &mut Plan, state: State, steps: RangeInclusive<usize>) -> (State, usize) {
        let first = *steps.start();
        // The first step of all sets the record.
        let fused = if first > 1 { self.fused(plan) } else { None };
        let Some(fused) = fused else { return (self.step(plan, state, first, 0), first) };
        let last = (first + fused.at_once() - 1).min(*steps.end());
        fused.run(plan, state.x, first, last + 1 - first);
        (state, last)
    }

    fn observations(&self) -> Option<Reals> {
        Some(self.layer.record.observations)
    }

    fn tangents(&mut self, plan: &mut Plan, source: &Source, vectors: Vectors) -> Deviations {
        let (layer, shape) = (&self.layer, self.layer.shape());
        let tangents = match vectors {
            Vectors::One => Tangents::single(plan, layer),
            Vectors::Several(count) => Tangents::new(plan, layer, count),
        };
        let x = match vectors {
            Vectors::One => tangents.draw_single(plan, layer, source),
            Vectors::Several(_) => tangents.draw(plan, layer, source),
        };
        let vectors = tangents.vectors();
        self.tangents = Some(tangents);
        Deviations { x, rows: shape.rows * shape.columns, vectors, events: self.layer.record.events }
    }

    fn deviate(&mut self, plan: &mut Plan, deviations: Reals) -> Reals {
        let tangents = self.tangents.as_ref().expect("tangents are made before they are carried");
        tangents.step(plan, &self.layer, deviations)
    }

    fn jacobian(&mut self, plan: &mut Plan) -> Jacobian {
        let shape = self.layer.shape();
        let tangents = Tangents::new(plan, &self.layer, shape.width * shape.tokens);
        jacobian(plan, &self.layer, &tangents, Part::Step)
    }
}
