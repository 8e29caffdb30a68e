//! What can go wrong, said in one line: what, where, what to change. Each kind has its documented exit code.

#[doc(hidden)]
pub mod remedy;

pub use remedy::{Piece, Remedy, Setting, Value};

use std::path::{Path, PathBuf};

/// The result type of the whole crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Every failure a user can meet. The variant decides the exit code, the text says what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line does not parse.
    #[error("{0}")]
    Usage(String),
    /// Results are there, but not all of them.
    #[error("{0}")]
    Partial(String),
    /// A value, a specification or an input file is not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// No adapter fits the request.
    #[error("{0}")]
    Adapter(String),
    /// The adapter was there and failed: device lost, out of memory, a rejected shader.
    #[error("{0}")]
    Device(String),
    /// A file could not be read or written.
    #[error("{}: {source}; {remedy}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// What to change.
        remedy: Remedy,
    },
    /// What a run is to go on from is another run's.
    #[error("{0}")]
    Resume(String),
    /// A result on disk is not what was written.
    #[error("{0}")]
    Verification(String),
    /// What a process that worked for this one met: its exit code, and its line.
    #[error("{line}")]
    Told {
        /// Its exit code.
        code: u8,
        /// What it said.
        line: String,
    },
    /// Any of these, where settings of a run are what is to be changed.
    #[error("{error}; {remedy}")]
    Remedied {
        /// What went wrong.
        error: Box<Error>,
        /// What to change.
        remedy: Remedy,
    },
    /// Our mistake.
    #[error("{0}; this is a bug in eulerscope, please report it")]
    Bug(String),
}

impl Error {
    /// Is it the input that is not acceptable, here or to a process that worked for this one?
    pub fn is_of_input(&self) -> bool {
        self.exit_code() == Error::Invalid(String::new()).exit_code()
    }

    /// The documented exit code of this failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Partial(_) => 3,
            Error::Invalid(_) => 4,
            Error::Adapter(_) => 5,
            Error::Device(_) => 6,
            Error::Io { .. } => 7,
            Error::Resume(_) => 8,
            Error::Verification(_) => 9,
            Error::Told { code, .. } => *code,
            Error::Remedied { error, .. } => error.exit_code(),
            Error::Bug(_) => 10,
        }
    }

    /// An I/O failure at `path`, and what to change.
    pub fn io(path: &Path, source: std::io::Error, remedy: impl Into<Remedy>) -> Self {
        Error::Io { path: path.to_path_buf(), source, remedy: remedy.into() }
    }

    /// The same failure with settings that are to be changed.
    pub fn remedied(self, remedy: Remedy) -> Self {
        Error::Remedied { error: Box::new(self), remedy }
    }

    /// What went wrong, without what to change.
    pub fn bare(&self) -> &Self {
        match self {
            Error::Remedied { error, .. } => error.bare(),
            other => other,
        }
    }

    /// All of it, with settings as `named`.
    pub fn said(&self, named: &dyn Fn(Setting) -> String) -> String {
        match self {
            Error::Io { path, source, remedy } => format!("{}: {source}; {}", path.display(), remedy.said(named)),
            Error::Remedied { error, remedy } => format!("{}; {}", error.said(named), remedy.said(named)),
            other => other.to_string(),
        }
    }
}

/// `Err(Error::Invalid(..))` from a format string.
#[macro_export]
macro_rules! invalid {
    ($($arg:tt)*) => { Err($crate::error::Error::Invalid(format!($($arg)*))) };
}
