//! Everything that a page says, from the files of its folder.

use super::{NAME, bands, encode, specification, thinned};
use crate::error::Result;
use crate::figure::Theme;
use crate::results::dataset::{Column, dictionary, read};
use serde_json::{Map, Value, json};
use std::path::Path;

/// The bytes that a table may take in the page, about.
const MOST_BYTES: usize = 2_500_000;
/// The table of the grid points, and so many rows that not all of its columns are read.
const CELLS: &str = "cells";
/// See [`CELLS`].
const MANY: usize = 1 << 16;
/// Bytes of a number in base 64.
const BYTES_OF_A_NUMBER: usize = 11;
/// The longest part of a record that is repeated in the page, in bytes; claims are repeated in any case.
const LONGEST: usize = 20_000;
/// The table that becomes [`bands`] in the page, and its name there.
const TRAJECTORIES: &str = "trajectories";
const BANDS: &str = "bands";
/// Beginnings of the columns of a long table of cells that are kept, for the views show them.
const SHOWN: [&str; 13] = [
    "predicted_rate_median",
    "observed_rate",
    "norm_rate_median",
    "unstable_fraction",
    "grew_fraction",
    "diverged_fraction",
    "bands_",
    "log_growth_median",
    "log_peak_growth_median",
    "frozen",
    "collapsed",
    "no_spectrum",
    "members",
];

/// A table by its columns.
type Columns = Vec<(String, Column)>;

/// The data of the page.
pub fn data(folder: &Path, run: &Value) -> Result<Value> {
    let files = run.get("files").and_then(Value::as_object);
    let mut tables = Map::new();
    let mut left_out = Map::new();
    for name in files.into_iter().flatten().filter_map(|(name, _)| name.strip_suffix(".parquet")) {
        let path = folder.join(format!("{name}.parquet"));
        let all = read::size(&path)?;
        let mut note = |kept: &Columns| {
            if rows(kept) < all.rows || kept.len() < all.columns {
                let (of_rows, of_columns) = (all.rows, all.columns);
                let own =
                    json!({ "rows": rows(kept), "of_rows": of_rows, "columns": kept.len(), "of_columns": of_columns });
                left_out.insert(name.to_string(), own);
            }
        };
        if name == TRAJECTORIES {
            let trajectories = at_points(&path, &|_| true, &|_| bands::MOST_POINTS)?;
            note(&trajectories);
            if let Some(bands) = bands::of(&trajectories) {
                tables.insert(BANDS.to_string(), table(BANDS, &bands));
            }
            continue;
        }
        let columns = match name {
            // A long one would not fit into memory, let alone into a page.
            CELLS if all.rows > MANY => {
                at_points(&path, &is_shown, &|columns| MOST_BYTES / (BYTES_OF_A_NUMBER * columns))?
            }
            _ => read::table(&path)?,
        };
        let (kept, encoded) = fitting(name, columns);
        note(&kept);
        tables.insert(name.to_string(), encoded);
    }
    Ok(json!({
        "title": title(run),
        "run": short(run),
        "toml": specification::toml(run)?,
        "tables": tables,
        "left_out": left_out,
        "colours": { "light": Theme::Light.for_pages(), "dark": Theme::Dark.for_pages() },
    }))
}

/// What the run was, in a few words.
pub fn title(run: &Value) -> String {
    let command = run["command"].as_str().unwrap_or("run");
    let spec = &run["spec"];
    let number = |key: &str| spec[key].as_u64();
    if run.get("claims").is_some() {
        return "The essay, claim by claim".to_string();
    }
    if let Some(name) = run["model"]["name"].as_str().or_else(|| run["architecture"]["name"].as_str()) {
        return format!("{} of {name}", capital(command));
    }
    match (number("members"), number("width")) {
        (Some(members), Some(width)) => {
            let model = spec["model"].as_str().map(|model| format!("{model} ")).unwrap_or_default();
            format!("{} of {members} {model}layers of width {width}", capital(command))
        }
        _ => capital(command),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The record without its long parts, which are in the tables, and without the page itself.
fn short(run: &Value) -> Value {
    let Value::Object(fields) = run else { return Value::Null };
    let is_short =
        |name: &str, value: &Value| ["claims", "files", "spec"].contains(&name) || value.to_string().len() <= LONGEST;
    let kept = fields.iter().filter(|(name, value)| is_short(name, value));
    let mut kept: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(Value::Object(files)) = kept.get_mut("files") {
        files.remove(NAME);
    }
    Value::Object(kept)
}

fn rows(columns: &Columns) -> usize {
    columns.first().map_or(0, |(_, column)| column.rows())
}

/// A table with its columns, what they are and their units.
fn table(name: &str, columns: &Columns) -> Value {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let known = dictionary::Table::of(name, &names);
    let described = |(column, values): &(String, Column)| {
        let mut own = encode::column(values);
        own["name"] = json!(column);
        if let Some((text, unit)) = known.and_then(|known| known.describe(column)) {
            own["text"] = json!(text);
            own["unit"] = json!(unit);
        } else if let Some(text) = bands::describe(column) {
            own["text"] = json!(text);
        }
        own
    };
    let row = known.map_or(if name == BANDS { bands::ROW } else { "" }, |known| known.row);
    json!({ "row": row, "rows": rows(columns), "columns": columns.iter().map(described).collect::<Vec<_>>() })
}

/// Some columns of a table with a row or more for each grid point, at as many points as `most` allows for so many columns:
/// one column after the other, for all of them would be much memory.
fn at_points(path: &Path, wanted: &dyn Fn(&str) -> bool, most: &dyn Fn(usize) -> usize) -> Result<Columns> {
    let names: Vec<String> = read::names(path)?.into_iter().filter(|name| wanted(name)).collect();
    let rows = thinned::rows(&read::table_of(path, &is_key)?, &is_key, most(names.len().max(1)));
    let mut kept = Columns::new();
    for name in names {
        let column = read::table_of(path, &|own| own == name)?;
        kept.extend(column.into_iter().map(|(name, column)| (name, column.at(&rows))));
    }
    Ok(kept)
}

/// A table that has room in the page, and the same encoded: of cells fewer columns if need be, of others the first rows.
fn fitting(name: &str, columns: Columns) -> (Columns, Value) {
    let encoded = table(name, &columns);
    let bytes = encoded.to_string().len();
    if bytes <= MOST_BYTES {
        return (columns, encoded);
    }
    let most = |columns: &Columns, bytes: usize| (rows(columns) as f64 * MOST_BYTES as f64 / bytes as f64) as usize;
    let mut kept: Columns = if name == CELLS {
        columns.into_iter().filter(|(name, _)| is_shown(name)).collect()
    } else {
        let most = most(&columns, bytes);
        columns.into_iter().map(|(name, column)| (name, column.first(most))).collect()
    };
    let mut encoded = table(name, &kept);
    let bytes = encoded.to_string().len();
    if name == CELLS && bytes > MOST_BYTES {
        let most = most(&kept, bytes);
        kept = thinned::grid(kept, &is_key, most);
        encoded = table(name, &kept);
    }
    (kept, encoded)
}

/// Does a column of cells say which cell it is?
fn is_key(name: &str) -> bool {
    ["step_size", "radius", "damping"].contains(&name)
        || dictionary::SWEPT.iter().any(|described| described.name == name)
}

/// Is a column of cells shown by a view?
fn is_shown(name: &str) -> bool {
    is_key(name) || SHOWN.iter().any(|beginning| name.starts_with(beginning))
}
