//! Runs that are cut off, by a signal, a full disk, a file operation that fails, or `kill -9`: what is on disk is whole, and
//! going on gives the same results to the last bit.

use super::cli_bad_input::{eulerscope, refusal};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A sweep of two passes of two blocks of members each: four units, in a few milliseconds.
const SWEEP: [&str; 15] = [
    "sweep",
    "--device",
    "cpu",
    "--members",
    "300",
    "--width",
    "3",
    "--depth",
    "4",
    "--step-size",
    "lin(0.1,2,1025)",
    "--radius",
    "1",
    "--damping",
    "0",
];
const UNITS: usize = 4;

fn run(folder: &Path, more: &[&str]) -> assert_cmd::Command {
    let mut command = eulerscope();
    command.args(SWEEP).arg("--out").arg(folder).arg("-q").args(more);
    command
}

fn text(mut command: assert_cmd::Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn hash(folder: &Path) -> String {
    let mut command = eulerscope();
    command.arg("hash").arg(folder);
    text(command).split_whitespace().next().expect("a hash").to_string()
}

fn verify(folder: &Path) {
    let mut command = eulerscope();
    command.arg("verify").arg(folder);
    text(command);
}

/// The hash of a run that nothing happened to.
fn gold() -> &'static str {
    static GOLD: OnceLock<String> = OnceLock::new();
    GOLD.get_or_init(|| {
        let folder = TempDir::new().expect("a folder");
        text(run(folder.path(), &[]));
        hash(folder.path())
    })
}

/// The library that makes file operations fail, built once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}.so", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/shim.rs");
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let built = Process::new(rustc)
            .args(["--edition", "2024", "-O", "--crate-type", "cdylib", "-C", "panic=abort", "-o"])
            .arg(&path)
            .arg(source)
            .output()
            .expect("rustc is there");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        path
    })
}

/// A run whose `at`-th file operation meets with `what`.
fn faulty(folder: &Path, at: usize, what: &str, count: &Path) -> assert_cmd::Command {
    let mut command = run(folder, &["--save-every", "0"]);
    command
        .env("LD_PRELOAD", shim())
        .env("EULERSCOPE_FAULT", format!("{at}:{what}"))
        .env("EULERSCOPE_FAULT_DIR", folder)
        .env("EULERSCOPE_FAULT_COUNT", count);
    command
}

/// A run that a full disk cuts off when some of its units are done, but not all.
fn cut_off(folder: &Path) {
    let count = folder.with_extension("count");
    for at in (40..).step_by(10) {
        let _ = fs::remove_dir_all(folder);
        assert_eq!(faulty(folder, at, "28", &count).output().expect("it runs").status.code(), Some(7), "{at}");
        if (1..UNITS).contains(&units_done(folder)) {
            return;
        }
    }
}

/// How many units `status` says are done, of all of them.
fn units_done(folder: &Path) -> usize {
    let mut status = eulerscope();
    status.arg("status").arg(folder).arg("--json");
    let found: serde_json::Value = serde_json::from_str(&text(status)).expect("JSON");
    assert_eq!(found["units"], UNITS);
    found["done"].as_u64().expect("a count") as usize
}

/// A number that the environment may raise or lower.
fn asked_for(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().map_or(usual, |text| text.parse().expect("a whole number"))
}

/// Goes on until the run is whole; its results are those of a run that nothing happened to.
fn goes_on(folder: &Path, what: &str) {
    text(run(folder, &["--resume=auto"]));
    assert_eq!(hash(folder), gold(), "{what}");
    verify(folder);
    assert!(!folder.join("parts").exists(), "{what}: what is complete needs no parts");
}

