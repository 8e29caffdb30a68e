//! `spectrum --matrix` on matrices whose answers are known, on every device: verdicts at the edge of rounding, far
//! scales, what is missing and why.

use crate::cli_results::columns;
use crate::oracle;
use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const DEVICES: [&str; 3] = ["cpu", "reference", "software"];

/// Exit code, standard output and standard error.
fn call(line: &str, folder: &Path) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    command.current_dir(folder).env("COLUMNS", "100").timeout(Duration::from_secs(120));
    let output = command.args(line.split(' ')).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A matrix of width n as CSV, in all digits.
fn csv(n: usize, entry: impl Fn(usize, usize) -> f64) -> String {
    let row = |i: usize| (0..n).map(|j| format!("{:e}", entry(i, j))).collect::<Vec<_>>().join(",");
    (0..n).map(|i| row(i) + "\n").collect()
}

fn diagonal(values: &[f64]) -> String {
    csv(values.len(), |i, j| if i == j { values[i] } else { 0.0 })
}

/// The result for a CSV file on a device, which must end well.
#[track_caller]
fn of(matrix: &str, device: &str, more: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.csv"), matrix).unwrap();
    let (code, out, said) = call(&format!("spectrum --matrix m.csv --json --device {device}{more}"), folder.path());
    assert_eq!(code, 0, "{device}: {said}");
    serde_json::from_str(&out).unwrap()
}

#[track_caller]
fn near(found: &Value, wanted: f64, error: f64) {
    let found = found.as_f64().unwrap_or(f64::NAN);
    assert!((found - wanted).abs() <= error * wanted.abs(), "{found}, not {wanted}");
}

/// h = 2 |a| / |λ|² is off by δ / |a| + 2 δ / |λ| relatively, with the error δ = 2 n ε ‖A‖ of an eigenvalue.
#[test]
fn critical_step_sizes_are_those_of_eulers_method() {
    let complete = |n: usize| csv(n, |i, j| if i == j { 1.0 - n as f64 } else { 1.0 });
    let ring = csv(16, |i, j| if i == j { -1.0 } else { f64::from((i + 1) % 16 == j) });
    let angle = std::f64::consts::TAU / 16.0;
    // Matrix, width, norm, smallest |a| and |λ| of an eigenvalue that is not 0, critical step size.
    let cases = [
        (complete(4), 4, 4.0, [4.0, 4.0], 0.5),
        (complete(5), 5, 5.0, [5.0, 5.0], 0.4),
        (ring, 16, 2.0, [1.0 - angle.cos(), 2.0 * (angle / 2.0).sin()], 1.0),
        (diagonal(&[-1e-170]), 1, 1e-170, [1e-170; 2], 2e170),
        (diagonal(&[-1e200]), 1, 1e200, [1e200; 2], 2e-200),
        (csv(2, |i, j| [[-3.0, 4.0], [-4.0, -3.0]][i][j]), 2, 5.0, [3.0, 5.0], 0.24),
    ];
    for device in DEVICES {
        let epsilon = if device == "software" { f64::from(f32::EPSILON) } else { f64::EPSILON };
        for (matrix, n, norm, [a, size], h) in &cases {
            let result = of(matrix, device, " --derived none");
            let error = 2.0 * *n as f64 * epsilon * norm;
            near(&result["critical_step_size"], *h, error / a + 2.0 * error / size);
            near(&result["band"], error, 1.0);
        }
        let grows =
            |matrix: &str| assert_eq!(of(matrix, device, " --derived none")["critical_step_size"], 0.0, "{matrix}");
        // To the right of the axis, and on it: |1 + i h| > 1.
        grows(&diagonal(&[1e-170]));
        grows(&csv(2, |i, j| j as f64 - i as f64));
        // |1 - γ + h λ| = 1 at h = (2 - γ) / 5 for λ = -5, and at γ for λ = 1.
        near(&of(&diagonal(&[-5.0]), device, " --damping 0.5")["critical_step_size"], 0.3, 1e-6);
        near(&of(&diagonal(&[-5.0, 1.0]), device, " --damping 0.25")["critical_step_size"], 0.25, 1e-6);
        assert!(of(&diagonal(&[0.0, 0.0]), device, "")["critical_step_size"].is_null(), "every step size will do");
    }
}

