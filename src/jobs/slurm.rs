//! Slurm: an array of tasks, each of which does a shard, and a job behind it that merges them.

mod queue;
mod script;

pub use queue::{Submitted, active, max_array_size, submit};

use super::arrays::{Array, arrays};
use crate::error::{Error, Result};
use crate::invalid;
use crate::jobs::MERGED;
use crate::spec::grid::shown;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder inside that of the results: the request, what was submitted, and the output of the jobs.
pub const FOLDER: &str = "slurm";
/// The request inside that folder: the record of the sweep, which the tasks read, and how it is to be run.
pub const REQUEST: &str = "job.json";
/// The jobs that were submitted, one number a line.
pub const SUBMITTED: &str = "submitted";
/// Slurm's own limit, where no cluster says another: indices are below it.
pub const USUAL_MAX_ARRAY_SIZE: usize = 1001;

/// How a sweep is to be run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Options of sbatch for the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbatch: Option<String>,
    /// Options of sbatch for the merging job; none: those for the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbatch_merge: Option<String>,
    /// Tasks of an array that run at a time; none: as many as the cluster lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<usize>,
    /// Indices of an array are below this; none: what the cluster says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_array_size: Option<usize>,
    /// May a task go on on another kind of device, whose last bits may differ?
    #[serde(default)]
    pub any_device: bool,
}

impl Options {
    /// These, and those of `earlier` where they say nothing.
    pub fn or(self, earlier: Options) -> Options {
        Options {
            sbatch: self.sbatch.or(earlier.sbatch),
            sbatch_merge: self.sbatch_merge.or(earlier.sbatch_merge),
            parallel: self.parallel.or(earlier.parallel),
            max_array_size: self.max_array_size.or(earlier.max_array_size),
            any_device: self.any_device || earlier.any_device,
        }
    }

    /// Refuses options that the scripts have their own of, and what is no single line.
    pub fn check(&self) -> Result<()> {
        for (flag, options) in [("sbatch", &self.sbatch), ("sbatch-merge", &self.sbatch_merge)] {
            let Some(options) = options else { continue };
            if options.chars().any(char::is_control) {
                return invalid!("{flag}: the options are one line; write them with blanks between them");
            }
            if !options.is_empty() && !options.trim_start().starts_with('-') {
                return invalid!(
                    "{flag}: `{}` are no options of sbatch; write such as --partition=gpu",
                    shown(options)
                );
            }
            for word in options.split_whitespace() {
                let name = word.split('=').next().unwrap_or_default();
                let is_short = !name.starts_with("--") && (name.starts_with("-a") || name.starts_with("-d"));
                if is_short || ["--array", "--dependency", "--wrap"].contains(&name) {
                    return invalid!("{flag}: {name} is what the scripts set themselves; leave it out");
                }
            }
        }
        if self.parallel == Some(0) {
            return invalid!("parallel: no task may run; give at least 1");
        }
        match self.max_array_size {
            Some(size) if size < 2 => {
                invalid!("max_array_size: {size} leaves no index; indices from 1 are below it, give 2 or more")
            }
            _ => Ok(()),
        }
    }
}

/// A sweep on a cluster, as it is kept beside its shards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    eulerscope: String,
    command: String,
    /// The specification, which is a record of a run and can be read as one.
    pub spec: Value,
    /// How many shards.
    pub tasks: usize,
    /// The device of every task.
    pub device: String,
    /// Where the command was given: paths in the specification are relative to it.
    pub directory: PathBuf,
    /// How it is to be run.
    pub slurm: Options,
}

impl Request {
    /// A sweep of this specification in so many shards.
    pub fn new(spec: Value, tasks: usize, device: &str, directory: PathBuf, slurm: Options) -> Self {
        let (eulerscope, command) = (env!("CARGO_PKG_VERSION").to_string(), "sweep".to_string());
        Request { eulerscope, command, spec, tasks, device: device.to_string(), directory, slurm }
    }

    /// What was asked for in a folder of results.
    ///
    /// # Errors
    /// [`Error::Io`] if nothing was, [`Error::Invalid`] if it is not legible.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FOLDER).join(REQUEST);
        let text = fs::read_to_string(&path)
            .map_err(|error| Error::io(&path, error, "give a folder that `eulerscope slurm --out DIR` has begun"))?;
        let again = "begin again with `eulerscope slurm SPEC.toml --out`";
        serde_json::from_str(&text)
            .map_err(|error| Error::Invalid(format!("{}: {error}; {again} another folder", path.display())))
    }

    /// Leaves it beside the shards that are to come, and makes the folder for what jobs say.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written, or if there is an earlier one.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let own = folder.join(FOLDER);
        fs::create_dir_all(&own).map_err(|error| Error::io(&own, error, "give --out a folder that can be written"))?;
        let path = own.join(REQUEST);
        let earlier =
            "it was submitted before; go on with `eulerscope slurm --retry DIR`, or give --out another folder";
        let mut file = fs::File::create_new(&path).map_err(|error| Error::io(&path, error, earlier))?;
        std::io::Write::write_all(&mut file, self.text()?.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| Error::io(&path, error, "free some space"))
    }

    fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::Bug(error.to_string()))?;
        Ok(text + "\n")
    }
}

/// All jobs of a sweep, as scripts.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    folder: PathBuf,
    /// The request, where it is not in the folder yet.
    request: Option<String>,
    /// One script for each array.
    pub tasks: Vec<Job>,
    /// The script of the job that waits for all of them.
    pub merge: Job,
}

/// A job: an array of tasks, or the merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The array; none for the merge.
    pub array: Option<Array>,
    /// What sbatch is given.
    pub script: String,
}

impl Batch {
    /// The jobs that do `shards`, which count from 1, of what is asked for, in `folder`, by the program at `program`; both are
    /// absolute. With `is_new` the request is not in the folder yet. Indices are below `max_array_size`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a path that cannot be written into a script.
    pub fn new(
        request: &Request,
        is_new: bool,
        folder: &Path,
        program: &Path,
        shards: &[usize],
        max_array_size: usize,
    ) -> Result<Self> {
        let words = script::Words::new(request, folder, program)?;
        let task = |array: Array| Job { script: words.task(&array), array: Some(array) };
        Ok(Batch {
            folder: folder.to_path_buf(),
            request: is_new.then(|| request.text()).transpose()?,
            tasks: arrays(shards, max_array_size - 1).into_iter().map(task).collect(),
            merge: Job { array: None, script: words.merge() },
        })
    }

    /// One script for bash that submits all jobs.
    pub fn submitter(&self) -> String {
        script::submitter(self)
    }

    /// What was submitted, in words: the numbers of the arrays, with blanks between them, and that of the merge.
    pub fn said(&self, tasks: &str, merge: &str) -> String {
        let arrays = match self.tasks.len() {
            0 => String::new(),
            1 => format!("job {tasks} does the shards; "),
            _ => format!("jobs {tasks} do the shards; "),
        };
        format!("{arrays}job {merge} merges them")
    }

    /// Where the merged results will be.
    pub fn merged(&self) -> PathBuf {
        self.folder.join(MERGED)
    }

    /// The jobs for programs.
    pub fn json(&self) -> Value {
        let job = |job: &Job| {
            let array = job.array.as_ref();
            json!({
                "array": array.map(|array| &array.indices),
                "offset": array.map(|array| array.offset),
                "script": job.script,
            })
        };
        json!({ "tasks": self.tasks.iter().map(job).collect::<Vec<_>>(), "merge": job(&self.merge) })
    }
}
