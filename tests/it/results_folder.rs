//! The folder of results as users meet it: one run at a time, nothing replaced unasked, nothing left behind, whatever
//! signals, limits and other files there are.

use crate::cli_bad_input::{eulerscope, refusal};
use eulerscope::results::dataset::verify;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A run of about a quarter of a second.
const SHORT: &str = "sweep --device cpu --layers 8 --width 8 --depth 5 --step-size 0.1,1 --radius 1";
/// A run that takes minutes, and has something to keep from its first chunk on.
const LONG: &str = "spectrum --device cpu --layers 10000000 --width 16";
/// A run of a second or more.
const MIDDLING: &str = "sweep --device cpu --layers 60000 --width 16 --depth 50 --step-size 0.1 --radius 1 --chunk 256";

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn seal(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap()
}

fn with(line: &str, out: &Path) -> assert_cmd::Command {
    let mut command = eulerscope();
    command.args(line.split(' ')).arg("--out").arg(out);
    command
}

#[track_caller]
fn succeeds(line: &str, out: &Path) -> String {
    let output = with(line, out).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{line}: {said}");
    said
}

/// Starts a run, with a shell's commands before it, and waits until it has claimed its folder.
fn start(before: &str, line: &str, out: &Path) -> Child {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_eulerscope")]);
    command.args(line.split(' ')).arg("--out").arg(out).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let begun = Instant::now();
    while !out.join(".eulerscope.new").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the run does not claim its folder");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Sends a signal to a run.
pub fn send(signal: &str, child: &Child) {
    Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
}

fn code(output: &Output) -> Option<i32> {
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output.status.code()
}

#[cfg(unix)]
#[test]
fn two_runs_cannot_write_one_folder_and_a_request_to_end_keeps_what_is_done() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("results");
        // A test may itself run where Ctrl-C is ignored, or hang-ups are (`nohup`), which no shell can undo.
        let first = start("", LONG, &out);
        for line in [SHORT, "sweep --device cpu --force", "spectrum --layers 3 --width 3"] {
            let said = refusal(with(line, &out), 7);
            let process = format!("another run (process {}) is writing here", first.id());
            assert!(said.contains(&process) && said.contains("--out another folder"), "{said}");
        }
        send(signal, &first);
        if signal == "-INT" || signal == "-HUP" && hangups_are_ignored() {
            send("-TERM", &first);
        }
        let output = first.wait_with_output().unwrap();
        assert_eq!(code(&output), Some(if signal == "-INT" { 130 } else { 3 }), "{signal}");
        if signal == "-INT" {
            assert_eq!(names(folder.path()), [""; 0], "the second request ends the run at once and leaves nothing");
            continue;
        }
        verify(&out).unwrap();
        assert_eq!(seal(&out)["interrupted"], true);
        assert!(names(&out).iter().all(|name| !name.starts_with('.')), "{:?}", names(&out));
    }
}

/// Do the processes that this one starts live on when its terminal is gone? The system says so where it has a /proc.
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    ignored.and_then(|set| u64::from_str_radix(set, 16).ok()).is_some_and(|set| set & 1 == 1)
}

/// As coreutils' `timeout` sends it: to the program, and then to its group.
#[cfg(unix)]
#[test]
fn a_signal_that_comes_twice_at_once_is_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let run = start("", LONG, &out);
    let id = run.id().to_string();
    Command::new("kill").args(["-TERM", &id, &id]).status().expect("sent");
    let output = run.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(3), "what is done is kept");
    assert_eq!(seal(&out)["interrupted"], true);
}

#[cfg(unix)]
#[test]
fn the_lock_of_a_dead_run_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut dead = start("", LONG, folder.path());
    send("-KILL", &dead);
    dead.wait().unwrap();
    let left = names(folder.path());
    assert!(left.starts_with(&[".eulerscope.lock".to_string(), ".eulerscope.new".to_string()]), "{left:?}");
    succeeds(&format!("{SHORT} --force"), folder.path());
    verify(folder.path()).unwrap();
    assert!(names(folder.path()).iter().all(|name| !name.starts_with('.')), "{:?}", names(folder.path()));
}

/// Killed between making the staged seal and writing it.
#[test]
fn a_seal_that_was_cut_off_in_the_making_holds_nobody_up() {
    for text in ["", "{\"eulerscope\": \"0.1.0\", \"files\": {"] {
        let folder = tempfile::tempdir().unwrap();
        let staging = folder.path().join(".eulerscope.new");
        std::fs::create_dir(&staging).unwrap();
        std::fs::write(staging.join("run.json"), text).unwrap();
        std::fs::write(staging.join("cells.parquet"), "half of it").unwrap();
        succeeds(SHORT, folder.path());
        verify(folder.path()).unwrap();
        assert!(!staging.exists());
    }
}

