//! Spectra of ensembles and of matrices, held against the definitions; and results with known values, end to end.

use super::band;
use super::compare::{Expected, rounding_of, with_rounding};
use super::dense::{Matrix, eigenvalues};
use super::pairwise::{factor, settings};
use super::program::{self, flattened};
use super::random::{Address, Tensor};
use super::setting::Setting;
use super::spectrum::{affine, derived, drawn, each, smallest_singular_value, statistics};
use super::sweeps::{allowed, report};
use super::table::Row;

/// How far two sets are apart: the largest distance, where each value in turn takes the nearest that is left.
fn apart(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
    let mut left = b.to_vec();
    let mut largest = if a.len() == b.len() { 0.0 } else { f64::INFINITY };
    for z in a.iter().take(b.len()) {
        let distance = |w: &[f64; 2]| (z[0] - w[0]).hypot(z[1] - w[1]);
        let nearest = (0..left.len()).min_by(|&i, &j| distance(&left[i]).total_cmp(&distance(&left[j]))).expect("one");
        largest = f64::max(largest, distance(&left.swap_remove(nearest)));
    }
    largest
}

/// The eigenvalues of a table or list, member by member.
fn by_member(rows: &[Row]) -> Vec<Vec<[f64; 2]>> {
    let mut spectra: Vec<Vec<[f64; 2]>> = Vec::new();
    for row in rows {
        let [member, re, im] = ["member", "re", "im"].map(|name| row[name].expect("a number"));
        spectra.resize(spectra.len().max(member as usize + 1), vec![]);
        spectra[member as usize].push([re, im]);
    }
    spectra
}

/// Complaints about spectra that are farther from the exact ones than rounding may carry them.
pub fn distances(what: &str, found: &[Row], exact: &[Vec<[f64; 2]>], noisy: &[Vec<Vec<[f64; 2]>>]) -> Vec<String> {
    let found = by_member(found);
    if found.len() != exact.len() {
        return vec![format!("{what}: {} members, not {}", found.len(), exact.len())];
    }
    let far = |member: &usize| {
        let spread = noisy.iter().map(|noisy| apart(&noisy[*member], &exact[*member])).fold(0.0, f64::max);
        let distance = apart(&found[*member], &exact[*member]);
        distance.is_nan() || distance > 40.0 * spread
    };
    let all = (0..exact.len()).filter(far);
    all.map(|member| format!("{what}: {:?} are not {:?}", found[member], exact[member])).collect()
}

pub fn of_ensemble(setting: &Setting, of_step: bool, device: &str) -> Vec<String> {
    let line = setting.spectrum(of_step);
    let results = program::run(&line, device);
    let epsilon = rounding_of(device);
    let spectra = || -> Vec<Vec<[f64; 2]>> {
        let matrix = |member| {
            let a = drawn(setting, member);
            if of_step { affine(1.0 - setting.dampings[0], setting.step_sizes[0], &a) } else { a }
        };
        (0..setting.members).map(|member| eigenvalues(&matrix(member))).collect()
    };
    let (exact, noisy) = (spectra(), with_rounding(epsilon, spectra));
    let step_size = if of_step { setting.step_sizes[0] } else { 1.0 };
    let band = band::of_linear_step(setting, step_size, setting.radii[0], 0.0, band::epsilon_of(device));
    let expected = Expected::of(&exact, &noisy, epsilon, |spectra| vec![statistics(spectra, band)]);
    let mut complaints = expected.complaints_of_known("spectrum", &[flattened(&results.json)]);
    let members = Expected::of(&exact, &noisy, epsilon, |spectra| each(spectra, band));
    complaints.extend(members.complaints("members.parquet", &results.table("members")));
    complaints.extend(distances("spectra.parquet", &results.table("spectra"), &exact, &noisy));
    complaints
}

fn hold(device: &str) {
    let factors = [
        factor("ensemble", &["ginibre", "symmetric", "antisymmetric", "elliptic"], |s, x| s.ensemble = x),
        factor("radius_kind", &["nominal", "exact"], |s, x| s.radius_kind = x),
        factor("shift", &[0.0, 0.7], |s, x| s.shift = x),
        factor("width", &[2, 3, 5, 8], |s, x| s.width = x),
        factor("members", &[1, 2, 7], |s, x| s.members = x),
        factor("point", &[(0.5, 1.5, 0.3), (1.0, 0.6, 0.0)], |s, (step, radius, damping)| {
            (s.step_sizes, s.radii, s.dampings) = (vec![step], vec![radius], vec![damping]);
        }),
        factor("seed", &[1, (1 << 32) + 3], |s, x| s.seed = x),
    ];
    let all = settings(&Setting { tau: -0.4, ..Setting::default() }, &factors, allowed);
    report(&all, device, |setting| {
        let of_step = setting.members == 2;
        (setting.spectrum(of_step), of_ensemble(setting, of_step, device))
    });
}

#[test]
fn spectra_on_the_reference() {
    hold("reference");
}

#[test]
fn spectra_on_the_cpu() {
    hold("cpu");
}

/// Numbers of the stream's version 1, to the bit: a matrix of width 1 is its own eigenvalue.
#[test]
fn drawn_numbers_are_pinned() {
    let address = |seed, member| Address { seed, member, tensor: Tensor::Linear, step: 0 };
    for seed in [0, 3, (1 << 32) + 3] {
        let results = program::run(&format!("spectrum --width 1 --layers 4 --seed {seed} --values"), "cpu");
        let numbers: Vec<f64> = by_member(&results.table("spectra")).iter().map(|values| values[0][0]).collect();
        let expected: Vec<f64> = (0..4).map(|member| address(seed, member).normal(0)).collect();
        assert_eq!(numbers, expected, "seed {seed}");
        assert_eq!(results.json["stream_version"].as_f64().unwrap_or(1.0), 1.0);
    }
    assert_eq!(address(3, 2).normal(0).to_bits(), PINNED.to_bits(), "{}", address(3, 2).normal(0));
}

