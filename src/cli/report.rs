//! `eulerscope report`: the page of a results folder.

use crate::cli::console::Console;
use crate::error::Result;
use crate::invalid;
use crate::report;
use crate::results::{dataset, parts};
use serde_json::json;
use std::path::Path;

/// Runs the command.
pub fn run(console: &Console, folder: &Path) -> Result<()> {
    if folder.is_dir() && dataset::standing(folder)?.is_none() && parts::survey(folder).is_ok() {
        return invalid!("{}: holds a run that is not finished; --resume with its command ends it", folder.display());
    }
    let written = report::write(folder)?;
    let megabytes = written.bytes as f64 / 1e6;
    console.show(&format!("{}: {megabytes:.1} MB; open it in a browser\n", written.path.display()))?;
    console.emit(&json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "report",
        "report": written.path,
        "bytes": written.bytes,
    }))
}
