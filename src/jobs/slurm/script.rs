//! The scripts that Slurm is given.

use super::{Array, Batch, FOLDER, Job, Options, REQUEST, Request, SUBMITTED};
use crate::error::Result;
use crate::invalid;
use crate::jobs::MERGED;
use crate::request::shell_word;
use std::path::Path;

/// How often a task begins again by itself after a failure that may pass.
const MOST_RESTARTS: usize = 3;

/// What the scripts of a sweep share, each a word of a shell.
pub(super) struct Words<'a> {
    request: &'a Request,
    program: String,
    directory: String,
    folder: String,
    merged: String,
    record: String,
    /// The folder of the jobs' output, as it stands inside single quotes in a line of `#SBATCH`, with `%` doubled.
    logs: String,
}

impl<'a> Words<'a> {
    pub(super) fn new(request: &'a Request, folder: &Path, program: &Path) -> Result<Self> {
        let own = folder.join(FOLDER);
        let logs = text(&own)?;
        if logs.contains(['\'', '\\']) {
            return invalid!("out: Slurm takes no quote and no backslash in the path {logs}; give another folder");
        }
        let word = |path: &Path| text(path).map(shell_word);
        Ok(Words {
            request,
            program: word(program)?,
            directory: word(&request.directory)?,
            folder: word(folder)?,
            merged: word(&folder.join(MERGED))?,
            record: word(&own.join(REQUEST))?,
            logs: logs.replace('%', "%%"),
        })
    }

    /// The script of an array, each task of which does a shard.
    pub(super) fn task(&self, array: &Array) -> String {
        let Words {
            request: Request { tasks: count, device, slurm, .. },
            program,
            directory,
            folder,
            record,
            logs,
            ..
        } = self;
        let Array { offset, indices, tasks } = array;
        let limit = slurm.parallel.map(|parallel| format!("%{}", parallel.min(*tasks))).unwrap_or_default();
        let offset = if *offset > 0 { format!(" --shard-offset {offset}") } else { String::new() };
        let options = line(slurm.sbatch.as_deref());
        let device = shell_word(device);
        let any = if slurm.any_device { " --any-device" } else { "" };
        format!(
            "\
#!/bin/bash
#SBATCH --job-name=eulerscope
#SBATCH --array={indices}{limit}
#SBATCH --output='{logs}/%A_%a.log'
#SBATCH --open-mode=append
#SBATCH --requeue
{options}# Asked to stop, the program finishes its unit of work, and this shell waits for it.
trap : TERM
cd {directory} || exit 7
# A task that runs again goes on where it was.
{program} sweep {record} --device {device} --shard auto/{count}{offset} --resume=auto{any} --out {folder}
code=$?
case $code in
6 | 7) # the device or the disk failed, which may be otherwise on another node or later
    [ \"${{SLURM_RESTART_COUNT:-0}}\" -lt {MOST_RESTARTS} ] && scontrol requeue \"$SLURM_JOB_ID\" ;;
esac
exit $code # 3: it was stopped, or units are left out; 2, 4, 5, 8 and others would be the same again
"
        )
    }

    /// The script of the job that merges the shards.
    pub(super) fn merge(&self) -> String {
        let Words { request, program, directory, folder, merged, logs, .. } = self;
        let Options { sbatch, sbatch_merge, .. } = &request.slurm;
        let options = line(sbatch_merge.as_deref().or(sbatch.as_deref()));
        format!(
            "\
#!/bin/bash
#SBATCH --job-name=eulerscope-merge
#SBATCH --output='{logs}/merge-%j.log'
#SBATCH --kill-on-invalid-dep=yes
{options}cd {directory} || exit 7
exec {program} merge {folder} --out {merged}
"
        )
    }
}

/// Options as a line of a script.
fn line(options: Option<&str>) -> String {
    let options = options.map(str::trim).filter(|options| !options.is_empty());
    options.map(|options| format!("#SBATCH {options}\n")).unwrap_or_default()
}

/// A path as a text of one line.
fn text(path: &Path) -> Result<&str> {
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(text),
        _ => invalid!("{}: such a path cannot stand in a script; rename it", path.display().to_string().escape_debug()),
    }
}

/// One script that writes the request, submits all jobs and says their numbers; if one is refused, none remains.
pub(super) fn submitter(batch: &Batch) -> String {
    let own = batch.folder.join(FOLDER);
    let word = |path: &Path| shell_word(&path.to_string_lossy());
    let (own, request, submitted) = (word(&own), word(&own.join(REQUEST)), word(&own.join(SUBMITTED)));
    let mut text = format!(
        "\
#!/bin/bash
# Submits a sweep as jobs of Slurm: run this with bash where sbatch is.
set -euo pipefail
mkdir -p {own}
"
    );
    if let Some(content) = &batch.request {
        text += &format!(
            "\
[ ! -e {request} ] || {{ echo 'error: it was submitted before; see eulerscope slurm --retry' >&2; exit 2; }}
cat > {request} <<'END_OF_REQUEST'
{content}END_OF_REQUEST
"
        );
    }
    let remove = if batch.request.is_some() { format!("    rm -f {request}\n") } else { String::new() };
    text += &format!(
        "\
tasks=
undo() {{
    [ $? != 0 ] || return 0
    [ -z \"$tasks\" ] || scancel ${{tasks//:/ }}
{remove}}}
trap undo EXIT
"
    );
    for Job { script, .. } in &batch.tasks {
        text += &heredoc(script);
        text += "id=$(printf %s \"$script\" | sbatch --parsable)\ntasks+=:${id%%;*}\n";
    }
    text += &heredoc(&batch.merge.script);
    text +=
        "merge=$(printf %s \"$script\" | sbatch --parsable ${tasks:+--dependency=afterok$tasks})\nmerge=${merge%%;*}\n";
    text += &format!("printf '%s\\n' ${{tasks//:/ }} \"$merge\" >> {submitted}\n");
    text += "tasks=${tasks#:}\n";
    text += &format!("echo \"{}\" into {}\n", batch.said("${tasks//:/ }", "$merge"), word(&batch.merged()));
    text
}

fn heredoc(script: &str) -> String {
    format!("IFS= read -r -d '' script <<'END_OF_SCRIPT' || true\n{script}END_OF_SCRIPT\n")
}
