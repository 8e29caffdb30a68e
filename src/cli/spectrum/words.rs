//! A spectrum as text for people.

use crate::spectrum::{Spectrum, Status};
use serde_json::Value;
use std::fmt::Write;

/// A number as it is read best: 0.012346, or 1.234568e-7.
fn number(value: &Value) -> String {
    match value.as_f64() {
        None => "missing".to_string(),
        Some(x) if x == 0.0 || (1e-4..1e6).contains(&x.abs()) => format!("{x:.6}"),
        Some(x) => format!("{x:.6e}"),
    }
}

/// Statistics, what is derived of a matrix that is alone, and the time.
pub fn report(result: &Value) -> String {
    let matrices = result["matrices"].as_u64().unwrap_or(0);
    let noun = if matrices == 1 { "matrix" } else { "matrices" };
    let of = result["of"].as_str().unwrap_or_default();
    let spread = if matrices > 1 { "; mean ± standard deviation over the matrices" } else { "" };
    let mut text = format!("{matrices} {noun} of width {}, eigenvalues of {of}{spread}\n", result["width"]);
    let mut line = |name: &str, value: String| text += &format!("{:<30} {value}\n", name.replace('_', " "));
    for name in ["spectral_radius", "spectral_abscissa", "real_eigenvalues"] {
        let sd = &result[name]["sd"];
        let sd = if sd.is_null() { String::new() } else { format!(" ± {}", number(sd)) };
        line(name, format!("{}{sd}", number(&result[name]["mean"])));
    }
    for name in ["outside_unit_circle_fraction", "log_abs_mean"] {
        line(name, number(&result[name]));
    }
    let beyond = |name: &str| result["overflow"].as_array().is_some_and(|names| names.iter().any(|own| own == name));
    for name in ["norm", "numerical_abscissa", "departure_from_normality"] {
        match result.get(name) {
            Some(_) if beyond(name) => line(name, "beyond f64".to_string()),
            Some(value) => line(name, number(value)),
            None => {}
        }
    }
    if let Some(status) = result["transient_peak_status"].as_str() {
        line("transient_peak", peak(status, result));
    }
    match result.get("critical_step_size") {
        Some(Value::Null) if result["failed"].as_array().is_some_and(Vec::is_empty) => {
            line("critical_step_size", "none: every step size will do".to_string());
        }
        Some(value) => line("critical_step_size", number(value)),
        None => {}
    }
    for (name, value) in times(&result["timing"]) {
        line(name, value);
    }
    text
}

fn peak(status: &str, result: &Value) -> String {
    let at = |peak: &Value| format!("{} at step {}", number(&peak["value"]), peak["step"]);
    match status {
        "found" => at(&result["transient_peak"]),
        "settled" => format!("{}; the powers then repeat themselves", at(&result["transient_peak"])),
        "unbounded" => "none: the powers grow without end".to_string(),
        "overflow" => "beyond f64".to_string(),
        "interrupted" => "interrupted".to_string(),
        _ => match result.get("transient_peak_at_least") {
            Some(peak) => format!("not known; at least {}", at(peak)),
            None => "not known".to_string(),
        },
    }
}

/// All of the time, and those of its parts that can be seen.
fn times(timing: &Value) -> Vec<(&'static str, String)> {
    let seconds = |name: &str| timing[name].as_f64().unwrap_or_default();
    let each = match seconds("seconds_per_matrix") {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    };
    let mut lines = vec![
        ("time", format!("{:.2} s", seconds("total_seconds"))),
        ("  eigenvalues", format!("{:.2} s, {each} a matrix", seconds("eigenvalues_seconds"))),
    ];
    for (key, name) in [("derived_seconds", "  norms and peaks"), ("pseudospectrum_seconds", "  pseudospectrum")] {
        if seconds(key) >= 0.005 {
            lines.push((name, format!("{:.2} s", seconds(key))));
        }
    }
    lines
}

/// Every eigenvalue in all its digits, one a line.
pub fn values(spectra: &[Spectrum]) -> String {
    let number = |x: f64| if x == 0.0 || (1e-4..1e6).contains(&x.abs()) { format!("{x}") } else { format!("{x:e}") };
    let mut text = format!("{:>6}  {:>24}  {:>24}\n", "matrix", "re", "im");
    for (i, spectrum) in spectra.iter().enumerate() {
        if spectrum.status != Status::Ok {
            let _ = writeln!(text, "{i:>6}  {:>24}  {:>24}", "missing", "missing");
        }
        for &[re, im] in &spectrum.eigenvalues {
            let _ = writeln!(text, "{i:>6}  {:>24}  {:>24}", number(re), number(im));
        }
    }
    text
}
