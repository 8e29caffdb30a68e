//! Every command reads a file of its keys, and the record of an earlier run, which gives the same results again.

use crate::cli_bad_input::{eulerscope, refusal};
use crate::cli_results::{json, run};
use serde_json::Value;

/// A result without what may differ from run to run.
fn lasting(mut value: Value) -> Value {
    let strip = |value: &mut Value| {
        let fields = value.as_object_mut().expect("an object");
        ["timing", "device", "trajectory_members", "trajectory_points"]
            .iter()
            .for_each(|name| drop(fields.remove(*name)));
    };
    strip(&mut value);
    value.get_mut("combinations").and_then(Value::as_array_mut).into_iter().flatten().for_each(strip);
    value
}

#[test]
fn a_run_can_be_run_again_from_its_record() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("m.csv"), "0.5,10,0\n0,0.5,1\n0,0.25,-0.5\n").expect("writable");
    for (number, line) in [
        "sweep --members 5 --width 4 --depth 6 --seed 0xfffffffffffffff1 --h log(0.1,1,3),2 --rho 1 --weights iid",
        "sweep --ensemble elliptic --tau -0.3 --members 4 --width 5 --depth 4 --h 1 --rho 0.7 --mu 0.25 --gamma 0,0.1 --threshold 3",
        "sweep --model mlp --members 3 --width 4 --h 1 --rho 1 --seed 7 --integrator heun --sweep-over depth=2,3 --trajectories 1",
        "sweep --model transformer --members 3 --depth 3 --heads 2 --mask causal --logit-gain 2 --norm post --norm-kind rmsnorm \
         --activation relu --ffn-ratio 2 --tokens 3 --h 0.5 --rho 1 --linearise-every 2",
        "spectrum --members 6 --width 5 --seed 9 --radius-kind exact --rho 0.8 --h 0.1 --values",
        "spectrum --matrix m.csv --gamma 0.1 --pseudospectrum 4",
        "lyapunov --members 5 --width 4 --steps 40 --seed 3 --weights tied --top 2 --blocks 4 --gamma 0.1",
        "lyapunov --model mlp --members 3 --width 4 --steps 12 --transient-steps 3",
    ]
    .into_iter()
    .enumerate()
    {
        let first = json(&format!("{line} --json --out out{number}"), folder.path());
        let command = line.split(' ').next().expect("a command");
        let again = json(&format!("{command} out{number}/run.json --json"), folder.path());
        assert_eq!(lasting(again), lasting(first.clone()), "{line}");
        // What --json wrote is such a record too.
        let saved = folder.path().join("saved.json");
        std::fs::write(&saved, first.to_string()).expect("writable");
        let again = json(&format!("{command} saved.json --json"), folder.path());
        assert_eq!(lasting(again), lasting(first), "{line}");
    }
}

#[test]
fn flags_win_over_a_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = "sweep --members 5 --width 4 --depth 6 --h 1 --rho 1 --gamma 0 --seed 5 --json";
    let wanted = json(&line.replace("--members 5", "--members 7").replace("--seed 5", "--seed 6"), folder.path());
    run(&line.replace("--json", "--out five"), folder.path(), "80");
    let found = json("sweep five/run.json --members 7 --seed 6 --trajectories 7 --json", folder.path());
    assert_eq!(found["cells"], wanted["cells"]);
    run("spectrum --members 5 --width 4 --out drawn", folder.path(), "80");
    std::fs::write(folder.path().join("m.csv"), "1,2\n0,3\n").expect("writable");
    let own = json("spectrum drawn/run.json --matrix m.csv --json", folder.path());
    assert_eq!(
        (&own["matrices"], &own["width"]),
        (&1.into(), &2.into()),
        "the ensemble of the record means nothing then"
    );
}

