//! Specification files, records and matrices that the program must refuse: each in one line, in a moment.

use crate::cli_bad_input::{eulerscope, refusal};
use std::path::Path;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(5);

/// The line with which `eulerscope COMMAND FILE` is refused.
#[track_caller]
fn refused(arguments: &[&str], file: &Path, code: i32) -> String {
    let begun = Instant::now();
    let mut command = eulerscope();
    command.args(arguments).arg(file);
    let line = refusal(command, code);
    assert!(begun.elapsed() < SOON, "{:?}: {line}", begun.elapsed());
    line
}

/// Text of a specification file of `sweep`, and what the refusal must say.
const FILES: &[(&str, &str)] = &[
    ("width = 9223372036854775807", "width: 9223372036854775807 is too large; the most is 4096"),
    ("members = 9223372036854775807", "members: 9223372036854775807 is too large"),
    ("depth = 1e3", "found the number `1000.0`, expected a whole number"),
    ("depth = 0", "depth: 0"),
    ("members = 0", "members: 0"),
    (
        "model = 'transformer'\ntokens = 9223372036854775807\nlinearise_every = 0",
        "tokens: 9223372036854775807 is too large",
    ),
    ("model = 'transformer'\nwidth = 4096\ntokens = 4294967296", "tokens: 4294967296 is too large"),
    ("model = 'mlp'\nffn_ratio = 9223372036854775807", "ffn_ratio: 9223372036854775807 is too large"),
    ("model = 'transformer'\nheads = 0", "heads: 0"),
    ("model = 'transformer'\ntokens = 0", "tokens: 0"),
    ("include = '../x.toml'", "unknown key `include`"),
    ("version = 2", "unknown key `version`"),
    ("device = 'cpu'", "unknown key `device`"),
    ("seed = 1e3", "expected a seed: a whole number from 0"),
    ("step_size = 1e", "line 1, column 15"),
    ("threshold = 1e-400", "threshold: 0 is not above 0"),
    ("threshold = 1e400", "line 1, column 13"),
    ("width = 'x", "line 1, column 11"),
    ("matrix = 3", "expected a path"),
    ("matrix = ''", "the name of a file is empty"),
    ("initial = '/dev/zero'", "/dev/zero: the format is not known by its ending"),
    ("sweep_over = 3", "expected a table of grids"),
    ("sweep_over = {}", "the table of swept keys is empty"),
    ("sweep_over = { depth = {} }", "expected a grid"),
    ("sweep_over = { depth = 'lin(1,1e18,3)' }", "the most is 1000000"),
    ("sweep_over = { width = '0,1' }", "width is a whole number from 1"),
    ("sweep_over = { depth = '1,2', depth = '3' }", "line 1"),
    ("checkpoint = ''\ntoken_ids = [1, 2]", "the name of a file is empty"),
    ("checkpoint = 'x'", "give prompt, prompts or token_ids"),
];

#[test]
fn files_that_ask_for_what_cannot_be_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    for &(text, words) in FILES {
        std::fs::write(&path, text).expect("writable");
        let line = refused(&["sweep", "--plan", "--device", "cpu"], &path, 4);
        assert!(line.contains(words), "{text}: {line}");
    }
}

/// A file that says nothing asks for what no flags ask for.
#[test]
fn files_without_keys_are_the_defaults() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    for text in ["", "\n", "# nothing\r\n", "\u{feff}"] {
        std::fs::write(&path, text).expect("writable");
        eulerscope().args(["sweep", "--plan", "--device", "cpu", "--members", "2"]).arg(&path).assert().code(0);
    }
}

/// Long files of few words: none of them takes time that grows with the square of its length.
#[test]
fn long_files_are_refused_soon() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    let keys = |count: usize| (0..count).map(|i| format!("k{i} = 1\n")).collect::<String>();
    for (text, words) in [
        (format!("step_size = [{}]", "1,".repeat(500_000)), "points must ascend"),
        (format!("step_size = '{}'", "(".repeat(500_000)), "is not a kind of grid"),
        (format!("step_size = '{}'", "lin(0.1,1,1000000),".repeat(40_000)), "more than 1048576 points"),
        (format!("[sweep_over]\n{}", keys(60_000)), "`k0` cannot be swept"),
        (keys(90_000), "unknown key `k0`"),
        (format!("{} = 1", "w".repeat(900_000)), "unknown key `www"),
    ] {
        std::fs::write(&path, &text).expect("writable");
        let line = refused(&["sweep", "--plan", "--device", "cpu"], &path, 4);
        assert!(line.contains(words), "{line}");
    }
}

