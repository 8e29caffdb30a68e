//! Places for results that are none, or too small: one line, its exit code, and nothing is left behind.

use crate::cli_bad_input::{eulerscope, refusal};
use eulerscope::results::dataset::verify;
use std::path::{Path, PathBuf};

/// A run of less than a second.
const SHORT: &str =
    "sweep --device cpu --members 3 --width 4 --depth 3 --step-size 0.1,1 --radius 1 --damping 0 --quiet";

fn into(out: &Path) -> assert_cmd::Command {
    let mut command = eulerscope();
    command.args(SHORT.split(' ')).arg("--out").arg(out);
    command
}

#[cfg(unix)]
#[test]
fn places_that_are_no_folders_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").expect("writable");
    let circle = folder.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).expect("linked");
    let long = folder.path().join("a".repeat(300));
    let deep: PathBuf = std::iter::once(folder.path().to_owned()).chain((0..2100).map(|_| "a".into())).collect();
    let before = std::fs::read_dir(folder.path()).expect("a folder").count();
    for (out, words) in [
        (file.clone(), "a file is in the way"),
        (file.join("inside"), "Not a directory"),
        ("/dev/null".into(), "a file is in the way"),
        ("/proc/nowhere".into(), "give --out a folder that can be made"),
        (circle.clone(), "give --out a folder that can be made"),
        (circle.join("inside"), "Too many levels of symbolic links"),
        (long, "File name too long"),
    ] {
        let line = refusal(into(&out), 7);
        assert!(line.contains(words), "{}: {line}", out.display());
    }
    // The path alone is longer than a line should be.
    into(&deep).assert().code(7);
    assert_eq!(std::fs::read_to_string(&file).expect("is there"), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), before);
}

/// Pipes in the place of what a folder of results holds: opened, they would be waited for.
#[cfg(unix)]
#[test]
fn pipes_in_a_folder_of_results_are_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = |path: &Path| {
        std::fs::remove_file(path).ok();
        assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    };
    let out = folder.path().join("results");
    into(&out).assert().code(0);
    let of = |command: &str| {
        let mut program = eulerscope();
        program.arg(command).arg(&out);
        program
    };
    pipe(&out.join("cells.parquet"));
    for (command, code) in [("report", 9), ("verify", 9), ("hash", 4)] {
        let line = refusal(of(command), code);
        assert!(line.contains("cells.parquet: is a pipe, socket or device"), "{command}: {line}");
    }
    pipe(&out.join("run.json"));
    for command in ["report", "verify"] {
        let line = refusal(of(command), 9);
        assert!(line.contains("run.json: is a pipe, socket or device"), "{command}: {line}");
    }
    // Nobody knows whose it is.
    let line = refusal(into(&out), 7);
    assert!(line.contains("run.json of unknown origin"), "{line}");
    let parts = folder.path().join("unfinished/parts");
    std::fs::create_dir_all(&parts).expect("made");
    pipe(&parts.join("manifest.json"));
    let mut program = eulerscope();
    program.arg("status").arg(folder.path().join("unfinished"));
    assert!(refusal(program, 4).contains("manifest.json: is a pipe, socket or device"));
}

/// Parents are made, and a line break in a name is part of it.
#[test]
fn names_of_all_kinds_are_places() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["not/there/yet", "a\nb", " ", "-x", "é\u{202e}", "a b'c\"d$e"] {
        let out = folder.path().join(name);
        into(&out).assert().code(0);
        verify(&out).expect("whole results");
    }
}

/// A file system that is full or cannot be written. Mounting one takes root, which has no permission to be denied.
#[cfg(target_os = "linux")]
#[test]
fn full_and_read_only_file_systems_are_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for (options, words) in [("size=64K", "make room"), ("ro", "Read-only file system")] {
        // In a mount namespace of its own, which goes with the process.
        let script = format!(
            "mount -t tmpfs -o {options} none \"$1\" || exit 99; shift; \"$@\"; code=$?; ls -A \"$FOLDER\" >&2; exit $code"
        );
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "--map-root-user", "bash", "-c", &script, "-"]).arg(folder.path());
        command.arg(env!("CARGO_BIN_EXE_eulerscope")).args(SHORT.split(' ')).arg("--out").arg(folder.path().join("x"));
        let output = command.env("FOLDER", folder.path()).output().expect("unshare of util-linux");
        let said = String::from_utf8_lossy(&output.stderr);
        if matches!(output.status.code(), Some(1 | 99)) {
            eprintln!("not tried, for this machine lets nobody mount: {said}");
            return;
        }
        assert_eq!(output.status.code(), Some(7), "{options}: {said}");
        // What is done of a run on a full disk stays, so that it can go on.
        let errors = said.matches("error: ").count();
        assert!(said.starts_with("error: ") && errors == 1 && said.contains(words), "{options}: {said}");
    }
}

/// The program as somebody who is not root, for whom permissions count, and a folder that everybody may enter.
#[cfg(target_os = "linux")]
fn as_nobody(folder: &Path) -> assert_cmd::Command {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("own folder");
    // The folder that it was built in may be closed to others.
    let own = folder.join("eulerscope");
    if !own.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_eulerscope"), &own).expect("copied");
    }
    let user = std::process::Command::new("id").arg("-u").output().expect("id of coreutils").stdout;
    if user != b"0\n" {
        return assert_cmd::Command::new(own);
    }
    let mut command = assert_cmd::Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(own);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_not_be_read_or_written_is_an_error_of_input_and_output() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let forbid = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("own file");
    };
    let at = |name: &str| folder.path().join(name);
    for name in ["spec.toml", "m.csv", "text.txt", "m.gguf"] {
        std::fs::write(at(name), "1").expect("writable");
        forbid(&at(name), 0o000);
    }
    for (name, mode) in [("closed", 0o000), ("fixed", 0o555)] {
        std::fs::create_dir(at(name)).expect("made");
        forbid(&at(name), mode);
    }
    for line in [
        "sweep spec.toml",
        "sweep closed/spec.toml",
        "spectrum --matrix m.csv",
        "spectrum --checkpoint m.gguf --token-ids 1",
        "spectrum --checkpoint m.gguf --text text.txt",
        "spectrum --checkpoint closed --token-ids 1",
        "report closed",
        "spectrum --device cpu --width 3 --members 2 --out fixed",
        "spectrum --device cpu --width 3 --members 2 --out fixed/inside",
        "spectrum --device cpu --width 3 --members 2 --out closed/inside",
    ] {
        let mut command = as_nobody(folder.path());
        command.current_dir(folder.path()).args(line.split(' '));
        let code = if line == "report closed" { 4 } else { 7 };
        let said = refusal(command, code);
        assert!(code == 4 || said.contains("Permission denied"), "{line}: {said}");
    }
    forbid(&at("closed"), 0o755);
}
