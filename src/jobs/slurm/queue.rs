//! The commands of Slurm: what a cluster allows, submitting, and what is still in the queue.

use super::{Batch, FOLDER, Job, SUBMITTED};
use crate::error::{Error, Result};
use crate::invalid;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The numbers of the jobs of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Submitted {
    /// The arrays.
    pub tasks: Vec<String>,
    /// The job that merges.
    pub merge: String,
}

/// What this cluster's `MaxArraySize` is; none where no Slurm answers.
pub fn max_array_size() -> Option<usize> {
    let output = Command::new("scontrol").args(["show", "config"]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().find(|line| line.starts_with("MaxArraySize"))?;
    line.split('=').nth(1)?.trim().parse().ok().filter(|size| *size > 1)
}

/// Submits all jobs; the request is in the folder already. If one is refused, those before it are cancelled.
///
/// # Errors
/// [`Error::Io`] where there is no sbatch, [`Error::Invalid`] with what it said if it refuses a job.
pub fn submit(batch: &Batch) -> Result<Submitted> {
    let mut submitted = Submitted::default();
    match all(batch, &mut submitted) {
        Ok(()) => Ok(submitted),
        Err(error) => {
            if !submitted.tasks.is_empty() {
                // The refusal is what the user has to know; a job that cannot be cancelled has ended.
                let _ = Command::new("scancel").args(&submitted.tasks).stderr(Stdio::null()).status();
            }
            Err(error)
        }
    }
}

fn all(batch: &Batch, submitted: &mut Submitted) -> Result<()> {
    for Job { script, .. } in &batch.tasks {
        submitted.tasks.push(one(script, None)?);
    }
    let behind = (!submitted.tasks.is_empty()).then(|| format!("--dependency=afterok:{}", submitted.tasks.join(":")));
    submitted.merge = one(&batch.merge.script, behind.as_deref())?;
    let path = batch.folder.join(FOLDER).join(SUBMITTED);
    let numbers: String =
        submitted.tasks.iter().chain([&submitted.merge]).map(|number| format!("{number}\n")).collect();
    let append = |path: &Path| OpenOptions::new().append(true).create(true).open(path)?.write_all(numbers.as_bytes());
    append(&path).map_err(|error| Error::io(&path, error, "the jobs are cancelled; free some space"))
}

/// Submits one script and gives its number.
fn one(script: &str, option: Option<&str>) -> Result<String> {
    let no_sbatch = |error: io::Error| {
        Error::io(
            "sbatch".as_ref(),
            error,
            "submit where Slurm's commands are, or leave --submit out to print a script",
        )
    };
    let mut command = Command::new("sbatch");
    command.arg("--parsable").args(option).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(no_sbatch)?;
    // One that does not read its script says why.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(script.as_bytes()));
    let output = child.wait_with_output().map_err(no_sbatch)?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().replace('\n', "; ");
    if !output.status.success() {
        return invalid!("{}; change --sbatch or --max-array-size, nothing is submitted", said(&output.stderr));
    }
    Ok(said(&output.stdout).split(';').next().unwrap_or_default().to_string())
}

/// Which of the jobs that were submitted for this folder wait or run; none where no Slurm answers.
pub fn active(folder: &Path) -> Vec<String> {
    let Ok(text) = fs::read_to_string(folder.join(FOLDER).join(SUBMITTED)) else { return Vec::new() };
    // A number that Slurm has forgotten is an error of squeue where it is the only one, so all of the user's are listed.
    let own = Command::new("squeue").args(["--me", "--noheader", "--format=%F"]).stderr(Stdio::null()).output();
    let listed = own.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let is_active = |number: &&str| listed.lines().any(|line| line.trim() == *number);
    text.lines().filter(is_active).map(str::to_string).collect()
}
