//! Tables against the dictionary of their columns, and against the JSON, value by value (those of sweeps also in `tables`).

use crate::checkpoint::oracles::data;
use crate::checkpoint::real::smollm2_file;
use crate::cli_results::json;
use eulerscope::results::dataset::dictionary::{self, TABLES, Table};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the README's dictionary begins and ends.
const MARKS: [&str; 2] = ["<!-- dictionary -->\n", "<!-- end of the dictionary -->"];

/// One of every command, so that every table is written; h, ρ, γ and all else that could be mistaken for each other differ.
const SWEEP: &str = "sweep --seed 5 --layers 7 --step-size 0.3,0.7 --radius 0.9,1.3,1.7 --damping 0.05,0.2";
const COMMANDS: [(&str, &str); 10] = [
    ("linear", "--trajectories 7 --sweep-over depth=5,9 --sweep-over width=3,5 --step-scaling inverse-depth"),
    (
        "transformer",
        "--depth 6 --width 4 --model transformer --tokens 3 --linearise-every 2 --trajectories 7 --sweep-over logit_gain=0.5,2",
    ),
    ("heads", "--depth 6 --width 4 --model attention --sweep-over heads=1,2 --sweep-over tokens=2,3"),
    ("spectrum", "spectrum --matrix a.csv --step-size 0.5 --damping 0.1 --pseudospectrum 5"),
    ("lyapunov", "lyapunov --width 5 --layers 4 --steps 40 --radius 0.8 --step-size 0.5 --damping 0.1 --blocks 4"),
    ("essay", "essay decay overshoot --quick"),
    ("bench", "bench --quick --only probe_copy"),
    (
        "layers",
        "spectrum --checkpoint LLAMA --token-ids 3,1,4,1 --tokens 0,3 --control initial --step-size 0.9 --damping 0.1",
    ),
    ("depth", "lyapunov --checkpoint LLAMA --token-ids 3,1,4 --top 5 --step-size 0.9 --damping 0.1 --singular 2"),
    (
        "text",
        "sweep --checkpoint SMOLLM2 --token-ids 18593,314,253 --margin a,b --step-size 0.9,1.1 --damping 0.01,0.02",
    ),
];

type Row = BTreeMap<String, Field>;

/// The results of every command: its JSON, and its folder below this one.
fn results(folder: &Path) -> BTreeMap<&'static str, Value> {
    std::fs::write(folder.join("a.csv"), "0.25,-3,0\n1,0.5,0.125\n0,2,-1\n").unwrap();
    let line = |line: &str| match line.starts_with("--") {
        true => format!("{SWEEP} {line}"),
        false => line.replace("LLAMA", &path(data("llama"))).replace("SMOLLM2", &path(smollm2_file())),
    };
    COMMANDS.iter().map(|(name, own)| (*name, json(&format!("{} --json --out {name}", line(own)), folder))).collect()
}

fn path(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("UTF-8")
}

