//! What the essay says of a trained model, against what `spectrum --checkpoint` and `sweep --checkpoint` say of it.

use crate::checkpoint::oracles::data;
use crate::checkpoint::real::smollm2_file;
use crate::cli_results::json;
use crate::essay::words;
use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is a list"))
}

/// The statement of a claim that says this.
#[track_caller]
fn said<'a>(essay: &'a Value, id: &str, says: &str) -> &'a Value {
    let claim = list(essay, "claims").iter().find(|claim| claim["id"] == id).expect("the claim");
    list(claim, "statements")
        .iter()
        .find(|own| own["says"].as_str().is_some_and(|text| text.contains(says)))
        .expect(says)
}

#[track_caller]
fn near(own: &Value, truth: f64, tolerance: f64) {
    let value = own["value"].as_f64().expect("a number");
    assert!((value - truth).abs() <= tolerance, "{own}: not {truth}");
}

/// Counts, cross-entropies and norms of a tiny model: the same texts through the ordinary commands.
#[test]
fn a_trained_models_numbers_are_those_of_the_commands() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = format!("--checkpoint {} --token-ids 3,1,4,1,5,9 --json", data("llama").display());
    let run = |line: &str| json(&format!("{line} {model}"), folder.path());
    let essay = run("essay everywhere exponential friction --quick");
    let counts: Vec<u64> = list(&run("spectrum --derived none"), "layers")
        .iter()
        .map(|layer| list(layer, "tokens")[0]["outside_unit_circle"].as_u64().expect("a count"))
        .collect();
    near(said(&essay, "everywhere", "every trained layer"), *counts.iter().min().expect("layers") as f64, 0.0);
    let everywhere = &list(&essay, "claims")[0];
    let drawn = &list(&everywhere["graph_of_model"], "curves")[0]["y"];
    assert_eq!(drawn, &Value::from(counts.iter().map(|&count| count as f64).collect::<Vec<_>>()));
    let entropy = |line: &str| -> Vec<f64> {
        list(&run(line), "cells").iter().map(|cell| cell["cross_entropy"].as_f64().expect("a number")).collect()
    };
    let [smaller @ .., own] = &entropy("sweep --step-size 0.5,0.8,0.9,1")[..] else { panic!("four cells") };
    let lowest = smaller.iter().copied().fold(f64::INFINITY, f64::min);
    near(said(&essay, "everywhere", "a smaller step"), own - lowest, 1e-12);
    let [free, damped] = entropy("sweep --damping 0,0.02")[..] else { panic!("two cells") };
    near(said(&essay, "friction", "a trained model"), damped - free, 1e-12);
    let norms: Vec<f64> = list(&list(&run("sweep"), "cells")[0], "state_norms")
        .iter()
        .map(|norm| norm.as_f64().expect("a norm"))
        .collect();
    let (first, last) = (norms.len() / 4, norms.len() - 2);
    let rate = (norms[last].ln() - norms[first].ln()) / (last - first) as f64;
    near(said(&essay, "exponential", "a trained stack"), rate, 1e-12);
}

/// The lens behind each layer, of a run as its line says it.
fn lens(line: &str, folder: &Path) -> Vec<f64> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eulerscope"));
    let words = words(line).into_iter().skip(1);
    let output =
        command.current_dir(folder).args(words).args(["--json", "--quiet", "--device", "cpu"]).output().unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    list(&list(&result, "cells")[0], "lens").iter().map(|own| own["margin"].as_f64().expect("a margin")).collect()
}

/// The rise of a margin a sentence is the slope of a straight line through five points: (2 (y_4 - y_0) + y_3 - y_1) / 10, the
/// mean of both orders of the sentences. Every prompt is run again, by the line that is told.
#[test]
fn mercury_of_a_trained_model_is_its_logit_lens() {
    let folder = tempfile::tempdir().expect("a folder");
    let essay = json(&format!("essay mercury --quick --json --checkpoint {}", smollm2_file().display()), folder.path());
    let claim = &list(&essay, "claims")[0];
    let lines: Vec<&str> = list(claim, "runs").iter().filter_map(|own| own["line"].as_str()).collect();
    let margins: Vec<&str> = lines.iter().copied().filter(|line| line.contains("--margin ' planet, metal'")).collect();
    assert_eq!(margins.len(), 10, "five prompts in two orders");
    // All evidence for one word is the same prompt in both orders.
    assert!(margins[0] == margins[5] && margins[4] == margins[9] && margins[1] != margins[6]);
    let lenses: Vec<Vec<f64>> = margins.iter().map(|line| lens(line, folder.path())).collect();
    let slope = |order: usize, layer: usize| {
        let y = |evidence: usize| lenses[5 * order + evidence][layer];
        (2.0 * (y(4) - y(0)) + y(3) - y(1)) / 10.0
    };
    let rise: Vec<f64> = (0..lenses[0].len()).map(|layer| f64::midpoint(slope(0, layer), slope(1, layer))).collect();
    let curve = &list(&claim["graph_of_model"], "curves")[0];
    assert_eq!(curve["curve"], "planet against metal");
    for (layer, (found, rise)) in list(curve, "y").iter().zip(&rise).enumerate() {
        let found = found.as_f64().expect("a number");
        assert!((found - rise).abs() <= 1e-9, "layer {layer}: {found}, not {rise}");
    }
    let last = rise.len() - 1;
    near(said(&essay, "mercury", "answer follows the evidence"), rise[last], 1e-9);
    near(said(&essay, "mercury", "every layer of it"), rise[rise.len() / 2 - 1] / rise[last], 1e-9);
    let spread = 0.5 * (slope(0, last) - slope(1, last)).abs();
    let error = said(&essay, "mercury", "answer follows the evidence")["standard_error"].as_f64().expect("a number");
    assert!((error - spread).abs() <= 1e-9);
}
