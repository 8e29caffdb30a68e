//! Many machines: what a scheduler tells a process of its shard, and what a scheduler is asked to run.

pub mod arrays;
pub mod environment;
pub mod kubernetes;
pub mod slurm;

/// The folder of the merged results, inside that of the shards.
pub const MERGED: &str = "merged";
