//! How a sweep is divided into units of work: a block of members at the grid points of a pass.
//!
//! The division follows from the specification alone, and statistics are those of blocks, merged in their order. So a
//! result has the same bits whatever was computed at a time, on how many machines, and after how many interruptions.

use super::{points, recipe, work};
use crate::spec::SweepSpec;
use crate::units::{Blocks, MOST_WORK};

/// Members of the blocks that are worked on at once, at most.
const MOST_AT_ONCE: usize = 1 << 14;

/// The units of a plain sweep.
pub struct Division {
    /// Places of the grid points of each pass in the list of all points.
    pub passes: Vec<Vec<usize>>,
    /// The blocks of members of each pass.
    pub blocks: Blocks,
    /// How many blocks are worked on at once at most.
    pub at_once: usize,
}

impl Division {
    /// That of a plain sweep on a device with this epsilon.
    pub fn of(spec: &SweepSpec, epsilon: f64) -> Self {
        let points = points(spec);
        let recipe = recipe(spec, &points);
        let members = spec.ensemble.members;
        let share = recipe.points_at_once().min(points.len()) as f64 / points.len() as f64;
        let of_member = work(spec) / members as f64 * share;
        let blocks = Blocks::of(members, of_member);
        let at_once = match &spec.ensemble.matrices {
            // Exact radii of own matrices need all of their spectra.
            Some(_) => blocks.count(),
            None => ((MOST_WORK / of_member) as usize).min(MOST_AT_ONCE) / blocks.block(),
        };
        Division { passes: recipe.passes(epsilon), blocks, at_once: at_once.max(1) }
    }

    /// The number of units: those of the first pass, block by block, then those of the next.
    pub fn units(&self) -> usize {
        self.passes.len() * self.blocks.count()
    }

    /// The number of grid points of a unit.
    pub fn points(&self, unit: usize) -> usize {
        self.passes[unit / self.blocks.count()].len()
    }

    /// How much work a unit is, in members times grid points.
    pub fn work(&self, unit: usize) -> f64 {
        let block = unit % self.blocks.count();
        (self.blocks.members(block..block + 1).len() * self.points(unit)) as f64
    }
}