/// The first number of member 2 for seed 3.
const PINNED: f64 = 0.27686548233032227;

pub fn write(matrix: &Matrix, folder: &std::path::Path) -> String {
    let text: Vec<String> =
        matrix.iter().map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",")).collect();
    let path = folder.join("matrix.csv");
    std::fs::write(&path, text.join("\n")).expect("a file");
    path.display().to_string()
}

fn of_matrix(matrix: &Matrix, flags: &str, device: &str) -> Row {
    let folder = tempfile::tempdir().expect("a folder");
    let file = write(matrix, folder.path());
    flattened(&program::run(&format!("spectrum --matrix {file} --values{flags}"), device).json)
}

/// Everything that is said of a matrix, of A and of M.
#[test]
fn matrices() {
    let setting = Setting { width: 6, radii: vec![0.5], shift: 0.2, ..Setting::default() };
    for device in ["reference", "cpu", "software"] {
        for member in 0..3 {
            let a = drawn(&setting, member);
            let m = affine(0.7, 0.5, &a);
            for (matrix, flags) in [(&a, ""), (&m, " --step-size 0.5 --damping 0.3")] {
                let found = of_matrix(&a, flags, device);
                let expected = derived(matrix, 100);
                let step_size = (!flags.is_empty()).then_some(0.5);
                // Of a file eigenvalues are computed in f64 on the host.
                let epsilon = if device == "software" { band::epsilon_of(device) } else { f64::EPSILON };
                let band = band::of_file(&a, &eigenvalues(&a), step_size, epsilon);
                let own = found["band"].expect("a band");
                assert!((own - band).abs() <= 1e-9 * band, "{device}{flags}: the band is {own}, not {band}");
                for name in [
                    "norm",
                    "numerical_abscissa",
                    "departure_from_normality",
                    "transient_peak_value",
                    "transient_peak_step",
                ] {
                    let (found, expected) = (found[name].expect(name), expected[name].expect(name));
                    let tolerance = if device == "software" { 2e-4 } else { 1e-9 };
                    assert!(
                        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
                        "{name}: {found}, {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn pseudospectra() {
    let a = drawn(&Setting { width: 5, ..Setting::default() }, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let file = write(&a, folder.path());
    let eigenvalues = eigenvalues(&a);
    for (device, tolerance) in [("reference", 1e-9), ("cpu", 1e-9), ("software", 2e-5)] {
        let results = program::run(&format!("spectrum --matrix {file} --pseudospectrum 5"), device);
        let rows = results.table("pseudospectrum");
        assert_eq!(rows.len(), 25);
        for row in &rows {
            let [x, y, sigma] = ["re", "im", "smallest_singular_value"].map(|name| row[name].expect("a number"));
            let exact = smallest_singular_value(&a, [x, y]);
            assert!((sigma - exact).abs() <= tolerance, "{device}: {sigma} is not {exact} at {x} + {y} i");
        }
        // The grid reaches half again as far as the eigenvalues, evenly and symmetric about the real axis.
        let (re, im) = (|i: usize| rows[i]["re"].expect("a number"), |i: usize| rows[5 * i]["im"].expect("a number"));
        assert!((re(2) - (re(0) + re(4)) / 2.0).abs() < 1e-9 && (im(0) + im(4)).abs() < 1e-9 && im(2).abs() < 1e-9);
        assert!(eigenvalues.iter().all(|z| z[0] > re(0) && z[0] < re(4) && z[1].abs() < im(4)));
    }
}

/// Matrices that a mistake of a sign, of a friction or of an absolute value would betray.
#[test]
fn matrices_with_known_answers() {
    let diagonal = |entries: &[f64]| -> Matrix {
        (0..entries.len())
            .map(|i| (0..entries.len()).map(|j| if i == j { entries[i] } else { 0.0 }).collect())
            .collect()
    };
    let is = |row: &Row, name: &str, expected: f64| {
        let found = row[name].unwrap_or(f64::NAN);
        assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{name}: {found}, not {expected}");
    };
    for device in ["reference", "cpu", "software"] {
        is(&of_matrix(&diagonal(&[-5.0, 1.0]), "", device), "numerical_abscissa", 1.0);
        is(&of_matrix(&diagonal(&[-1.0, -1.0]), "", device), "numerical_abscissa", -1.0);
        let step = of_matrix(&diagonal(&[-1.0, -2.0]), " --step-size 0.5 --damping 0.1", device);
        is(&step, "spectral_radius_mean", 0.4);
        is(&step, "spectral_abscissa_mean", 0.4);
        is(&of_matrix(&diagonal(&[-4.0, -1.0]), "", device), "critical_step_size", 0.5);
        let rotation = vec![vec![-1.0, 2.0], vec![-2.0, -1.0]];
        is(&of_matrix(&rotation, "", device), "critical_step_size", 0.4);
        let jordan = vec![vec![0.5, 3.0], vec![0.0, 0.5]];
        let peak = of_matrix(&jordan, "", device);
        is(&peak, "transient_peak_value", ((9.5 + 90_f64.sqrt()) / 2.0).sqrt());
        is(&peak, "transient_peak_step", 1.0);
        is(&peak, "departure_from_normality", 3.0);
    }
}
