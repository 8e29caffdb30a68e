//! `--sweep-over`: each combination of the outer values is a sweep of its own, and its rows carry them in front.

use super::band::epsilon_of;
use super::compare::{Expected, rounding_of, with_rounding};
use super::number::Noisy;
use super::program;
use super::setting::Setting;
use super::sweep::{Sweep, sweep};
use super::table::Row;

/// A key that is swept around the map: its name, its values, and what a value does to a setting.
struct Outer {
    key: &'static str,
    values: Vec<f64>,
    set: fn(&mut Setting, f64),
}

/// All combinations of keys in the order of the README, the last one fastest, each with its outer values.
fn combined(base: &Setting, over: &[Outer]) -> Vec<(Row, Setting)> {
    let mut all = vec![(Row::new(), base.clone())];
    for outer in over {
        let with = |(row, setting): &(Row, Setting)| {
            let (row, setting) = (row.clone(), setting.clone());
            let of = move |&value: &f64| {
                let (mut row, mut setting) = (row.clone(), setting.clone());
                row.insert(outer.key.into(), Some(value));
                (outer.set)(&mut setting, value);
                (row, setting)
            };
            outer.values.iter().map(of).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

/// The rows of all combinations one after the other, with the outer values.
fn rows(combinations: &[(Row, Setting)], sweeps: &[Sweep], of: impl Fn(&Sweep) -> Vec<Row>) -> Vec<Row> {
    let own = |((outer, _), sweep): (&(Row, Setting), &Sweep)| {
        let with = |row: Row| outer.clone().into_iter().chain(row).collect();
        of(sweep).into_iter().map(with).collect::<Vec<Row>>()
    };
    combinations.iter().zip(sweeps).flat_map(own).collect()
}

/// A command line that sweeps these keys, `KEY=GRID`, instead of giving them.
pub fn swept(line: &str, over: &[String]) -> String {
    let mut words: Vec<String> = line.split(' ').map(String::from).collect();
    for key in over {
        let flag = format!("--{}", key.split('=').next().expect("a key").replace('_', "-"));
        if let Some(place) = words.iter().position(|word| *word == flag) {
            words.drain(place..place + 2);
        }
        words.extend(["--sweep-over".to_string(), key.clone()]);
    }
    words.join(" ")
}

fn complaints(base: &Setting, over: &[Outer], device: &str) -> Vec<String> {
    let combinations = combined(base, over);
    let list = |values: &[f64]| values.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let flags: Vec<String> = over.iter().map(|own| format!("{}={}", own.key, list(&own.values))).collect();
    let results = program::run(&swept(&base.sweep(), &flags), device);
    let (epsilon, of_bands) = (rounding_of(device), epsilon_of(device));
    let exact: Vec<Sweep> = combinations.iter().map(|(_, setting)| sweep::<f64>(setting, of_bands)).collect();
    let noisy = with_rounding(epsilon, || -> Vec<Sweep> {
        combinations.iter().map(|(_, setting)| sweep::<Noisy>(setting, of_bands)).collect()
    });
    let held = |name: &str, found: &[Row], of: &dyn Fn(&Sweep) -> Vec<Row>| {
        let expected = Expected::of(&exact, &noisy, epsilon, |sweeps| rows(&combinations, sweeps, of));
        expected.complaints(name, found)
    };
    let mut complaints = Vec::new();
    for (name, found) in [("cells of the JSON", results.rows("cells")), ("cells", results.table("cells"))] {
        complaints.extend(held(name, &found, &|sweep| sweep.cells.clone()));
    }
    complaints.extend(held("members", &results.table("members"), &|sweep| sweep.members.clone()));
    complaints.extend(held("trajectories", &results.table("trajectories"), &|sweep| sweep.trajectories.clone()));
    if !base.is_linear() {
        complaints.extend(held("linearised", &results.table("linearised"), &|sweep| sweep.linearised.clone()));
    }
    complaints
}

fn depth() -> Outer {
    Outer { key: "depth", values: vec![2.0, 3.0, 7.0], set: |s, x| s.depth = x as usize }
}

fn width() -> Outer {
    Outer { key: "width", values: vec![3.0, 4.0], set: |s, x| s.width = x as usize }
}

#[test]
fn linear_combinations_on_every_device() {
    let base = Setting {
        step_sizes: vec![0.4, 1.0],
        dampings: vec![0.0, 0.2],
        step_scaling: "inverse-sqrt-depth",
        weights: "iid",
        members: 3,
        // Replaced by what is swept.
        depth: 99,
        width: 99,
        ..Setting::default()
    };
    for device in ["reference", "cpu", "software"] {
        assert_eq!(complaints(&base, &[depth(), width()], device), Vec::<String>::new(), "{device}");
    }
}

#[test]
fn nonlinear_combinations_on_every_device() {
    let gain = |key, set| Outer { key, values: vec![0.5, 2.0], set };
    let base = Setting { model: "transformer", members: 2, depth: 3, heads: 1, tokens: 2, ..Setting::default() };
    let heads = || Outer { key: "heads", values: vec![1.0, 2.0], set: |s, x| s.heads = x as usize };
    let tokens = || Outer { key: "tokens", values: vec![1.0, 3.0], set: |s, x| s.tokens = x as usize };
    for (over, device) in [
        (vec![tokens(), heads()], "reference"),
        (vec![gain("logit_gain", |s, x| s.logit_gain = x), gain("query_key_gain", |s, x| s.query_key_gain = x)], "cpu"),
        (vec![gain("value_gain", |s, x| s.value_gain = x), gain("hidden_gain", |s, x| s.hidden_gain = x)], "reference"),
        (vec![depth(), gain("output_gain", |s, x| s.output_gain = x)], "cpu"),
        (vec![Outer { key: "bias_gain", values: vec![0.0, 0.3], set: |s, x| s.bias_gain = x }], "reference"),
        (vec![tokens()], "software"),
    ] {
        assert_eq!(complaints(&base, &over, device), Vec::<String>::new(), "{device}");
    }
}

/// Without perturbations nothing is observed of them, and everything else is the same.
#[test]
fn perturbations_can_be_left_out() {
    let base = Setting { perturbations: false, step_sizes: vec![0.5, 1.0], depth: 4, ..Setting::default() };
    let frozen = Setting { model: "mlp", norm: "none", radii: vec![1.0, 900.0], activation: "relu", ..base.clone() };
    let all = [Setting { model: "transformer", tokens: 2, weights: "iid", ..base }, frozen];
    for device in ["reference", "cpu", "software"] {
        super::sweeps::hold(&all, device);
    }
}
