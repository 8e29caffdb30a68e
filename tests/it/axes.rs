//! Swept keys: their combinations, what they write, and that a long run can be stopped without losing what it has.

use crate::cli_bad_input::{eulerscope, refusal};
use crate::cli_results::{columns, flattened, json, run};
use eulerscope::cli::{self, Command, Request};
use eulerscope::device::Device;
use eulerscope::kernel::attend_tangent::MOST_WORK;
use eulerscope::request::file;
use eulerscope::request::keys::{Keys, SweepKeys, SweepRequest};
use eulerscope::spec::{Axis, MOST_ATTENTION, SweepSpec};
use eulerscope::sweep::{self, Cell};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;

fn from_text(text: &str) -> SweepSpec {
    match SweepKeys::specify(file::parse(text).expect("a file"), SweepKeys::default()).expect("a specification") {
        SweepRequest::Members(spec) => *spec,
        SweepRequest::Trained(spec) => panic!("{spec:?} is of a trained model"),
    }
}

#[track_caller]
fn from_line(line: &str) -> SweepSpec {
    let arguments = std::iter::once("eulerscope").chain(line.split(' ')).map(OsString::from);
    let Ok(Request::Run(invocation)) = cli::understand(arguments) else { panic!("`{line}` is refused") };
    let Command::Sweep(spec) = invocation.command else { panic!("`{line}` is no sweep") };
    spec
}

fn bytes(cells: &[Cell]) -> String {
    serde_json::to_string(cells).expect("serialises")
}

#[test]
fn combinations_are_plain_sweeps_in_the_order_of_their_axes() {
    let line = "sweep --model transformer --step-scaling inverse-depth --sweep-over logit_gain=0.5,2 --sweep-over \
                width=log(8,32,3) --sweep-over depth=10,100";
    let spec = from_line(line);
    let all: Vec<SweepSpec> = spec.combinations().collect();
    let values = |axis: Axis| all.iter().map(|own| axis.of(own)).collect::<Vec<_>>();
    assert_eq!(spec.sweep_over.keys(), [Axis::Depth, Axis::Width, Axis::LogitGain]);
    assert_eq!(values(Axis::Depth), [[10.0; 6], [100.0; 6]].concat());
    assert_eq!(values(Axis::Width), [8.0, 8.0, 16.0, 16.0, 32.0, 32.0].repeat(2), "exact, although log(..) rounds");
    assert_eq!(values(Axis::LogitGain), [0.5, 2.0].repeat(6));
    for own in &all {
        assert!(own.sweep_over.is_empty());
        assert_eq!(own.effective_step_size(1.0), 1.0 / own.depth as f64, "scaled by its own depth");
    }
    assert_eq!(spec.said_of(&all[1]), "depth 10, width 8, logit_gain 2");
    let plain = SweepSpec::default();
    assert_eq!(plain.combinations().collect::<Vec<_>>(), [plain]);
}

#[test]
fn the_axes_of_the_map_may_be_swept_like_any_other_key() {
    let own = from_line("sweep --step-size 0.1,1 --radius lin(0.5,1,3) --damping 0,0.5");
    let swept = "sweep --sweep-over damping=0,0.5 --sweep-over step-size=0.1,1 --sweep-over radius=lin(0.5,1,3)";
    assert_eq!(from_line(swept), own);
}

#[test]
fn files_have_a_table_of_swept_keys_and_flags_win() {
    let text = "model = 'transformer'\nsweep_over = { heads = [1, 2], depth = \"10,20\", tokens = 3 }";
    let spec = from_text(text);
    assert_eq!(spec.sweep_over.keys(), [Axis::Depth, Axis::Tokens, Axis::Heads]);
    assert_eq!(spec.combinations().count(), 4);
    assert_eq!(from_text(&toml::to_string(&spec).expect("TOML")), spec, "written and read again");
    let record = serde_json::to_value(&spec).expect("JSON");
    assert_eq!(record["sweep_over"], serde_json::json!({ "depth": "10,20", "tokens": "3", "heads": "1,2" }));
    for key in ["depth", "tokens", "heads"] {
        assert_eq!(record.get(key), None, "no single {key} was run");
    }

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    std::fs::write(&path, text).expect("writable");
    let with = |flags: &str| from_line(&format!("sweep {} {flags}", path.display()));
    assert_eq!(
        with("--depth 7").sweep_over.keys(),
        [Axis::Tokens, Axis::Heads],
        "the flag takes the place of the axis"
    );
    assert!(with("--depth 7").combinations().all(|own| own.depth == 7));
    let wider = with("--sweep-over depth=5 --sweep-over width=8,16");
    assert_eq!(wider.sweep_over.keys(), [Axis::Depth, Axis::Width, Axis::Tokens, Axis::Heads]);
    assert!(wider.combinations().all(|own| own.depth == 5));
    std::fs::write(&path, "depth = 9\nstep_size = 1").expect("writable");
    let swept = with("--sweep-over depth=5,6 --sweep-over step_size=0.1,0.2");
    assert_eq!((swept.combinations().count(), swept.step_size.values()), (2, &[0.1, 0.2][..]));
}