fn open(path: &Path) -> SerializedFileReader<std::fs::File> {
    SerializedFileReader::new(std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

fn rows(path: &Path) -> Vec<Row> {
    let rows = open(path).into_iter().map(Result::unwrap);
    rows.map(|row| row.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect()).collect()
}

/// A number of a table; NaN where it is missing.
fn number(field: &Field) -> f64 {
    match field {
        Field::Null => f64::NAN,
        Field::Double(value) => *value,
        Field::Long(value) => *value as f64,
        Field::Int(value) => f64::from(*value),
        Field::UInt(value) => f64::from(*value),
        other => panic!("{other:?} is no number"),
    }
}

#[track_caller]
fn assert_same(field: &Field, value: &Value, place: &str) {
    match (field, value) {
        (Field::Str(found), Value::String(expected)) => assert_eq!(found, expected, "{place}"),
        (Field::Null, Value::Null) => {}
        // JSON has no infinity.
        (Field::Double(found), Value::Null) => assert!(found.is_infinite(), "{place}: {found}"),
        (found, Value::Bool(expected)) => assert_eq!(number(found), f64::from(u8::from(*expected)), "{place}"),
        (found, expected) => assert_eq!(Some(number(found)), expected.as_f64(), "{place}"),
    }
}

/// The values of an object by the names of columns: `_` between a name and those inside it, two ends for an interval, and
/// words with commas; lists of objects are tables of their own.
fn flattened(object: &Map<String, Value>, front: &str, into: &mut BTreeMap<String, Value>) {
    for (name, value) in object {
        let name = format!("{front}{name}");
        match value {
            Value::Object(inner) => flattened(inner, &format!("{name}_"), into),
            Value::Array(list) if list.iter().any(Value::is_object) => {}
            Value::Array(list) if name.ends_with("remarks") => {
                let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                into.insert(name, words.join(", ").into());
            }
            Value::Array(ends) if ends.len() == 2 && !ends.iter().any(Value::is_array) => {
                into.insert(format!("{name}_low"), ends[0].clone());
                into.insert(format!("{name}_high"), ends[1].clone());
            }
            Value::Array(_) => {}
            _ => drop(into.insert(name, value.clone())),
        }
    }
}

/// Every column that is not in front has the value of that name.
#[track_caller]
fn assert_row(row: &Row, object: &Value, front: &[&str]) {
    let mut values = BTreeMap::new();
    flattened(object.as_object().unwrap(), "", &mut values);
    for (name, field) in row.iter().filter(|(name, _)| !front.contains(&name.as_str())) {
        let missing = Value::Null;
        // An interval or a peak that is missing as a whole is null, and so are its parts.
        let whole = ["_low", "_high", "_value"].iter().fold(name.as_str(), |name, end| name.trim_end_matches(end));
        let known = values.get(name).or(values.get(whole).filter(|value| value.is_null()).map(|_| &missing));
        assert_same(field, known.unwrap_or_else(|| panic!("the JSON has no {name}")), name);
    }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is a list"))
}

const POINT: [&str; 3] = ["step_size", "radius", "damping"];
const SWEPT: [&str; 5] = ["depth", "width", "tokens", "heads", "logit_gain"];

#[test]
fn tables_hold_the_values_of_the_json() {
    let folder = tempfile::tempdir().unwrap();
    let results = results(folder.path());
    let table = |command: &str, table: &str| rows(&folder.path().join(command).join(format!("{table}.parquet")));
    for command in ["linear", "transformer", "heads"] {
        let cells = list(&results[command], "cells");
        let found = table(command, "cells");
        assert_eq!(found.len(), cells.len());
        found.iter().zip(cells).for_each(|(row, cell)| assert_row(row, cell, &[]));
    }
    let cells = list(&results["transformer"], "cells");
    let lines = cells.iter().flat_map(|cell| list(cell, "linearised").iter().map(move |line| (cell, line)));
    let found = table("transformer", "linearised");
    assert_eq!(found.len(), lines.clone().count());
    for (row, (cell, line)) in found.iter().zip(lines) {
        assert_row(row, line, &[&POINT[..], &SWEPT].concat());
        POINT.iter().chain(&["logit_gain"]).for_each(|name| assert_same(&row[*name], &cell[*name], name));
    }
    let found = table("text", "cells");
    let cells = list(&results["text"], "cells");
    assert_eq!(found.len(), cells.len());
    found.iter().zip(cells).for_each(|(row, cell)| assert_row(row, cell, &[]));
    let lens = cells.iter().flat_map(|cell| list(cell, "lens").iter().map(move |line| (cell, line)));
    for (row, (cell, line)) in table("text", "lens").iter().zip(lens) {
        assert_row(row, line, &["step_size", "damping"]);
        ["step_size", "damping"].iter().for_each(|name| assert_same(&row[*name], &cell[*name], name));
    }
    let of_model = |model: &Value, name: &str| -> Vec<(String, Value, Value)> {
        let layers = list(model, "layers").iter();
        let tokens = layers.flat_map(|layer| list(layer, "tokens").iter().map(move |token| (layer, token)));
        tokens.map(|(layer, token)| (name.to_string(), layer["layer"].clone(), token.clone())).collect()
    };
    let control = &list(&results["layers"], "controls")[0];
    let tokens = [of_model(&results["layers"], "trained"), of_model(control, "initial")].concat();
    let found = table("layers", "layers");
    assert_eq!(found.len(), tokens.len());
    for (row, (model, layer, token)) in found.iter().zip(&tokens) {
        assert_row(row, token, &["model", "text", "layer"]);
        assert_same(&row["model"], &Value::from(model.as_str()), "model");
        assert_same(&row["layer"], layer, "layer");
    }
    let found = table("spectrum", "spectra");
    let values = list(&results["spectrum"], "eigenvalues");
    assert_eq!(found.len(), values.len());
    for (row, value) in found.iter().zip(values) {
        assert_same(&row["re"], &value[0], "re");
        assert_same(&row["im"], &value[1], "im");
    }
    let found = &table("spectrum", "members")[0];
    for name in ["norm", "numerical_abscissa", "departure_from_normality", "critical_step_size"] {
        assert_same(&found[name], &results["spectrum"][name], name);
    }
    for name in ["spectral_radius", "spectral_abscissa", "real_eigenvalues"] {
        assert_same(&found[name], &results["spectrum"][name]["mean"], name);
    }
    let pseudo = &results["spectrum"]["pseudospectrum"];
    let found = table("spectrum", "pseudospectrum");
    let (re, im) = (list(pseudo, "re"), list(pseudo, "im"));
    assert!(found.len() == 25 && re != im);
    for (i, (row, sigma)) in found.iter().zip(list(pseudo, "smallest_singular_value")).enumerate() {
        assert_same(&row["re"], &re[i % 5], "re");
        assert_same(&row["im"], &im[i / 5], "im");
        assert_same(&row["smallest_singular_value"], sigma, "sigma");
    }
    let series = list(&results["lyapunov"], "convergence");
    let points = series.iter().flat_map(|point| list(point, "exponents").iter().enumerate().map(move |e| (point, e)));
    let found = table("lyapunov", "exponents");
    assert_eq!(found.len(), 4 * 5);
    for (row, (point, (i, exponent))) in found.iter().zip(points) {
        assert_same(&row["steps"], &point["steps"], "steps");
        assert_eq!(number(&row["exponent"]), i as f64);
        assert_row(row, exponent, &["steps", "exponent"]);
    }
    let claims = list(&results["essay"], "claims");
    let found = table("essay", "claims");
    assert_eq!(found.len(), claims.len());
    for (row, claim) in found.iter().zip(claims) {
        assert_row(row, claim, &["claim", "text"]);
        assert_same(&row["claim"], &claim["id"], "claim");
        assert_same(&row["text"], &claim["claim"], "text");
    }
    let own = claims.iter().flat_map(|claim| list(claim, "statements").iter().map(move |own| (claim, own)));
    for (row, (claim, own)) in table("essay", "statements").iter().zip(own) {
        assert_row(row, own, &["claim", "level"]);
        assert_same(&row["claim"], &claim["id"], "claim");
    }
    let points = claims.iter().flat_map(|claim| {
        let of = |curve: &Value| {
            let columns = ["x", "y", "standard_error"].map(|name| list(curve, name).to_vec());
            (0..columns[0].len()).map(|i| columns.each_ref().map(|column| column[i].clone())).collect::<Vec<_>>()
        };
        list(&claim["graph"], "curves")
            .iter()
            .flat_map(move |curve| of(curve).into_iter().map(move |point| (&claim["id"], &curve["curve"], point)))
    });
    let found = table("essay", "curves");
    assert_eq!(found.len(), points.clone().count());
    for (row, (claim, curve, [x, y, error])) in found.iter().zip(points) {
        assert_same(&row["claim"], claim, "claim");
        assert_same(&row["curve"], curve, "curve");
        assert_same(&row["x"], &x, "x");
        assert_same(&row["y"], &y, "y");
        assert_same(&row["standard_error"], &error, "standard_error");
    }
    let found = table("bench", "bench");
    let timed = list(&results["bench"], "rows");
    assert!(found.len() == timed.len() && !timed.is_empty());
    found.iter().zip(timed).for_each(|(row, timed)| assert_row(row, timed, &[]));
}

#[test]
fn every_column_is_in_the_dictionary_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    results(folder.path());
    let mut seen: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (command, _) in COMMANDS {
        for table in TABLES {
            let path = folder.path().join(command).join(format!("{}.parquet", table.name));
            if !path.exists() {
                continue;
            }
            let reader = open(&path);
            let metadata = reader.metadata().file_metadata();
            let value = |key: &str| -> Value {
                let pairs = metadata.key_value_metadata().unwrap();
                let pair = pairs.iter().find(|pair| pair.key == key).unwrap_or_else(|| panic!("no {key}"));
                serde_json::from_str(pair.value.as_ref().unwrap()).unwrap()
            };
            let columns = value("columns");
            assert_eq!(value("PANDAS_ATTRS")["columns"], columns);
            let names: Vec<&str> = metadata.schema_descr().columns().iter().map(|column| column.name()).collect();
            let own = Table::of(table.name, &names).unwrap_or_else(|| {
                panic!("describe {names:?} of {} in src/results/dataset/dictionary/tables.rs", table.name)
            });
            for name in names {
                let (text, unit) = own.describe(name).expect("all are described");
                assert_eq!(columns[name]["description"], text.as_str(), "{name}");
                assert_eq!(columns[name]["unit"], unit, "{name}");
                seen.entry(own.row).or_default().push(name.to_string());
            }
        }
        let known = |name: &str| TABLES.iter().any(|table| name == format!("{}.parquet", table.name));
        for entry in std::fs::read_dir(folder.path().join(command)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.ends_with(".parquet") || known(&name), "{name} is not in the dictionary");
        }
    }
    for table in TABLES {
        let seen = seen.get(table.row).unwrap_or_else(|| panic!("no command wrote {}", table.name));
        let unwritten = |column: &&dictionary::Described| !seen.iter().any(|name| column.describes(name));
        let dead: Vec<&str> = table.columns.iter().filter(unwritten).map(|column| column.name).collect();
        assert!(dead.is_empty(), "{} has no {dead:?}", table.name);
    }
}

#[test]
fn the_readme_has_the_dictionary() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(MARKS[0]).expect("a mark where the dictionary begins");
    let (found, after) = rest.split_once(MARKS[1]).expect("a mark where it ends");
    let expected = format!("\n{}\n", dictionary::markdown());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{before}{}{expected}{}{after}", MARKS[0], MARKS[1])).unwrap();
        return;
    }
    assert!(
        found == expected,
        "the README's dictionary is not that of src/results/dataset/dictionary/tables.rs; set UPDATE_README=1"
    );
}