#[test]
fn eigenvalues_on_the_unit_circle_are_not_outside_it() {
    let permutation = csv(16, |i, j| f64::from((i + 1) % 16 == j));
    for device in DEVICES {
        let result = of(&permutation, device, "");
        assert_eq!(result["outside_unit_circle_fraction"], 0.0, "{device}");
        assert!(result["log_abs_mean"].as_f64().unwrap().abs() <= result["band"].as_f64().unwrap());
        // It is orthogonal: no power is larger than the first.
        assert_eq!(result["transient_peak"], serde_json::json!({ "value": 1.0, "step": 0 }), "{device}");
        // 1 + 1/1000 is beyond every band, also of I + A / 1000, whose eigenvalue 1.001 is one of sixteen.
        let step = of(&permutation, device, " --step-size 0.001");
        assert!(step["outside_unit_circle_fraction"].as_f64().unwrap() >= 1.0 / 16.0, "{step}");
        // A singular matrix has logarithms of its other eigenvalues only.
        let singular = of(&csv(3, |_, j| (1 + j) as f64), device, "");
        assert_eq!(singular["zero_eigenvalues"], 2);
        near(&singular["log_abs_mean"], 6.0_f64.ln(), 1e-6);
    }
}

#[test]
fn radius_abscissa_and_steps_are_those_of_the_definitions() {
    for device in DEVICES {
        let result = of(&diagonal(&[-5.0, 1.0]), device, "");
        assert_eq!(
            (&result["spectral_radius"]["mean"], &result["spectral_abscissa"]["mean"]),
            (&5.0.into(), &1.0.into())
        );
        assert_eq!(of(&diagonal(&[-1.0, -1.0]), device, "")["spectral_abscissa"]["mean"], -1.0);
        // 1 - 0.1 + 0.5 (-1) and 1 - 0.1 + 0.5 (-2).
        let mut found: Vec<f64> = of(&diagonal(&[-1.0, -2.0]), device, " --step-size 0.5 --damping 0.1")["eigenvalues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|z| z[0].as_f64().unwrap())
            .collect();
        found.sort_by(f64::total_cmp);
        assert!((found[0] + 0.1).abs() <= 1e-15 && (found[1] - 0.4).abs() <= 1e-15, "{found:?}");
        // Damping alone is a step of size 1.
        assert!(
            (of(&diagonal(&[-0.5]), device, " --damping 0.25")["eigenvalues"][0][0].as_f64().unwrap() - 0.25).abs()
                <= 1e-15
        );
    }
}

#[test]
fn a_contraction_peaks_at_its_start() {
    for device in DEVICES {
        let result = of(&diagonal(&[0.99995, 0.5]), device, "");
        assert_eq!(result["transient_peak"], serde_json::json!({ "value": 1.0, "step": 0 }), "{device}");
        assert_eq!(result["transient_peak_status"], "found");
    }
}

/// Rows of a softmax: the radius is exactly 1, and the powers go to 1 π with ‖1 π‖ = sqrt(n) |π|.
#[test]
fn a_row_stochastic_matrix_takes_no_time() {
    let n = 5;
    let score = |i: usize, j: usize| (3.0 * ((7 * i + 3 * j * j + i * j) as f64).sin()).exp();
    let entry = |i: usize, j: usize| score(i, j) / (0..n).map(|j| score(i, j)).sum::<f64>();
    let matrix: Vec<f64> = (0..n * n).map(|k| entry(k / n, k % n)).collect();
    let (mut power, mut norms) = (matrix.clone(), Vec::new());
    for _ in 0..200 {
        norms.push(oracle::norm(&power, n));
        power = (0..n * n).map(|k| (0..n).map(|l| matrix[k / n * n + l] * power[l * n + k % n]).sum()).collect();
    }
    let peak = norms.iter().fold(1.0, |most: f64, x| most.max(*x));
    for device in DEVICES {
        let result = of(&csv(n, entry), device, "");
        assert_eq!(result["transient_peak_status"], "settled", "{device}: {result}");
        near(&result["transient_peak"]["value"], peak, 1e-12);
        let seconds = result["timing"]["derived_seconds"].as_f64().unwrap();
        assert!(seconds <= if device == "software" { 5.0 } else { 0.5 }, "{device}: {seconds} s");
    }
}

#[test]
fn what_is_beyond_f64_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ones.csv"), csv(3, |_, _| 1e308)).unwrap();
    // Its eigenvalues are 0, its norm is sqrt(2) 1.7e308.
    std::fs::write(folder.path().join("row.csv"), csv(3, |i, j| if i == 0 && j > 0 { 1.7e308 } else { 0.0 })).unwrap();
    let chain = csv(3, |i, j| if j == i + 1 { 1e200 } else { 0.0 });
    for device in DEVICES {
        let (code, out, said) = call(&format!("spectrum --matrix ones.csv --json --device {device}"), folder.path());
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("matrix 0 has an eigenvalue beyond the largest f64"), "{said}");
        let result: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(result["each"][0]["status"], "overflow");
        let (code, out, said) = call(&format!("spectrum --matrix row.csv --json --device {device}"), folder.path());
        assert!(
            code == 0 && said.contains("beyond the largest f64, and missing: ") && said.contains("norm of 1 matrix"),
            "{said}"
        );
        let result: Value = serde_json::from_str(&out).unwrap();
        assert!(
            result["norm"].is_null() && result["overflow"].as_array().unwrap().contains(&"norm".into()),
            "{result}"
        );
        let (_, text, _) = call(&format!("spectrum --matrix row.csv --device {device}"), folder.path());
        assert!(text.contains(&format!("{:<30} beyond f64\n", "norm")), "{text}");
        // The square of the chain has the entry 1e400.
        let result = of(&chain, device, "");
        assert!(result["transient_peak"].is_null() && result["transient_peak_status"] == "overflow", "{result}");
        let (code, _, said) =
            call(&format!("spectrum --matrix row.csv --pseudospectrum 4 --device {device}"), folder.path());
        assert!(code == 4 && said.contains("pseudospectrum: its grid reaches beyond the largest f64"), "{said}");
    }
}

