//! `eulerscope slurm`: a sweep as jobs of Slurm.

use super::Invocation;
use super::console::Console;
use crate::error::{Error, Result};
use crate::estimate::counted;
use crate::jobs::MERGED;
use crate::jobs::slurm::{self, Batch, Options, Request, Submitted, USUAL_MAX_ARRAY_SIZE};
use crate::results::parts;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What is to be made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// What the jobs are to do.
    pub work: Work,
    /// How they are to be run.
    pub options: Options,
    /// Are they submitted, or only printed?
    pub submit: bool,
}

/// What the jobs are to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A sweep.
    Begin {
        /// The specification.
        spec: Value,
        /// How many shards.
        tasks: usize,
        /// Where they are left.
        folder: PathBuf,
    },
    /// What is missing of an earlier one.
    Retry {
        /// Where the others are.
        folder: PathBuf,
    },
}

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, asked: &Asked) -> Result<()> {
    let here = |error| Error::io(".".as_ref(), error, "go to a folder that is there");
    let (folder, request, shards, is_new) = match &asked.work {
        Work::Begin { folder, spec, tasks } => {
            let directory = std::env::current_dir().map_err(here)?;
            let request = Request::new(spec.clone(), *tasks, &invocation.device, directory, asked.options.clone());
            (folder, request, (1..=*tasks).collect(), true)
        }
        Work::Retry { folder } => {
            let mut request = Request::read(folder)?;
            request.slurm = asked.options.clone().or(request.slurm);
            idle(folder)?;
            let missing = missing(folder, request.tasks)?;
            if missing.is_empty() && folder.join(MERGED).join("run.json").is_file() {
                let tasks = counted(request.tasks, "shard");
                let (place, merged) = (folder.display(), folder.join(MERGED));
                console.show(&format!("{place}: {tasks} are there and merged in {}\n", merged.display()))?;
                return console.emit(&json!({ "command": "slurm", "missing": [] }));
            }
            console.note(&format!("{} of {} to do", missing.len(), counted(request.tasks, "shard")));
            (folder, request, missing, false)
        }
    };
    let folder = std::path::absolute(folder).map_err(here)?;
    let program = std::env::current_exe().map_err(here)?;
    let size = max_array_size(console, &request.slurm);
    let batch = Batch::new(&request, is_new, &folder, &program, &shards, size)?;
    if !asked.submit {
        console.show_whole(&batch.submitter())?;
        return console.emit(&json!({ "command": "slurm", "jobs": batch.json() }));
    }
    let submitted = submit(&request, is_new, &folder, &batch)?;
    let Submitted { tasks, merge } = &submitted;
    console.show(&format!("{} into {}\n", batch.said(&tasks.join(" "), merge), batch.merged().display()))?;
    console.emit(&json!({ "command": "slurm", "submitted": { "tasks": tasks, "merge": merge } }))
}

/// Submits; where that fails, nothing remains of the attempt.
fn submit(request: &Request, is_new: bool, folder: &Path, batch: &Batch) -> Result<Submitted> {
    if !is_new {
        return slurm::submit(batch);
    }
    request.write(folder)?;
    slurm::submit(batch).inspect_err(|_| {
        // What is left over only makes the next attempt a `--retry`.
        let _ = std::fs::remove_file(folder.join(slurm::FOLDER).join(slurm::REQUEST));
    })
}

fn max_array_size(console: &Console, options: &Options) -> usize {
    options.max_array_size.or_else(slurm::max_array_size).unwrap_or_else(|| {
        console.note(&format!("no Slurm answers here: MaxArraySize is taken to be {USUAL_MAX_ARRAY_SIZE}"));
        USUAL_MAX_ARRAY_SIZE
    })
}

/// Refuses to do twice what still waits or runs.
fn idle(folder: &Path) -> Result<()> {
    let active = slurm::active(folder).join(" ");
    match active.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(format!(
            "{}: jobs of it wait or run still; wait for them, or end them with scancel {active}",
            folder.display()
        ))),
    }
}

/// The shards that are not finished, from 1; all of them where no task has left anything.
fn missing(folder: &Path, tasks: usize) -> Result<Vec<usize>> {
    match parts::survey(folder) {
        Ok(found) if found.shards == tasks => Ok(found.missing),
        Ok(found) => Err(Error::Invalid(format!(
            "{}: holds shards of {}, and {tasks} were submitted; move those of another sweep away",
            folder.display(),
            found.shards
        ))),
        Err(error) if error.is_of_input() => Ok((1..=tasks).collect()),
        Err(error) => Err(error),
    }
}
