//! A folder for parts that nobody wants to keep.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// The folder, removed with this.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// In the system's place for such things.
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("eulerscope-{}", std::process::id()));
        let hint = "set TMPDIR to a folder that can be written, or give --out";
        std::fs::create_dir_all(&folder).map_err(|source| Error::io(&folder, source, hint))?;
        Ok(Scratch(folder))
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there the system removes in its time.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
