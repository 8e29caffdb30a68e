//! The flags of the commands that hand a sweep to a scheduler.

use super::{Given, Global, Unused};
use crate::cli::slurm::{Asked, Work};
use crate::error::{Error, Result};
use crate::jobs::kubernetes::{Limit, Request};
use crate::jobs::slurm::Options;
use crate::request::keys::{Keys, SweepKeys, SweepRequest};
use crate::spec::{Shard, SweepSpec};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct SlurmArguments {
    /// Specification file, or the run.json of an earlier sweep
    #[arg(value_name = "SPEC.toml", required_unless_present = "retry")]
    file: Option<PathBuf>,
    /// How many shards, one for each task of the array; a task should take minutes at least
    #[arg(long, value_name = "N", required_unless_present = "retry")]
    tasks: Option<usize>,
    /// Submit the jobs and print their numbers [default: print a script that does]
    #[arg(long)]
    submit: bool,
    /// The shards that are missing in this folder once more, and the merge, as they were asked for
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "tasks"])]
    retry: Option<PathBuf>,
    /// Options of sbatch for the tasks, such as '--partition=gpu --gres=gpu:1 --time=2:00:00'
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    sbatch: Option<String>,
    /// Options of sbatch for the merge, which opens the device too [default: those of --sbatch]
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    sbatch_merge: Option<String>,
    /// Tasks of an array that run at a time [default: as many as the cluster lets]
    #[arg(long, value_name = "COUNT")]
    parallel: Option<usize>,
    /// The cluster's MaxArraySize [default: what scontrol says, or 1001]
    #[arg(long, value_name = "SIZE")]
    max_array_size: Option<usize>,
    /// A task that runs again may go on on another kind of device, whose last bits may differ
    #[arg(long)]
    any_device: bool,
}

#[derive(Debug, Args)]
pub(super) struct KubernetesArguments {
    /// Specification file, or the run.json of an earlier sweep
    #[arg(value_name = "SPEC.toml")]
    file: PathBuf,
    /// How many shards, one for each pod; a pod should take minutes at least
    #[arg(long, value_name = "N")]
    tasks: usize,
    /// The image that has eulerscope on its PATH
    #[arg(long, value_name = "IMAGE")]
    image: String,
    /// The persistent volume claim that is mounted at --out
    #[arg(long, value_name = "NAME", default_value = "eulerscope")]
    claim: String,
    /// The name of the Job
    #[arg(long, value_name = "NAME", default_value = "eulerscope")]
    name: String,
    /// Pods at a time [default: all]
    #[arg(long, value_name = "COUNT")]
    parallel: Option<usize>,
    /// A limit of a pod, such as nvidia.com/gpu=1 or memory=8Gi; may be repeated
    #[arg(long, value_name = "RESOURCE=AMOUNT")]
    limit: Vec<String>,
    /// A pod that runs again may go on on another kind of device, whose last bits may differ
    #[arg(long)]
    any_device: bool,
}

impl SlurmArguments {
    pub(super) fn resolve(self, global: &Global) -> Result<Asked> {
        global.refuse("slurm", "it only prints what would be submitted unless --submit is given", &[Unused::Plan])?;
        global.refuse("slurm", "earlier results are never replaced by jobs", &[Unused::Force])?;
        let options = Options {
            sbatch: self.sbatch,
            sbatch_merge: self.sbatch_merge,
            parallel: self.parallel,
            max_array_size: self.max_array_size,
            any_device: self.any_device,
        };
        options.check()?;
        let work = match (self.retry, self.file, self.tasks) {
            (Some(folder), _, _) => {
                let why = "the folder, the specification and the seed are those of the first time";
                global.refuse("slurm --retry", why, &[Unused::Out, Unused::Seed, Unused::Chunk])?;
                Work::Retry { folder }
            }
            (None, Some(file), Some(tasks)) => {
                let spec = specification(file, global, "slurm")?;
                Work::Begin { folder: folder(global, "slurm")?, spec: json!(spec), tasks: counted(tasks)? }
            }
            // The grammar has asked for them.
            _ => return Err(Error::Bug("slurm without a specification".to_string())),
        };
        Ok(Asked { work, options, submit: self.submit })
    }
}

impl KubernetesArguments {
    pub(super) fn resolve(self, global: &Global) -> Result<Request> {
        global.refuse("kubernetes", "it prints a manifest", &[Unused::Json, Unused::Plan, Unused::Force])?;
        let spec = specification(self.file, global, "kubernetes")?;
        let request = Request {
            spec: json!(spec),
            tasks: counted(self.tasks)?,
            image: self.image,
            folder: folder(global, "kubernetes")?,
            name: self.name,
            claim: self.claim,
            parallel: self.parallel,
            any_device: self.any_device,
            limits: self.limit.iter().map(|limit| Limit::parse(limit)).collect::<Result<_>>()?,
        };
        request.check()?;
        Ok(request)
    }
}

/// As many tasks as there may be shards.
fn counted(tasks: usize) -> Result<usize> {
    if tasks == 0 {
        return Err(Error::Invalid("tasks: 0 tasks do nothing; give at least 1".to_string()));
    }
    Shard::new(tasks, tasks).map(|last| last.count)
}

fn folder(global: &Global, command: &str) -> Result<PathBuf> {
    let needed = || Error::Usage(format!("{command} is to leave the shards somewhere; name the folder with --out DIR"));
    global.out.clone().ok_or_else(needed)
}

/// The sweep that a file asks for, valid.
fn specification(file: PathBuf, global: &Global, command: &str) -> Result<SweepSpec> {
    let given = Given::<SweepKeys> { file: Some(file), keys: SweepKeys::default() };
    let (file, flags) = given.read(global)?;
    match SweepKeys::specify(file, flags)? {
        SweepRequest::Members(spec) => Ok(*spec),
        SweepRequest::Trained(_) => Err(Error::Usage(format!(
            "{command} shares out members, and a sweep with a checkpoint has none; submit `sweep` with a part of the grid each"
        ))),
    }
}
