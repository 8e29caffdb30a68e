//! The bench: its rows follow from the lists, and its numbers hang together.

use crate::adapter::{as_on_hardware, software};
use crate::results_folder::send;
use eulerscope::bench::{Audience, BenchSpec, News, Report, Row, check_names, names, plan, run};
use eulerscope::device::Device;
use eulerscope::kernel::KERNELS;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::time::Instant;

fn quick(only: &[&str]) -> (Vec<Device>, Report) {
    let devices = vec![software(), Device::open("cpu").expect("always there")];
    let settings = BenchSpec { quick: true, only: only.iter().map(|name| name.to_string()).collect(), seed: 1 };
    let report = run(&devices, &settings, &mut |_, _: &str| ControlFlow::Continue(())).expect("the bench runs");
    (devices, report)
}

#[test]
fn every_kernel_has_a_row() {
    let names = names();
    for entry in KERNELS {
        assert!(names.iter().any(|name| name == entry.name), "{} has no row", entry.name);
    }
    let of_models = ["checkpoint_layer", "checkpoint_jacobian", "checkpoint_spectrum"];
    let own = ["linear_sweep", "transformer_sweep", "jacobian", "lyapunov", "eigenvalues_64", "spectra_sweep"];
    for name in own.into_iter().chain(of_models) {
        assert!(names.iter().any(|other| other == name), "{name} has no row");
    }
}

#[test]
fn an_unknown_row_is_refused_with_the_names_that_there_are() {
    let error = check_names(&["linear_sweep".to_string(), "linear".to_string()]).expect_err("there is no such row");
    let text = error.to_string();
    assert!(text.contains("'linear'") && text.contains("euler_update") && text.contains("linear_sweep"), "{text}");
    assert_eq!(error.exit_code(), 4);
}

fn sound(row: &Row) {
    let Row { name, seconds, seconds_min, seconds_max, .. } = row;
    assert!(*seconds_min > 0.0 && seconds_min <= seconds && seconds <= seconds_max, "{name}: {row:?}");
    let share = row.share_of_peak.unwrap_or(0.5);
    assert!(share > 0.0 && share <= 1.0, "{name} reaches {share} of the ceiling");
    assert!(row.gflops.unwrap_or(1.0) > 0.0 && row.bytes.unwrap_or(1.0) > 0.0, "{name}: {row:?}");
}

#[test]
fn rows_and_ratios_of_two_devices_hang_together() {
    let (_, report) = quick(&["save", "euler_update", "linear_sweep", "eigenvalues_128"]);
    assert!(!report.interrupted);
    for peak in &report.peaks {
        assert!(peak.gflops > 0.1 && peak.gigabytes_per_second > 0.1, "{peak:?}");
    }
    report.rows.iter().for_each(sound);
    let on = |name: &str| report.rows.iter().filter(|row| row.name == name).map(|row| row.device).collect::<Vec<_>>();
    assert_eq!(on("euler_update"), ["software", "cpu"]);
    assert_eq!(on("linear_sweep"), ["software", "cpu"]);
    assert_eq!(on("eigenvalues_128"), ["cpu"], "too much for a software driver");
    assert_eq!(report.rows.len(), 7);
    let save = report.rows.iter().find(|row| row.name == "save").expect("is wanted");
    assert_eq!(save.gflops, None, "what computes nothing has no speed of computing");
    assert_eq!(report.ratios.len(), 3);
    for ratio in &report.ratios {
        assert_eq!((ratio.device, ratio.over), ("software", "cpu"), "a software driver is never called a GPU");
        assert!(ratio.speedup > 0.0 && ratio.break_even_members.is_none(), "{ratio:?}");
    }
}

#[test]
fn a_profile_names_the_kernels_and_keeps_transfers_apart() {
    let (_, report) = quick(&["linear_sweep"]);
    for row in &report.rows {
        let kernel = |name: &str| row.kernels.iter().find(|(kernel, _)| *kernel == name).map(|(_, seconds)| *seconds);
        // A software driver makes single steps.
        let step = if row.device == "cpu" { "euler_steps" } else { "euler_update" };
        assert!(kernel(step).is_some_and(|seconds| seconds > 0.0), "{}: {:?}", row.device, row.kernels);
        assert!(kernel("fill_random").is_some(), "{}: {:?}", row.device, row.kernels);
        assert!(row.device_seconds.is_some_and(|seconds| seconds > 0.0), "{row:?}");
        assert!(row.upload_seconds.is_some() && row.download_seconds.is_some(), "{row:?}");
    }
}

