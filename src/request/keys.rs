//! The keys of a specification, as somebody gave them: each is a flag and a TOML key, listed once for both.
//!
//! Everything is optional here; the defaults live with the specifications.

mod bench;
mod ensemble;
mod essay;
mod given;
mod layer;
mod lyapunov;
mod spectrum;
mod step;
mod sweep;
mod text;
mod trained;

pub use bench::BenchKeys;
pub use ensemble::EnsembleKeys;
pub use essay::EssayKeys;
pub use given::GivenKeys;
pub use layer::LayerKeys;
pub use lyapunov::{LyapunovKeys, LyapunovRequest};
pub use spectrum::{SpectrumKeys, SpectrumRequest};
pub use step::StepKeys;
pub use sweep::{SweepKeys, SweepRequest};
pub use text::{GridText, Seed};
pub use trained::TrainedKeys;

use crate::error::Result;
use crate::spec::Word;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// The keys of a command: its flags, and what its file can say.
pub trait Keys: clap::Args + Default {
    /// What they specify.
    type Spec;

    /// The command.
    const COMMAND: &'static str;
    /// Can its file say how many members are computed at a time?
    const HAS_CHUNK: bool = true;

    /// The keys of records that are no flags, by group.
    const RECORDED: &'static [&'static [&'static str]] = &[];

    /// Reads all of them from one file.
    fn read(file: &impl Source) -> Result<Self>;

    /// What a file and the flags ask for: flags win, and what neither says is a default.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) for what cannot be computed or would mean nothing.
    fn specify(file: Self, flags: Self) -> Result<Self::Spec>;

    /// Takes over those that are global options on the command line.
    fn set_global(&mut self, seed: Option<Seed>, chunk: Option<usize>);
}

/// A file of keys that can be looked at as often as there are groups of keys in it: so each key is listed once, and
/// errors keep their place.
pub trait Source {
    /// The keys of one group; others are none of its business.
    fn view<T: serde::de::DeserializeOwned>(&self) -> Result<T>;
}

/// How the command line reads a word.
fn word<T: Word>() -> impl TypedValueParser<Value = T> {
    let values = T::ALL.iter().map(|word| PossibleValue::new(word.name()).help(word.meaning()));
    PossibleValuesParser::new(values)
        .try_map(|name| T::ALL.iter().copied().find(|word| word.name() == name).ok_or("one of the words above"))
}

/// The name of the first key that was given.
fn first_given<const COUNT: usize>(keys: [(&'static str, bool); COUNT]) -> Option<&'static str> {
    keys.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
}

/// Takes over those fields that were given as keys.
macro_rules! take {
    ($keys:expr => $spec:expr; $($field:ident),* $(,)?) => {
        $( if let Some(value) = $keys.$field { $spec.$field = value; } )*
    };
}
use take;
