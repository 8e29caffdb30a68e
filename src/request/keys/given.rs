//! The keys of what is brought along instead of being drawn.

use super::{EnsembleKeys, first_given};
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
    /// The first key that was given.
    pub(super) fn first(&self) -> Option<&'static str> {
        first_given([("matrix", self.matrix.is_some()), ("initial", self.initial.is_some())])
    }

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
        let matrix = named(&flags.matrix, &file.matrix, &file.matrix_blake3);
        let initial = named(&flags.initial, &file.initial, &file.initial_blake3);
        Ok(Given {
            matrices: matrix.map(|(path, hash)| matrices(path, hash)).transpose()?,
            initial: initial.map(|(path, hash)| states(path, hash)).transpose()?,
        })
    }

    /// The ensemble of what is brought along, by `weights`; without own matrices it is the default one.
    pub fn ensemble(self, weights: Weights, default: EnsembleSpec) -> EnsembleSpec {
        let ensemble = self.matrices.map_or(default, |own| EnsembleSpec::given(own, weights));
        EnsembleSpec { initial: self.initial, ..ensemble }
    }
}

/// The file that a flag names, or else the one of a file of keys with the hash that is recorded there.
fn named<'a>(
    flag: &'a Option<PathBuf>,
    file: &'a Option<PathBuf>,
    recorded: &'a Option<String>,
) -> Option<(&'a Path, Option<&'a str>)> {
    match flag {
        Some(path) => Some((path, None)),
        None => file.as_deref().map(|path| (path, recorded.as_deref())),
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

fn matrices(path: &Path, expected: Option<&str>) -> Result<Matrices> {
    let content = matrix::Content::read(path)?;
    let stack = content.matrices()?;
    let origin = origin("matrix", path, content.bytes(), expected)?;
    Matrices::new(stack.n, stack.values, origin).map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))
}

fn states(path: &Path, expected: Option<&str>) -> Result<InitialStates> {
    let content = matrix::Content::read(path)?;
    let array = content.array()?;
    let origin = origin("initial", path, content.bytes(), expected)?;
    InitialStates::new(array.shape, array.values, origin)
        .map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))
}

/// The file with the hash of its content, which must be that of the record, if the file is named by one.
fn origin(key: &str, path: &Path, content: &[u8], expected: Option<&str>) -> Result<Origin> {
    let hash = blake3::hash(content).to_hex().to_string();
    if expected.is_some_and(|expected| expected != hash) {
        return invalid!(
            "{key}: {} has changed since the run that is recorded; give --{key} to take it as it is now",
            path.display()
        );
    }
    Ok(Origin { file: Some(path.to_owned()), blake3: Some(hash) })
}