/// Every so many file operations one fails, in each way that it can; all of them with EULERSCOPE_FAULT_STRIDE=1.
#[test]
fn a_file_operation_that_fails_costs_nothing_that_is_done() {
    let stride = asked_for("EULERSCOPE_FAULT_STRIDE", 72);
    let root = TempDir::new().expect("a folder");
    let count = root.path().join("count");
    let folder = root.path().join("whole");
    text(faulty(&folder, usize::MAX, "kill", &count));
    assert_eq!(hash(&folder), gold());
    let operations: usize = fs::read_to_string(&count).expect("counted").parse().expect("a number");
    assert!(operations > 100, "{operations}");
    // ENOSPC, EIO, EDQUOT, EROFS.
    for (offset, what) in ["28", "5", "122", "30", "short", "kill"].into_iter().enumerate() {
        for at in (1 + offset * stride / 6..=operations).step_by(stride) {
            let folder = root.path().join(format!("{what}-{at}"));
            let said = format!("operation {at} of {operations}, {what}");
            let output = faulty(&folder, at, what, &count).output().expect("it runs");
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                None => assert_eq!(what, "kill", "{said}"),
                Some(0) => assert_eq!(hash(&folder), gold(), "{said}"),
                Some(code) => {
                    assert_eq!(code, 7, "{said}: {error}");
                    assert!(error.starts_with("error: ") && error.lines().count() == 1, "{said}: {error}");
                }
            }
            assert!(what != "short" || output.status.success(), "{said}: {error}");
            if folder.join("parts/manifest.json").exists() || folder.join("run.json").exists() {
                verify(&folder);
            }
            goes_on(&folder, &said);
            fs::remove_dir_all(&folder).expect("removed");
        }
    }
}

/// Killed at random, again and again, until it is whole; 200 times with EULERSCOPE_KILLS=200.
#[test]
fn runs_that_are_killed_at_random_end_whole() {
    let root = TempDir::new().expect("a folder");
    let start = Instant::now();
    text(run(&root.path().join("timed"), &["--save-every", "0"]));
    let whole = start.elapsed();
    // A linear congruence is random enough for moments (Knuth's constants).
    let mut state = 12345_u64;
    let mut moment = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        whole.mul_f64((state >> 40) as f64 / f64::from(1 << 24))
    };
    let mut kills = 0;
    for round in 0..asked_for("EULERSCOPE_KILLS", 8) {
        let folder = root.path().join(format!("round-{round}"));
        for attempt in 0.. {
            assert!(attempt < 100, "it never ends");
            let mut child = Process::new(env!("CARGO_BIN_EXE_eulerscope"))
                .args(SWEEP)
                .arg("--out")
                .arg(&folder)
                .args(["-q", "--save-every", "0", "--resume=auto"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .expect("it starts");
            std::thread::sleep(moment());
            let ended = child.try_wait().expect("asked");
            if let Some(status) = ended {
                assert!(status.success());
                break;
            }
            child.kill().expect("killed");
            child.wait().expect("gone");
            kills += 1;
            if folder.join("parts/manifest.json").exists() || folder.join("run.json").exists() {
                verify(&folder);
            }
        }
        assert_eq!(hash(&folder), gold(), "round {round}");
        verify(&folder);
    }
    assert!(kills > 0, "nothing was killed");
}

#[test]
fn what_cannot_be_gone_on_with_is_said_in_a_line() {
    let root = TempDir::new().expect("a folder");
    let folder = root.path().join("run");
    let error = refusal(run(&folder, &["--resume"]), 8);
    assert!(error.contains("holds no run to go on with") && error.contains("--resume=auto"), "{error}");
    assert!(!folder.exists(), "nothing is left behind");
    let error = refusal(run(&folder, &["--resume", "--force"]), 2);
    assert!(error.contains("starts anew"), "{error}");
    cut_off(&folder);
    let error = refusal(run(&folder, &[]), 7);
    assert!(error.contains("--resume to go on") && error.contains("--force"), "{error}");
    let error = refusal(run(&folder, &["--resume", "--seed", "1", "--threshold", "10"]), 8);
    assert!(error.contains("differs in seed, threshold"), "{error}");
    let words = SWEEP.map(|word| if word == "cpu" { "reference" } else { word });
    let mut other = eulerscope();
    other.args(words).arg("--out").arg(&folder).args(["-q", "--resume"]);
    let error = refusal(other, 8);
    assert!(error.contains("--any-device"), "{error}");
    text(run(&folder, &["--resume"]));
    assert_eq!(hash(&folder), gold());
    // Complete, it is left as it is.
    let before = fs::read(folder.join("run.json")).expect("there");
    text(run(&folder, &["--resume"]));
    assert_eq!(fs::read(folder.join("run.json")).expect("there"), before);
    let error = refusal(run(&folder, &["--resume", "--seed", "5"]), 8);
    assert!(error.contains("holds the results of another specification, which differs in seed"), "{error}");
}

/// Some byte of a part or of the manifest is another one, or missing.
#[test]
fn damaged_parts_are_found_and_worked_out_again() {
    let root = TempDir::new().expect("a folder");
    let folder = root.path().join("run");
    let cut_off = || {
        cut_off(&folder);
        verify(&folder);
        let names = fs::read_dir(folder.join("parts")).expect("there").flatten();
        let mut parts: Vec<PathBuf> = names.map(|found| found.path()).collect();
        parts.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
        parts.sort();
        assert!(parts.len() >= 2, "{parts:?}");
        parts
    };
    let refused = || {
        let mut command = eulerscope();
        command.arg("verify").arg(&folder);
        refusal(command, 9)
    };
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).expect("there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes).expect("written");
    };
    flip(&cut_off()[0]);
    assert!(refused().contains("the content is not what was written"));
    goes_on(&folder, "a flipped bit");
    let part = cut_off().remove(0);
    fs::write(&part, &fs::read(&part).expect("there")[..100]).expect("written");
    assert!(refused().contains("bytes instead of"));
    goes_on(&folder, "a part cut short");
    fs::remove_file(cut_off().remove(1)).expect("removed");
    refused();
    goes_on(&folder, "a part missing");
    cut_off();
    flip(&folder.join("parts/manifest.json"));
    let output = run(&folder, &["--resume"]).output().expect("it runs");
    assert!(output.status.success());
    assert_eq!(hash(&folder), gold(), "the manifest before it is taken");
    cut_off();
    flip(&folder.join("parts/manifest.json"));
    flip(&folder.join("parts/manifest.prev.json"));
    let error = refusal(run(&folder, &["--resume"]), 9);
    assert!(error.contains("start anew with --force"), "{error}");
    // Files that no manifest names are no part of it.
    let mut parts = cut_off();
    fs::copy(parts.remove(0), folder.join("parts/000900-000901.statistics.parquet")).expect("copied");
    goes_on(&folder, "a stray part");
}

