//! What a sweep remarks of a cell, and every remark in a run that must have it and in one that must not.

use super::program;
use super::setting::Setting;
use super::statistics::{log_mean, quantile, scaled_moments};
use super::sweeps::hold;

/// The remarks of a cell from its members' ln |x_L| / |x_0| and the largest ones on the way, in their order.
pub fn of_cell(net: &[f64], heights: &[f64]) -> Vec<&'static str> {
    let squares: Vec<f64> = net.iter().map(|log| 2.0 * log).collect();
    let mut remarks = Vec::new();
    if squares.contains(&f64::INFINITY) {
        remarks.push("mean_square_growth_infinite");
    } else if let Some(log) = log_mean(&squares).filter(|log| log.is_finite()) {
        if log < f64::MIN_POSITIVE.ln() {
            remarks.push("mean_square_growth_below_f64");
        } else if log > f64::MAX.ln() {
            remarks.push("mean_square_growth_beyond_f64");
        }
        let largest = squares.iter().fold(f64::NEG_INFINITY, |most, log| f64::max(most, *log));
        let weights: Vec<f64> = squares.iter().map(|log| (log - largest).exp()).collect();
        let (sum, of_squares): (f64, f64) = (weights.iter().sum(), weights.iter().map(|w| w * w).sum());
        if sum * sum / of_squares < weights.len() as f64 / 10.0 {
            remarks.push("mean_square_growth_of_few_members");
        }
    }
    let finite: Vec<f64> = heights.iter().copied().filter(|log| log.is_finite()).collect();
    let moments = scaled_moments(&finite);
    let factors: Vec<f64> = heights.iter().map(|log| log.exp()).collect();
    let lost =
        |p: f64| quantile(heights, p).is_some_and(f64::is_finite) && quantile(&factors, p) == Some(f64::INFINITY);
    if moments.iter().flatten().any(|moment| moment.is_infinite()) || [0.1, 0.5, 0.9].into_iter().any(lost) {
        remarks.push("peak_growth_beyond_f64");
    }
    remarks
}

const ALL: [&str; 5] = [
    "mean_square_growth_infinite",
    "mean_square_growth_below_f64",
    "mean_square_growth_beyond_f64",
    "mean_square_growth_of_few_members",
    "peak_growth_beyond_f64",
];

/// Sweeps with growth near and beyond the ends of f64, alike and unlike members, and frozen ones.
pub fn settings() -> Vec<Setting> {
    let base = Setting { width: 2, members: 4, dampings: vec![0.0], ..Setting::default() };
    // A factor of 1000 a step, or of nearly 1/1000.
    let grows = |depth| Setting { shift: -999.0, radii: vec![0.5], depth, ..base.clone() };
    let decays = |depth| Setting { shift: 0.999, radii: vec![1e-4], depth, ..base.clone() };
    let unlike = |radius, members| Setting { width: 1, radii: vec![0.01, radius], members, depth: 30, ..base.clone() };
    let nonlinear = Setting { model: "mlp", norm: "none", activation: "relu", depth: 6, ..base.clone() };
    vec![
        grows(50),
        grows(55),
        grows(101),
        grows(110),
        decays(50),
        decays(60),
        unlike(1.5, 9),
        unlike(1.5, 60),
        // Far apart, so that a few are beyond f64 and most are not.
        Setting { depth: 300, ..unlike(40.0, 40) },
        Setting { radii: vec![1.0, 700.0], ..nonlinear },
    ]
}

/// Which remarks the cells of a sweep should have.
fn remarks_of(setting: &Setting) -> Vec<Vec<&'static str>> {
    super::sweep::sweep::<f64>(setting, f64::EPSILON).remarks
}

#[test]
fn every_remark_has_a_case_with_it_and_one_without() {
    let all: Vec<Vec<&str>> = settings().iter().flat_map(remarks_of).collect();
    for remark in ALL {
        let with = all.iter().filter(|remarks| remarks.contains(&remark)).count();
        assert!(with > 0 && with < all.len(), "{remark}: {with} of {}", all.len());
    }
    assert!(all.iter().any(Vec::is_empty));
}

#[test]
fn remarks_of_sweeps_on_every_device() {
    for device in ["reference", "cpu"] {
        hold(&settings(), device);
    }
    hold(&settings().into_iter().step_by(3).collect::<Vec<_>>(), "software");
}

/// What of a matrix of a file is beyond f64 is missing and named; of a matrix whose quantities fit nothing is.
#[test]
fn overflows_of_matrices_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("matrix.csv");
    for device in ["reference", "cpu"] {
        for (entry, expected) in [(1e150, vec![]), (1.7e308, vec!["norm", "departure_from_normality"])] {
            // All eigenvalues are 0, the norm and the departure sqrt(2) times the entry; half of that is the abscissa.
            std::fs::write(&path, format!("0,{entry:e},{entry:e}\n0,0,0\n0,0,0\n")).expect("a file");
            let json = program::run(&format!("spectrum --matrix {}", path.display()), device).json;
            let named = json["overflow"].as_array().into_iter().flatten();
            let named: Vec<&str> = named.map(|name| name.as_str().expect("a word")).collect();
            assert!(expected.iter().all(|name| named.contains(name)), "{entry:e} on {device}: {json}");
            assert_eq!(named.is_empty(), expected.is_empty(), "{entry:e} on {device}: {json}");
            for name in ["norm", "numerical_abscissa", "departure_from_normality"] {
                assert_eq!(json[name].is_null(), expected.contains(&name), "{name} of {entry:e} on {device}");
            }
        }
    }
}
