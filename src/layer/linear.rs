//! The linear layer f(x) = A x.

use super::{Coefficients, Deviations, Jacobian, Layer, Recipe, Setting, Shape, State, Threshold, Vectors};
use crate::integrator::Scheme;
use crate::kernel::euler_steps::steps_at_once;
use crate::kernel::fill_basis;
use crate::kernel::shared::PADDING;
use crate::layer::step_map::{Matrix, StepMap};
use crate::machine::Machine;
use crate::numbers::random::Tensor;
use crate::plan::{Plan, Reals};
use crate::spec::EnsembleSpec;
use crate::weights::{Columns, Source};
use std::ops::RangeInclusive;

/// The linear layer f(x) = A x of the whole grid: each grid point is a column with its own coefficients, and each tangent
/// vector of a grid point another one with the same.
pub struct LinearLayer<'a> {
    ensemble: &'a EnsembleSpec,
    points: Vec<Coefficients>,
    scheme: Scheme,
    threshold: Threshold,
    machine: Machine,
    /// The weights of the current layer as their source has them.
    matrix: Matrix,
    states: Option<StepMap>,
    /// The map of tangents, and the record of their norms, which nobody reads, and events.
    tangents: Option<(StepMap, State)>,
}

impl<'a> LinearLayer<'a> {
    /// The layer of a recipe, with the source's gains of members.
    pub fn new(plan: &mut Plan, recipe: Recipe<'a>, source: &Source, setting: Setting) -> Self {
        let padded = recipe.ensemble.width.next_multiple_of(PADDING);
        let weights = plan.reals("weights", padded * padded);
        LinearLayer {
            ensemble: recipe.ensemble,
            points: recipe.coefficients(),
            scheme: recipe.scheme(setting.machine.epsilon()),
            threshold: setting.threshold,
            machine: setting.machine,
            matrix: Matrix { weights, member_gain: source.member_gain },
            states: None,
            tangents: None,
        }
    }

    /// The map of `repeat` columns at each grid point.
    fn map(&self, plan: &mut Plan, repeat: usize, renormalise: bool) -> StepMap {
        let columns: Vec<Coefficients> =
            self.points.iter().flat_map(|&point| std::iter::repeat_n(point, repeat)).collect();
        StepMap::new(plan, self.ensemble.width, &columns, &self.scheme, self.threshold, renormalise)
    }

    fn states(&mut self) -> &mut StepMap {
        self.states.as_mut().expect("there is a state before it makes a step")
    }
}

impl Layer for LinearLayer<'_> {
    fn shape(&self) -> Shape {
        Shape::new(self.ensemble.width, 1, self.points.len())
    }

    fn is_linear(&self) -> bool {
        true
    }

    fn load(&mut self, plan: &mut Plan, source: &mut Source, layer: usize) {
        self.matrix.weights = source.square(plan, self.ensemble, layer as u32, self.matrix.weights);
        for map in self.states.iter().chain(self.tangents.iter().map(|(map, _)| map)) {
            map.load(plan, self.matrix);
        }
    }

    fn start(&mut self, plan: &mut Plan, source: &Source) -> State {
        let map = self.map(plan, 1, true);
        let state = map.state(plan);
        let columns = Columns { rows: self.ensemble.width, count: self.points.len(), tokens: 1 };
        source.draw_state(plan, Tensor::State, columns, true, &state);
        self.states = Some(map);
        state
    }

    fn step(&mut self, plan: &mut Plan, state: State, step: usize, _slot: usize) -> State {
        let matrix = self.matrix;
        self.states().step(plan, matrix, state, step)
    }

    fn steps(&mut self, plan: &mut Plan, state: State, steps: RangeInclusive<usize>) -> (State, usize) {
        let (matrix, first) = (self.matrix, *steps.start());
        let last = (first + steps_at_once(self.shape().rows, &self.machine) - 1).min(*steps.end());
        // A run of one step gains nothing.
        if last > first && self.states().fused(plan, matrix, state, first..last + 1) {
            return (state, last);
        }
        (self.step(plan, state, first, 0), first)
    }

    /// Random ones for exponents are those of one grid point.
    fn tangents(&mut self, plan: &mut Plan, source: &Source, vectors: Vectors) -> Deviations {
        let rows = self.ensemble.width;
        let (repeat, tensor, columns) = match vectors {
            Vectors::One => (1, Tensor::Perturbation, Columns { rows, count: self.points.len(), tokens: 1 }),
            Vectors::Several(count) => (count, Tensor::Deviations, Columns { rows, count, tokens: count }),
        };
        // Whoever takes several brings them back to size 1 after every step.
        let map = self.map(plan, repeat, false);
        let state = map.state(plan);
        source.draw_state(plan, tensor, columns, false, &state);
        self.tangents = Some((map, state));
        let vectors = (self.points.len() * repeat).next_multiple_of(PADDING);
        Deviations { x: state.x, rows: self.shape().rows, vectors, events: state.events }
    }

    fn deviate(&mut self, plan: &mut Plan, deviations: Reals) -> Reals {
        let (map, record) = self.tangents.as_mut().expect("tangents are made before they are carried");
        // That something happened is read of their events, and not when.
        map.step(plan, self.matrix, State { x: deviations, ..*record }, 1).x
    }

    fn jacobian(&mut self, plan: &mut Plan) -> Jacobian {
        let (width, points) = (self.ensemble.width, self.points.len());
        let vectors = width.next_multiple_of(PADDING);
        let shape = Shape { columns: points, ..self.shape() };
        let mut map = self.map(plan, vectors, false);
        let state = map.state(plan);
        let params = fill_basis::Params {
            width: width as u32,
            rows: shape.rows as u32,
            tokens: 1,
            columns: points as u32,
            vectors: vectors as u32,
            first: 0,
        };
        plan.run(params, fill_basis::Buffers { deviations: state.x });
        map.load(plan, self.matrix);
        Jacobian::of(map.step(plan, self.matrix, state, 1).x, shape, vectors)
    }
}
