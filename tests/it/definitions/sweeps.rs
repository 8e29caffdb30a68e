//! Sweeps of all kinds, held against the definitions: every number of the JSON and of the tables.

use super::band::epsilon_of;
use super::compare::{Expected, rounding_of, with_rounding};
use super::number::Noisy;
use super::pairwise::{Factor, factor, settings};
use super::program;
use super::setting::Setting;
use super::spectra::distances;
use super::sweep::{Sweep, sweep};
use super::table::{Row, summarise};

/// Rows of a table.
type Rows = fn(&Sweep) -> &Vec<Row>;

/// Compares everything that a sweep reports with its definition.
fn complaints(setting: &Setting, device: &str) -> Vec<String> {
    let results = program::run(&setting.sweep(), device);
    let epsilon = rounding_of(device);
    let of_bands = epsilon_of(device);
    let exact = sweep::<f64>(setting, of_bands);
    let noisy = with_rounding(epsilon, || sweep::<Noisy>(setting, of_bands));
    let of = |rows: Rows| Expected::of(&exact, &noisy, epsilon, |sweep| rows(sweep).clone());
    let mut complaints = Vec::new();
    for (what, mut found) in [("cells of the JSON", results.rows("cells")), ("cells.parquet", results.table("cells"))] {
        if !setting.perturbations {
            // The table has columns of what is missing, the JSON leaves them out.
            found.iter_mut().for_each(with_missing_growth);
        }
        complaints.extend(of(|sweep| &sweep.cells).complaints(what, &found));
    }
    complaints.extend(unlike_remarks(&results, &exact.remarks, &noisy));
    let tables: [(&str, Rows); 3] = [
        ("members", |sweep| &sweep.members),
        ("linearised", |sweep| &sweep.linearised),
        ("trajectories", |sweep| &sweep.trajectories),
    ];
    for (name, rows) in tables {
        // A table without rows is not written.
        if !rows(&exact).is_empty() {
            complaints.extend(of(rows).complaints(name, &results.table(name)));
        }
    }
    let along = linearised_of_json(&results.json);
    complaints.extend(of(|sweep| &sweep.linearised).complaints("linearised of the JSON", &along));
    let spectra = |sweep: &Sweep| sweep.spectra.clone();
    let noisy: Vec<_> = noisy.iter().map(spectra).collect();
    if !exact.spectra.is_empty() {
        complaints.extend(distances("spectra", &results.table("spectra"), &exact.spectra, &noisy));
    }
    complaints
}

fn with_missing_growth(row: &mut Row) {
    let mut missing = Row::new();
    summarise(&mut missing, "log_perturbation_growth", &[], &[]);
    missing.into_iter().for_each(|(name, value)| {
        row.entry(name).or_insert(value);
    });
}

/// Complaints about remarks, in the JSON and in the table, of cells whose remarks do not hang on a rounding.
fn unlike_remarks(results: &program::Results, exact: &[Vec<&str>], noisy: &[Sweep]) -> Vec<String> {
    let words = results.words("cells", "remarks");
    let cells = results.json["cells"].as_array().expect("cells");
    let mut complaints = Vec::new();
    for (i, expected) in
        exact.iter().enumerate().filter(|(i, own)| noisy.iter().all(|noisy| noisy.remarks[*i] == **own))
    {
        let list = cells[i]["remarks"].as_array().expect("a list").iter();
        let list: Vec<&str> = list.map(|word| word.as_str().expect("a word")).collect();
        if list != *expected || words[i] != expected.join(", ") {
            complaints.push(format!("remarks of cell {i}: {list:?} and {:?}, not {expected:?}", words[i]));
        }
    }
    complaints
}

/// The linearised steps of all cells, with their places.
fn linearised_of_json(json: &serde_json::Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for cell in json["cells"].as_array().expect("cells") {
        for linearised in cell["linearised"].as_array().into_iter().flatten() {
            let mut row = program::flattened(linearised);
            for name in ["step_size", "radius", "damping"] {
                row.insert(name.to_string(), cell[name].as_f64());
            }
            rows.push(row);
        }
    }
    rows
}

fn linear_factors() -> Vec<Factor> {
    vec![
        factor("weights", &["tied", "iid"], |s, x| s.weights = x),
        factor("ensemble", &["ginibre", "symmetric", "antisymmetric", "elliptic"], |s, x| s.ensemble = x),
        factor("tau", &[0.5, -0.3], |s, x| s.tau = x),
        factor("radius_kind", &["nominal", "exact"], |s, x| s.radius_kind = x),
        factor("integrator", &["euler", "heun", "rk4", "backward-euler", "exponential-euler"], |s, x| s.integrator = x),
        factor("shift", &[0.0, 0.7, -0.4], |s, x| s.shift = x),
        factor("step_sizes", &[[0.3, 1.0], [0.5, 2.0]], |s, x| s.step_sizes = x.to_vec()),
        factor("radii", &[[0.4, 1.2], [0.0, 0.9]], |s, x| s.radii = x.to_vec()),
        factor("dampings", &[vec![0.0, 0.3], vec![0.1]], |s, x| s.dampings = x),
        factor("step_scaling", &["constant", "inverse-sqrt-depth", "inverse-depth"], |s, x| s.step_scaling = x),
        factor("depth", &[1, 2, 5, 7], |s, x| s.depth = x),
        factor("width", &[2, 3, 5, 8], |s, x| s.width = x),
        factor("members", &[1, 2, 7], |s, x| s.members = x),
        factor("threshold", &[1.2, 1000.0], |s, x| s.threshold = x),
        factor("trajectories", &[1, 3], |s, x| s.trajectories = x),
        factor("seed", &[0, 3, (1 << 32) + 3], |s, x| s.seed = x),
        factor("chunk", &[None, Some(1), Some(3)], |s, x| s.chunk = x),
    ]
}