#[test]
fn scaling_is_measured_on_ever_more_layers() {
    let (_, report) = quick(&["scaling"]);
    assert!(report.scaling.iter().all(|row| row.device == "cpu"), "too much for a software driver");
    assert_eq!(report.scaling.iter().map(|row| row.layers).collect::<Vec<_>>(), [10, 100, 1000]);
    assert_eq!(report.scaling[0].ratio, 1.0);
    for pair in report.scaling.windows(2) {
        assert!(pair[1].seconds > 0.0 && pair[1].ratio > 0.0, "{pair:?}");
        assert!(pair[0].resident_bytes <= pair[1].resident_bytes, "the most so far does not shrink: {pair:?}");
    }
}

/// A card may be there for minutes only: the script ends in time, and what was measured until then is on disk.
#[test]
fn the_script_for_hardware_ends_in_time_and_keeps_what_it_has() {
    let folder = std::env::temp_dir().join(format!("eulerscope-hardware-{}", std::process::id()));
    let start = Instant::now();
    let output = Command::new("bash")
        .args(["benches/hardware.sh", folder.to_str().expect("a plain path")])
        .envs([("EULERSCOPE", env!("CARGO_BIN_EXE_eulerscope")), ("EULERSCOPE_DEVICE", "software")])
        .env("EULERSCOPE_SECONDS", "12")
        .output()
        .expect("bash is there");
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds <= 20.0, "{seconds} s");
    let said = String::from_utf8_lossy(&output.stdout).to_string();
    for name in ["devices", "sweeps", "eigenvalues", "kernels", "peers", "workloads", "blocks", "scaling", "soak"] {
        let own = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap_or_default();
        assert!(!own.is_empty(), "{name} has left nothing: {said}");
    }
    assert!(
        said.contains("left out: no time is left") && !output.status.success(),
        "12 seconds are not enough: {said}"
    );
    std::fs::remove_dir_all(folder).expect("it can be removed");
}

/// Writes down what it hears, and stops when it is asked for the `patience`-th time.
struct Listener {
    heard: Vec<String>,
    patience: usize,
}

