//! What the commands write: the same names everywhere, plans that are quick, records that say what they hold.

use assert_cmd::Command;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Runs on the CPU and gives back standard output and standard error.
#[track_caller]
pub fn run(line: &str, folder: &Path, columns: &str) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.current_dir(folder).env("COLUMNS", columns).timeout(std::time::Duration::from_secs(120));
    let output = command.args(line.split(' ')).args(["--device", "cpu"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{line}: {said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

#[track_caller]
pub fn json(line: &str, folder: &Path) -> Value {
    serde_json::from_str(&run(line, folder, "100").0).unwrap()
}

/// The names of an object's values, with `_` between a name and those inside it; an interval has two ends, and lists are
/// tables of their own.
pub fn flattened(value: &Value) -> BTreeSet<String> {
    values(value).into_iter().map(|(name, _)| name).collect()
}

/// The same with the values.
pub fn values(value: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (name, value) in value.as_object().unwrap() {
        match value {
            _ if name == "remarks" => {
                let words: Vec<&str> = value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
                all.push((name.clone(), words.join(", ").into()));
            }
            _ if name == "median_interval" => all.extend(ends(name, value)),
            Value::Object(own) if name == "intervals" => {
                all.extend(own.iter().flat_map(|(inner, value)| ends(&format!("{name}_{inner}"), value)));
            }
            Value::Array(_) => {}
            Value::Object(_) => {
                all.extend(values(value).into_iter().map(|(inner, value)| (format!("{name}_{inner}"), value)));
            }
            _ => all.push((name.clone(), value.clone())),
        }
    }
    all
}

fn ends(name: &str, value: &Value) -> [(String, Value); 2] {
    [("low", 0), ("high", 1)].map(|(end, i)| (format!("{name}_{end}"), value.get(i).cloned().unwrap_or(Value::Null)))
}

pub fn columns(path: &Path) -> BTreeSet<String> {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    schema.columns().iter().map(|column| column.name().to_string()).collect()
}

#[test]
fn tables_have_the_names_of_the_json() {
    let folder = tempfile::tempdir().unwrap();
    for (line, lists) in [
        ("sweep --layers 3 --width 4 --depth 3 --step-size 0.1,1 --radius 1 --json --out linear", false),
        ("sweep --model mlp --layers 3 --width 4 --depth 3 --step-size 0.1,1 --radius 1 --json --out mlp", true),
    ] {
        let result = json(line, folder.path());
        let out = folder.path().join(line.rsplit(' ').next().unwrap());
        let cell = &result["cells"][0];
        assert_eq!(columns(&out.join("cells.parquet")), flattened(cell), "{line}");
        if lists {
            let mut names = flattened(&cell["linearised"][0]);
            names.extend(["step_size", "radius", "damping"].map(String::from));
            assert_eq!(columns(&out.join("linearised.parquet")), names);
        }
    }
}

#[test]
fn plans_are_made_without_the_work() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "sweep --plan --depth 1000000 --step-size lin(0.001,1,1000) --radius lin(0.1,1,1000) --damping 0.1 --layers 1000000",
        "sweep --plan --model transformer --depth 1000000 --layers 1000000 --linearise-every 1",
        "lyapunov --plan --steps 1000000 --layers 1000000",
        "spectrum --plan --layers 1000000000",
    ] {
        let (text, _) = run(line, folder.path(), "100");
        assert!(!text.contains('{') && text.contains(" at a time") && text.contains("from a trial of"), "{text}");
        let plan = json(&format!("{line} --json"), folder.path());
        let number = |name: &str| plan["plan"][name].as_f64().unwrap();
        assert!(number("estimated_seconds") > 100.0 && number("bytes_at_a_time") > 0.0, "{plan}");
        assert!(number("measured_on_members") < number("members"), "{plan}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_record_says_which_trajectories_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (_, said) = run("sweep --layers 4 --width 4 --depth 600 --damping 0.1 --out all", folder.path(), "100");
    let record = |out: &str| -> Value {
        serde_json::from_slice(&std::fs::read(folder.path().join(out).join("run.json")).unwrap()).unwrap()
    };
    assert_eq!((&record("all")["trajectory_members"], &record("all")["trajectory_points"]), (&3.into(), &1024.into()));
    assert!(said.contains("trajectories: 3 of 4 members at 1024 of 1024 grid points"), "{said}");
    let (_, said) = run("sweep --layers 4 --width 4 --depth 20 --damping 0.1 --out few", folder.path(), "100");
    assert_eq!((&record("few")["trajectory_members"], &record("few")["trajectory_points"]), (&4.into(), &1024.into()));
    assert!(!said.contains("trajectories:"), "{said}");
}

#[test]
fn the_spec_of_own_matrices_claims_no_ensemble() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "1e-300,0\n0,-2e-300\n").unwrap();
    let result = json("spectrum --matrix a.csv --step-size 0.5 --json", folder.path());
    let names: BTreeSet<&String> = result["spec"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["matrix", "step_size", "values"].map(String::from).iter().collect());
    assert_eq!(result["interrupted"], false);
    let (text, _) = run("spectrum --matrix a.csv", folder.path(), "100");
    assert!(text.starts_with("1 matrix of width 2, eigenvalues of A\n"), "{text}");
    assert!(text.contains("2.000000e-300") && !text.contains('"') && !text.contains('±'), "{text}");
}

#[test]
fn scaled_step_sizes_are_drawn_as_they_act() {
    let folder = tempfile::tempdir().unwrap();
    let line = "sweep --layers 3 --width 4 --depth 100 --step-size 1,2 --radius 1 --damping 0.1 --step-scaling inverse-depth --out o";
    let (text, _) = run(line, folder.path(), "100");
    assert!(text.contains("step size h, scaled by 1/depth") && text.contains("0.01"), "{text}");
    let svg = std::fs::read_to_string(folder.path().join("o/observed_rate_over_step_size.svg")).unwrap();
    assert!(svg.contains("scaled by 1/depth") && svg.contains("0.02") && svg.contains("cpu f32"));
}

/// What was not computed is not reported as 0.
#[test]
fn without_jacobians_nothing_is_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        "sweep --model mlp --layers 3 --width 4 --depth 3 --step-size 1 --radius 1 --damping 0.1 --linearise-every 0";
    let (text, _) = run(line, folder.path(), "100");
    assert!(text.contains("predicted rates: none, for nothing was linearised"), "{text}");
    assert!(text.contains("observed rates, of perturbations") && !text.contains("differ"), "{text}");
    let cell = &json(&format!("{line} --json"), folder.path())["cells"][0];
    assert!(cell["unstable_fraction"].is_null() && cell["fates_predicted"]["explodes"].is_null(), "{cell}");
}

