//! What a newcomer meets: help, names that work, completions, one object of JSON.

use assert_cmd::Command;
use serde_json::Value;

/// Exit code, standard output and standard error.
fn run(line: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.env("COLUMNS", "100").timeout(std::time::Duration::from_secs(60));
    let output = command.args(line.split(' ').filter(|word| !word.is_empty())).output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_bare_call_prints_the_help_and_is_a_usage_error() {
    let (code, text, said) = run("");
    assert_eq!((code, text.as_str()), (Some(2), ""));
    assert_eq!((Some(0), said, String::new()), run("--help"), "the same help, but on standard error");
}

#[test]
fn help_of_a_command_is_its_help() {
    for command in ["sweep", "spectrum", "lyapunov", "devices", "bench", "completions"] {
        assert_eq!(run(&format!("help {command}")), run(&format!("{command} --help")), "{command}");
    }
}

/// What help and README say of exit codes and options is so.
#[test]
fn help_and_readme_promise_what_there_is() {
    let readme = include_str!("../../README.md");
    let (_, help, _) = run("--help");
    for text in [&help, readme] {
        for stale in ["8 resume", "--layers "] {
            assert!(!text.contains(stale), "{stale}");
        }
    }
    for command in ["sweep", "spectrum", "lyapunov"] {
        let (_, help, _) = run(&format!("help {command}"));
        for flag in ["--members", "[alias: --layers]", "--h]", "--rho]", "--gamma]", "--mu]", "run.json", "-q, --quiet"]
        {
            assert!(help.contains(flag), "{command}: {flag}\n{help}");
        }
    }
    // Every command that runs something says what it would take; the others refuse in one line.
    for command in
        ["sweep --members 2 --width 2", "spectrum --members 2", "lyapunov --members 2 --steps 9", "bench --quick"]
    {
        let (code, text, said) = run(&format!("{command} --plan --device cpu"));
        assert!(code == Some(0) && !text.is_empty(), "{command}: {said}");
    }
    for command in ["devices", "completions bash", "report results"] {
        let (code, text, said) = run(&format!("{command} --plan"));
        assert!(code == Some(2) && text.is_empty() && said.lines().count() == 1, "{command}: {said}");
    }
}

#[test]
fn symbols_and_old_names_are_names_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    std::fs::write(&path, "h = [0.5, 1]\nrho = 0.9\ngamma = 0.2\nmu = 0.1\nlayers = 3\nwidth = 4\n").expect("writable");
    let spec = |line: &str| -> Value {
        let (code, text, said) = run(&format!("{line} --plan --json --quiet --device cpu"));
        assert_eq!((code, said.as_str()), (Some(0), ""), "{line}");
        serde_json::from_str::<Value>(&text).expect("JSON")["spec"].clone()
    };
    let plain = spec("sweep --step-size 0.5,1 --radius 0.9 --damping 0.2 --shift 0.1 --members 3 --width 4");
    assert_eq!((&plain["members"], &plain["step_size"]), (&3.into(), &"0.5,1".into()));
    assert_eq!(spec("sweep --h 0.5,1 --rho 0.9 --gamma 0.2 --mu 0.1 --layers 3 --width 4"), plain);
    assert_eq!(
        spec("sweep --sweep-over h=0.5,1 --sweep-over rho=0.9 --gamma 0.2 --mu 0.1 --layers 3 --width 4"),
        plain
    );
    assert_eq!(spec(&format!("sweep {}", path.display())), plain);
    for command in ["spectrum", "lyapunov"] {
        let plain =
            spec(&format!("{command} --step-size 0.5 --radius 0.9 --damping 0.2 --shift 0.1 --members 3 --width 4"));
        assert_eq!(spec(&format!("{command} --h 0.5 --rho 0.9 --gamma 0.2 --mu 0.1 --layers 3 --width 4")), plain);
        assert_eq!((&plain["members"], &plain["damping"]), (&3.into(), &0.2.into()));
    }
    let cell = run("sweep --members 3 --width 4 --depth 2 --h 1 --rho 1 --gamma 0 --json -q --device cpu").1;
    let cell = serde_json::from_str::<Value>(&cell).expect("JSON")["cells"][0].clone();
    assert_eq!((&cell["members"], &cell["layers"]), (&3.into(), &3.into()));
}

