//! The settings of a run as the command line names them.

use crate::error::{Error, Setting};

/// An error with the flags that are to be changed.
pub fn said(error: &Error) -> String {
    error.said(&flag)
}

fn flag(Setting { key, value }: Setting) -> String {
    let flag = format!("--{}", key.replace('_', "-"));
    match value {
        None => flag,
        // This flag may stand alone, so its value is bound to it.
        Some(value) if key == "resume" => format!("{flag}={value}"),
        Some(value) => format!("{flag} {value}"),
    }
}
