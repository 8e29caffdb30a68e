//! Lyapunov exponents of all kinds of layers, held against the definitions.

use super::compare::{Expected, rounding_of, with_rounding};
use super::lyapunov::{Lyapunov, lyapunov};
use super::number::Noisy;
use super::pairwise::{Factor, factor, settings};
use super::program::{self, flattened};
use super::setting::{Run, Setting};
use super::sweeps::{allowed, report};
use super::table::Row;

/// How many directions a device can follow. A norm behind the sum leaves ε = 1e-5 of a token's own direction, and nothing
/// of its mean; two sublayers leave the square of it, which in f32 is less than what rounding puts there.
fn resolved(setting: &Setting, device: &str) -> usize {
    let annihilated = if setting.norm == "post" && device != "reference" { 2 * setting.tokens } else { 0 };
    setting.order().saturating_sub(annihilated).max(1)
}

/// Compares everything that a run reports with its definition.
fn complaints(setting: &Setting, device: &str) -> Vec<String> {
    let run = Run {
        steps: setting.depth,
        transient_steps: setting.transient,
        blocks: 2.min(setting.depth),
        top: if setting.transient == 3 { resolved(setting, device).min(2) } else { resolved(setting, device) },
    };
    let epsilon = rounding_of(device);
    let exact = lyapunov::<f64>(setting, &run);
    // A direction that is multiplied by 2 n ε of the norm in each step is annihilated within rounding, says the band of
    // a pivot: the run ends with collapsed members. Of three members one may be there before their mean, by e^2.
    let means = exact.exponents.iter().filter_map(|row| row["mean"]);
    let least = (2.0 * setting.order() as f64 * epsilon).ln() + 2.0;
    if means.clone().fold(f64::INFINITY, f64::min) < means.fold(f64::NEG_INFINITY, f64::max) + least {
        return vec![];
    }
    let results = program::run(&setting.lyapunov(&run), device);
    let noisy = with_rounding(epsilon, || lyapunov::<Noisy>(setting, &run));
    let of = |rows: fn(&Lyapunov) -> Vec<Row>| Expected::of(&exact, &noisy, epsilon, rows);
    let mut complaints = of(|run| run.exponents.clone()).complaints("exponents", &results.rows("exponents"));
    complaints.extend(of(|run| vec![run.sum.clone()]).complaints("sum", &[flattened(&results.json["sum"])]));
    complaints.extend(of(|run| run.angular.clone()).complaints("angular", &results.rows("angular_exponents")));
    let series = of(|run| run.convergence.clone());
    complaints.extend(series.complaints("exponents.parquet", &results.table("exponents")));
    let of_json = results.json["convergence"].as_array().expect("a list").iter().flat_map(|point| {
        point["exponents"].as_array().expect("a list").iter().enumerate().map(|(i, exponent)| {
            let mut row = flattened(exponent);
            row.insert("steps".into(), point["steps"].as_f64());
            row.insert("exponent".into(), Some(i as f64));
            row
        })
    });
    complaints.extend(series.complaints("convergence of the JSON", &of_json.collect::<Vec<_>>()));
    complaints
}

fn factors() -> Vec<Factor> {
    vec![
        factor("model", &["linear", "linear", "mlp", "attention", "transformer"], |s, x| s.model = x),
        factor("weights", &["tied", "iid"], |s, x| s.weights = x),
        factor(
            "integrator",
            &["euler", "heun", "rk4", "strang", "strang-rk4", "backward-euler", "exponential-euler"],
            |s, x| {
                s.integrator = x;
            },
        ),
        factor("ensemble", &["ginibre", "symmetric", "antisymmetric", "elliptic"], |s, x| s.ensemble = x),
        factor("shift", &[0.0, 0.6], |s, x| s.shift = x),
        factor("norm", &["none", "pre", "post"], |s, x| s.norm = x),
        factor("norm_kind", &["layernorm", "rmsnorm"], |s, x| s.norm_kind = x),
        factor("activation", &["gelu", "tanh"], |s, x| s.activation = x),
        factor("mask", &["none", "causal"], |s, x| s.mask = x),
        factor("width and heads", &[(3, 1), (4, 2), (6, 3)], |s, x| (s.width, s.heads) = x),
        factor("tokens", &[1, 2, 3], |s, x| s.tokens = x),
        factor("point", &[(0.5, 1.2, 0.0), (1.0, 0.7, 0.3)], |s, (step, radius, damping)| {
            (s.step_sizes, s.radii, s.dampings) = (vec![step], vec![radius], vec![damping]);
        }),
        factor("steps", &[1, 3, 5], |s, x| s.depth = x),
        factor("transient", &[0, 1, 3], |s, x| s.transient = x),
        factor("members", &[1, 3], |s, x| s.members = x),
        factor("seed", &[0, (1 << 32) + 3], |s, x| s.seed = x),
    ]
}

/// The settings, with one token for linear layers.
fn all() -> Vec<Setting> {
    let base = Setting { tau: 0.4, ..Setting::default() };
    let mut all = settings(&base, &factors(), allowed);
    all.iter_mut().filter(|setting| setting.is_linear()).for_each(|setting| setting.tokens = 1);
    all
}

pub fn hold(all: &[Setting], device: &str) {
    report(all, device, |setting| (format!("{setting:?}"), complaints(setting, device)));
}

#[test]
fn exponents_on_the_reference() {
    hold(&all(), "reference");
}

#[test]
fn exponents_on_the_cpu() {
    hold(&all(), "cpu");
}

#[test]
fn exponents_on_software() {
    let some: Vec<Setting> = all().into_iter().step_by(8).collect();
    hold(&some, "software");
}
