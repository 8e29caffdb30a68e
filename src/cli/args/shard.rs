//! `--shard` and `--shard-offset`: which part of a run this call does.

use super::Global;
use crate::error::{Error, Result};
use crate::invalid;
use crate::jobs::environment;
use crate::spec::Shard;
use crate::spec::grid::shown;
use clap::Args;

/// Flags of the command line alone, for a shard is no part of a specification.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many machines")]
pub(super) struct ShardArguments {
    /// Do the K-th of N shards, K from 1, in a folder of its own in --out. `auto` takes K and N from the Slurm array, the
    /// step of srun or the MPI launch that this process is in; `auto/N` takes K from there, or from an indexed Kubernetes
    /// Job, where an array index is K and ranks and completions count from 0
    #[arg(long, value_name = "K/N|auto|auto/N")]
    shard: Option<String>,
    /// With auto/N, added to K: for arrays that had to be split
    #[arg(long, value_name = "COUNT")]
    shard_offset: Option<usize>,
}

/// Which shard it is, and what that was read from.
#[derive(Default)]
pub(super) struct Placed {
    pub(super) shard: Option<Shard>,
    pub(super) remark: Option<String>,
}

impl ShardArguments {
    /// Finds the shard.
    pub(super) fn placed(&self, global: &Global) -> Result<Placed> {
        let Some(text) = self.shard.as_deref().map(str::trim) else {
            return match self.shard_offset {
                None => Ok(Placed::default()),
                Some(offset) => {
                    Err(Error::Usage(format!("--shard-offset {offset} is for --shard auto/N; give it too")))
                }
            };
        };
        if global.out.is_none() {
            return Err(Error::Usage(
                "--shard leaves its results for others to merge; name the folder with --out DIR".into(),
            ));
        }
        if global.plan {
            return Err(Error::Usage("--plan speaks of the whole sweep; leave --shard out".to_string()));
        }
        let Some(count) = automatic(text)? else {
            if let Some(offset) = self.shard_offset {
                return Err(Error::Usage(format!(
                    "--shard-offset {offset} is for --shard auto/N; with --shard {text} add it to the number"
                )));
            }
            return Ok(Placed { shard: Some(Shard::parse(text)?), remark: None });
        };
        let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let found = environment::shard(count, self.shard_offset.unwrap_or(0), &variable)?;
        let remark = format!("{}: shard {}, counted from 1", found.read, found.shard);
        Ok(Placed { shard: Some(found.shard), remark: Some(remark) })
    }
}

impl Placed {
    /// The layers of a trained model are one stack, which has no members to share out.
    pub(super) fn refuse_for_trained(&self, instead: &str) -> Result<()> {
        match self.shard {
            None => Ok(()),
            Some(_) => Err(Error::Usage(format!(
                "--shard shares out members, and a run with --checkpoint has none; {instead}"
            ))),
        }
    }
}

/// The count of `auto/N`, none inside for a bare `auto`; none for `K/N`.
fn automatic(text: &str) -> Result<Option<Option<usize>>> {
    match text.split_once('/') {
        None if text == "auto" => Ok(Some(None)),
        None => {
            invalid!("shard: `{}` is neither K/N, such as 1/8 for the first of eight, nor auto or auto/N", shown(text))
        }
        Some(("auto", count)) => match count.parse() {
            // There is a last shard if the count is one.
            Ok(count) if count > 0 => Shard::new(count, count).map(|last| Some(Some(last.count))),
            _ => invalid!("shard: `{}` has no number of shards; write auto/N, such as auto/8", shown(text)),
        },
        Some(_) => Ok(None),
    }
}
