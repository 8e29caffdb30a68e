//! Spectra of an ensemble and of matrices: what `spectrum` reports.

use super::dense::*;
use super::layer::{at_the_edge, with_radius_one};
use super::random::{Address, Tensor};
use super::setting::Setting;
use super::table::{Row, summarise};

/// A = -shift I + radius times the member's matrix of radius 1.
pub fn drawn(setting: &Setting, member: usize) -> Matrix {
    let address = Address { seed: setting.seed, member: member as u32, tensor: Tensor::Linear, step: 0 };
    affine(-setting.shift, setting.radii[0], &with_radius_one(setting, &address))
}

/// a I + b M.
pub fn affine(a: f64, b: f64, m: &Matrix) -> Matrix {
    let n = m.len();
    (0..n).map(|i| (0..n).map(|j| b * m[i][j] + if i == j { a } else { 0.0 }).collect()).collect()
}

/// The member's matrix before it is given a radius or a shift.
pub fn bare(setting: &Setting, member: usize) -> Matrix {
    blurred(&at_the_edge(
        setting,
        &Address { seed: setting.seed, member: member as u32, tensor: Tensor::Linear, step: 0 },
    ))
}

/// What is said of the eigenvalues of all matrices.
pub fn statistics(spectra: &[Vec<[f64; 2]>]) -> Row {
    let mut row = Row::new();
    let of = |f: &dyn Fn(&Vec<[f64; 2]>) -> f64| spectra.iter().map(f).collect::<Vec<_>>();
    let mut add = |name: &str, values: Vec<f64>| summarise(&mut row, name, &values, &values);
    add("real_eigenvalues", of(&|values| values.iter().filter(|z| z[1] == 0.0).count() as f64));
    add("spectral_radius", of(&|values| spectral_radius(values)));
    add("spectral_abscissa", of(&|values| spectral_abscissa(values)));
    let sizes: Vec<f64> = spectra.iter().flatten().map(|[re, im]| re.hypot(*im)).collect();
    let count = sizes.len() as f64;
    row.insert(
        "outside_unit_circle_fraction".into(),
        Some(sizes.iter().filter(|size| **size > 1.0).count() as f64 / count),
    );
    row.insert("log_abs_mean".into(), Some(sizes.iter().map(|size| size.ln()).sum::<f64>() / count));
    row.insert("matrices".into(), Some(spectra.len() as f64));
    row.insert("width".into(), Some(spectra[0].len() as f64));
    row
}

/// What is said of one matrix beside its eigenvalues; the peak of its powers is looked for up to so many.
pub fn derived(a: &Matrix, powers: usize) -> Row {
    let values = eigenvalues(a);
    let mut row = Row::new();
    row.insert("norm".into(), Some(largest_singular_value(a)));
    row.insert("numerical_abscissa".into(), Some(numerical_abscissa(a)));
    row.insert("departure_from_normality".into(), Some(departure(a, &values)));
    let mut peak = (1.0, 0);
    let mut power = identity(a.len());
    for step in 1..=powers {
        power = product(&power, a);
        let norm = largest_singular_value(&power);
        if norm > peak.0 {
            peak = (norm, step);
        }
    }
    row.insert("transient_peak_value".into(), Some(peak.0));
    row.insert("transient_peak_step".into(), Some(peak.1 as f64));
    row.insert("critical_step_size".into(), critical_step_size(&values));
    row
}

/// The largest h with |1 + h λ| <= 1 for all λ, by bisection; none if there is no largest one.
fn critical_step_size(eigenvalues: &[[f64; 2]]) -> Option<f64> {
    let stable = |h: f64| eigenvalues.iter().all(|[re, im]| (1.0 + h * re).hypot(h * im) <= 1.0);
    let (mut low, mut high) = (0.0, 1e9);
    if stable(high) {
        return None;
    }
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if stable(middle) { low = middle } else { high = middle }
    }
    Some(low)
}
