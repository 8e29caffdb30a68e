//! What somebody asks for: flags, files of TOML and records of earlier runs become specifications here.
//!
//! - [`keys`] lists what can be given, once for flags and files, and makes specifications of it.
//! - [`command_line()`] words a specification as the command that asks for it.
//! - [`mod@file`] reads TOML, and the record of a run so that it can be run again.

mod command_line;
pub mod file;
pub mod keys;
mod record;
mod refusal;
mod swept;

pub use command_line::{command_line, shell_word};
pub use refusal::names;
