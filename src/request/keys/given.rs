//! The keys of what is brought along instead of being drawn.

use super::EnsembleKeys;
use crate::error::{Error, Result};
use crate::invalid;
use crate::spec::{EnsembleSpec, InitialStates, Matrices, Origin, Weights};
use crate::weights::matrix;
use std::path::{Path, PathBuf};

/// Own matrices and own initial states.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct GivenKeys {
    /// Your own matrices: .npy (one or a stack), .mtx or .csv; with weights tied one a member, with given one a step
    #[arg(long, value_name = "FILE", help_heading = "Ensemble")]
    pub matrix: Option<PathBuf>,
    /// The BLAKE3 hash that the matrices had in an earlier run; in its record only.
    #[arg(skip)]
    pub matrix_blake3: Option<String>,
    /// Your own initial state, .npy or .csv: the width alone or tokens x width, or one of them for each member
    #[arg(long, value_name = "FILE", help_heading = "Ensemble")]
    pub initial: Option<PathBuf>,
    /// The BLAKE3 hash that the initial states had in an earlier run; in its record only.
    #[arg(skip)]
    pub initial_blake3: Option<String>,
}

impl GivenKeys {
    /// The keys that are no flags.
    pub const RECORDED: &'static [&'static str] = &["matrix_blake3", "initial_blake3"];
}

/// What a file of keys and the flags bring along; flags win.
pub(super) struct Given {
    pub matrices: Option<Matrices>,
    pub initial: Option<InitialStates>,
}

impl Given {
    /// Reads the files that are named.
    pub fn read(file: &GivenKeys, flags: &GivenKeys) -> Result<Self> {
        let matrices = match (&flags.matrix, &file.matrix) {
            (Some(path), _) => Some(matrices(path, None)?),
            (None, Some(path)) => Some(matrices(path, file.matrix_blake3.as_deref())?),
            (None, None) => None,
        };
        let initial = match (&flags.initial, &file.initial) {
            (Some(path), _) => Some(states(path, None)?),
            (None, Some(path)) => Some(states(path, file.initial_blake3.as_deref())?),
            (None, None) => None,
        };
        Ok(Given { matrices, initial })
    }
}

/// Refuses keys that draw matrices beside own ones; `file` and `flags` are each given with whether they name matrices.
/// Beside matrices of the flags what a file draws means nothing.
pub(super) fn refuse_drawn(file: &mut EnsembleKeys, flags: &EnsembleKeys, given: [&GivenKeys; 2]) -> Result<()> {
    let [in_file, in_flags] = given.map(|keys| keys.matrix.is_some());
    if in_flags && !in_file {
        *file = EnsembleKeys { seed: file.seed, ..EnsembleKeys::default() };
    }
    match file.first_drawn().or(flags.first_drawn()) {
        Some(name) if in_file || in_flags => {
            invalid!("{name}: matrices of a file have their own; remove `{name}` or `matrix`")
        }
        _ => Ok(()),
    }
}

/// An ensemble of own matrices, by `weights`, or without any the default one.
pub(super) fn ensemble(matrices: Option<Matrices>, weights: Weights, default: EnsembleSpec) -> EnsembleSpec {
    matrices.map_or(default, |own| EnsembleSpec::given(own, weights))
}

fn matrices(path: &Path, expected: Option<&str>) -> Result<Matrices> {
    let stack = matrix::read(path)?;
    let origin = origin("matrix", path, expected)?;
    Matrices::new(stack.n, stack.values, origin).map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))
}

fn states(path: &Path, expected: Option<&str>) -> Result<InitialStates> {
    let array = matrix::read_array(path)?;
    let origin = origin("initial", path, expected)?;
    InitialStates::new(array.shape, array.values, origin)
        .map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))
}

/// The file with its hash, which must be that of the record, if the file is named by one.
fn origin(key: &str, path: &Path, expected: Option<&str>) -> Result<Origin> {
    let unreadable = |error| Error::io(path, error, "check the path and the permissions of the file");
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path).map_err(unreadable)?).map_err(unreadable)?;
    let hash = hasher.finalize().to_hex().to_string();
    if expected.is_some_and(|expected| expected != hash) {
        return invalid!(
            "{key}: {} has changed since the run that is recorded; give --{key} to take it as it is now",
            path.display()
        );
    }
    Ok(Origin { file: Some(path.to_owned()), blake3: Some(hash) })
}
