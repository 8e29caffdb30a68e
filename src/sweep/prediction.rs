//! What eigenvalues promise the members of a sweep, which is another thing for each model.

use super::accumulator::Accumulator;
use super::batch::Batch;
use super::{Member, Point};
use crate::device::Device;
use crate::error::Result;
use crate::numbers::verdict::Band;
use crate::spectrum::Spectrum;
use std::ops::{ControlFlow, Range};

/// Where the promises of a sweep come from. Members are counted in the whole ensemble; what is asked is of those that were
/// prepared last.
pub trait Prediction: Sync {
    /// Finds what can be known of members before their trajectories, until `told`, who is told how much of it is done,
    /// breaks. Returns the members that are known then.
    ///
    /// # Errors
    /// Whatever the device fails with.
    fn prepare(
        &mut self,
        device: &Device,
        members: Range<usize>,
        told: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Range<usize>>;

    /// An empty cell.
    fn accumulator(&self, point: &Point) -> Accumulator;

    /// What makes the radius of each member of the ensemble exact, if that is wanted.
    fn gains(&self) -> Option<&[f64]> {
        None
    }

    /// Is the trajectory of a member the one that was meant?
    fn counts(&self, _member: usize) -> bool {
        true
    }

    /// How much of the work is done before trajectories, and how much by their end.
    fn shares(&self) -> [f64; 2] {
        [0.0, 1.0]
    }

    /// Finds what trajectories promise the members of a batch, until `told`, who is told how much of it is done, breaks.
    ///
    /// # Errors
    /// Whatever the device fails with.
    fn follow(&mut self, _batch: &mut Batch, _told: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    /// The growth factor of a step that a member is promised at a point, which has this place in the pass, if there is a
    /// promise; none in it where a spectrum is missing.
    fn promise(&self, member: usize, place: usize, point: &Point) -> Option<Option<f64>>;

    /// The band of that factor, where it is not the one of the cell.
    fn own_band(&self, _member: usize, _place: usize) -> Option<Band> {
        None
    }

    /// What is known of some members.
    fn members(&self, _members: Range<usize>) -> Vec<Member> {
        Vec::new()
    }

    /// The spectra of those of them that are among the first ones.
    fn spectra(&self, members: Range<usize>) -> Vec<Spectrum>;
}
