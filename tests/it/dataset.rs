//! Results on disk: whole or not at all, readable elsewhere, and any later damage is found.

use eulerscope::results::dataset::{Column, Dataset, verify};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn numbers(values: &[f64]) -> Column {
    Column::F64(values.to_vec())
}

/// What a run has in its folder until it is done.
const HIDDEN: [&str; 2] = [".eulerscope.lock", ".eulerscope.new"];

/// The table that tests/read_back.py expects.
fn cells() -> Vec<(&'static str, Column)> {
    vec![
        ("step_size", numbers(&[0.1, 0.5, 1.0, 2.0])),
        ("log_growth", Column::OptionalF64(vec![None, Some(-0.25), Some(0.0), Some(1e300)])),
        ("layers", Column::I64(vec![9_007_199_254_740_993, -1, 0, 7])),
        ("overshoot_step", Column::OptionalI64(vec![Some(3), None, None, Some(i64::MIN)])),
        ("member", Column::U32(vec![0, 1, 1 << 31, u32::MAX])),
        ("radius_kind", Column::Text(["nominal", "exact", "", "ρ ≥ 1"].map(String::from).to_vec())),
        ("moduli", Column::ListF64(vec![Some(vec![1.0, 0.5]), Some(vec![]), None, Some(vec![f64::INFINITY])])),
    ]
}

fn write_example(folder: &Path) {
    let mut dataset = Dataset::create(folder, false).unwrap();
    dataset.note("spec", "0123abcd");
    dataset.write_table("cells", &cells()).unwrap();
    let mut long = dataset.table("long").unwrap();
    let rows: Vec<u32> = (0..200_000).collect();
    for chunk in rows.chunks(30_000) {
        let third = chunk.iter().map(|&row| (row % 3 != 0).then_some(f64::from(row))).collect();
        long.append(&[("index", Column::U32(chunk.to_vec())), ("third", Column::OptionalF64(third))]).unwrap();
    }
    dataset.finish_table(long).unwrap();
    dataset.write_table("empty", &[("step_size", numbers(&[]))]).unwrap();
    dataset.write_bytes("map.svg", b"<svg/>").unwrap();
    dataset.finish(json!({"seed": 1, "device": "cpu"})).unwrap();
}

#[test]
fn pandas_polars_and_duckdb_read_it() {
    let python = std::env::var_os("EULERSCOPE_PYTHON")
        .expect("EULERSCOPE_PYTHON is not set; run bash tests/run.sh, which makes it from tests/requirements.txt");
    let folder = tempfile::tempdir().unwrap();
    write_example(folder.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_back.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("EULERSCOPE_PYTHON must run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_seal_comes_last_and_names_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/er");
    let mut dataset = Dataset::create(&out, false).unwrap();
    dataset.write_bytes("map.svg", b"<svg/>").unwrap();
    assert_eq!(names(&out), HIDDEN);
    assert_eq!(verify(&out).unwrap_err().exit_code(), 9);
    let landed = dataset.finish(json!({"seed": 1})).unwrap();
    assert_eq!((landed.folder, landed.kept), (out.clone(), vec![]));
    assert_eq!(names(&out), ["map.svg", "run.json"]);
    let run: Value = serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap();
    assert_eq!(run["seed"], 1);
    assert_eq!(run["files"]["map.svg"]["bytes"], 6);
    assert_eq!(run["files"]["map.svg"]["blake3"], blake3::hash(b"<svg/>").to_hex().as_str());
    verify(&out).unwrap();
}

#[test]
fn damage_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    write_example(folder.path());
    verify(folder.path()).unwrap();
    let table = folder.path().join("cells.parquet");
    let good = std::fs::read(&table).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [flipped.as_slice(), &good[..good.len() - 1], b""] {
        std::fs::write(&table, bad).unwrap();
        let error = verify(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 9);
        assert!(error.to_string().contains("cells.parquet"), "{error}");
    }
    std::fs::remove_file(&table).unwrap();
    let error = verify(folder.path()).unwrap_err();
    assert!(error.exit_code() == 9 && error.to_string().contains("cells.parquet"), "{error}");
    for seal in [
        "",
        "[1]",
        "{\"files\": {}}",
        "{\"eulerscope\": \"1\", \"files\": {\"../x\": {\"bytes\": 0, \"blake3\": \"\"}}}",
    ] {
        std::fs::write(folder.path().join("run.json"), seal).unwrap();
        let error = verify(folder.path()).unwrap_err();
        assert!(error.exit_code() == 9 && error.to_string().contains("run.json"), "{error}");
    }
}

