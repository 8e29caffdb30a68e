//! What a GGUF file says about itself, by its keys.

use super::value::{Cursor, List, TEXT, Value};
use std::collections::BTreeMap;

/// Keys and values.
pub(super) struct Metadata {
    pub values: BTreeMap<String, Value>,
}

impl Metadata {
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.values.get(key)? {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    pub fn real(&self, key: &str) -> Option<f64> {
        match self.values.get(key)? {
            Value::Real(real) => Some(*real),
            _ => None,
        }
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The strings of a list.
    pub fn texts<'a>(&self, key: &str, bytes: &'a [u8]) -> Option<Vec<&'a str>> {
        let list = self.list(key).filter(|list| list.kind == TEXT)?;
        let mut cursor = Cursor { bytes, at: list.start };
        (0..list.count).map(|_| cursor.text().ok()).collect()
    }

    /// The integers of a list.
    pub fn integers(&self, key: &str, bytes: &[u8]) -> Option<Vec<i64>> {
        let list = self.list(key)?;
        let mut cursor = Cursor { bytes, at: list.start };
        let integer = |_| match cursor.value(list.kind).ok()? {
            Value::Integer(integer) => Some(integer),
            _ => None,
        };
        (0..list.count).map(integer).collect()
    }

    fn list(&self, key: &str) -> Option<&List> {
        match self.values.get(key)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }
}
