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

/// What is said of the eigenvalues of each matrix, where verdicts have this band.
pub fn each(spectra: &[Vec<[f64; 2]>], band: f64) -> Vec<Row> {
    let own = |(member, values): (usize, &Vec<[f64; 2]>)| {
        let count = |is: &dyn Fn(&[f64; 2]) -> bool| values.iter().filter(|z| is(z)).count() as f64;
        [
            ("member", member as f64),
            ("spectral_radius", spectral_radius(values)),
            ("spectral_abscissa", spectral_abscissa(values)),
            ("real_eigenvalues", count(&|z| z[1] == 0.0)),
            ("outside_unit_circle", count(&|z| z[0].hypot(z[1]) > 1.0 + band)),
            ("zero_eigenvalues", count(&|z| z[0].hypot(z[1]) <= band)),
            ("band", band),
        ]
        .map(|(name, value)| (name.to_string(), Some(value)))
        .into()
    };
    spectra.iter().enumerate().map(own).collect()
}

/// What is said of the eigenvalues of all matrices.
pub fn statistics(spectra: &[Vec<[f64; 2]>], band: f64) -> Row {
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
        Some(sizes.iter().filter(|size| **size > 1.0 + band).count() as f64 / count),
    );
    let zeros = sizes.iter().filter(|size| **size <= band).count() as f64;
    let logs: f64 = sizes.iter().filter(|size| **size > band).map(|size| size.ln()).sum();
    row.insert("log_abs_mean".into(), (zeros < count).then(|| logs / (count - zeros)));
    row.insert("zero_eigenvalues".into(), Some(zeros));
    row.insert("band".into(), Some(band));
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

/// The smallest singular value of z I - A with z = x + i y: those of [[x - A, -y], [y, x - A]] are the same, each twice.
pub fn smallest_singular_value(a: &Matrix, [x, y]: [f64; 2]) -> f64 {
    let n = a.len();
    let entry = |i: usize, j: usize| match (i / n, j / n) {
        (p, q) if p == q => f64::from(i == j) * x - a[i % n][j % n],
        (0, _) => -y * f64::from(i % n == j % n),
        _ => y * f64::from(i % n == j % n),
    };
    let doubled: Matrix = (0..2 * n).map(|i| (0..2 * n).map(|j| entry(i, j)).collect()).collect();
    // faer's singular values need not converge where all of them are double.
    let transposed: Matrix = (0..2 * n).map(|i| doubled.iter().map(|row| row[i]).collect()).collect();
    let squares = eigenvalues(&product(&transposed, &doubled));
    squares.iter().map(|z| z[0]).fold(f64::INFINITY, f64::min).max(0.0).sqrt()
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
