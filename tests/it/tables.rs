//! The values of the tables, column by column, against the JSON and the trajectories: a column in another's place would be
//! seen, for step sizes, radii and dampings are all different.

use crate::cli_results::{json, values};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

type Row = BTreeMap<String, Value>;

fn rows(path: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let value = |field: &Field| match field {
        Field::Null => Value::Null,
        Field::Double(x) => Value::from(*x),
        Field::Long(x) => Value::from(*x),
        Field::Int(x) => Value::from(*x),
        Field::UInt(x) => Value::from(*x),
        Field::Str(x) => Value::from(x.clone()),
        other => panic!("no table has {other:?}"),
    };
    let row =
        |row: parquet::record::Row| row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect();
    reader.get_row_iter(None).unwrap().map(|own| row(own.unwrap())).collect()
}

fn number(row: &Row, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name} is {:?}", row[name]))
}

/// Numbers that are read back from text may be off by a rounding.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 2.0 * f64::EPSILON * b.abs(),
        _ => a == b,
    }
}

const GRID: &str =
    "--step-size 0.2,0.9 --radius 0.5,1.3 --damping 0,0.3 --depth 7 --layers 8 --trajectories 8 --width 4";

#[test]
fn cells_of_the_table_are_those_of_the_json() {
    let folder = tempfile::tempdir().unwrap();
    for (line, scale) in [
        (format!("sweep {GRID} --step-scaling inverse-depth --out l --json"), 1.0 / 7.0),
        (format!("sweep {GRID} --model transformer --heads 2 --tokens 3 --out t --json"), 1.0),
    ] {
        let result = json(&line, folder.path());
        let out = if scale == 1.0 { "t" } else { "l" };
        let table = rows(&folder.path().join(out).join("cells.parquet"));
        let cells = result["cells"].as_array().unwrap();
        assert_eq!((table.len(), cells.len()), (8, 8));
        for (i, (row, cell)) in table.iter().zip(cells).enumerate() {
            for (name, value) in values(cell) {
                assert!(same(&row[&name], &value), "{line}: {name} of cell {i} is {:?}, not {value:?}", row[&name]);
            }
            // Damping outermost, then radius, then step size.
            let wanted = [[0.2, 0.9][i % 2] * scale, [0.5, 1.3][i / 2 % 2], [0.0, 0.3][i / 4]];
            for (name, wanted) in ["step_size", "radius", "damping"].into_iter().zip(wanted) {
                assert!((number(row, name) - wanted).abs() <= 1e-15, "{name} of cell {i}");
            }
        }
    }
}

/// What the trajectories hold at each grid point is what its cell says, by the values of its columns and not by its place.
#[test]
fn trajectories_and_members_are_those_of_their_cells() {
    let folder = tempfile::tempdir().unwrap();
    for (line, out, growth) in [
        (format!("sweep {GRID} --radius-kind exact --out l --json"), "l", "log_growth"),
        (format!("sweep {GRID} --model mlp --tokens 2 --out m --json"), "m", "norm"),
    ] {
        let result = json(&line, folder.path());
        let table = rows(&folder.path().join(out).join("trajectories.parquet"));
        assert_eq!(table.len(), 8 * 8 * 8, "members, steps from 0, grid points");
        let cells = result["cells"].as_array().unwrap();
        for cell in cells {
            let place =
                |row: &&Row| ["step_size", "radius", "damping"].iter().all(|&name| same(&row[name], &cell[name]));
            let own: Vec<&Row> = table.iter().filter(place).collect();
            let at = |member: usize, step: usize| {
                let is = |row: &&&Row| number(row, "member") == member as f64 && number(row, "step") == step as f64;
                let value = number(own.iter().find(is).expect("every step is recorded"), growth);
                if growth == "norm" { value.ln() } else { value }
            };
            let mean = |of: &dyn Fn(usize) -> f64| (0..8).map(of).sum::<f64>() / 8.0;
            let rate = if growth == "norm" { "norm_rate" } else { "observed_rate" };
            for (found, wanted) in [
                (&cell["log_growth"]["mean"], mean(&|m| at(m, 7) - at(m, 0))),
                (&cell[rate]["mean"], mean(&|m| (at(m, 7) - at(m, 3)) / 4.0)),
            ] {
                let found = found.as_f64().unwrap();
                assert!((found - wanted).abs() <= 2e-5, "{line}: {found}, not {wanted}");
            }
        }
        let members = rows(&folder.path().join(out).join("members.parquet"));
        let middle = &cells[4];
        assert_eq!(members.len(), 8);
        for (i, row) in members.iter().enumerate() {
            assert_eq!(number(row, "member"), i as f64);
            assert!(["step_size", "radius", "damping"].iter().all(|&name| same(&row[name], &middle[name])));
        }
        for name in ["predicted_rate", "observed_rate", "log_growth"] {
            let mean = members.iter().map(|row| number(row, name)).sum::<f64>() / 8.0;
            let found = middle[name]["mean"].as_f64().unwrap();
            assert!((found - mean).abs() <= 1e-12, "{line}: {name} {found}, not {mean}");
        }
    }
}
