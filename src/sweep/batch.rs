//! Some blocks of members at the grid points of a pass: what is worked on at once.

mod work;

pub use work::Worked;

use super::accumulator::Accumulator;
use super::{Course, Point, Sweep};
use crate::device::Device;
use crate::spec::SweepSpec;
use std::ops::Range;

/// Blocks of members at the grid points that ride through one rollout.
pub struct Batch<'a> {
    /// Where it is worked on.
    pub device: &'a Device,
    /// The plain sweep.
    pub spec: &'a SweepSpec,
    /// The grid points of the pass.
    pub points: &'a [Point],
    /// The place among them of the point in the middle of the grid, if it is one of them.
    pub middle: Option<usize>,
    /// Which members; whole blocks but for the last of the ensemble.
    pub members: Range<usize>,
    /// Members of a block.
    pub block: usize,
    /// Quantiles come from members below this one.
    pub quantile_members: usize,
    cells: Vec<Vec<Accumulator>>,
    courses: Vec<Course>,
}

impl<'a> Batch<'a> {
    /// A batch that has not begun.
    pub fn new(device: &'a Device, spec: &'a SweepSpec, pass: &'a Pass, members: Range<usize>, block: usize) -> Self {
        Batch {
            device,
            spec,
            points: &pass.points,
            middle: pass.middle,
            members,
            block,
            quantile_members: super::quantile_members(spec),
            cells: Vec::new(),
            courses: Vec::new(),
        }
    }

    /// The cell of a member at a point of the pass.
    pub fn cell(&mut self, member: usize, place: usize) -> &mut Accumulator {
        &mut self.cells[place][(member - self.members.start) / self.block]
    }
}

/// The grid points that ride through one rollout.
pub struct Pass {
    /// The points.
    pub points: Vec<Point>,
    /// The place among them of the point in the middle of the grid, if it is one of them.
    pub middle: Option<usize>,
}

impl Pass {
    /// That of these places in the list of all points.
    pub fn of(places: &[usize], points: &[Point]) -> Self {
        Pass {
            points: places.iter().map(|&place| points[place]).collect(),
            middle: places.iter().position(|&place| place == Sweep::middle(points.len())),
        }
    }
}
