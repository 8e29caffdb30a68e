//! Swept keys: `--sweep-over KEY=GRID`, and the table `sweep_over` of a file.
//!
//! step_size, radius and damping are the axes of the map itself, whichever way they are given. The others are outer axes:
//! every combination of their values is a plain sweep of its own.

use super::grid::{Grid, MOST_POINTS, brief, plain, shown};
use super::layer::LayerSpec;
use super::sweep::SweepSpec;
use super::words::Model;
use crate::error::{Error, Result};
use crate::invalid;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// The most combinations of outer axes: each is a sweep of its own, with its figures.
pub const MOST_COMBINATIONS: usize = 1024;
/// A value this close to a whole number, relative to it, is one: what rounding leaves of `log(10,1000,3)`.
const WHOLE: f64 = 1e-9;
/// Points of a suggested list.
const LISTED: usize = 12;

/// A key that is swept outside of the map, in the order of the loops: the first is the outermost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Axis {
    /// The depth L: steps of a trajectory.
    Depth,
    /// The width n of a state.
    Width,
    /// The tokens T of a state.
    Tokens,
    /// The number of attention heads.
    Heads,
    /// Factor on the attention scores.
    LogitGain,
    /// Standard deviation of the query and key projections.
    QueryKeyGain,
    /// Standard deviation of the value projection.
    ValueGain,
    /// Standard deviation of W1.
    HiddenGain,
    /// Standard deviation of the output projections.
    OutputGain,
    /// Standard deviation of the biases.
    BiasGain,
}

impl Axis {
    /// All axes, outermost first.
    pub const ALL: [Axis; 10] = [
        Axis::Depth,
        Axis::Width,
        Axis::Tokens,
        Axis::Heads,
        Axis::LogitGain,
        Axis::QueryKeyGain,
        Axis::ValueGain,
        Axis::HiddenGain,
        Axis::OutputGain,
        Axis::BiasGain,
    ];

    /// The key in specifications, tables and JSON.
    pub fn key(self) -> &'static str {
        match self {
            Axis::Depth => "depth",
            Axis::Width => "width",
            Axis::Tokens => "tokens",
            Axis::Heads => "heads",
            Axis::LogitGain => "logit_gain",
            Axis::QueryKeyGain => "query_key_gain",
            Axis::ValueGain => "value_gain",
            Axis::HiddenGain => "hidden_gain",
            Axis::OutputGain => "output_gain",
            Axis::BiasGain => "bias_gain",
        }
    }

    /// Does it take whole numbers only?
    pub fn is_whole(self) -> bool {
        matches!(self, Axis::Depth | Axis::Width | Axis::Tokens | Axis::Heads)
    }

    /// The value of a plain sweep.
    pub fn of(self, spec: &SweepSpec) -> f64 {
        match self {
            Axis::Depth => spec.depth as f64,
            Axis::Width => spec.ensemble.width as f64,
            Axis::Tokens => spec.layer.tokens as f64,
            Axis::Heads => spec.layer.heads as f64,
            Axis::LogitGain => spec.layer.logit_gain,
            Axis::QueryKeyGain => spec.layer.gains.query_key,
            Axis::ValueGain => spec.layer.gains.value,
            Axis::HiddenGain => spec.layer.gains.hidden,
            Axis::OutputGain => spec.layer.gains.output,
            Axis::BiasGain => spec.layer.gains.bias,
        }
    }

    fn set(self, spec: &mut SweepSpec, value: f64) {
        let whole = value as usize;
        match self {
            Axis::Depth => spec.depth = whole,
            Axis::Width => spec.ensemble.width = whole,
            Axis::Tokens => spec.layer.tokens = whole,
            Axis::Heads => spec.layer.heads = whole,
            Axis::LogitGain => spec.layer.logit_gain = value,
            Axis::QueryKeyGain => spec.layer.gains.query_key = value,
            Axis::ValueGain => spec.layer.gains.value = value,
            Axis::HiddenGain => spec.layer.gains.hidden = value,
            Axis::OutputGain => spec.layer.gains.output = value,
            Axis::BiasGain => spec.layer.gains.bias = value,
        }
    }

    /// Refuses a key that the model has nothing for.
    fn check_model(self, model: Model) -> Result<()> {
        if self == Axis::Tokens && model == Model::Linear {
            return invalid!("sweep_over: tokens: the linear model has 1 token; remove it or use another model");
        }
        LayerSpec::refuse_unused(model, self.key()).map_err(|error| Error::Invalid(format!("sweep_over: {error}")))
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.pad(self.key())
    }
}

/// The outer axes of a sweep with their grids, outermost first, each once. It serialises as a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axes(Vec<(Axis, Grid)>);

impl Axes {
    /// Is no key swept outside of the map?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The axes with their grids.
    pub fn iter(&self) -> impl Iterator<Item = (Axis, &Grid)> {
        self.0.iter().map(|(axis, grid)| (*axis, grid))
    }

    /// The axes without their grids.
    pub fn keys(&self) -> Vec<Axis> {
        self.0.iter().map(|(axis, _)| *axis).collect()
    }