/// The first Ctrl-C leaves a folder that can be gone on with, and what is done as results.
#[cfg(unix)]
#[test]
fn an_interrupted_run_can_be_gone_on_with() {
    let root = TempDir::new().expect("a folder");
    let folder = root.path().join("run");
    let arguments: Vec<&str> =
        "sweep --device cpu --members 16000 --width 16 --depth 40 --step-size lin(0.1,2,1025) --radius 1 \
                                --damping 0"
            .split_whitespace()
            .collect();
    let start = |more: &[&str]| {
        let mut command = Process::new(env!("CARGO_BIN_EXE_eulerscope"));
        command.args(&arguments).arg("--out").arg(&folder).args(more).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null()).spawn().expect("it starts")
    };
    for signal in ["INT", "TERM"] {
        let mut child = start(&["--resume=auto"]);
        let begun = Instant::now();
        while !folder.join("parts/manifest.json").exists() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(200));
        Process::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().expect("sent");
        assert_eq!(child.wait().expect("it ends").code(), Some(3), "{signal}");
        verify(&folder);
        let run: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("run.json")).expect("there")).expect("JSON");
        assert_eq!(run["interrupted"], true);
    }
    let mut status = eulerscope();
    status.arg("status").arg(&folder);
    assert!(text(status).contains("interrupted;"));
    assert!(start(&["--resume"]).wait().expect("it ends").success());
    let other = root.path().join("other");
    let whole =
        Process::new(env!("CARGO_BIN_EXE_eulerscope")).args(&arguments).arg("--out").arg(&other).arg("-q").output();
    assert!(whole.expect("it runs").status.success());
    assert_eq!(hash(&folder), hash(&other));
}

/// A disk of two megabytes, really full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_gone_on_from() {
    let root = TempDir::new().expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=2m tmpfs {place} && cd {place} && \
         {program} {arguments} --out run --save-every 0 -q > /dev/null; echo code $?; \
         {program} verify run; mount -o remount,size=64m {place}; \
         {program} {arguments} --out run --resume=auto -q > /dev/null && {program} hash run",
        place = root.path().display(),
        program = env!("CARGO_BIN_EXE_eulerscope"),
        arguments = SWEEP.map(|word| format!("'{word}'")).join(" "),
    );
    let output = Process::new("unshare").args(["-Urm", "sh", "-c", &script]).output().expect("unshare is there");
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("code 7\n"), "{said}{error}");
    assert!(error.contains("MiB are free") || error.contains("No space left"), "{error}");
    assert!(said.contains("as written"), "{said}{error}");
    assert!(said.contains(gold()), "{said}{error}");
}
