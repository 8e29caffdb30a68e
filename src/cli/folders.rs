//! `eulerscope verify`, `status` and `hash`: what is in a results folder.

use crate::cli::console::Console;
use crate::error::{Error, Result};
use crate::estimate::counted;
use crate::results::parts::listed;
use crate::results::{content, dataset, parts};
use serde_json::{Value, json};
use std::path::Path;

/// Compares every file with what was written.
pub fn verify(console: &Console, folder: &Path) -> Result<()> {
    let files = match dataset::standing(folder)? {
        None => 0,
        Some(run) => {
            dataset::verify(folder)?;
            run["files"].as_object().map_or(0, serde_json::Map::len)
        }
    };
    let of_parts = parts::verify(folder)?;
    if files + of_parts == 0 && parts::survey(folder).is_err() {
        return Err(nothing(folder));
    }
    console.show(&format!("{}: {} as written\n", folder.display(), counted(files + of_parts, "file")))?;
    console.emit(&json!({ "command": "verify", "folder": folder, "files": files, "files_of_parts": of_parts }))
}

/// Says what is done, and what is missing.
pub fn status(console: &Console, folder: &Path, missing: bool) -> Result<()> {
    let run = dataset::standing(folder)?;
    let survey = match parts::survey(folder) {
        Ok(found) => Some(found),
        Err(error) if error.is_of_input() && run.is_some() => None,
        Err(error) => return Err(error),
    };
    let is_whole = run.as_ref().is_some_and(dataset::is_whole);
    let interrupted = run.as_ref().is_some_and(|run| run["interrupted"] == json!(true));
    let shards = survey.as_ref().map(|found| found.missing.clone()).unwrap_or_default();
    if missing {
        console.show(&format!("{}\n", listed(shards.iter().copied())))?;
    } else {
        let mut lines = Vec::new();
        if let Some(run) = &run {
            let command = run["command"].as_str().unwrap_or("a run");
            let how = match (is_whole, interrupted) {
                (true, _) => "finished",
                (_, true) => "interrupted",
                _ => "finished but for units that failed",
            };
            lines.push(format!("{command}, {how}"));
        }
        if let Some(found) = &survey {
            lines.push(format!("{} of {} done", found.done, counted(found.units, "unit")));
            if found.shards > 1 {
                let unfinished = match found.missing.is_empty() {
                    true => "all are done".to_string(),
                    false => format!("not done: {}", listed(found.missing.iter().copied())),
                };
                lines.push(format!("{} shards, {unfinished}", found.shards));
            }
        }
        console.show(&format!("{}: {}\n", folder.display(), lines.join("; ")))?;
    }
    console.emit(&json!({
        "command": "status",
        "folder": folder,
        "finished": is_whole,
        "interrupted": interrupted,
        "failed_units": run.as_ref().map_or(&Value::Null, |run| &run["failed_units"]),
        "units": survey.as_ref().map(|found| found.units),
        "done": survey.as_ref().map(|found| found.done),
        "shards": survey.as_ref().map(|found| found.shards),
        "missing_shards": survey.as_ref().map_or(Value::Null, |_| json!(shards)),
    }))
}

/// Says the hash of what the tables say.
pub fn hash(console: &Console, folder: &Path) -> Result<()> {
    let hash = content::hash(folder)?;
    if dataset::standing(folder)?.is_none_or(|run| !dataset::is_whole(&run)) {
        console.note(&format!("{}: is not whole, so this is the hash of what is done", folder.display()));
    }
    console.show(&format!("{hash}  {}\n", folder.display()))?;
    console.emit(&json!({ "command": "hash", "folder": folder, "hash": hash }))
}

fn nothing(folder: &Path) -> Error {
    Error::Invalid(format!("{}: holds no results; give a folder that --out has written", folder.display()))
}