#[test]
fn a_second_run_replaces_the_first_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    write_example(folder.path());
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let before = names(folder.path());
    let error = Dataset::create(folder.path(), false).expect_err("must be refused");
    assert!(error.exit_code() == 7 && error.to_string().contains("`force`"), "{error}");
    let mut dataset = Dataset::create(folder.path(), true).unwrap();
    dataset.write_table("cells", &cells()).unwrap();
    verify(folder.path()).expect("the first run stays until the second is complete");
    drop(dataset);
    verify(folder.path()).expect("the first run stays if the second fails");
    assert_eq!(names(folder.path()), before);
    let mut dataset = Dataset::create(folder.path(), true).unwrap();
    dataset.write_table("cells", &cells()).unwrap();
    let landed = dataset.finish(json!({})).unwrap();
    assert_eq!(landed.kept, []);
    verify(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["cells.parquet", "notes.txt", "run.json"]);
}

/// The results of a second run, complete in the staging folder of a first one's, as if it had been cut off then.
fn staged(folder: &Path) -> std::path::PathBuf {
    write_example(folder);
    let other = tempfile::tempdir().unwrap();
    let mut dataset = Dataset::create(other.path(), false).unwrap();
    dataset.write_table("cells", &cells()).unwrap();
    dataset.write_bytes("new.svg", b"<svg/>").unwrap();
    dataset.finish(json!({})).unwrap();
    let staging = folder.join(".eulerscope.new");
    std::fs::create_dir(&staging).unwrap();
    for name in names(other.path()) {
        std::fs::copy(other.path().join(&name), staging.join(&name)).unwrap();
    }
    staging
}

/// Cut off anywhere, the move of complete results into their place is ended by the next run.
#[test]
fn a_move_that_was_cut_off_is_ended_by_the_next_run() {
    for cut in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let staging = staged(folder.path());
        let at = |name: &str| folder.path().join(name);
        let steps: [&dyn Fn(); 4] = [
            &|| std::fs::rename(at("run.json"), staging.join(".replaced.json")).unwrap(),
            &|| std::fs::remove_file(at("map.svg")).unwrap(),
            &|| std::fs::rename(staging.join("cells.parquet"), at("cells.parquet")).unwrap(),
            &|| std::fs::rename(staging.join("new.svg"), at("new.svg")).unwrap(),
        ];
        steps[..cut].iter().for_each(|step| step());
        let error = Dataset::create(folder.path(), false).expect_err("there are results now");
        assert!(error.to_string().contains("`force`"), "{error}");
        verify(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["cells.parquet", "new.svg", "run.json"], "cut after {cut} steps");
    }
}

/// What no `run.json` vouches for, byte for byte, is renamed where it is in the way, and never deleted.
#[test]
fn files_of_others_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    write_example(folder.path());
    for name in ["map.svg", "long.parquet", "exponents.parquet", "new.svg", "new.svg.old"] {
        std::fs::write(folder.path().join(name), format!("mine: {name}")).unwrap();
    }
    let mut dataset = Dataset::create(folder.path(), true).unwrap();
    dataset.write_bytes("new.svg", b"<svg/>").unwrap();
    let landed = dataset.finish(json!({})).unwrap();
    let kept = [
        ("long.parquet", "long.parquet.old"),
        ("map.svg", "map.svg.old"),
        ("exponents.parquet", "exponents.parquet.old"),
        ("new.svg", "new.svg.old-2"),
    ];
    assert_eq!(landed.kept, kept.map(|(name, now)| (name.to_string(), now.to_string())));
    for (name, now) in kept {
        assert_eq!(std::fs::read_to_string(folder.path().join(now)).unwrap(), format!("mine: {name}"));
    }
    assert_eq!(names(folder.path()).len(), 3 + kept.len());
    verify(folder.path()).unwrap();
}

