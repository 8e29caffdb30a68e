//! Units of work: a long run is divided into units, whose parts may be done in any order, by anybody, and make the result in
//! their own order. What a unit is follows from the specification alone.

use crate::error::Result;
use std::ops::Range;

/// Members of a block, where nothing speaks against it.
const BLOCK: usize = 256;
/// Operations of a block at most: seconds on a CPU, so that an interruption costs no more.
pub(crate) const MOST_WORK: f64 = 1e12;
/// Blocks of a run at most, for their parts are kept one by one.
const MOST_BLOCKS: usize = 1024;

/// The units of a run.
pub trait Units {
    /// What a unit leaves behind.
    type Part;

    /// How many there are.
    fn count(&self) -> usize;

    /// How much work a unit is, in a measure that all units of the run share.
    ///
    /// # Panics
    /// If there is no such unit.
    fn work(&self, unit: usize) -> f64;

    /// A part of a unit with nothing in it, into which one that was kept is read.
    ///
    /// # Panics
    /// If there is no such unit.
    fn empty(&self, unit: usize) -> Self::Part;

    /// How much work the units are for which this holds.
    fn work_of(&self, is_meant: &dyn Fn(usize) -> bool) -> f64 {
        (0..self.count()).filter(|&unit| is_meant(unit)).map(|unit| self.work(unit)).sum()
    }
}

/// Where parts go when they are done, and come from when they have been done before. By default nothing has been done
/// before, and nothing is kept but the result.
pub trait Parts<P> {
    /// Is this unit to be worked on, if it has not been?
    fn wants(&self, _unit: usize) -> bool {
        true
    }

    /// Has it been?
    fn has(&self, _unit: usize) -> bool {
        false
    }

    /// Is it still to be worked on?
    fn is_left(&self, unit: usize) -> bool {
        self.wants(unit) && !self.has(unit)
    }

    /// Are the parts wanted as one result?
    fn is_whole(&self) -> bool {
        true
    }

    /// A part that has been done; `empty` is one of its shape.
    ///
    /// # Errors
    /// Whatever goes wrong where it was kept.
    fn take(&mut self, _unit: usize, empty: P) -> Result<P> {
        Ok(empty)
    }

    /// The part of a unit that has been done, where one result is wanted of all; `empty` makes one of its shape.
    ///
    /// # Errors
    /// As for [`Parts::take`].
    fn known(&mut self, unit: usize, empty: &dyn Fn() -> P) -> Result<Option<P>> {
        if self.has(unit) && self.is_whole() { self.take(unit, empty()).map(Some) } else { Ok(None) }
    }

    /// Keeps the part of a unit that is done. It is not changed: whoever looks at the fields of a part may change them.
    ///
    /// # Errors
    /// Whatever goes wrong where it is to be kept.
    fn keep(&mut self, _unit: usize, _part: &mut P) -> Result<()> {
        Ok(())
    }
}

/// Nothing has been done before, and nothing is kept but the result.
pub struct Afresh;

impl<P> Parts<P> for Afresh {}

/// Parts as they are, for the results of those that are there.
pub struct AsTheyAre<'a, P>(pub &'a mut dyn Parts<P>);

impl<P> Parts<P> for AsTheyAre<'_, P> {
    fn wants(&self, _unit: usize) -> bool {
        false
    }

    fn has(&self, unit: usize) -> bool {
        self.0.has(unit)
    }

    fn is_whole(&self) -> bool {
        self.0.is_whole()
    }

    fn take(&mut self, unit: usize, empty: P) -> Result<P> {
        self.0.take(unit, empty)
    }
}

/// Members in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    members: usize,
    /// Members of a block; the last one may have fewer.
    block: usize,
}

impl Blocks {
    /// Of so many members that are so many operations each: a power of two of them in a block, 256 unless that is too much
    /// work or too many blocks.
    pub fn of(members: usize, work_of_member: f64) -> Self {
        let by_work = (MOST_WORK / work_of_member.max(1.0)) as usize;
        let largest = 1 << by_work.max(1).ilog2();
        let least = members.div_ceil(MOST_BLOCKS).next_power_of_two();
        Blocks { members, block: BLOCK.min(largest).max(least) }
    }

    /// The number of blocks.
    pub fn count(&self) -> usize {
        self.members.div_ceil(self.block)
    }

    /// Members of a block; the last one may have fewer.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The members of some blocks.
    pub fn members(&self, blocks: Range<usize>) -> Range<usize> {
        blocks.start * self.block..(blocks.end * self.block).min(self.members)
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocks, MOST_BLOCKS};

    #[test]
    fn blocks_are_few_and_no_longer_than_their_work() {
        let block = |members: usize, work: f64| Blocks::of(members, work).block();
        assert_eq!(block(1024, 1e6), 256);
        assert_eq!(block(10, 1e6), 256);
        assert_eq!(block(1024, 1e10), 64);
        assert_eq!(block(1024, 1e300), 1);
        assert_eq!(block(1_000_000, 1e6), 1024);
        assert_eq!(block(1_000_000, 1e300), 1024);
        assert!(Blocks::of(1 << 31, 1.0).count() <= MOST_BLOCKS);
    }

    #[test]
    fn blocks_tile_the_members() {
        for members in [1, 255, 256, 257, 1000, 5000] {
            let blocks = Blocks::of(members, 1e6);
            let mut next = 0;
            for block in 0..blocks.count() {
                let own = blocks.members(block..block + 1);
                assert!(own.start == next && own.end > own.start);
                next = own.end;
            }
            assert_eq!(next, members);
        }
    }
}