/// The limit that specifications know is the one that the kernel has.
#[test]
fn the_largest_attention_is_the_kernels() {
    assert_eq!(MOST_ATTENTION, MOST_WORK);
}

/// What follows `sweep`, separated by blanks, and what the refusal must say.
const REFUSED: &[(&str, &str)] = &[
    ("--sweep-over depth", "sweep_over: depth has no grid; write depth=GRID"),
    ("--sweep-over layers=1,2", "sweep_over: `layers` cannot be swept; write KEY=GRID with step_size"),
    ("--sweep-over =1,2", "sweep_over: `` cannot be swept"),
    ("--sweep-over depth=", "sweep_over: depth: the grid is empty"),
    ("--sweep-over depth=1:2:3", "sweep_over: depth: `1:2:3`: `a:b:n` is ambiguous"),
    ("--sweep-over depth=1,2 --sweep-over depth=3", "depth is given twice"),
    ("--sweep-over depth=1,2 --depth 3", "depth is also given on its own"),
    ("--sweep-over step_size=1,2 --step-size 3", "step_size is also given on its own"),
    ("--sweep-over step-size=1,2 --step-size 3", "step_size is also given on its own"),
    ("--sweep-over radius=-1,2", "radius: -1"),
    ("--sweep-over depth=lin(10,100,4.5)", "the count"),
    ("--sweep-over depth=lin(10,20,4)", "has 13.3333, and depth is a whole number from 1"),
    ("--sweep-over depth=lin(10,20,4)", "write 10,13,17,20 for rounded points, or lin(10,20,3) to keep"),
    ("--sweep-over depth=log(10,1000,4)", "write 10,46,215,1000 for rounded points, or log(10,1000,3) to"),
    ("--sweep-over depth=lin(1,1000000,1048576)", "write 1,2,3,4,5,6,7,8,9,10,11,12,.. for rounded points"),
    (
        "--sweep-over depth=lin(1,1e6,1e6) --sweep-over width=lin(1,1e6,1e6) --sweep-over tokens=lin(1,1e6,1e6) \
         --sweep-over heads=lin(1,1e6,1e6) --sweep-over logit_gain=lin(1,2,1e6) --model transformer",
        "combinations, at most 1024 fit",
    ),
    ("--sweep-over depth=-5,3", "has -5, and depth is a whole number from 1; write 1,3"),
    ("--sweep-over depth=10,2000000", "sweep_over: at depth 2000000: depth: 2000000 is too large"),
    ("--sweep-over tokens=1,2", "sweep_over: tokens: the linear model has 1 token"),
    ("--sweep-over heads=1,2", "sweep_over: heads: the linear model has no attention"),
    ("--model mlp --sweep-over heads=1,2", "sweep_over: heads: the mlp model has no attention"),
    ("--model mlp --sweep-over logit_gain=1,2", "sweep_over: logit_gain: the mlp model has no attention"),
    ("--model transformer --sweep-over logit_gain=0,2", "at logit_gain 0: logit_gain: 0 is not above 0"),
    (
        "--model transformer --sweep-over width=16,20 --sweep-over heads=4,5",
        "sweep_over: at width 16, heads 5: heads: 5 do not divide width 16; use 4 heads or width 20",
    ),
    ("--sweep-over width=lin(1,2000,2000)", "makes 2000 combinations, at most 1024 fit"),
    ("--step-size lin(0.1,1,1024) --damping 0 --sweep-over depth=lin(1,64,64)", "64 combinations x 32768 grid points"),
    (
        "--model transformer --width 64 --sweep-over tokens=4,512",
        "sweep_over: at tokens 512: tokens: the Jacobian would be 32768 x 32768 and take 4.0 GiB, of which at most 2 fit",
    ),
];