#[test]
fn pseudospectra_of_small_matrices_fill_their_figure() {
    let folder = tempfile::tempdir().unwrap();
    let grcar = |i: usize, j: usize| if i == j + 1 { -1e-6 } else { 1e-6 * f64::from(i <= j && j <= i + 3) };
    std::fs::write(folder.path().join("m.csv"), csv(32, grcar)).unwrap();
    let (code, out, said) =
        call("spectrum --matrix m.csv --pseudospectrum 40 --json --device cpu --out o --derived none", folder.path());
    assert_eq!(code, 0, "{said}");
    let result: Value = serde_json::from_str(&out).unwrap();
    let end = result["pseudospectrum"]["im"][39].as_f64().unwrap();
    assert!((2e-6..6e-6).contains(&end), "the norm is about 3e-6: {end}");
    let sigma: Vec<f64> = (result["pseudospectrum"]["smallest_singular_value"].as_array().unwrap().iter())
        .map(|value| value.as_f64().unwrap())
        .collect();
    // It falls off by orders of magnitude inside, which level lines can show.
    let inside = sigma.iter().filter(|sigma| **sigma <= 1e-8).count();
    assert!(inside > 100 && sigma.iter().all(|sigma| (0.0..1e-5).contains(sigma)), "{inside} of 1600");
}

/// A stack of three: one that is refused, one with everything. What is not wanted is not there.
#[test]
fn records_and_tables_say_the_same_of_every_matrix() {
    let folder = tempfile::tempdir().unwrap();
    stack(folder.path(), &[[0.5, 1.0, 0.0, 0.25], [f64::NAN, 0.0, 0.0, 1.0], [0.0, 2.0, -2.0, 0.0]]);
    let (code, out, said) = call("spectrum --matrix m.npy --json --device cpu --out o", folder.path());
    assert!(code == 3 && said.contains("matrix 1 has an entry that is NaN or infinite"), "{said}");
    let result: Value = serde_json::from_str(&out).unwrap();
    let each = result["each"].as_array().unwrap();
    let status: Vec<&str> = each.iter().map(|record| record["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["ok", "refused", "ok"]);
    assert!(each[1]["spectral_radius"].is_null() && each[1]["norm"].is_null() && result["eigenvalues"][1].is_null());
    assert_eq!(result["eigenvalues"][0].as_array().unwrap().len(), 2);
    assert_eq!((&each[2]["transient_peak_status"], &each[2]["outside_unit_circle"]), (&"unbounded".into(), &2.into()));
    let mut names = crate::cli_results::flattened(&each[0]);
    names.remove("matrix");
    names.extend(
        ["member", "overflow", "transient_peak_at_least_value", "transient_peak_at_least_step"].map(String::from),
    );
    assert_eq!(columns(&folder.path().join("o/members.parquet")), names);
    let none = of(&diagonal(&[0.5]), "cpu", " --derived none --out o");
    let keys: BTreeSet<&str> = none["each"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(!keys.contains("norm") && !keys.contains("transient_peak_status") && keys.contains("critical_step_size"));
    let some = of(&diagonal(&[0.5]), "software", " --derived norm,transient_peak");
    assert!(some["norm"] == 0.5 && some["transient_peak"]["step"] == 0 && some.get("numerical_abscissa").is_none());
    assert_eq!(some["spec"]["derived"], "norm,transient-peak");
    std::fs::write(folder.path().join("m.csv"), diagonal(&[0.5])).unwrap();
    std::fs::write(folder.path().join("s.toml"), "matrix = \"m.csv\"\nderived = \"norm\"\n").unwrap();
    let (code, out, said) = call("spectrum s.toml --json --device cpu", folder.path());
    assert!(code == 0 && out.contains("\"norm\":0.5") && !out.contains("numerical_abscissa"), "{said}{out}");
    let (code, _, said) = call("spectrum --derived norm", folder.path());
    assert!(code == 4 && said.contains("derived: it is of your own matrices"), "{said}");
    let (code, _, said) = call("spectrum --matrix m.npy --derived peaks", folder.path());
    assert!(code == 2 && said.contains("`peaks` is none of them"), "{said}");
}

/// Writes matrices of width 2 as a stack of f64.
fn stack(folder: &Path, matrices: &[[f64; 4]]) {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 2, 2), }}", matrices.len());
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let padded = format!("{header:<117}\n");
    bytes.extend((padded.len() as u16).to_le_bytes());
    bytes.extend(padded.bytes());
    bytes.extend(matrices.concat().iter().flat_map(|x| x.to_le_bytes()));
    std::fs::write(folder.join("m.npy"), bytes).unwrap();
}

