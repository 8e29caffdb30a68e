//! Specification files and records of every command, and grids: what is accepted can be written and read again.

use super::edits::{edited, edits};
use super::{fuzz, refused};
use eulerscope::cli::{self, Command, Request};
use eulerscope::error::Error;
use eulerscope::request::keys::{Keys, SweepKeys};
use eulerscope::request::names;
use eulerscope::spec::Grid;
use proptest::prelude::*;
use proptest::sample::select;
use std::path::Path;

/// A file for each command that says much.
const GOOD: [(&str, &str); 8] = [
    (
        "sweep",
        "width = 8\nmembers = 5\ndepth = 6\nstep_size = \"log(0.1,1,3),2\"\nradius = [0.5, 1]\ndamping = 0\nseed = '0xff'\n",
    ),
    (
        "sweep",
        "model = 'mlp'\nintegrator = 'heun'\ntokens = 2\nactivation = 'gelu'\nnorm = 'pre'\nbias_gain = 0.5\nweights = 'iid'\n[sweep_over]\ndepth = '2,3'\nwidth = [3, 4]\n",
    ),
    (
        "sweep",
        "model = 'transformer'\nwidth = 8\nmask = 'causal'\nlogit_gain = 2\nsweep_over = { heads = '1,2,4', tokens = [2, 3] }\naxes = 'heads,tokens'\nchunk = 3\n",
    ),
    (
        "spectrum",
        "ensemble = 'elliptic'\ntau = -0.5\nwidth = 8\nmembers = 3\nradius = 0.8\nradius_kind = 'exact'\nstep_size = 0.1\nvalues = true\nprecision = 'f64'\n",
    ),
    (
        "lyapunov",
        "width = 4\ndepth = 40\ntop = 2\nblocks = 4\ntransient_steps = 3\ndamping = 0.1\nshift = 0.25\nseed = 7\n",
    ),
    (
        "spectrum",
        "checkpoint = 'model'\ntoken_ids = [1, 2, 3]\ntokens = '0,2'\ncontrol = ['initial']\nderived = 'none'\n",
    ),
    ("essay", "quick = true\nclaims = ['decay', 'friction']\nseed = 3\n"),
    (
        "{",
        "{\"eulerscope\":\"0.1.0\",\"command\":\"sweep\",\"spec\":{\"width\":8,\"step_size\":\"lin(0.1,1,4)\",\"sweep_over\":{\"depth\":\"2,3\"}},\"cells\":[{\"step_size\":0.1}]}",
    ),
];

const WORDS: &[&str] = &[
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e999",
    "1e-320",
    "9223372036854775807",
    "18446744073709551615",
    "true",
    "[",
    "]",
    "{",
    "}",
    "=",
    "\"",
    "'''",
    "\n",
    "lin(0.1,1,1e9)",
    "log(",
    ",,",
    ":",
    "\u{feff}",
    "\u{0}",
    "é",
    "[[a]]",
    ".a",
    "# ",
    "null",
    "step_size = 1\n",
    "matrix = '/dev/zero'\n",
    "initial = ''\n",
    "text = '/dev/zero'\n",
    "checkpoint = 'x'\n",
    "\"spec\":",
];

/// What a file of a command asks for. Members at a time are no part of records.
fn understood(command: &str, file: &Path) -> Result<Command, Error> {
    let arguments = ["eulerscope".as_ref(), command.as_ref(), file.as_os_str()];
    match cli::understand(arguments.into_iter().map(Into::into))? {
        Request::Run(invocation) => Ok(match invocation.command {
            Command::Sweep(mut spec) => {
                spec.chunk = None;
                Command::Sweep(spec)
            }
            other => other,
        }),
        other => panic!("{command} {}: {other:?}", file.display()),
    }
}

/// Reads a file; what is accepted must come out of its record, too.
fn check(folder: &Path, command: &str, content: &[u8]) {
    let path = folder.join("spec.toml");
    std::fs::write(&path, content).expect("writable");
    // The files that a specification may name are not there, or no files.
    let asked = match understood(command, &path) {
        Ok(asked) => asked,
        Err(error) => return refused(&error, &[4, 7]),
    };
    let said = serde_json::to_value(&asked).expect("a command has a record");
    let (name, spec) = said.as_object().and_then(|one| one.iter().next()).expect("a command and what it does");
    assert_eq!(name, command);
    let record = folder.join("run.json");
    std::fs::write(&record, serde_json::json!({ "command": name, "spec": spec }).to_string()).expect("writable");
    let again = understood(command, &record).unwrap_or_else(|error| panic!("{error}: {spec}"));
    assert_eq!(again, asked, "{spec}");
}

#[test]
fn good_files_are_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    for (command, text) in GOOD {
        let path = folder.path().join("spec.toml");
        std::fs::write(&path, text).expect("writable");
        let command = if command == "{" { "sweep" } else { command };
        understood(command, &path).unwrap_or_else(|error| panic!("{error}: {text}"));
        check(folder.path(), command, text.as_bytes());
    }
}

#[test]
fn files_are_understood_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fuzz(500, &(select(&GOOD[..]), edits(WORDS)), |((command, text), edits)| {
        let command = if command == "{" { "sweep" } else { command };
        check(folder.path(), command, &edited(text.as_bytes(), &edits, usize::MAX));
    });
}

/// Lines with a key and something like a value, and any bytes.
#[test]
fn keys_with_any_value_are_understood_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let value = prop_oneof![
        "[-+0-9.e_]{1,8}",
        select(WORDS).prop_map(str::to_owned),
        "'[a-z0-9(),.-]{0,16}'",
        "\\[[0-9., ]{0,9}\\]",
        "[ -~]{0,12}"
    ];
    let line = (select(names::<SweepKeys>()), value).prop_map(|(key, value)| format!("{key} = {value}\n").into_bytes());
    let lines = prop::collection::vec(line, 1..5).prop_map(|lines| lines.concat());
    let any_bytes = prop::collection::vec(any::<u8>(), 0..200);
    let content = prop_oneof![4 => lines, 1 => any_bytes];
    fuzz(300, &content, |content| check(folder.path(), SweepKeys::COMMAND, &content));
}

#[test]
fn grids_are_read_or_refused() {
    const GRIDS: [&str; 5] = ["0.1,0.5,1", "lin(0.01,2,64)", "log(1e-3,2,64)", "log(0.01,1,28),1.5,2", "lin(0,1,11),2"];
    let changed = (select(&GRIDS[..]), edits(WORDS))
        .prop_map(|(good, edits)| String::from_utf8_lossy(&edited(good.as_bytes(), &edits, usize::MAX)).into_owned());
    let alike = "(lin|log)\\([-0-9.e]{1,6},[-0-9.e]{1,6},[0-9e]{1,6}\\)";
    fuzz(1500, &prop_oneof![4 => changed, 1 => ".*", 1 => "[-0-9.,:e() linog]{0,24}", 2 => alike], |text| {
        match Grid::parse(&text) {
            Ok(grid) => {
                assert!(grid.values().windows(2).all(|pair| pair[0] < pair[1]), "{text}");
                assert!(grid.values().iter().all(|value| value.is_finite()) && grid.len() > 0, "{text}");
                assert_eq!(Grid::parse(grid.source()).expect("it is one"), grid);
            }
            Err(error) => refused(&error, &[4]),
        }
    });
}