/// Text of a specification file, and what the refusal must say.
const REFUSED_FILES: &[(&str, &str)] = &[
    ("sweep_over = {}", "line 1, column 14: the table of swept keys is empty"),
    ("sweep_over = 'depth=1'", "line 1, column 14"),
    ("sweep_over = { depth = true }", "line 1, column"),
    ("sweep_over = { layers = 3 }", "sweep_over: `layers` cannot be swept"),
    ("depth = 3\nsweep_over = { depth = [1, 2] }", "depth is also given on its own"),
    ("damping = 0\n[sweep_over]\ndamping = '0,1'", "damping is also given on its own"),
];

#[test]
fn what_cannot_be_swept_is_refused_in_one_line() {
    for (line, expected) in REFUSED {
        let mut command = eulerscope();
        command.arg("sweep").args(line.split(' '));
        let said = refusal(command, 4);
        assert!(said.contains(expected), "`{line}` should say `{expected}`, but says: {said}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    for (text, expected) in REFUSED_FILES {
        std::fs::write(&path, text).expect("writable");
        let mut command = eulerscope();
        command.arg("sweep").arg(&path);
        let said = refusal(command, 4);
        assert!(said.contains(expected), "`{text}` should say `{expected}`, but says: {said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_swept_key_is_read_or_refused_in_one_line(
        model in proptest::sample::select(vec!["linear", "mlp", "transformer"]),
        key in proptest::sample::select(vec!["depth", "width", "tokens", "heads", "logit_gain", "logit-gain", "radius", "x"]),
        grid in "[-0-9.,e]{0,8}|[1-9]{1,2}|(lin|log)\\([1-9]{1,2},[1-9]{2,3},[2-9]\\)|.{0,8}",
    ) {
        let line = ["eulerscope", "sweep", "--model", model, "--sweep-over", &format!("{key}={grid}")].map(OsString::from);
        match cli::understand(line.into_iter()) {
            Ok(Request::Run(invocation)) => {
                let Command::Sweep(spec) = invocation.command else { panic!("not a sweep") };
                prop_assert!(spec.combinations().all(|own| own.validate().is_ok() && own.sweep_over.is_empty()));
                prop_assert_eq!(from_text(&toml::to_string(&spec).expect("TOML")), spec);
            }
            Ok(Request::Print(text) | Request::Remind(text)) => panic!("{text}"),
            Err(error) => prop_assert!(error.exit_code() == 4 && !error.to_string().contains('\n'), "{error}"),
        }
    }
}

#[test]
fn every_combination_is_what_it_would_be_alone() {
    let device = Device::open("cpu").expect("always there");
    for line in [
        "sweep --layers 6 --width 6 --step-size 0.2,1 --radius 1 --step-scaling inverse-sqrt-depth --sweep-over depth=3,9",
        "sweep --model transformer --layers 4 --step-size 0.5 --radius 1,2 --depth 4 --sweep-over heads=1,2 --sweep-over \
         tokens=2,3",
    ] {
        let spec = from_line(line);
        let mut told = Vec::new();
        let results = sweep::run_all(&device, &spec, &|own| (own.depth * own.layer.tokens) as f64, &mut |fraction| {
            told.push(fraction);
            ControlFlow::Continue(())
        });
        let results = results.expect("it runs");
        assert_eq!(
            results.iter().map(|result| result.spec.clone()).collect::<Vec<_>>(),
            spec.combinations().collect::<Vec<_>>()
        );
        for result in &results {
            let alone = sweep::run(&device, &result.spec, &mut |_| ControlFlow::Continue(())).expect("it runs");
            assert_eq!(bytes(&result.sweep.cells), bytes(&alone.cells), "{line}: {}", spec.said_of(&result.spec));
        }
        assert!(told.windows(2).all(|pair| pair[0] <= pair[1]) && told.iter().all(|&f| f <= 1.0), "{line}: {told:?}");
        assert!(sweep::run(&device, &spec, &mut |_| ControlFlow::Continue(())).is_err(), "several are not one");
    }
}

#[test]
fn a_stopped_run_keeps_the_combinations_that_it_has() {
    let device = Device::open("cpu").expect("always there");
    for (line, chunk) in [
        ("sweep --layers 8 --width 4 --step-size 1 --radius 1 --sweep-over depth=4,8,16,32", 2),
        ("sweep --model mlp --layers 8 --step-size 1 --radius 1 --sweep-over depth=4,8,16,32", 2),
    ] {
        let spec = SweepSpec { chunk: Some(chunk), ..from_line(line) };
        // (4 + 8) / 60 of the work are the first two combinations.
        let results = sweep::run_all(&device, &spec, &|own| own.depth as f64, &mut |fraction| {
            if fraction > 0.25 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let results = results.expect("what is done is kept");
        assert_eq!(results.len(), 3, "{line}");
        for (i, result) in results.iter().enumerate() {
            let layers = result.sweep.cells[0].members;
            assert!(
                result.sweep.interrupted == (i == 2) && if i < 2 { layers == 8 } else { layers < 8 },
                "{line}: {i}"
            );
        }
        let stopped = sweep::run_all(&device, &spec, &|_| 1.0, &mut |_| ControlFlow::Break(()));
        assert_eq!(stopped.expect("what is done is kept").len(), 1, "{line}: at once");
    }
}

/// A step that shrinks every state by more than 2^40 is refused by name before the other combinations are run.
#[test]
fn a_combination_that_cannot_run_is_refused_at_once() {
    let spec = from_line(
        "sweep --layers 4 --width 4 --damping 1 --step-size 1e-7 --radius 1 --step-scaling inverse-depth --sweep-over \
         depth=10,1000000",
    );
    let device = Device::open("cpu").expect("always there");
    let refused = sweep::run_all(&device, &spec, &|_| 1.0, &mut |_| panic!("nothing is run"));
    let said = refused.err().expect("is refused").to_string();
    assert!(said.starts_with("sweep_over: at depth 1000000: step_size: ") && said.contains("2^40"), "{said}");
}

#[test]
fn tables_and_json_say_where_each_cell_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    for (line, own, extra) in [
        (
            "sweep --layers 3 --width 4 --radius 1 --step-size 1 --out linear --sweep-over depth=3,5 --json",
            "members",
            None,
        ),
        (
            "sweep --model transformer --layers 3 --radius 1 --step-size 0.1,1 --step-scaling inverse-depth --out whole \
             --sweep-over depth=3,5 --sweep-over logit_gain=0.5,2 --json",
            "linearised",
            Some("given_step_size"),
        ),
    ] {
        let result = json(line, folder.path());
        let spec = from_line(line);
        let out = folder.path().join(if own == "members" { "linear" } else { "whole" });
        let cells = result["cells"].as_array().expect("a list");
        assert_eq!(cells.len(), spec.cells() * spec.combinations().count());
        for (cell, of) in cells
            .chunks(spec.cells())
            .zip(spec.combinations())
            .flat_map(|(c, of)| c.iter().map(move |c| (c, of.clone())))
        {
            for axis in spec.sweep_over.keys() {
                assert_eq!(cell[axis.key()].as_f64(), Some(axis.of(&of)), "{line}: {axis}");
            }
        }
        assert!(cells[0]["depth"].is_u64(), "whole numbers are whole");
        assert_eq!(columns(&out.join("cells.parquet")), flattened(&cells[0]), "{line}");
        assert_eq!(cells[0].get("given_step_size").is_some(), extra.is_some());
        let keys: BTreeSet<String> = spec.sweep_over.keys().iter().map(|axis| axis.key().to_string()).collect();
        for table in ["trajectories", "spectra", own] {
            assert!(columns(&out.join(format!("{table}.parquet"))).is_superset(&keys), "{line}: {table}");
        }
        let combinations = result["combinations"].as_array().expect("a list");
        assert_eq!(combinations.len(), spec.combinations().count());
        assert!(combinations.iter().all(|own| own["timing"].is_object() && own["trajectory_members"] == 3), "{line}");
    }
    // Without swept keys nothing is added.
    let plain = json("sweep --layers 3 --width 4 --depth 3 --radius 1 --step-size 1 --json", folder.path());
    assert!(plain["cells"][0].get("depth").is_none() && plain.get("combinations").is_none());
}

/// One line of pandas for a table of growth over depth and step size, with no hole in it.
#[test]
fn pandas_pivots_the_cells_in_one_line() {
    let python = std::env::var_os("EULERSCOPE_PYTHON")
        .expect("EULERSCOPE_PYTHON is not set; run bash tests/run.sh, which makes it from tests/requirements.txt");
    let folder = tempfile::tempdir().expect("a folder");
    let line = "sweep --layers 3 --width 4 --radius 1 --step-size 0.1,1 --damping 0.1 --step-scaling inverse-depth --out out \
                --sweep-over depth=3,5,9 --json";
    let result = json(line, folder.path());
    let script = "import pandas, sys; print(pandas.read_parquet(sys.argv[1]).pivot(index='depth', columns='given_step_size', \
                  values='log_growth_median').to_csv())";
    let cells = folder.path().join("out/cells.parquet");
    let output = std::process::Command::new(python).args(["-c", script]).arg(cells).output().expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout).to_string();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Vec<f64>> = said
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| line.split(',').map(|field| field.parse().expect("a number, not a hole")).collect())
        .collect();
    let wanted = |i: usize| result["cells"][i]["log_growth"]["median"].as_f64().expect("is");
    for (i, depth) in [3.0, 5.0, 9.0].into_iter().enumerate() {
        assert_eq!(rows[i], [depth, wanted(2 * i), wanted(2 * i + 1)]);
    }
}

pub fn pictures(folder: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").file_name());
    names.filter_map(|name| name.to_string_lossy().strip_suffix(".png").map(String::from)).collect()
}

#[test]
fn figures_and_terminal_show_how_growth_scales() {
    let folder = tempfile::tempdir().expect("a folder");
    let point = "sweep --layers 9 --width 8 --weights iid --damping 0 --step-size 1 --radius 1 --step-scaling \
                 inverse-sqrt-depth --sweep-over depth=4,16,64 --out point";
    let (text, said) = run(point, folder.path(), "100");
    let names =
        ["growth_over_depth", "observed_rate_over_depth", "spectral_radius_over_depth", "spectrum", "trajectories"];
    let both = names.iter().flat_map(|name| [name.to_string(), format!("{name}_dark")]).collect();
    assert_eq!(pictures(&folder.path().join("point")), both);
    assert!(said.contains("3 combinations of depth=4,16,64") && said.contains("depth 16: 9 members"), "{said}");
    for block in ["observed rate, ln a step\n", "growth, ln |x_L|/|x_0|\n", "spectral radius of M\n"] {
        let rows: Vec<&str> = text.split_once(block).expect(block).1.lines().skip(1).take(3).collect();
        for (row, depth) in rows.iter().zip(["4", "16", "64"]) {
            assert!(row.trim_start().starts_with(&format!("{depth} ")), "{block}: {row}");
            assert!(row.contains('o') && row.contains('-') && row.chars().count() <= 100, "{block}: {row}");
        }
    }
    assert!(text.is_ascii(), "{text}");

    let map =
        "sweep --layers 3 --width 4 --step-size 0.1,1 --radius 1,2 --damping 0,0.5 --sweep-over depth=2,4 --out map";
    let (text, _) = run(map, folder.path(), "100");
    let drawn = pictures(&folder.path().join("map"));
    for name in ["depth_2_damping_0", "depth_2_damping_0.5", "depth_4_damping_0", "depth_4_damping_0.5"] {
        assert!(drawn.contains(&format!("stability_map_{name}")), "{name}: {drawn:?}");
    }
    assert_eq!(text.matches("predicted boundary").count(), 4, "{text}");
    assert!(
        text.contains("depth 2, damping 0\n") && text.contains("observed rate, ln a step: step_size 0.1"),
        "{text}"
    );
}

#[test]
fn the_plan_is_that_of_all_combinations() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = |line: &str| {
        json(&format!("sweep --plan --layers 64 --width 16 --damping 0.1 {line} --json"), folder.path())["plan"].clone()
    };
    let number = |plan: &serde_json::Value, name: &str| plan[name].as_f64().expect("a number");
    let parts: Vec<_> = [10, 1000].map(|depth| plan(&format!("--depth {depth}"))).into();
    let whole = plan("--sweep-over depth=10,1000");
    for name in ["flops", "cells", "combinations"] {
        assert_eq!(number(&whole, name), parts.iter().map(|part| number(part, name)).sum::<f64>(), "{name}");
    }
    // Many combinations are not all tried.
    let long = plan("--sweep-over depth=lin(1000,1000000,1000)");
    assert!(number(&long, "combinations") == 1000.0 && number(&long, "estimated_seconds") > 100.0, "{long}");
}
