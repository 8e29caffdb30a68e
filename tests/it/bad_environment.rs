//! Environments that are not as they should be: drivers, variables, limits, terminals. Each ends well, or with one line.

use crate::adapter::software_adapters;
use crate::cli_bad_input::refusal;
use assert_cmd::Command;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A run of less than a second.
const SHORT: &str = "sweep --members 3 --width 4 --depth 3 --step-size 0.1 --radius 1 --damping 0 --device";
/// The longest that a refusal takes.
const SOON: Duration = Duration::from_secs(5);

fn program(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.args(line.split(' ')).timeout(Duration::from_secs(60));
    command
}

/// The program behind a shell's commands.
#[cfg(unix)]
fn behind(shell: &str, line: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{shell} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_eulerscope")]);
    command.args(line.split(' ')).timeout(Duration::from_secs(60));
    command
}

/// A command that must succeed; what it wrote, without remarks.
#[track_caller]
fn succeeds(mut command: Command) -> String {
    let output = command.output().expect("the program starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{command:?}: {said}");
    assert!(!said.contains("error") && !said.contains("panicked"), "{command:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The only line of an error behind remarks such as the device's, and nothing on standard output.
#[track_caller]
fn error(mut command: Command, code: i32) -> String {
    let begun = Instant::now();
    let output = command.output().expect("the program starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
    assert!(output.stdout.is_empty(), "{command:?} wrote to standard output");
    assert!(begun.elapsed() < SOON, "{command:?} took {:?}", begun.elapsed());
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && said.ends_with(&format!("{}\n", errors[0])), "{command:?}: {said}");
    assert!(!said.contains("panicked") && !said.contains("backtrace"), "{command:?}: {said}");
    errors[0].to_owned()
}

/// Drivers, device, exit code, what the line must say.
const DRIVERS: &[(&str, &str, i32, &str)] = &[
    ("/nowhere.json", "gpu", 5, "apt-get install mesa-vulkan-drivers libvulkan1"),
    ("/nowhere.json", "software", 5, "apt-get install mesa-vulkan-drivers libvulkan1"),
    ("/nowhere.json", "llvmpipe", 5, "or use --device cpu"),
    // Neither is a list of drivers.
    ("/dev/null", "gpu", 5, "no GPU adapter found"),
    ("/etc/passwd", "gpu", 5, "no GPU adapter found"),
    ("/", "gpu", 5, "no GPU adapter found"),
];

#[test]
fn without_a_driver_a_gpu_is_refused_with_the_line_that_helps() {
    for &(driver, device, code, words) in DRIVERS {
        let mut command = program(&format!("{SHORT} {device}"));
        command.env("VK_DRIVER_FILES", driver).env("VK_ICD_FILENAMES", driver);
        let line = refusal(command, code);
        assert!(line.contains(words), "{driver}, {device}: {line}");
    }
    // Nobody has asked for a GPU.
    for device in ["auto", "cpu", "reference"] {
        let mut command = program(&format!("{SHORT} {device}"));
        command.env("VK_DRIVER_FILES", "/nowhere.json").env("VK_ICD_FILENAMES", "/nowhere.json");
        let output = command.output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{device}: {said}");
        assert_eq!(said.contains("no hardware GPU found, so the CPU path runs"), device == "auto", "{device}: {said}");
    }
    let mut command = program("devices --json");
    command.env("VK_DRIVER_FILES", "/nowhere.json").env("VK_ICD_FILENAMES", "/nowhere.json");
    let output = command.output().expect("the program starts");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no GPU adapter found"), "devices says so");
}

/// The program asks for Vulkan, whatever this variable of other programs says.
#[test]
fn the_backend_is_not_chosen_by_a_variable() {
    for word in ["gl", "foo", ""] {
        let mut command = program(&format!("{SHORT} software"));
        command.env("WGPU_BACKEND", word);
        succeeds(command);
    }
}

#[test]
fn names_of_devices_that_fit_none_are_refused_with_those_there_are() {
    let own = &software_adapters()[0];
    for word in ["nonesuch", "cuda", "gpu0", "cp", "llvmpipe9", "*", "--", "\u{e9}"] {
        let mut command = program(SHORT);
        command.arg(word);
        if word == "--" {
            refusal(command, 2);
            continue;
        }
        let line = refusal(command, 5);
        assert!(line.contains(&format!("'{word}' matches no adapter")) && line.contains(own), "{word}: {line}");
    }
    for word in ["", " "] {
        let mut command = program(SHORT);
        command.arg(word);
        assert!(refusal(command, 4).contains("the name is empty"), "{word:?}");
    }
}

/// The driver under two names is two adapters, of which no part of the name tells which is meant.
#[test]
fn a_name_of_several_adapters_is_refused_with_all_of_them() {
    let driver = PathBuf::from(std::env::var("VK_DRIVER_FILES").expect("tests/run.sh names the driver"));
    let listed: Vec<PathBuf> = std::env::split_paths(&driver).collect();
    let folder = tempfile::tempdir().expect("a folder");
    // The loader takes a library once, so the second one is a copy under another name.
    let text = std::fs::read_to_string(&listed[0]).expect("a list of drivers");
    let mut manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let named = PathBuf::from(manifest["ICD"]["library_path"].as_str().expect("a library"));
    let library = if named.is_absolute() { named } else { found(&named, &listed[0]) };
    let copied = folder.path().join("second.so");
    std::fs::copy(&library, &copied).expect("copied");
    manifest["ICD"]["library_path"] = copied.to_str().expect("UTF-8").into();
    let second = folder.path().join("second.json");
    std::fs::write(&second, manifest.to_string()).expect("writable");
    let both = std::env::join_paths([listed[0].as_path(), &second]).expect("two paths");
    let own = &software_adapters()[0];
    let part: String = own.chars().take(4).collect();
    let mut command = program(SHORT);
    command.arg(&part).env("VK_DRIVER_FILES", &both).env("VK_ICD_FILENAMES", &both);
    let line = refusal(command, 5);
    assert!(line.contains(&format!("'{part}' matches '{own}', '{own}'")), "{line}");
}

/// Where the loader finds a library that is named without a folder.
fn found(name: &Path, manifest: &Path) -> PathBuf {
    let beside = manifest.parent().expect("a folder").join(name);
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let all = std::iter::once(beside).chain(folders.iter().map(|folder| Path::new(folder).join(name)));
    all.into_iter().find(|path| path.is_file()).expect("the driver's library")
}

/// Results do not depend on a user's variables, and none of them is an error.
#[test]
fn variables_change_nothing() {
    let line = format!("{SHORT} cpu --json");
    let lasting = |text: String| {
        let mut value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        value.as_object_mut().expect("an object").remove("timing");
        value
    };
    let plain = lasting(succeeds(program(&line)));
    for (name, value) in [
        ("LC_ALL", "de_DE.UTF-8"),
        ("LC_NUMERIC", "de_DE.UTF-8"),
        ("LANG", "nowhere"),
        ("TZ", "Nowhere/Else"),
        ("TERM", "dumb"),
        ("TERM", ""),
        ("COLUMNS", "0"),
        ("COLUMNS", "-5"),
        ("COLUMNS", "99999999999999999999"),
        ("NO_COLOR", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("RUST_LOG", "%%%"),
        ("RUST_BACKTRACE", "full"),
        ("TMPDIR", "/nowhere"),
        ("HOME", "/nowhere"),
        ("LP_NUM_THREADS", "0"),
    ] {
        let mut command = program(&line);
        command.env(name, value);
        assert_eq!(lasting(succeeds(command)), plain, "{name}={value}");
    }
    let mut command = program(&line);
    command.env_clear();
    assert_eq!(lasting(succeeds(command)), plain, "without any");
    let driver = std::env::var("VK_DRIVER_FILES").unwrap_or_default();
    let mut command = program(&format!("{SHORT} software --quiet"));
    command.env_clear().env("VK_DRIVER_FILES", driver);
    // Drivers look for a desktop, and would complain that there is none.
    command.assert().code(0).stderr("");
}

#[cfg(unix)]
#[test]
fn few_open_files_and_closed_ends_are_enough() {
    for limit in ["ulimit -n 64;", "ulimit -n 20;", "exec 0<&-;", "exec 0<&- 1>&- 2>&-;"] {
        let folder = tempfile::tempdir().expect("a folder");
        for device in ["cpu", "software"] {
            let mut command = behind(limit, &format!("{SHORT} {device} --out {device}"));
            command.current_dir(folder.path()).assert().code(0);
            // Nothing of the program's words went into a file that took a closed end's place.
            eulerscope::results::dataset::verify(&folder.path().join(device)).expect("whole results");
        }
    }
}

/// Memory that the system does not give is a line: the library's own handler aborts with a backtrace.
#[cfg(target_os = "linux")]
#[test]
fn too_little_memory_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for line in [
        "spectrum --device cpu --members 3 --width 2000",
        "spectrum --device reference --members 3 --width 1500",
        "sweep --model transformer --device cpu --members 3 --width 2048 --tokens 64 --depth 2 --step-size 1 --radius 1 \
         --damping 0 --linearise-every 0",
    ] {
        let mut command = behind("ulimit -v 70000;", line);
        command.current_dir(folder.path());
        let line = error(command, 6);
        assert!(line.contains("out of memory") && line.contains("--chunk"), "{line}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

/// More members at a time than fit are as many as fit.
#[test]
fn chunks_larger_than_a_device_takes_are_cut_down() {
    for device in ["cpu", "software"] {
        let cells = |chunk: &str| {
            let line = format!("{SHORT} {device} --chunk {chunk} --json");
            serde_json::from_str::<serde_json::Value>(&succeeds(program(&line))).expect("JSON")["cells"].take()
        };
        assert_eq!(cells("2147483648"), cells("1"), "{device}");
    }
}

/// What no adapter holds is told with both sizes, before anything is made.
#[test]
fn buffers_larger_than_the_adapters_are_refused() {
    let line = "sweep --model mlp --width 4096 --ffn-ratio 64 --linearise-every 0 --members 1 --depth 1 --step-size 1 --radius 1 \
                --damping 0 --device";
    let mut command = program(line);
    command.arg(&software_adapters()[0]);
    let line = error(command, 4);
    assert!(line.contains("takes 4096 MiB, and the largest buffer of") && line.contains("--device cpu"), "{line}");
}

/// A folder that is gone is no place for results.
#[cfg(unix)]
#[test]
fn a_working_directory_that_is_gone_is_an_error_of_input_and_output() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("gone")).expect("made");
    let mut command = behind("cd gone; rmdir ../gone;", &format!("{SHORT} cpu --out results"));
    command.current_dir(folder.path());
    assert!(error(command, 7).contains("results: No such file or directory"));
}
