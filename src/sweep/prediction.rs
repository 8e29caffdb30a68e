//! What eigenvalues promise the members of a sweep, which is another thing for each model.

use super::accumulator::Accumulator;
use super::affine::Affine;
use super::jacobians::AlongTrajectories;
use super::{Pass, Point, Sweep};
use crate::device::{Device, Progress};
use crate::error::Result;
use crate::numbers::verdict::Band;
use crate::spec::{Model, SweepSpec};
use std::ops::ControlFlow;

/// Where the promises of a sweep come from.
pub trait Prediction: Sync {
    /// An empty cell, whose quantiles come from at most so many members.
    fn accumulator(&self, point: &Point, quantile_members: usize) -> Accumulator;

    /// What makes the radius of each member exact, if that is wanted.
    fn gains(&self) -> Option<&[f64]> {
        None
    }

    /// Is the trajectory of a member the one that was meant?
    fn counts(&self, _member: usize) -> bool {
        true
    }

    /// How much of the run was done before the first pass.
    fn share_before(&self) -> f64 {
        0.0
    }

    /// Was it stopped before it knew all members?
    fn is_stopped(&self) -> bool {
        false
    }

    /// How much of the work of a pass its rollout is.
    fn rollout_share(&self) -> f64 {
        1.0
    }

    /// Finds what trajectories promise at the points of a pass, until `told`, who is told how much of it is done, breaks.
    fn follow(&mut self, _pass: &Pass, _told: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<()> {
        Ok(())
    }

    /// Gives a cell what it needs before its promises.
    fn judge(&self, _place: usize, _accumulator: &mut Accumulator) {}

    /// The growth factor of a step that a member is promised at a point, which has this place in the pass, if there is a
    /// promise; none in it where a spectrum is missing.
    fn promise(&self, member: usize, place: usize, point: &Point) -> Option<Option<f64>>;

    /// The band of that factor, where it is not the one of the cell.
    fn own_band(&self, _member: usize, _place: usize) -> Option<Band> {
        None
    }

    /// Hands over what is kept.
    fn finish(self: Box<Self>, sweep: &mut Sweep);
}

/// The prediction of a model, with what can be known before the first trajectory.
pub fn of<'a>(device: &Device, spec: &'a SweepSpec, progress: Progress) -> Result<Box<dyn Prediction + 'a>> {
    Ok(match spec.layer.model {
        Model::Linear => Box::new(Affine::measure(device, spec, progress)?),
        Model::Mlp | Model::Attention | Model::Transformer => Box::new(AlongTrajectories::new(device, spec)),
    })
}