/// Text of a record, and what the refusal must say.
const RECORDS: &[(&str, &str)] = &[
    ("{}", "JSON without the `command` and the `spec`"),
    ("{\"command\":\"sweep\",\"spec\":{\"width\":8}", "not the JSON of a run"),
    ("{\"command\":\"sweep\",\"spec\":[]}", "not the JSON of a run"),
    ("{\"command\":3,\"spec\":{}}", "not the JSON of a run"),
    ("{\"command\":\"launch\",\"spec\":{}}", "is the record of launch"),
    ("{\"command\":\"sweep\",\"spec\":{\"width\":1e400}}", "number out of range"),
    ("{\"command\":\"sweep\",\"spec\":{\"width\":8,\"width\":9}}", "the key `width` is there twice"),
    ("{\"command\":\"sweep\",\"spec\":{\"width\":8},\"spec\":{}}", "duplicate field `spec`"),
    ("{\"command\":\"sweep\",\"spec\":{},\"eulerscope\":\"9.9.9\"}", "is of eulerscope 9.9.9, and this is"),
    ("{\"command\":\"sweep\",\"spec\":{},\"stream_version\":99}", "stream version 99, and here they are of 1"),
];

#[test]
fn records_that_are_none_or_of_another_version_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.json");
    for &(text, words) in RECORDS {
        std::fs::write(&path, text).expect("writable");
        let line = refused(&["sweep", "--plan", "--device", "cpu"], &path, 4);
        assert!(line.contains(words), "{text}: {line}");
    }
    let deep = format!("{{\"command\":\"sweep\",\"spec\":{{\"width\":{}", "[".repeat(100_000));
    std::fs::write(&path, deep).expect("writable");
    refused(&["sweep", "--plan", "--device", "cpu"], &path, 4);
    // As an editor may save it, and as an earlier version of this series may have.
    for text in [
        "\u{feff}{\"command\":\"sweep\",\"spec\":{\"width\":8}}",
        "{\"command\":\"sweep\",\"spec\":{},\"eulerscope\":\"0.1.9\"}",
    ] {
        std::fs::write(&path, text).expect("writable");
        eulerscope().args(["sweep", "--plan", "--device", "cpu", "--members", "2"]).arg(&path).assert().code(0);
    }
}

/// A few megabytes that are gigabytes of numbers: what is read of them is bounded.
#[test]
fn matrices_that_are_far_larger_than_their_files_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str, head: &str, repeated: &str, times: usize| {
        let path = folder.path().join(name);
        let file = std::fs::File::create(&path).expect("a new file");
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, head.as_bytes()).expect("writable");
        let piece = repeated.repeat(1 << 16);
        (0..times).for_each(|_| std::io::Write::write_all(&mut encoder, piece.as_bytes()).expect("writable"));
        encoder.finish().expect("writable");
        path
    };
    let general = "%%MatrixMarket matrix coordinate real general\n";
    for (path, words) in [
        (at("row.csv.gz", "", "1,", 400), "line 1 is longer than 16 MiB"),
        (at("rows.csv.gz", "", "1\n", 100), "are not square"),
        (at("many.mtx.gz", &format!("{general}3 3 2\n"), "1 1 1\n", 200), "promises 2 entries and more are there"),
        (at("promised.mtx.gz", &format!("{general}3 3 4000000000\n"), "1 1 1\n", 1), "of a matrix that has 9"),
        (
            at("array.mtx.gz", "%%MatrixMarket matrix array real general\n2 2\n", "1\n", 400),
            "4 values are needed and more",
        ),
    ] {
        let line = refused(&["spectrum", "--device", "cpu", "--matrix"], &path, 4);
        assert!(line.contains(words), "{}: {line}", path.display());
    }
}

/// A table of the report's that is no file would be waited for.
#[cfg(unix)]
#[test]
fn a_table_that_is_a_pipe_is_refused_without_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("cells.parquet");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let error = eulerscope::results::dataset::read::table(&pipe).expect_err("no file");
    assert!(error.to_string().contains("is a pipe, socket or device"), "{error}");
}