impl Audience for Listener {
    fn progress(&mut self, _: f64, what: &str) -> ControlFlow<()> {
        self.heard.push(format!("at {what}"));
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn hear(&mut self, news: News<'_>) {
        self.heard.push(match news {
            News::Peaks(peaks) => format!("{} peaks", peaks.len()),
            News::Row(row) => format!("{} on {}", row.name, row.device),
            News::Soak(soak) => format!("{} matrices", soak.matrices),
            News::Scaling(row) => format!("{} members", row.members),
            News::Blocks(times) => format!("{} layouts", times.len()),
        });
    }
}

/// A quick bench on `devices` that is stopped when it asks for the `patience`-th time.
fn stopped(devices: &[Device], only: &str, patience: usize) -> (Report, Vec<String>) {
    let settings = BenchSpec { quick: true, only: vec![only.to_string()], seed: 0 };
    let mut listener = Listener { heard: Vec::new(), patience };
    let report = run(devices, &settings, &mut listener).expect("stopping is no failure");
    (report, listener.heard)
}

fn cpu() -> Device {
    Device::open("cpu").expect("always there")
}

#[test]
fn a_row_is_heard_of_before_the_next_one_is_measured() {
    let settings = BenchSpec { quick: true, only: vec!["save".to_string(), "linear_sweep".to_string()], seed: 0 };
    let mut listener = Listener { heard: Vec::new(), patience: usize::MAX };
    let report = run(&[software(), cpu()], &settings, &mut listener).expect("the bench runs");
    let place = |what: &str| {
        let found = listener.heard.iter().position(|heard| heard == what);
        found.unwrap_or_else(|| panic!("nothing of '{what}' in {:?}", listener.heard))
    };
    let order =
        ["2 peaks", "at save", "save on software", "save on cpu", "at linear_sweep", "linear_sweep on cpu"].map(place);
    assert!(order.is_sorted(), "{order:?} in {:?}", listener.heard);
    assert_eq!(report.rows.len(), listener.heard.iter().filter(|heard| heard.contains(" on ")).count());
}

#[test]
fn a_run_that_is_stopped_says_so() {
    let (report, heard) = stopped(&[cpu()], "save", 1);
    assert!(report.interrupted && report.rows.is_empty() && report.peaks.is_empty());
    assert_eq!(heard, ["at "], "nothing is measured after it");
}

#[test]
fn what_was_repeated_until_a_run_is_stopped_is_kept() {
    let (_, heard) = stopped(&[cpu()], "linear_sweep", usize::MAX);
    let peaks = heard.iter().position(|heard| heard == "1 peaks").expect("ceilings come first");
    // Asked before the row, before its warm-up, before its first repetition, before its second one.
    let (report, heard) = stopped(&[cpu()], "linear_sweep", peaks + 4);
    assert!(report.interrupted);
    let [row] = &report.rows[..] else { panic!("one row: {:?}", report.rows) };
    assert_eq!(row.repetitions, 1, "{row:?}");
    assert!(row.share_of_peak.is_some_and(|share| share > 0.0 && share <= 1.0), "{row:?}");
    assert_eq!((row.device_seconds, row.kernels.len()), (None, 0), "there was no time for a profile");
    assert_eq!(heard.last().map(String::as_str), Some("linear_sweep on cpu"), "nothing is measured after it");
}

#[test]
fn a_soak_and_scaling_and_layouts_that_are_stopped_are_kept() {
    let (report, heard) = stopped(&[cpu()], "soak", 3);
    assert!(report.interrupted && report.peaks.is_empty());
    assert_eq!(report.soak.iter().map(|soak| soak.matrices).collect::<Vec<_>>(), [2 * 4096], "{heard:?}");
    let (report, heard) = stopped(&[cpu()], "scaling", 4);
    // Two questions a repetition of one chunk: before and behind it.
    assert!(report.interrupted);
    assert_eq!(report.scaling.iter().map(|row| row.members).collect::<Vec<_>>(), [10], "{heard:?}");
    let (report, heard) = stopped(&[software()], "blocks", 3);
    assert!(report.interrupted);
    assert_eq!((report.blocks.len(), heard.last().map(String::as_str)), (2, Some("2 layouts")));
}

/// The program as a user interrupts it: rows are seen while it runs, and all of them are in the table, in the record and
/// on disk soon after the signal.
#[test]
#[cfg(unix)]
fn an_interrupted_bench_shows_and_keeps_its_rows() {
    let folder = std::env::temp_dir().join(format!("eulerscope-interrupted-bench-{}", std::process::id()));
    let mut child = Command::new(env!("CARGO_BIN_EXE_eulerscope"))
        .args(["bench", "--device", "cpu", "--only", "kernels", "--out", folder.to_str().expect("a plain path")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut out = BufReader::new(child.stdout.take().expect("is piped"));
    let mut line = String::new();
    // The first line with a row comes long before the fiftieth.
    while !line.contains(" cpu ") || !line.contains("GB/s\n") {
        line.clear();
        assert_ne!(out.read_line(&mut line).expect("it says something"), 0, "it ended without a row");
    }
    assert!(child.try_wait().expect("it is a child").is_none(), "the row is seen while the others are measured");
    send("-INT", &child);
    let signalled = Instant::now();
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("it says more");
    let status = child.wait().expect("it ends");
    let seconds = signalled.elapsed().as_secs_f64();
    assert!(seconds <= 5.0, "it took {seconds} s to end");
    assert_eq!(status.code(), Some(3), "finished in part");
    let name = line.split_whitespace().next().expect("a row begins with its name");
    assert!(rest.split_once("All rows").is_some_and(|(_, table)| table.contains(name)), "no table with {name}: {rest}");
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("run.json")).expect("there is a record")).expect("of JSON");
    let rows = record["rows"].as_array().expect("an array");
    assert!(record["interrupted"] == true && rows.len() < KERNELS.len(), "it was not over: {} rows", rows.len());
    assert_eq!(rows[0]["name"], name);
    assert!(rows[0]["share_of_bandwidth"].is_number() || rows[0]["in_cache"] == true, "{}", rows[0]);
    assert!(folder.join("bench.parquet").exists());
    std::fs::remove_dir_all(folder).expect("it can be removed");
}

/// 64 matrices would leave half a card idle, and the ratio would compare a launch with a computation.
#[test]
fn where_hardware_takes_part_both_devices_have_as_much_as_fills_a_card() {
    let all = BenchSpec::default();
    let members = |devices: &[Device], name: &str| {
        plan(&all, devices).into_iter().find(|(own, ..)| own == name).map(|(_, _, members)| members)
    };
    let (card, host) = ([as_on_hardware(), cpu()], [cpu()]);
    for (name, least) in
        [("eigenvalues_16", 65_536), ("eigenvalues_64", 4096), ("eigenvalues_128", 1024), ("lyapunov", 512)]
    {
        assert_eq!(members(&card, name), Some(least), "{name}");
        assert!(members(&host, name) < Some(least), "{name}");
    }
    assert_eq!(members(&card, "transformer_sweep"), members(&host, "transformer_sweep"), "the peers' own size");
    assert_eq!(members(&card, "transformer_sweep_256"), Some(256));
}

#[test]
fn layouts_are_timed_on_gpus_and_the_taken_one_is_among_them() {
    let (_, report) = quick(&["blocks"]);
    assert!(report.rows.is_empty() && !report.blocks.is_empty());
    assert!(report.blocks.iter().all(|time| time.device == "software" && time.gflops > 0.0), "{:?}", report.blocks);
    for product in report.blocks.chunk_by(|a, b| (a.kernel, a.shape) == (b.kernel, b.shape)) {
        assert_eq!(product.iter().filter(|time| time.chosen).count(), 1, "{product:?}");
        assert!(product.is_sorted_by(|a, b| a.gflops >= b.gflops), "the fastest first");
    }
}