#[test]
fn every_command_reads_its_keys_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writable");
    write("m.csv", "1,2\n0,3\n");
    for (command, text, flags) in [
        (
            "spectrum",
            "members = 4\nwidth = 3\nseed = '0x10'\nh = 0.5\nvalues = true",
            "--members 4 --width 3 --seed 16 --h 0.5 --values",
        ),
        (
            "spectrum",
            "matrix = 'm.csv'\nprecision = 'f64'\ndamping = 0.5",
            "--matrix m.csv --precision f64 --gamma 0.5",
        ),
        (
            "lyapunov",
            "layers = 4\nwidth = 3\nsteps = 30\nweights = 'tied'\nradius = 0.5",
            "--members 4 --width 3 --steps 30 --weights tied --rho 0.5",
        ),
        (
            "lyapunov",
            "model = 'mlp'\nmembers = 2\nwidth = 4\nsteps = 5\ntop = 2\nchunk = 1",
            "--model mlp --members 2 --width 4 --steps 5 --top 2",
        ),
    ] {
        write("spec.toml", text);
        let found = json(&format!("{command} spec.toml --json"), folder.path());
        assert_eq!(lasting(found), lasting(json(&format!("{command} {flags} --json"), folder.path())), "{text}");
    }
    write("spec.toml", "quick = true\nonly = ['audit', 'save']\nseed = 3");
    let plan = json("bench spec.toml --plan --json", folder.path());
    assert_eq!(plan["spec"], serde_json::json!({ "quick": true, "only": ["audit", "save"], "seed": 3 }));
    assert_eq!(
        json("bench spec.toml --only audit --plan --json", folder.path())["jobs"].as_array().map(Vec::len),
        Some(1)
    );
    run("bench spec.toml --only audit --out bench", folder.path(), "80");
    let again = json("bench bench/run.json --plan --json", folder.path());
    assert_eq!(again["spec"], serde_json::json!({ "quick": true, "only": ["audit"], "seed": 3 }));
}

/// File, command, and what the refusal must say.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        r#"{"command": "lyapunov", "spec": {}}"#,
        "sweep",
        "is the record of lyapunov, not of sweep; `eulerscope lyapunov ",
    ),
    (r#"{"command": "sweep", "spec": {}}"#, "spectrum", "is the record of sweep, not of spectrum; `eulerscope sweep "),
    (r#"{"command": "devices", "devices": []}"#, "sweep", "without the `command` and the `spec`"),
    (
        r#"{"command": "devices", "spec": {}}"#,
        "bench",
        "is the record of devices, not of bench; give a run.json of bench",
    ),
    (r#"{"width": 3}"#, "sweep", "without the `command` and the `spec` of a run"),
    (r#" {"command": "sweep", "#, "sweep", "not the JSON of a run"),
    (r#"{"command": "sweep", "spec": []}"#, "sweep", "not the JSON of a run"),
    (r#"{"command": "sweep", "spec": {"widht": 3}}"#, "sweep", "spec: unknown key `widht`; did you mean `width`?"),
    (
        r#"{"command": "sweep", "spec": {"width": "3"}}"#,
        "sweep",
        "spec: width: found the text \"3\", expected a whole number",
    ),
    (r#"{"command": "sweep", "spec": {"step_size": "x"}}"#, "sweep", "step_size"),
    ("gain = 3", "lyapunov", "line 1, column 1: unknown key `gain`; "),
    ("zzz = 3", "lyapunov", "line 1, column 1: unknown key `zzz`; `eulerscope lyapunov --help` lists the keys"),
    ("width = 3\nstep = 4", "lyapunov", "line 2, column 1: unknown key `step`; did you mean `steps`?"),
    ("chunk = 3", "bench", "unknown key `chunk`"),
    ("only = 'audit'", "bench", "found the text \"audit\", expected an array"),
    ("matrix = 'm.csv'\nwidth = 3", "spectrum", "width: matrices of a file are taken as they are"),
    ("matrix = 'm.csv'\nrho = 3", "spectrum", "radius: matrices of a file are taken as they are"),
    ("h = 1\nstep_size = 1", "sweep", "given twice under two names: `step_size`"),
    ("model = 'mlp'\nheads = 2", "lyapunov", "heads: the mlp model has no attention"),
    ("pseudospectrum = 5", "spectrum", "pseudospectrum: it is that of your own matrix"),
];

#[test]
fn files_that_cannot_be_right_are_refused_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    for &(text, name, expected) in REFUSED {
        std::fs::write(&path, text).expect("writable");
        let mut command = eulerscope();
        command.arg(name).arg(&path);
        let said = refusal(command, 4);
        assert!(said.contains(expected), "{text} should say `{expected}`, but says: {said}");
    }
    // Someone names the folder, not the record in it.
    std::fs::write(folder.path().join("run.json"), "{}").expect("writable");
    let mut command = eulerscope();
    command.arg("sweep").arg(folder.path());
    assert!(refusal(command, 4).contains("is a directory; give the run.json in it"));
}
