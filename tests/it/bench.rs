//! The bench: its rows follow from the lists, and its numbers hang together.

use crate::adapter::software;
use eulerscope::bench::{BenchSpec, Report, Row, check_names, names, run};
use eulerscope::device::Device;
use eulerscope::kernel::KERNELS;
use std::ops::ControlFlow;
use std::process::Command;
use std::time::Instant;

fn quick(only: &[&str]) -> (Vec<Device>, Report) {
    let devices = vec![software(), Device::open("cpu").expect("always there").0];
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

#[test]
fn a_run_that_is_stopped_says_so() {
    let devices = vec![Device::open("cpu").expect("always there").0];
    let settings = BenchSpec { quick: true, only: vec!["save".to_string()], seed: 0 };
    let report = run(&devices, &settings, &mut |_, _: &str| ControlFlow::Break(())).expect("stopping is no failure");
    assert!(report.interrupted && report.rows.is_empty());
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
