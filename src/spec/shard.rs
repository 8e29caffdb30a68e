//! Which part of a sweep one of many machines does.

use super::grid::shown;
use crate::error::Result;
use crate::invalid;
use std::fmt;
use std::ops::Range;

/// The most shards of a sweep.
pub const MOST_SHARDS: usize = 1_000_000;

/// One of `count` shards, which together are all of a sweep. It is no part of the specification: results are the same for
/// any number of shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0; in text, in names of folders and in schedulers it counts from 1.
    pub index: usize,
    /// How many there are, at least 1.
    pub count: usize,
}

impl Shard {
    /// Shard `number` of `count`, counted from 1.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] unless 1 ≤ `number` ≤ `count` ≤ [`MOST_SHARDS`].
    pub fn new(number: usize, count: usize) -> Result<Self> {
        if count == 0 {
            return invalid!("shard: {number}/0 is one of no shards; write 1/1 for the whole sweep");
        }
        if count > MOST_SHARDS {
            return invalid!("shard: {count} shards are more than {MOST_SHARDS}; make fewer and larger ones");
        }
        if number == 0 {
            return invalid!(
                "shard: 0/{count} is the first shard where one counts from 0, and no shard where one counts from 1; shards \
                 count from 1 here: write 1/{count} for the first, {count}/{count} for the last"
            );
        }
        if number > count {
            return invalid!("shard: {number}/{count} is beyond the last shard; write 1/{count} to {count}/{count}");
        }
        Ok(Shard { index: number - 1, count })
    }

    /// Reads `K/N`, the K-th of N shards, K from 1.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] unless 1 ≤ K ≤ N ≤ [`MOST_SHARDS`].
    pub fn parse(text: &str) -> Result<Self> {
        let whole = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<usize>().ok());
        match text.trim().split_once('/').map(|(number, count)| (whole(number).flatten(), whole(count).flatten())) {
            Some((Some(number), Some(count))) => Shard::new(number, count),
            _ => invalid!(
                "shard: `{}` is not one of N shards; write K/N, such as 1/8 for the first of eight",
                shown(text)
            ),
        }
    }

    /// The units of this shard among `units`, a contiguous range. Those of all shards tile `0..units`, and their sizes differ
    /// by one at most.
    pub fn units(&self, units: usize) -> Range<usize> {
        // A product of two 64-bit numbers fits in 128 bits, and the quotients are at most `units`.
        let bound = |index: usize| (index as u128 * units as u128 / self.count as u128) as usize;
        bound(self.index)..bound(self.index + 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}
