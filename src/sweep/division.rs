//! How a sweep is divided into units of work: a block of members at the grid points of a pass.
//!
//! The division follows from the specification alone, and statistics are those of blocks, merged in their order. So a
//! result has the same bits whatever was computed at a time, on how many machines, and after how many interruptions.

use super::{points, recipe, work};
use crate::spec::SweepSpec;
use std::ops::Range;

/// Members of a block, where nothing speaks against it.
const BLOCK: usize = 256;
/// Operations of the rollouts of a block in a pass at most: seconds on a CPU, so that an interruption costs no more.
const MOST_WORK: f64 = 1e12;
/// Blocks of a sweep at most, for their statistics are kept one by one.
const MOST_BLOCKS: usize = 1024;
/// Members of the blocks that are worked on at once, at most.
const MOST_AT_ONCE: usize = 1 << 14;

/// The units of a plain sweep.
pub struct Division {
    /// Places of the grid points of each pass in the list of all points.
    pub passes: Vec<Vec<usize>>,
    members: usize,
    /// Members of a block; the last one may have fewer.
    block: usize,
    at_once: usize,
}

impl Division {
    /// That of a plain sweep on a device with this epsilon.
    pub fn of(spec: &SweepSpec, epsilon: f64) -> Self {
        let points = points(spec);
        let recipe = recipe(spec, &points);
        let members = spec.ensemble.members;
        let share = recipe.points_at_once().min(points.len()) as f64 / points.len() as f64;
        let of_member = work(spec) / members as f64 * share;
        let block = block(members, of_member);
        let at_once = match &spec.ensemble.matrices {
            // Exact radii of own matrices need all of their spectra.
            Some(_) => members,
            None => block * (((MOST_WORK / of_member) as usize).min(MOST_AT_ONCE) / block).max(1),
        };
        Division { passes: recipe.passes(epsilon), members, block, at_once }
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.members.div_ceil(self.block)
    }

    /// The number of units: those of the first pass, block by block, then those of the next.
    pub fn units(&self) -> usize {
        self.passes.len() * self.blocks()
    }

    /// Members of a block; the last one may have fewer.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The members of some blocks.
    pub fn members(&self, blocks: Range<usize>) -> Range<usize> {
        blocks.start * self.block..(blocks.end * self.block).min(self.members)
    }

    /// How many blocks are worked on at once at most.
    pub fn at_once(&self) -> usize {
        self.at_once.div_ceil(self.block).max(1)
    }
}

/// Members of a block: a power of two, [`BLOCK`] unless they are too much work or too many blocks.
fn block(members: usize, work_of_member: f64) -> usize {
    let by_work = (MOST_WORK / work_of_member.max(1.0)) as usize;
    let largest = 1 << by_work.max(1).ilog2();
    let least = members.div_ceil(MOST_BLOCKS).next_power_of_two();
    BLOCK.min(largest).max(least)
}

#[cfg(test)]
mod tests {
    use super::{Division, MOST_BLOCKS, block};
    use crate::spec::SweepSpec;

    #[test]
    fn blocks_are_few_and_no_longer_than_their_work() {
        assert_eq!(block(1024, 1e6), 256);
        assert_eq!(block(10, 1e6), 256);
        assert_eq!(block(1024, 1e10), 64);
        assert_eq!(block(1024, 1e300), 1);
        assert_eq!(block(1_000_000, 1e6), 1024);
        assert_eq!(block(1_000_000, 1e300), 1024);
        assert!((1_usize << 31).div_ceil(block(1 << 31, 1.0)) <= MOST_BLOCKS);
    }

    #[test]
    fn blocks_tile_the_members() {
        for members in [1, 255, 256, 257, 1000, 5000] {
            let mut spec = SweepSpec::default();
            spec.ensemble.members = members;
            let division = Division::of(&spec, f64::EPSILON);
            let mut next = 0;
            for block in 0..division.blocks() {
                let own = division.members(block..block + 1);
                assert!(own.start == next && own.end > own.start);
                next = own.end;
            }
            assert_eq!(next, members);
            assert_eq!(division.units(), division.passes.len() * division.blocks());
        }
    }
}