#[test]
fn timings_say_all_of_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<[f64; 4]> = (0..3000).map(|i| [0.9, f64::from(i) / 100.0, 0.0, 0.8]).collect();
    stack(folder.path(), &all);
    for line in
        ["spectrum --matrix m.npy --json --device cpu --out o", "spectrum --layers 3000 --width 8 --json --device cpu"]
    {
        let start = Instant::now();
        let (_, out, _) = call(line, folder.path());
        let wall = start.elapsed().as_secs_f64();
        let result: Value = serde_json::from_str(&out).unwrap();
        let timing = result["timing"].as_object().unwrap();
        let seconds = |name: &str| timing[name].as_f64().unwrap();
        let parts: f64 = timing
            .iter()
            .filter(|(name, _)| !["total_seconds", "seconds", "seconds_per_matrix"].contains(&name.as_str()))
            .map(|(_, value)| value.as_f64().unwrap())
            .sum();
        assert!((parts - seconds("seconds")).abs() <= 1e-9, "{timing:?}");
        // What is left of the wall clock is the start of a process and the text of the result.
        assert!(wall - seconds("seconds") <= 0.25 + 0.5 * wall, "{timing:?} of {wall} s");
    }
}

#[test]
fn values_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.csv"), csv(2, |i, j| [[0.25, -1e-300], [0.0, 0.1]][i][j])).unwrap();
    let (_, text, _) = call("spectrum --matrix m.csv --values --device cpu", folder.path());
    let mut wanted = format!("{:>6}  {:>24}  {:>24}\n", "matrix", "re", "im");
    for re in ["0.25", "0.1"] {
        let _ = writeln!(wanted, "{:>6}  {re:>24}  {:>24}", 0, 0);
    }
    assert!(text.ends_with(&wanted), "{text}");
    let (_, text, _) = call("spectrum --layers 3 --width 4 --values --device cpu", folder.path());
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("matrix")).skip(1).collect();
    assert!(lines.len() == 12 && lines[11].starts_with("     2  "), "{text}");
}

/// Ten thousand products of a slow matrix take minutes; the first Ctrl-C ends them.
#[test]
#[cfg(unix)]
fn an_interrupt_ends_a_search_for_a_peak() {
    let folder = tempfile::tempdir().unwrap();
    let slow = |i: usize, j: usize| if i == j { 0.9999 } else { f64::from(j == i + 1) * 0.1 + f64::from(j > i) * 1e-4 };
    std::fs::write(folder.path().join("m.csv"), csv(200, slow)).unwrap();
    let program = env!("CARGO_BIN_EXE_eulerscope");
    let mut child = std::process::Command::new(program)
        .args(["spectrum", "--matrix", "m.csv", "--json", "--device", "cpu", "--derived", "transient-peak"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1000));
    assert!(child.try_wait().unwrap().is_none(), "it is at work");
    let start = Instant::now();
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(output.status.code() == Some(3) && said.contains("norms and peaks are there of 0 of 1 matrices"), "{said}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result["interrupted"] == true && result["eigenvalues"].as_array().unwrap().len() == 200);
}
