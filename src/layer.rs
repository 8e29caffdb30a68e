//! One layer as a list of kernel runs, written once for every device.
//!
//! What rollouts, exponents and sweeps need of a layer is the trait [`Layer`]: it takes the weights of a place in depth
//! from their [`Source`], makes an initial state and a step of it, or many at once where the device gains by it and nobody
//! looks; it says what it observes at the end of a step, and it carries tangents through the linearisation of its steps.
//! The linear model is one ([`LinearLayer`]), the MLP, attention and the Transformer along their trajectories are another
//! ([`Trajectory`]); which one a specification means is decided in [`Recipe`] and nowhere else.

pub mod adjoint;
pub mod anatomy;
mod attention;
mod bias;
mod columns;
mod feedforward;
mod frozen;
pub mod fused;
mod implicit;
pub mod jacobian;
pub(crate) mod learned;
pub mod linear;
pub mod nonlinear;
mod norm;
mod point;
mod recipe;
mod shape;
mod step_map;
pub mod sublayer;
pub mod tangent;
mod threshold;
mod trajectory;
mod update;
mod weighted_sum;

pub use crate::weights::State;
pub use adjoint::Adjoint;
pub use frozen::frozen_step;
pub use fused::FusedSteps;
pub use jacobian::{Jacobian, jacobian};
pub use linear::LinearLayer;
pub use nonlinear::NonlinearLayer;
pub use norm::normed_alone;
pub use point::{Coefficients, Point};
pub use recipe::{Recipe, Setting};
pub use shape::Shape;
pub use tangent::{Part, Tangents};
pub use threshold::Threshold;
pub use trajectory::Trajectory;

use crate::plan::{Ints, Plan, Reals};
use crate::weights::Source;
use std::ops::RangeInclusive;

/// A layer of one member at all grid points, in a plan that is being recorded.
///
/// Steps are counted from 1, layers along the depth from 0. A state moves between buffers, so whatever makes a step
/// returns the state anew.
pub trait Layer {
    /// The sizes of its states.
    fn shape(&self) -> Shape;

    /// Is f linear? Then the step is its own tangent map, wherever the state is, and a state is its own perturbation.
    fn is_linear(&self) -> bool;

    /// Takes the weights of layer `layer` from their source: drawn, or given.
    fn load(&mut self, plan: &mut Plan, source: &mut Source, layer: usize);

    /// Makes the initial state, the same at every grid point.
    fn start(&mut self, plan: &mut Plan, source: &Source) -> State;

    /// One step with the weights that are loaded; what is observed of it goes to slot `slot`.
    fn step(&mut self, plan: &mut Plan, state: State, step: usize, slot: usize) -> State;

    /// Some of `steps`, from the first one, with the weights that are loaded: as many as are best made in one run, where
    /// norms and events are all that anybody reads of them. Returns the last step that was made, too.
    fn steps(&mut self, plan: &mut Plan, state: State, steps: RangeInclusive<usize>) -> (State, usize) {
        (self.step(plan, state, *steps.start(), 0), *steps.start())
    }

    /// What is observed at the end of a step besides norms and events, `[slots, 6 observations, grid points]`, the rows
    /// of [`observation`](crate::kernel::end_step::observation); none where a layer observes nothing.
    fn observations(&self) -> Option<Reals> {
        None
    }

    /// Makes random tangent vectors at every grid point, to be carried along from the first step.
    fn tangents(&mut self, plan: &mut Plan, source: &Source, vectors: Vectors) -> Deviations;

    /// M d for every tangent vector d, at the step that was recorded last. The result is in another buffer.
    fn deviate(&mut self, plan: &mut Plan, deviations: Reals) -> Reals;

    /// The Jacobian M of the step that was recorded last.
    fn jacobian(&mut self, plan: &mut Plan) -> Jacobian;
}

/// How many tangent vectors there are at every grid point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// One, which lies as a state does.
    One,
    /// So many, in a buffer with room for a multiple of 4.
    Several(usize),
}

/// Tangent vectors as they start.
#[derive(Clone, Copy, Debug)]
pub struct Deviations {
    /// `[rows, vectors]`, where a row is an element of the states of all grid points.
    pub x: Reals,
    /// How many numbers a vector has, padding included.
    pub rows: usize,
    /// How many vectors there are, padding included.
    pub vectors: usize,
    /// The events of what carries them, among them the step at which it came to its end.
    pub events: Ints,
}