#[test]
fn an_interrupted_run_does_not_replace_results() {
    let folder = tempfile::tempdir().unwrap();
    write_example(folder.path());
    let before = names(folder.path());
    for place in ["interrupted", "interrupted-2"] {
        let mut dataset = Dataset::create(folder.path(), true).unwrap();
        dataset.write_table("cells", &cells()).unwrap();
        let landed = dataset.finish(json!({"interrupted": true})).unwrap();
        assert_eq!(landed.folder, folder.path().join(place));
        verify(folder.path()).unwrap();
        verify(&landed.folder).unwrap();
        assert_eq!(names(&landed.folder), ["cells.parquet", "run.json"]);
    }
    assert_eq!(names(folder.path()).len(), before.len() + 2);
}

#[test]
fn what_is_dropped_or_wrong_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut dataset = Dataset::create(folder.path(), false).unwrap();
    let mut table = dataset.table("cells").unwrap();
    table.append(&[("step_size", numbers(&[1.0]))]).unwrap();
    let staging = folder.path().join(HIDDEN[1]);
    assert_eq!(names(&staging), ["cells.parquet"]);
    drop(table);
    assert_eq!(names(&staging), [""; 0]);
    let two = [("a", numbers(&[1.0])), ("b", numbers(&[]))];
    let same = [("a", numbers(&[1.0])), ("a", numbers(&[1.0]))];
    let nan = [("a", numbers(&[f64::NAN]))];
    for wrong in [&two[..], &same, &nan, &[]] {
        assert_eq!(dataset.write_table("cells", wrong).unwrap_err().exit_code(), 10);
    }
    for name in ["", ".hidden", "../up", "a/b", "run.json"] {
        assert_eq!(dataset.write_bytes(name, b"x").unwrap_err().exit_code(), 10, "{name}");
    }
    let mut table = dataset.table("cells").unwrap();
    table.append(&[("a", numbers(&[1.0]))]).unwrap();
    assert_eq!(table.append(&[("b", numbers(&[1.0]))]).unwrap_err().exit_code(), 10);
    assert_eq!(table.append(&[("a", Column::I64(vec![1]))]).unwrap_err().exit_code(), 10);
    drop(table);
    assert_eq!(names(&staging), [""; 0]);
    drop(dataset);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn folders_that_were_made_for_nothing_are_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    drop(Dataset::create(&folder.path().join("deep/er"), false).unwrap());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for out in [file.clone(), file.join("below"), Path::new("/proc/eulerscope").to_path_buf()] {
        let error = Dataset::create(&out, false).expect_err("must be refused");
        assert_eq!(error.exit_code(), 7);
        assert!(error.to_string().contains(&*out.to_string_lossy()), "{error}");
    }
}

/// A write that the system refuses half-way, for real: a file size limit in a process of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_refused_write_is_named_and_leaves_no_part() {
    if let Some(out) = std::env::var_os("EULERSCOPE_LIMITED") {
        return fill(Path::new(&out));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("dataset::a_refused_write_is_named_and_leaves_no_part")
        .env("EULERSCOPE_LIMITED", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[cfg(target_os = "linux")]
fn fill(out: &Path) {
    let mut dataset = Dataset::create(out, false).unwrap();
    dataset.write_bytes("good.svg", b"<svg/>").unwrap();
    let error = dataset.write_bytes("map.png", &vec![7; 2 << 20]).unwrap_err();
    assert!(error.exit_code() == 7 && error.to_string().contains("map.png"), "{error}");
    let noise: Vec<f64> = (0..400_000u32).map(|i| f64::from(i.wrapping_mul(2_654_435_761))).collect();
    let error = dataset.write_table("cells", &[("noise", Column::F64(noise))]).unwrap_err();
    assert!(error.exit_code() == 7 && error.to_string().contains("cells.parquet"), "{error}");
    assert!(error.to_string().contains("File too large"), "{error}");
    assert_eq!(names(&out.join(HIDDEN[1])), ["good.svg"]);
}
