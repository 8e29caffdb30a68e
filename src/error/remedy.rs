//! What to change so that a failure does not come again, as words and settings: whoever shows it names the settings in his
//! own way, as keys of a specification or as flags of a command line.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// A setting of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub key: &'static str,
    /// The value that it is to have, if one is meant.
    pub value: Option<Value>,
}

/// What a setting is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// One of its words.
    Word(&'static str),
    /// A number.
    Count(usize),
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Value::Word(word) => f.write_str(word),
            Value::Count(count) => write!(f, "{count}"),
        }
    }
}

/// A part of what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(&'static str),
    /// To be named.
    Setting(Setting),
}

/// The folder of the results.
pub const OUT: Piece = Piece::key("out");
/// Going on with a run that was cut off.
pub const RESUME: Piece = Piece::key("resume");
/// Going on with it where there is one, and beginning it else.
pub const RESUME_AUTO: Piece = Piece::set("resume", "auto");
/// Replacing what is there.
pub const FORCE: Piece = Piece::key("force");
/// Which shard of a run it is.
pub const SHARD: Piece = Piece::key("shard");
/// The members computed at a time.
pub const CHUNK: Piece = Piece::key("chunk");
/// Going on whatever device made what is there.
pub const ANY_DEVICE: Piece = Piece::key("any_device");
/// A trained model.
pub const CHECKPOINT: Piece = Piece::key("checkpoint");
/// The processor.
pub const CPU: Piece = Piece::set("device", "cpu");
/// The processor in f64.
pub const REFERENCE: Piece = Piece::set("device", "reference");

impl Piece {
    /// A setting, whatever its value.
    pub const fn key(key: &'static str) -> Self {
        Piece::Setting(Setting { key, value: None })
    }

    /// A setting of this value.
    pub const fn set(key: &'static str, value: &'static str) -> Self {
        Piece::Setting(Setting { key, value: Some(Value::Word(value)) })
    }
}

/// What to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy(Cow<'static, [Piece]>);

impl Remedy {
    /// These pieces, one after the other.
    pub const fn of(pieces: &'static [Piece]) -> Self {
        Remedy(Cow::Borrowed(pieces))
    }

    /// So many members computed at a time.
    pub fn chunk(members: usize) -> Self {
        let setting = Setting { key: "chunk", value: Some(Value::Count(members)) };
        Remedy(Cow::Owned(vec![Piece::Text("try "), Piece::Setting(setting)]))
    }

    /// In words, with settings as `named`.
    pub fn said(&self, named: impl Fn(Setting) -> String) -> String {
        let said = |piece: &Piece| match *piece {
            Piece::Text(text) => text.to_string(),
            Piece::Setting(setting) => named(setting),
        };
        self.0.iter().map(said).collect()
    }
}

impl From<&'static str> for Remedy {
    fn from(words: &'static str) -> Self {
        Remedy(Cow::Owned(vec![Piece::Text(words)]))
    }
}

/// With settings as keys.
impl Display for Remedy {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(&self.said(|Setting { key, value }| match value {
            Some(value) => format!("`{key}` = {value}"),
            None => format!("`{key}`"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn settings_are_named_by_whoever_shows_them() {
        const REMEDY: Remedy = Remedy::of(&[Piece::Text("use "), CPU, Piece::Text(", or give "), OUT]);
        let error = Error::Device("it failed".to_string()).remedied(REMEDY);
        assert_eq!(error.to_string(), "it failed; use `device` = cpu, or give `out`");
        assert_eq!(error.said(&|setting| setting.key.to_uppercase()), "it failed; use DEVICE, or give OUT");
        assert_eq!(error.exit_code(), Error::Device(String::new()).exit_code());
        assert!(matches!(error.bare(), Error::Device(_)));
        let more = error.remedied(Remedy::chunk(4));
        assert!(matches!(more.bare(), Error::Device(_)) && more.to_string().ends_with("; try `chunk` = 4"));
    }
}
