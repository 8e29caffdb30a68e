//! Values as somebody writes them: grids and seeds.

use crate::error::{Error, Result};
use crate::invalid;
use crate::spec::Grid;
use crate::spec::grid::plain;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::str::FromStr;

/// A grid not yet read: TOML may say it as text, as a number or as an array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct GridText(String);

impl GridText {
    /// Reads the grid of the key `name`.
    pub fn read(&self, name: &str) -> Result<Grid> {
        Grid::parse(&self.0).map_err(|error| Error::Invalid(format!("{name}: {error}")))
    }
}

impl FromStr for GridText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(GridText(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for GridText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(GridVisitor)
    }
}

struct GridVisitor;

impl<'de> Visitor<'de> for GridVisitor {
    type Value = GridText;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a grid: text such as \"lin(0.01,2,64)\", a number or an array of numbers")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<GridText, E> {
        Ok(GridText(text.to_owned()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<GridText, E> {
        Ok(GridText(plain(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<GridText, E> {
        Ok(GridText(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<GridText, E> {
        Ok(GridText(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<GridText, A::Error> {
        let mut texts = Vec::new();
        while let Some(value) = items.next_element::<f64>()? {
            texts.push(plain(value));
        }
        Ok(GridText(texts.join(",")))
    }
}

/// A seed as given: decimal, or hexadecimal after `0x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl FromStr for Seed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Seed> {
        let digits = text.trim();
        let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hexadecimal) if !hexadecimal.starts_with('+') => u64::from_str_radix(hexadecimal, 16),
            Some(_) => "".parse(),
            None => digits.parse(),
        };
        match value {
            Ok(value) => Ok(Seed(value)),
            Err(_) => invalid!("a seed is a whole number from 0 to {}, or hexadecimal like 0x2a", u64::MAX),
        }
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(SeedVisitor)
    }
}

struct SeedVisitor;

impl Visitor<'_> for SeedVisitor {
    type Value = Seed;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a seed: a whole number from 0, or text such as \"0x2a\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Seed, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Seed, E> {
        Ok(Seed(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<Seed, E> {
        match u64::try_from(value) {
            Ok(value) => Ok(Seed(value)),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
        }
    }
}
