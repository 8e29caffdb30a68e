//! The GPU device of a build without the feature `gpu`: there is none, which the compiler knows.

use crate::device::Description;
use crate::device::profile::Recorder;
use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::plan::{Chunk, Inputs, Plan};
use crate::spec::Precision;
use std::ops::ControlFlow;

/// How to get a GPU.
pub const DRIVER_HINT: &str = "build with the feature `gpu`";

/// An opened adapter: no value of it exists.
pub enum Gpu {}

/// An adapter: no value of it exists.
pub struct Adapter {
    /// What it is.
    pub description: Description,
    nobody: Gpu,
}

/// All adapters: none.
pub fn adapters() -> Vec<Adapter> {
    Vec::new()
}

/// The adapter that a word means.
///
/// # Errors
/// [`Error::Adapter`], always.
pub fn choose(word: &str) -> Result<Adapter> {
    Err(Error::Adapter(format!("{word}: this build has no GPU; {DRIVER_HINT}")))
}

impl Adapter {
    /// Has it f64?
    pub fn has_f64(&self) -> bool {
        match self.nobody {}
    }

    /// Opens it.
    ///
    /// # Errors
    /// None, for there is nothing to open.
    pub fn open_in(&self, _precision: Precision) -> Result<Gpu> {
        match self.nobody {}
    }
}

impl Gpu {
    /// What it is.
    pub fn description(&self) -> Description {
        match *self {}
    }

    /// The numbers of its kernels.
    pub fn precision(&self) -> Precision {
        match *self {}
    }

    pub(super) fn lose(&self) {}

    pub(super) fn garble(&self) {}

    pub(super) fn omit(&self) {}

    /// What kernels may know of it.
    pub fn machine(&self) -> Machine {
        match *self {}
    }

    /// Members of a plan that it takes at once.
    pub fn chunk_size(&self, _plan: &Plan) -> usize {
        match *self {}
    }

    /// See [`Device::run`](crate::device::Device::run).
    pub fn run(
        &self,
        _plan: &Plan,
        _members: usize,
        _chunk: usize,
        _inputs: &Inputs,
        _sink: &mut dyn FnMut(Chunk) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        match *self {}
    }

    pub(super) fn recorder(&self) -> &Recorder {
        match *self {}
    }
}