    /// How many combinations of values there are: 1 without axes.
    pub fn combinations(&self) -> u128 {
        self.0.iter().map(|(_, grid)| grid.len() as u128).product()
    }

    /// Sweeps a key, in place of an earlier grid for it.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the key takes whole numbers only and the grid has others.
    pub fn set(&mut self, axis: Axis, grid: Grid) -> Result<()> {
        let grid = if axis.is_whole() { whole(axis, grid)? } else { grid };
        self.remove(axis);
        self.0.push((axis, grid));
        self.0.sort_by_key(|(axis, _)| *axis);
        Ok(())
    }

    /// Does not sweep a key any longer.
    pub(crate) fn remove(&mut self, axis: Axis) {
        self.0.retain(|(other, _)| *other != axis);
    }

    /// Refuses what no combination could make right: keys that the model lacks, and too many combinations.
    pub(super) fn check(&self, spec: &SweepSpec) -> Result<()> {
        self.0.iter().try_for_each(|(axis, _)| axis.check_model(spec.layer.model))?;
        let count = self.combinations();
        if count > MOST_COMBINATIONS as u128 {
            return invalid!(
                "sweep_over: {self} makes {count} combinations, at most {MOST_COMBINATIONS} fit; lower a count"
            );
        }
        let points = count * spec.cells() as u128;
        if points > MOST_POINTS as u128 {
            return invalid!(
                "sweep_over: {count} combinations x {} grid points make {points} points, at most {MOST_POINTS} fit; lower \
                 a count",
                spec.cells()
            );
        }
        Ok(())
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let said: Vec<String> = self.0.iter().map(|(axis, grid)| format!("{axis}={}", shown(grid.source()))).collect();
        formatter.write_str(&said.join(" x "))
    }
}

impl Serialize for Axes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (axis, grid) in &self.0 {
            map.serialize_entry(axis.key(), grid)?;
        }
        map.end()
    }
}

impl SweepSpec {
    /// The plain sweeps of all combinations of the outer axes, the last axis running fastest; the sweep itself without
    /// any.
    pub fn combinations(&self) -> impl Iterator<Item = SweepSpec> {
        let base = SweepSpec { sweep_over: Axes::default(), ..self.clone() };
        let axes: Vec<(Axis, Vec<f64>)> =
            self.sweep_over.iter().map(|(axis, grid)| (axis, grid.values().to_vec())).collect();
        let count: usize = axes.iter().map(|(_, values)| values.len()).product();
        (0..count).map(move |index| {
            let (mut spec, mut rest) = (base.clone(), index);
            for (axis, values) in axes.iter().rev() {
                axis.set(&mut spec, values[rest % values.len()]);
                rest /= values.len();
            }
            spec
        })
    }

    /// The outer values of one of the combinations, such as "depth 10, heads 2"; empty without outer axes.
    pub fn said_of(&self, combination: &SweepSpec) -> String {
        let said = self.sweep_over.iter().map(|(axis, _)| format!("{axis} {}", brief(axis.of(combination))));
        said.collect::<Vec<_>>().join(", ")
    }
}

/// The grid with whole numbers exact; refuses other numbers, with a list and, if there is one, a grid that would do.
fn whole(axis: Axis, grid: Grid) -> Result<Grid> {
    let fits = |value: &&f64| value.round() >= 1.0 && is_whole(**value);
    let Some(value) = grid.values().iter().find(|value| !fits(value)) else {
        let rounded = grid.values().iter().map(|value| value.round()).collect();
        return Ok(grid.with_values(rounded));
    };
    let mut list: Vec<String> = grid.values().iter().map(|value| plain(value.round().max(1.0))).collect();
    list.dedup();
    let listed = if list.len() <= LISTED { list.join(",") } else { format!("{},..", list[..LISTED].join(",")) };
    let nearest = nearest_whole(&grid).map(|text| format!(", or {text} to keep its spacing")).unwrap_or_default();
    invalid!(
        "sweep_over: {axis}: `{}` has {}, and {axis} is a whole number from 1; write {listed} for rounded points{nearest}",
        shown(grid.source()),
        brief(*value)
    )
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() <= WHOLE * value.abs()
}

/// The text of the evenly spaced grid between the same ends, with the nearest count, that hits whole numbers only.
fn nearest_whole(grid: &Grid) -> Option<String> {
    let single = |rest: &str| rest.find(')') == Some(rest.len().saturating_sub(1)) && grid.len() <= MOST_COMBINATIONS;
    let (name, _) = grid.source().split_once('(').filter(|(_, rest)| single(rest))?;
    let (start, end) = (grid.values()[0], grid.values()[grid.len() - 1]);
    let text = |count: usize| format!("{name}({},{},{count})", plain(start), plain(end));
    let hits =
        |text: &String| Grid::parse(text).is_ok_and(|grid| grid.values().iter().all(|&v| v >= 0.5 && is_whole(v)));
    let counts = (1..grid.len()).flat_map(|by| [grid.len() + by, grid.len() - by]).filter(|&count| count >= 2);
    counts.take(1000).map(text).find(hits)
}
