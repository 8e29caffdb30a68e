//! A run from the record that its parts have.

use crate::cli::lyapunov::Exponents;
use crate::cli::trained::{TextSpectra, TextSweep};
use crate::error::{Error, Result};
use crate::request::file;
use crate::request::keys::{
    Keys, LyapunovKeys, LyapunovRequest, SpectrumKeys, SpectrumRequest, SweepKeys, SweepRequest,
};
use crate::results::parts::Origin;
use crate::spec::SweepSpec;

/// A run that parts are parts of.
pub enum Recorded {
    /// A sweep of members.
    Sweep(Box<SweepSpec>),
    /// Exponents of members.
    Lyapunov(Box<Exponents>),
    /// A sweep of a trained model.
    TrainedSweep(Box<TextSweep>),
    /// Spectra of a trained model.
    TrainedSpectrum(Box<TextSpectra>),
}

impl Recorded {
    /// The run of a record; `chunk` members are computed at a time, if that is not to be decided.
    ///
    /// # Errors
    /// For a record of another program, and where a model cannot be opened.
    pub fn of(origin: &Origin, chunk: Option<usize>) -> Result<Self> {
        if origin.command() == LyapunovKeys::COMMAND {
            let keys = file::of_record::<LyapunovKeys>(&origin.0)?;
            return match LyapunovKeys::specify(keys, LyapunovKeys::default())? {
                LyapunovRequest::Members(spec) => Ok(Recorded::Lyapunov(Box::new(Exponents { spec: *spec, chunk }))),
                LyapunovRequest::Trained(_) => Err(Error::Bug("exponents along a depth have no units".to_string())),
            };
        }
        if origin.command() == SpectrumKeys::COMMAND {
            let keys = file::of_record::<SpectrumKeys>(&origin.0)?;
            return match SpectrumKeys::specify(keys, SpectrumKeys::default())? {
                SpectrumRequest::Trained(spec) => {
                    TextSpectra::open(&spec).map(|run| Recorded::TrainedSpectrum(Box::new(run)))
                }
                SpectrumRequest::Matrices(_) => Err(Error::Bug("spectra of matrices have no units".to_string())),
            };
        }
        let keys = file::of_record::<SweepKeys>(&origin.0)?;
        match SweepKeys::specify(keys, SweepKeys::default())? {
            SweepRequest::Members(spec) => Ok(Recorded::Sweep(Box::new(SweepSpec { chunk, ..*spec }))),
            SweepRequest::Trained(spec) => TextSweep::open(&spec).map(|run| Recorded::TrainedSweep(Box::new(run))),
        }
    }
}
