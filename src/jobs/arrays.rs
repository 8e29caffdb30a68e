//! Shards as arrays of a scheduler that limits the indices of an array.

use crate::results::parts::listed;

/// Some shards as one array: its indices count from 1, and the offset added to an index is the number of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// What is added to an index.
    pub offset: usize,
    /// The indices as a scheduler takes them, such as `3,7-9`.
    pub indices: String,
    /// How many there are.
    pub tasks: usize,
}

/// Arrays of these shards, which count from 1 and ascend, with indices up to `most`. A shard has the same array and the same
/// index whichever others are asked for.
pub fn arrays(shards: &[usize], most: usize) -> Vec<Array> {
    let offset = |shard: usize| (shard - 1) / most * most;
    let one = |shards: &[usize]| {
        let indices: Vec<_> = shards.iter().map(|shard| shard - offset(*shard)).collect();
        Array { offset: offset(shards[0]), indices: listed(indices.iter().copied()), tasks: shards.len() }
    };
    shards.chunk_by(|a, b| offset(*a) == offset(*b)).map(one).collect()
}
