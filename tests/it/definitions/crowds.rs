//! Statistics of some hundred members: quantiles, intervals of medians and of fractions, standard errors.

use super::lyapunovs;
use super::setting::Setting;
use super::spectra;
use super::statistics::median_interval;
use super::sweeps;

/// Small layers, many of them: more than a chunk, and numbers for which 10 % of the members is not a whole number.
fn settings() -> Vec<Setting> {
    let base = Setting { width: 3, depth: 4, radii: vec![1.0], step_sizes: vec![0.4, 1.0], ..Setting::default() };
    vec![
        Setting { members: 300, chunk: Some(128), ..base.clone() },
        Setting { members: 211, weights: "iid", dampings: vec![0.0, 0.5], threshold: 1.5, ..base.clone() },
        Setting { members: 128, radius_kind: "exact", integrator: "rk4", ..base.clone() },
        Setting { members: 150, model: "mlp", linearise_every: Some(2), threshold: 1.1, ..base.clone() },
        Setting { members: 61, model: "transformer", tokens: 2, depth: 2, ..base },
    ]
}

/// The order statistics of a median's interval are those of the binomial distribution; the program's from 60 members on
/// are those of the normal distribution, which may be one farther out, but not for these numbers of members.
#[test]
fn intervals_of_medians_are_binomial() {
    for (members, rank) in [(61, 23), (128, 53), (150, 63), (211, 91), (300, 133)] {
        let values: Vec<f64> = (1..=members).map(f64::from).collect();
        let ends = [f64::from(rank), f64::from(members + 1 - rank)];
        assert_eq!(median_interval(&values), Some(ends), "{members}");
    }
}

#[test]
fn sweeps_of_many_members() {
    sweeps::hold(&settings(), "reference");
    sweeps::hold(&settings(), "cpu");
    sweeps::hold(&settings()[..2], "software");
}

#[test]
fn spectra_of_many_members() {
    let base = Setting { width: 4, radii: vec![0.8], dampings: vec![0.2], step_sizes: vec![0.6], ..Setting::default() };
    for (members, ensemble, of_step) in [(250, "ginibre", true), (300, "elliptic", false)] {
        let setting = Setting { members, ensemble, tau: 0.5, ..base.clone() };
        for device in ["reference", "cpu", "software"] {
            assert_eq!(spectra::of_ensemble(&setting, of_step, device), Vec::<String>::new(), "{ensemble} on {device}");
        }
    }
}

#[test]
fn exponents_of_many_members() {
    let base = Setting { width: 3, radii: vec![0.9], depth: 6, members: 200, weights: "iid", ..Setting::default() };
    let all = [base.clone(), Setting { model: "mlp", members: 90, transient: 3, ..base }];
    lyapunovs::hold(&all, "reference");
    lyapunovs::hold(&all, "cpu");
}