/// The kernels on software Vulkan and the host, through the command line: the same names, the same numbers to f32.
#[test]
fn a_gpu_and_the_host_say_the_same_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.csv"), "0.5,10,0\n0,0.5,1\n0,0.25,-0.5\n").unwrap();
    let of = |device: &str| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
        let line = format!("spectrum --matrix m.csv --pseudospectrum 8 --json --out {device} --device {device}");
        let output = command.current_dir(folder.path()).args(line.split(' ')).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(folder.path().join(device).join("spectrum.png").is_file(), "{line}: a figure");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let [truth, host, gpu] = ["reference", "cpu", "software"].map(of);
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    for (found, error) in [(&host, 1e-13), (&gpu, 1e-5)] {
        for name in ["norm", "numerical_abscissa", "departure_from_normality"] {
            let (found, truth) = (number(&found[name]), number(&truth[name]));
            assert!((found / truth - 1.0).abs() <= error, "{name}: {found}, not {truth}");
        }
        let peak = |value: &Value| (number(&value["transient_peak"]["value"]), value["transient_peak"]["step"].clone());
        let ((value, step), (true_value, true_step)) = (peak(found), peak(&truth));
        assert!((value / true_value - 1.0).abs() <= error && step == true_step, "{value} at {step}");
        let grid = |value: &Value| value["pseudospectrum"]["smallest_singular_value"].as_array().unwrap().clone();
        assert_eq!(grid(found).len(), 64);
        let floor = number(&found["pseudospectrum"]["floor"]);
        for (value, truth) in grid(found).iter().zip(grid(&truth)) {
            let (value, truth) = (number(value), number(&truth));
            assert!((value - truth).abs() <= floor + 5e-4 * truth, "{value}, not {truth}");
        }
    }
}