#[test]
fn earlier_results_are_replaced_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    succeeds(SHORT, folder.path());
    let before = seal(folder.path());
    for line in [SHORT, "sweep --seed 7 --device cpu", "spectrum --layers 3 --width 3", "lyapunov --width 3", "bench"] {
        let said = refusal(with(line, folder.path()), 7);
        assert!(said.contains("holds the results of an earlier run (sweep)") && said.contains("--force"), "{said}");
    }
    assert_eq!(seal(folder.path()), before);
    verify(folder.path()).unwrap();
    succeeds("spectrum --layers 3 --width 3 --device cpu --force", folder.path());
    verify(folder.path()).unwrap();
    assert_eq!(
        names(folder.path()),
        [
            "members.parquet",
            "notes.txt",
            "report.html",
            "run.json",
            "spectra.parquet",
            "spectrum.png",
            "spectrum.svg",
            "spectrum_dark.png",
            "spectrum_dark.svg",
        ],
        "nothing of the sweep is left, and nothing of the user's is gone"
    );
}

#[cfg(unix)]
#[test]
fn a_forced_run_that_is_interrupted_or_fails_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(SHORT, folder.path());
    let (before, names_before) = (seal(folder.path()), names(folder.path()));
    let run = start("ulimit -f 1;", &format!("{MIDDLING} --force"), folder.path());
    assert_eq!(code(&run.wait_with_output().unwrap()), Some(7));
    let of_results = |names: Vec<String>| names.into_iter().filter(|name| name != "parts").collect::<Vec<_>>();
    assert_eq!((seal(folder.path()), of_results(names(folder.path()))), (before.clone(), names_before));
    verify(folder.path()).unwrap();
    let run = start("", &format!("{LONG} --force"), folder.path());
    send("-TERM", &run);
    assert_eq!(code(&run.wait_with_output().unwrap()), Some(3));
    assert_eq!(seal(folder.path()), before);
    verify(folder.path()).unwrap();
    assert_eq!(seal(&folder.path().join("interrupted"))["interrupted"], true);
}

#[test]
fn files_of_unknown_origin_are_not_replaced() {
    for name in ["run.json", "cells.parquet"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), "{}").unwrap();
        let said = refusal(with(SHORT, folder.path()), 7);
        assert!(said.contains(&format!("holds a {name} of unknown origin")), "{said}");
        assert_eq!(names(folder.path()), [name]);
        let said = succeeds(&format!("{SHORT} --force"), folder.path());
        assert!(said.contains(&format!("{name} was not of an earlier run and is kept as {name}.old")), "{said}");
        assert_eq!(std::fs::read(folder.path().join(format!("{name}.old"))).unwrap(), b"{}");
        verify(folder.path()).unwrap();
    }
}

/// nohup, and the background of a script, where Ctrl-C is ignored.
#[cfg(unix)]
#[test]
fn ignored_signals_stay_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let mut run = start("trap '' HUP INT;", MIDDLING, &out);
    while run.try_wait().unwrap().is_none() {
        send("-HUP", &run);
        send("-INT", &run);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(code(&run.wait_with_output().unwrap()), Some(0));
    assert_eq!(seal(&out)["interrupted"], false);
}

/// A file size limit kills a process that does not expect it, and its files stay.
#[cfg(unix)]
#[test]
fn a_file_size_limit_is_one_line_and_loses_nothing() {
    for blocks in [0, 1, 4] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = assert_cmd::Command::new("bash");
        let line = format!("ulimit -f {blocks}; exec \"$0\" {SHORT} --quiet --out deep/er");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_eulerscope")]).current_dir(folder.path());
        let said = refusal(command, 7);
        assert!(said.contains("deep/er") && said.contains("File too large"), "{said}");
        let out = folder.path().join("deep/er");
        match blocks {
            // Not even a manifest fits.
            0 => assert_eq!(names(folder.path()), [""; 0], "{blocks} blocks"),
            _ => assert_eq!(names(&out), ["parts"], "what is done can be gone on with"),
        }
        if out.exists() {
            succeeds(&format!("{SHORT} --resume"), &out);
            verify(&out).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn results_are_on_disk_whatever_happens_to_the_words() {
    for line in [SHORT, "spectrum --device cpu --layers 3 --width 3", "lyapunov --device cpu --width 3 --steps 20"] {
        for (words, code) in [("> /dev/full", 7), ("--json > /dev/full", 7), ("2> /dev/full", 0), ("| head -c 1", 0)] {
            let folder = tempfile::tempdir().unwrap();
            let mut command = Command::new("bash");
            let line = format!("set -o pipefail; \"$0\" {line} --out results {words}");
            command.args(["-c", &line, env!("CARGO_BIN_EXE_eulerscope")]).current_dir(folder.path());
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{line}: {said}");
            assert_eq!(said.matches("error: ").count(), usize::from(code != 0), "{line}: {said}");
            verify(&folder.path().join("results")).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_is_a_path() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join(std::ffi::OsStr::from_bytes(b"a\xff"));
    succeeds(SHORT, &out);
    verify(&out).unwrap();
}

#[test]
fn threads_are_as_many_as_a_machine_can_use() {
    for words in ["100000", "-1", "many", "18446744073709551616"] {
        let mut command = eulerscope();
        command.args(SHORT.split(' ')).env("RAYON_NUM_THREADS", words);
        let said = refusal(command, 4);
        assert!(said.contains("RAYON_NUM_THREADS") && said.contains(words), "{said}");
    }
    for words in ["", "0", "1", "200"] {
        eulerscope().args(SHORT.split(' ')).env("RAYON_NUM_THREADS", words).assert().code(0);
    }
}
