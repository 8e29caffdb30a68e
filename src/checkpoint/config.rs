//! `config.json`, by its keys.

use super::architecture::Activation;
use super::store::quoted;
use crate::error::Result;
use crate::input::{self, Object};
use crate::invalid;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The longest file of JSON that is read, in bytes.
const LONGEST: u64 = 256 << 20;
/// The largest size that a configuration may ask for. Products of three of them are numbers of this machine.
const MOST: u64 = 1 << 21;

/// Reads a file whole.
pub(super) fn content(path: &Path) -> Result<Vec<u8>> {
    input::read(path, LONGEST, "name the folder of a model, with config.json and its weights")
}

/// The JSON object in a file.
pub(super) fn object(path: &Path) -> Result<Map<String, Value>> {
    match serde_json::from_slice(&content(path)?) {
        Ok(Object(fields)) => Ok(fields.into_iter().collect()),
        Err(error) => invalid!("{}: {error}; fetch the file again", path.display()),
    }
}

/// A value for an error line: as JSON, which is one line, and short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().nth(80).is_some() { text.chars().take(80).collect::<String>() + "…" } else { text }
}

/// The configuration of a folder.
pub(super) struct Config {
    path: PathBuf,
    keys: Map<String, Value>,
}

impl Config {
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        Ok(Config { keys: object(&path)?, path })
    }

    /// An error about a key.
    pub fn refuse<T>(&self, why: impl std::fmt::Display) -> Result<T> {
        invalid!("{}: {why}", self.path.display())
    }

    /// The value of a key, unless it is null.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    /// The same configuration with the keys of an object in it before its own.
    pub fn with(&self, key: &str) -> Self {
        let mut keys = self.keys.clone();
        keys.extend(self.value(key).and_then(Value::as_object).cloned().unwrap_or_default());
        Config { path: self.path.clone(), keys }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.value(key).and_then(Value::as_str)
    }

    /// A size of at least 1.
    pub fn count(&self, key: &str) -> Result<usize> {
        match self.count_if(key)? {
            Some(count) => Ok(count),
            None => self.refuse(format_args!("has no {key}; this is no configuration of such a model")),
        }
    }

    /// A size of at least 1, if the key is there.
    pub fn count_if(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.as_u64() {
            Some(count @ 1..=MOST) => Ok(Some(count as usize)),
            _ => self.refuse(format_args!("{key} is {}; 1 to {MOST} can be", shown(value))),
        }
    }

    /// A positive number, if the key is there.
    pub fn real(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if number > 0.0 && number.is_finite() => Ok(Some(number)),
            _ => self.refuse(format_args!("{key} is {}; it is a positive number", shown(value))),
        }
    }

    /// A number that may not be left out.
    pub fn needed(&self, key: &str) -> Result<f64> {
        match self.real(key)? {
            Some(number) => Ok(number),
            None => self.refuse(format_args!("has no {key}; this is no configuration of such a model")),
        }
    }

    /// True or false; `default` if the key is not there.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.value(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => self.refuse(format_args!("{key} is {}; it is true or false", shown(other))),
        }
    }

    /// The nonlinearity of the FFN.
    pub fn activation(&self, key: &str) -> Result<Activation> {
        let name = self.text(key).unwrap_or_default();
        match Activation::named(name) {
            Some(activation) => Ok(activation),
            None => self.refuse(format_args!(
                "{key} is {}, which is not supported; relu, gelu, gelu_new, gelu_pytorch_tanh and silu are",
                quoted(name)
            )),
        }
    }
}
