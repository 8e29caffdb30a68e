//! Swept keys as they are given: `--sweep-over KEY=GRID`, and the table `sweep_over` of a file.

use super::keys::GridText;
use crate::error::Result;
use crate::invalid;
use crate::spec::grid::shown;
use crate::spec::{Axis, Grid};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The axes of the map itself.
const INNER: [&str; 3] = ["step_size", "radius", "damping"];
/// Their symbols, which name them too.
const SYMBOLS: [&str; 3] = ["h", "rho", "gamma"];
/// One swept key as it was given: `KEY=GRID`.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisText {
    key: String,
    grid: Option<GridText>,
}

impl FromStr for AxisText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let (key, grid) = match text.split_once('=') {
            Some((key, grid)) => (key, Some(grid.parse()?)),
            None => (text, None),
        };
        Ok(AxisText::new(key, grid))
    }
}

impl AxisText {
    fn new(key: &str, grid: Option<GridText>) -> Self {
        let key = key.trim().replace('-', "_");
        let symbol = SYMBOLS.iter().position(|symbol| *symbol == key);
        AxisText { key: symbol.map_or(key, |inner| INNER[inner].to_owned()), grid }
    }
}

/// A swept key that was read.
pub(super) enum Swept {
    /// An axis of the map.
    Inner(&'static str, Grid),
    /// An outer one.
    Outer(Axis, Grid),
}

/// Reads swept keys; `taken` says whether a key was given on its own too.
pub(super) fn read(texts: &[AxisText], taken: impl Fn(&str) -> bool) -> Result<Vec<Swept>> {
    let mut seen = BTreeSet::new();
    for AxisText { key, .. } in texts {
        if !seen.insert(key) {
            return invalid!("sweep_over: {} is given twice; keep one of its grids", shown(key));
        }
        if taken(key) {
            return invalid!("sweep_over: {key} is also given on its own; keep one of the two");
        }
    }
    texts.iter().map(AxisText::read).collect()
}

impl AxisText {
    fn read(&self) -> Result<Swept> {
        let key = &self.key;
        let inner = INNER.into_iter().find(|name| name == key);
        let outer = Axis::ALL.into_iter().find(|axis| axis.key() == key);
        let Some(name) = inner.or(outer.map(Axis::key)) else {
            let outer = Axis::ALL.map(Axis::key).join(", ");
            let key = shown(key);
            return invalid!("sweep_over: `{key}` cannot be swept; write KEY=GRID with {}, {outer}", INNER.join(", "));
        };
        let Some(text) = &self.grid else {
            return invalid!("sweep_over: {name} has no grid; write {name}=GRID, such as {name}=1,2,4");
        };
        let grid = text.read(&format!("sweep_over: {name}"))?;
        match outer {
            Some(axis) => Ok(Swept::Outer(axis, grid)),
            None => Ok(Swept::Inner(name, grid)),
        }
    }
}

/// Swept keys as a table of a file.
pub(super) fn table<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<AxisText>, D::Error> {
    deserializer.deserialize_map(AxesVisitor)
}

struct AxesVisitor;

impl<'de> Visitor<'de> for AxesVisitor {
    type Value = Vec<AxisText>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a table of grids, such as { depth = \"10,100\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Vec<AxisText>, A::Error> {
        let mut texts = Vec::new();
        while let Some((key, grid)) = map.next_entry::<String, GridText>()? {
            texts.push(AxisText::new(&key, Some(grid)));
        }
        if texts.is_empty() {
            return Err(de::Error::custom(
                "the table of swept keys is empty; write one, such as { depth = \"10,100\" }",
            ));
        }
        Ok(texts)
    }
}