#[test]
fn json_is_one_object_and_nothing_else() {
    for line in [
        "sweep --members 2 --width 2 --depth 2 --h 1 --rho 1",
        "sweep --members 2 --width 2 --plan",
        "spectrum --members 2 --width 2",
        "spectrum --members 2 --width 2 --plan",
        "lyapunov --members 2 --width 2 --steps 3",
        "lyapunov --members 2 --width 2 --steps 3 --plan",
        "bench --quick --only audit",
        "bench --quick --plan",
        "devices",
    ] {
        let (code, text, _) = run(&format!("{line} --json --device cpu"));
        assert_eq!(code, Some(0), "{line}");
        assert!(serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object()), "{line}: {text}");
        let (_, quiet, said) = run(&format!("{line} --json --device cpu -q"));
        assert!(quiet.starts_with('{') && said.is_empty(), "{line}: {said}");
    }
}

#[test]
fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, said) = run(&format!("completions {shell}"));
        assert_eq!((code, said.as_str()), (Some(0), ""), "{shell}");
        for word in ["members", "gamma", "lyapunov"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("eulerscope.bash");
    std::fs::write(&path, run("completions bash").1).expect("writable");
    // What bash offers after `eulerscope sweep --mem`.
    let ask = "source \"$1\"; COMP_WORDS=(eulerscope sweep --mem); COMP_CWORD=2; _eulerscope eulerscope --mem sweep; echo \"${COMPREPLY[@]}\"";
    let output = std::process::Command::new("bash").args(["-c", ask, "bash"]).arg(&path).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "--members", "{output:?}");
}

/// The parts of the time are all of it, in the record as on the screen.
#[test]
fn timings_say_all_of_the_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("sweep").display().to_string();
    for line in [
        "sweep --members 20 --width 16 --device cpu",
        "sweep --model mlp --members 4 --device cpu",
        "lyapunov --members 8 --steps 200 --device cpu",
        // Where a worker computes there is nothing to say about spectra and rollouts, and its start counts.
        "sweep --members 20 --width 16 --depth 4 --step-size 1 --device software",
        "sweep --members 2 --width 8 --step-size 1 --radius 1 --sweep-over depth=2,3 --device software",
    ] {
        let line = format!("{line} --quiet --json --out {out}");
        let start = std::time::Instant::now();
        let (code, text, said) = run(&line);
        let wall = start.elapsed().as_secs_f64();
        assert_eq!(code, Some(0), "{said}");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let timing = value["timing"].as_object().expect("an object");
        let total = timing["total_seconds"].as_f64().expect("a number");
        assert_eq!(timing["seconds"], timing["total_seconds"], "its older name");
        let is_part = |(name, _): &(&String, &Value)| !["total_seconds", "seconds"].contains(&name.as_str());
        let parts: f64 = timing.iter().filter(is_part).filter_map(|(_, s)| s.as_f64()).sum();
        assert!(timing["files_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{timing:?}");
        let of_workers = line.contains("software");
        assert_eq!(timing.contains_key("worker_seconds"), of_workers, "{timing:?}");
        assert_eq!(timing.contains_key("rollout_seconds"), line.starts_with("sweep") && !of_workers, "{timing:?}");
        let own = value["combinations"].as_array().is_some_and(|all| all.iter().any(|own| own["timing"].is_object()));
        assert!(!own, "a worker says nothing of its combinations: {value}");
        assert!(parts <= total + 1e-6 && total - parts <= 0.1 * total + 0.1, "{timing:?}");
        assert!(total <= wall && total >= 0.5 * wall - 0.5, "{timing:?}, {wall} s by the clock");
        let record = std::fs::read(folder.path().join("sweep/run.json")).expect("a record");
        let record: Value = serde_json::from_slice(&record).expect("JSON");
        assert_eq!(record["timing"], value["timing"]);
        std::fs::remove_dir_all(&out).expect("removable");
    }
    let (_, text, _) = run("lyapunov --members 2 --width 2 --steps 3 --device cpu");
    assert!(text.contains(" s in all: opening "), "{text}");
}
