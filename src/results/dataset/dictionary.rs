//! What every column of every table means, said once: the tables carry it in their metadata, the README prints it.
//!
//! A Parquet file has no place for it that all readers know, so it is written twice: under `columns` for those that show
//! the metadata (`polars.read_parquet_metadata`, duckdb's `parquet_kv_metadata`, `pyarrow.parquet.read_schema`), and as
//! pandas keeps the attributes of a frame, `PANDAS_ATTRS`, so that `pandas.read_parquet(..).attrs["columns"]` has it.

mod essay;
mod tables;

use serde_json::{Map, Value, json};

pub use tables::{SWEPT, TABLES};

/// A table of a results folder.
#[derive(Debug)]
pub struct Table {
    /// The file is called `name`.parquet.
    pub name: &'static str,
    /// What a row is.
    pub row: &'static str,
    /// What may stand in it.
    pub columns: &'static [Described],
}

/// A column, or the columns of a [`crate::numbers::statistics::Summary`].
#[derive(Debug)]
pub struct Described {
    /// The name; of a summary what stands before `_mean` and the like.
    pub name: &'static str,
    /// The unit; empty for plain numbers and text.
    pub unit: &'static str,
    /// What it is.
    pub text: &'static str,
    /// The columns that one name stands for.
    pub parts: &'static [Part],
}

/// One of several columns with a name in common: its ending and what that means.
pub type Part = (&'static str, &'static str);

/// Mean, spread and quantiles over the members.
pub const SUMMARY: &[Part] = &[
    ("_mean", "mean"),
    ("_sd", "standard deviation"),
    ("_standard_error", "standard error of the mean"),
    ("_q10", "10 % quantile"),
    ("_median", "median"),
    ("_q90", "90 % quantile"),
    ("_median_interval_low", "lower end of the median's 95 % interval"),
    ("_median_interval_high", "upper end of the median's 95 % interval"),
];

/// The ends of an interval.
const ENDS: &[Part] = &[("_low", "lower end"), ("_high", "upper end")];

/// Shares of members by their fate.
const FATES: &[Part] = &[("_decays", "decay"), ("_neutral", "neither"), ("_explodes", "growth")];

impl Described {
    /// Describes a column.
    const fn column(name: &'static str, unit: &'static str, text: &'static str) -> Self {
        Described { name, unit, text, parts: &[] }
    }

    /// Describes the columns of a summary.
    const fn summary(name: &'static str, unit: &'static str, text: &'static str) -> Self {
        Described { name, unit, text, parts: SUMMARY }
    }

    /// Describes the columns of an interval.
    const fn ends(name: &'static str, unit: &'static str, text: &'static str) -> Self {
        Described { name, unit, text, parts: ENDS }
    }

    /// Is this full name of a column one of those that it stands for?
    pub fn describes(&self, column: &str) -> bool {
        self.of(column).is_some()
    }

    /// What it says of the column with this full name, if it is about it.
    fn of(&self, column: &str) -> Option<String> {
        let ending = column.strip_prefix(self.name)?;
        if self.parts.is_empty() {
            return ending.is_empty().then(|| self.text.to_string());
        }
        let (_, part) = self.parts.iter().find(|(known, _)| *known == ending)?;
        Some(format!("{}: {part}", self.text))
    }
}

impl Table {
    /// The table of this name that describes most of these columns: there are several sorts of cells.
    pub fn of(name: &str, columns: &[&str]) -> Option<&'static Self> {
        let described = |table: &&Table| columns.iter().filter(|column| table.describe(column).is_some()).count();
        // Of equals the last one is the largest.
        TABLES.iter().filter(|table| table.name == name).rev().max_by_key(described)
    }

    /// The description and the unit of a column.
    pub fn describe(&self, column: &str) -> Option<(String, &'static str)> {
        let known = self.columns.iter().chain(SWEPT);
        known.into_iter().find_map(|described| Some((described.of(column)?, described.unit)))
    }
}

/// The metadata of a table with these columns, as keys and values.
pub(super) fn metadata(table: &str, columns: &[&str]) -> Vec<(String, String)> {
    let Some(known) = Table::of(table, columns) else { return Vec::new() };
    let described = columns.iter().filter_map(|&column| {
        let (description, unit) = known.describe(column)?;
        Some((column.to_string(), json!({ "description": description, "unit": unit })))
    });
    let columns: Map<String, Value> = described.collect();
    let attributes = json!({ "row": known.row, "columns": columns });
    vec![
        ("row".to_string(), known.row.to_string()),
        ("columns".to_string(), attributes["columns"].to_string()),
        ("PANDAS_ATTRS".to_string(), attributes.to_string()),
    ]
}

/// The dictionary for people, in Markdown.
pub fn markdown() -> String {
    let tables: String = TABLES.iter().map(|table| section(table.name, table.row, table.columns)).collect();
    let swept = section("sweep_over", "every table of a sweep has, in front, the keys of `sweep_over`", SWEPT);
    let endings: Vec<String> = SUMMARY.iter().map(|(ending, part)| format!("`{ending}` {part}")).collect();
    format!("{tables}{swept}Endings of `_*`, over the members: {}.\n", endings.join(", "))
}

fn section(name: &str, row: &str, columns: &[Described]) -> String {
    let line = |described: &Described| {
        let names = match described.parts {
            [] => format!("`{}`", described.name),
            SUMMARY => format!("`{}_*`", described.name),
            parts => parts.iter().map(|(part, _)| format!("`{}{part}`", described.name)).collect::<Vec<_>>().join(", "),
        };
        format!("| {names} | {} | {} |\n", described.unit, described.text)
    };
    let lines: String = columns.iter().map(line).collect();
    format!("**{name}**: {row}\n\n| column | unit | what it is |\n|---|---|---|\n{lines}\n")
}