pub fn nonlinear_factors() -> Vec<Factor> {
    vec![
        factor("model", &["mlp", "attention", "transformer"], |s, x| s.model = x),
        factor("weights", &["tied", "iid"], |s, x| s.weights = x),
        factor("integrator", &["euler", "heun", "rk4", "strang", "strang-rk4"], |s, x| s.integrator = x),
        factor("norm", &["none", "pre", "post"], |s, x| s.norm = x),
        factor("norm_kind", &["layernorm", "rmsnorm"], |s, x| s.norm_kind = x),
        factor("activation", &["relu", "gelu", "tanh"], |s, x| s.activation = x),
        factor("mask", &["none", "causal"], |s, x| s.mask = x),
        factor("width and heads", &[(3, 1), (4, 2), (5, 5), (6, 2), (6, 3), (9, 3)], |s, x| (s.width, s.heads) = x),
        factor("tokens", &[1, 2, 3, 5], |s, x| s.tokens = x),
        factor("ffn_ratio", &[1, 2, 3], |s, x| s.ffn_ratio = x),
        factor("logit_gain", &[0.5, 1.0, 4.0], |s, x| s.logit_gain = x),
        factor("points", &[([0.3, 1.0], 1.1), ([0.5, 1.5], 0.8)], |s, (steps, radius)| {
            (s.step_sizes, s.radii) = (steps.to_vec(), vec![radius]);
        }),
        factor("dampings", &[vec![0.0, 0.3], vec![0.1]], |s, x| s.dampings = x),
        factor("step_scaling", &["constant", "inverse-sqrt-depth", "inverse-depth"], |s, x| s.step_scaling = x),
        factor("depth", &[1, 2, 4, 5], |s, x| s.depth = x),
        factor("linearise_every", &[None, Some(0), Some(1), Some(2)], |s, x| s.linearise_every = x),
        factor("members", &[1, 2, 3], |s, x| s.members = x),
        factor("threshold", &[1.2, 1000.0], |s, x| s.threshold = x),
        factor("seed", &[0, 3, (1 << 32) + 3], |s, x| s.seed = x),
        factor("chunk", &[None, Some(1)], |s, x| s.chunk = x),
    ]
}

/// What the program does not refuse.
pub fn allowed(setting: &Setting) -> bool {
    let Setting { model, integrator, norm, width, .. } = *setting;
    let exact = setting.radius_kind == "exact";
    match integrator {
        "backward-euler" if model != "linear" => false,
        "exponential-euler" if model != "linear" || exact => false,
        "strang" | "strang-rk4" if model != "transformer" => false,
        "euler" => !(exact && setting.weights != "tied"),
        _ if model != "linear" && norm == "post" => false,
        _ => width > 1 && !(exact && setting.weights != "tied"),
    }
}

/// Runs all settings, each of which gives its command line and complaints.
pub fn report(all: &[Setting], device: &str, complaints: impl Fn(&Setting) -> (String, Vec<String>)) {
    let mut failures = Vec::new();
    for setting in all {
        let (line, complaints) = complaints(setting);
        if !complaints.is_empty() {
            let first = complaints.iter().take(12).cloned().collect::<Vec<_>>().join("\n  ");
            failures.push(format!("{line} --device {device}\n  {first}"));
        }
    }
    println!("{} of {} settings agree on {device}", all.len() - failures.len(), all.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

pub fn hold(all: &[Setting], device: &str) {
    report(all, device, |setting| (setting.sweep(), complaints(setting, device)));
}

/// Pairs of all options, and members that become 0 in one step.
fn linear() -> Vec<Setting> {
    let collapse = Setting { dampings: vec![0.5, 1.0], radii: vec![0.0, 1.0], members: 3, ..Setting::default() };
    let mut all = settings(&Setting::default(), &linear_factors(), allowed);
    all.push(collapse);
    all
}

/// Pairs of all options, and members that are frozen on the way, some earlier than others.
fn nonlinear() -> Vec<Setting> {
    let base = Setting { model: "mlp", ..Setting::default() };
    let frozen =
        Setting { norm: "none", radii: vec![700.0, 9e3], activation: "relu", depth: 6, members: 5, ..base.clone() };
    let mut all = settings(&base, &nonlinear_factors(), allowed);
    all.extend([frozen.clone(), Setting { model: "transformer", norm: "none", tokens: 2, ..frozen }]);
    all
}

#[test]
fn linear_sweeps_on_the_reference() {
    hold(&linear(), "reference");
}

#[test]
fn nonlinear_sweeps_on_the_reference() {
    hold(&nonlinear(), "reference");
}

/// The software driver takes a second to start, so it has every eighth setting.
#[test]
fn sweeps_on_software() {
    let some: Vec<Setting> = [linear(), nonlinear()].iter().flat_map(|all| all.iter().step_by(8).cloned()).collect();
    hold(&some, "software");
}

#[test]
fn linear_sweeps_on_the_cpu() {
    hold(&linear(), "cpu");
}

#[test]
fn nonlinear_sweeps_on_the_cpu() {
    hold(&nonlinear(), "cpu");
}
