//! What is said of the Jacobians of trained layers: those that the models' own library found (tests/checkpoints/make.py).

use super::band::{bound, epsilon_of, of_eigenvalue};
use super::dense::{Matrix, eigenvalues, frobenius, largest_singular_value, spectral_radius};
use super::program;
use serde_json::Value;
use std::path::PathBuf;

/// The Jacobian of every layer at the last token.
fn jacobians(oracle: &Value) -> Vec<Matrix> {
    let numbers = |row: &Value| row.as_array().expect("a row").iter().map(|x| x.as_f64().expect("a number")).collect();
    let matrix = |rows: &Value| rows.as_array().expect("a matrix").iter().map(numbers).collect();
    oracle["jacobians"].as_array().expect("a list").iter().map(matrix).collect()
}

#[test]
fn facts_of_tiny_models() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoints");
    for (device, tolerance) in [("reference", 1e-9), ("cpu", 1e-3)] {
        for name in ["llama", "gpt2", "neox"] {
            let text = std::fs::read(folder.join(name).join("oracle.json")).expect("an oracle");
            let oracle: Value = serde_json::from_slice(&text).expect("JSON");
            let ids = oracle["token_ids"].as_array().expect("a list").iter().map(Value::to_string);
            let ids = ids.collect::<Vec<_>>().join(",");
            let line = format!("spectrum --checkpoint {} --token-ids {ids}", folder.join(name).display());
            let layers = &program::run(&line, device).json["layers"];
            for (layer, jacobian) in jacobians(&oracle).iter().enumerate() {
                let found = &layers[layer]["tokens"][0];
                let values = eigenvalues(jacobian);
                let band = of_eigenvalue(jacobian.len(), epsilon_of(device), bound(jacobian));
                let near = |what: &str, expected: f64| {
                    let own = found[what].as_f64().unwrap_or(f64::NAN);
                    let apart = (own - expected).abs();
                    assert!(
                        apart <= tolerance * (1.0 + expected.abs()),
                        "{name} {layer}: {what} is {own}, not {expected}"
                    );
                };
                let own = found["band"].as_f64().expect("a band");
                assert!((own / band - 1.0).abs() <= tolerance, "{name} {layer}: the band is {own}, not {band}");
                near("spectral_radius", spectral_radius(&values));
                near("abscissa", values.iter().map(|z| z[0]).fold(f64::NEG_INFINITY, f64::max) - 1.0);
                near("norm", largest_singular_value(jacobian));
                near("frobenius", frobenius(jacobian));
                near("trace", (0..jacobian.len()).map(|i| jacobian[i][i]).sum());
                // Rounding does not decide of eigenvalues that are farther from the limit than the tolerance.
                let count = |what: &str, excess: &dyn Fn(&[f64; 2]) -> f64, is: &dyn Fn(f64) -> bool| {
                    let far = values.iter().all(|z| (excess(z).abs() - band).abs() > 10.0 * tolerance);
                    let expected = values.iter().filter(|z| is(excess(z))).count() as u64;
                    assert!(
                        !far || found[what] == expected,
                        "{name} {layer}: {what} is {}, not {expected}",
                        found[what]
                    );
                };
                let modulus = |z: &[f64; 2]| z[0].hypot(z[1]) - 1.0;
                count("outside_unit_circle", &modulus, &|excess| excess > band);
                count("on_unit_circle", &modulus, &|excess| excess.abs() <= band);
                count("growing_modes", &|z| z[0] - 1.0, &|excess| excess > band);
            }
        }
    }
}
