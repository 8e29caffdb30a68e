//! The program from outside: its command line, its JSON and its tables.

use super::table::Row;
use crate::svg::Drawing;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row as Fields};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The JSON that a command line writes, and the folder of its tables.
pub struct Results {
    pub json: Value,
    pub folder: tempfile::TempDir,
}

/// Runs the program with `--json` and `--out`.
#[track_caller]
pub fn run(line: &str, device: &str) -> Results {
    let folder = tempfile::tempdir().expect("a folder for results");
    let output = ending(&format!("{line} --out {}", folder.path().display()), device);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "eulerscope {line} --device {device}: {said}");
    let json = serde_json::from_slice(&output.stdout).expect("one JSON object");
    Results { json, folder }
}

/// How a run with `--json` ends, and what it says.
pub fn ending(line: &str, device: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.args(line.split(' ')).args(["--device", device, "--quiet", "--json"]);
    command.output().expect("the program runs")
}

impl Results {
    /// The objects of a list in the JSON, as rows.
    pub fn rows(&self, list: &str) -> Vec<Row> {
        self.json[list].as_array().unwrap_or_else(|| panic!("no list {list}")).iter().map(flattened).collect()
    }

    /// A figure of the folder.
    #[track_caller]
    pub fn figure(&self, name: &str) -> Drawing {
        let path = self.folder.path().join(format!("{name}.svg"));
        Drawing::of(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// The words of a column of text.
    pub fn words(&self, table: &str, column: &str) -> Vec<String> {
        let own = |row: Fields| {
            let found = row.get_column_iter().find(|(name, _)| *name == column).map(|(_, field)| field.to_string());
            found.unwrap_or_else(|| panic!("no column {column}")).trim_matches('"').to_string()
        };
        fields(&self.folder.path().join(format!("{table}.parquet"))).into_iter().map(own).collect()
    }

    /// The rows of a table; words are left out, but for a status that is not `ok`.
    pub fn table(&self, name: &str) -> Vec<Row> {
        read(&self.folder.path().join(format!("{name}.parquet")))
    }
}

/// An object as a row: names of inner objects are joined with `_`, the ends of an interval are `low` and `high`, lists
/// and words are left out.
pub fn flattened(object: &Value) -> Row {
    let mut row = Row::new();
    for (name, value) in object.as_object().expect("an object") {
        match value {
            Value::Object(ends) if name == "intervals" => {
                ends.iter().for_each(|(inner, ends)| add_ends(&mut row, &format!("{name}_{inner}"), ends));
            }
            Value::Object(_) => {
                row.extend(flattened(value).into_iter().map(|(inner, value)| (format!("{name}_{inner}"), value)));
            }
            _ if name.ends_with("interval") => add_ends(&mut row, name, value),
            Value::Array(_) | Value::String(_) => {}
            _ => {
                row.insert(name.clone(), value.as_f64());
            }
        }
    }
    row
}

/// The ends of an interval, if there is one.
fn add_ends(row: &mut Row, name: &str, ends: &Value) {
    row.insert(format!("{name}_low"), ends[0].as_f64());
    row.insert(format!("{name}_high"), ends[1].as_f64());
}

fn fields(path: &Path) -> Vec<Fields> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect()
}

fn read(path: &Path) -> Vec<Row> {
    let numbers = |row: Fields| row.get_column_iter().filter_map(|(name, field)| number(name, field)).collect();
    fields(path).into_iter().map(numbers).collect()
}

fn number(name: &str, field: &Field) -> Option<(String, Option<f64>)> {
    let value = match field {
        Field::Null => None,
        Field::Double(x) => Some(*x),
        Field::Long(x) => Some(*x as f64),
        Field::Int(x) => Some(f64::from(*x)),
        Field::UInt(x) => Some(f64::from(*x)),
        Field::Str(word) => return (name == "status" && word != "ok").then(|| (format!("status {word}"), None)),
        other => panic!("column {name} holds {other}"),
    };
    Some((name.to_string(), value))
}
