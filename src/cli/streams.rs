//! Standard output and standard error.

use super::fit;
use crate::error::{Error, Result};
use std::io::Write;

/// Says a line on standard error, no wider than that is.
pub fn remark(line: &str) {
    let text = format!("{line}\n");
    // Nobody to hear a remark is no failure.
    let _ = std::io::stderr()
        .write_all(fit::columns_of_remarks().map_or(text.clone(), |c| fit::wrapped(&text, c)).as_bytes());
}

/// Writes to standard output, where a failure is an I/O error; `ending` makes a closed pipe no failure.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::io(std::path::Path::new("standard output"), error, "redirect it to another place"))
}
