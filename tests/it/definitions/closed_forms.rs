//! Runs of the whole program whose results a line of arithmetic tells.

use super::program::{self, flattened};
use super::statistics::{mean, standard_error};
use super::table::Row;

const DEVICES: [&str; 3] = ["reference", "cpu", "software"];

#[track_caller]
fn is(row: &Row, name: &str, expected: f64, tolerance: f64) {
    let found = row[name].unwrap_or(f64::NAN);
    assert!((found - expected).abs() <= tolerance, "{name}: {found}, not {expected}");
}

fn cell(line: &str, device: &str) -> Row {
    program::run(&format!("sweep {line} --trajectories 1"), device).rows("cells").remove(0)
}

/// A step that doubles peaks at its last step, one that halves before its first.
#[test]
fn peaks_have_their_step() {
    for device in DEVICES {
        let grows = cell("--radius 0 --damping 0 --step-size 1 --shift -1 --width 3 --layers 2 --depth 10", device);
        is(&grows, "overshoot_step", 10.0, 0.0);
        is(&grows, "log_peak_growth_median", 10.0 * 2_f64.ln(), 1e-5);
        is(&grows, "log_growth_mean", 10.0 * 2_f64.ln(), 1e-5);
        // 2^10 is the first power above 1000.
        is(&grows, "crossing_step", 10.0, 0.0);
        is(&grows, "diverged_fraction", 1.0, 0.0);
        let shrinks = cell("--radius 0 --damping 0 --step-size 1 --shift 0.5 --width 3 --layers 2 --depth 10", device);
        is(&shrinks, "overshoot_step", 0.0, 0.0);
        is(&shrinks, "log_peak_growth_median", 0.0, 1e-6);
        is(&shrinks, "mean_square_growth", 0.25_f64.powi(10), 1e-9);
        assert_eq!(shrinks["crossing_step"], None);
    }
}

/// The friction of every integrator, on dx/dt = -5 x with h = 1.
#[test]
fn integrators_have_their_factors() {
    let factors = [
        ("euler", 4.0),
        ("heun", 8.5),
        ("rk4", 13.708_333_333_333_334),
        ("backward-euler", 1.0 / 6.0),
        ("exponential-euler", (-5_f64).exp()),
    ];
    for device in DEVICES {
        for (integrator, factor) in factors {
            let line = "--radius 0 --damping 0 --step-size 1 --shift 5 --width 1 --layers 2 --depth 4";
            let found = cell(&format!("{line} --integrator {integrator}"), device);
            is(&found, "spectral_radius_mean", factor, 1e-5 * factor);
            is(&found, "log_growth_mean", 4.0 * f64::ln(factor), 2e-5);
        }
    }
}

/// Where f is 0 every direction decays as the state does, so the direction's own exponents are 0.
#[test]
fn friction_alone_turns_nothing() {
    for device in DEVICES {
        let line = "--model mlp --radius 0 --damping 0.3 --width 4 --layers 2 --steps 5 --transient-steps 3 --blocks 1";
        let json = program::run(&format!("lyapunov {line}"), device).json;
        for list in ["exponents", "angular_exponents"] {
            for exponent in json[list].as_array().expect("a list") {
                let expected = if list == "exponents" { 0.7_f64.ln() } else { 0.0 };
                is(&flattened(exponent), "mean", expected, 2e-6);
            }
        }
    }
}

/// A norm behind the sum sets the norm of the state to sqrt(n), whatever the step.
#[test]
fn norms_behind_the_sum_fix_the_norm() {
    for device in DEVICES {
        let line =
            "--model mlp --norm post --norm-kind rmsnorm --width 9 --layers 2 --depth 3 --step-size 1 --radius 1";
        let results = program::run(&format!("sweep {line} --damping 0 --trajectories 2"), device);
        for row in results.table("trajectories").iter().filter(|row| row["step"] > Some(0.0)) {
            is(row, "norm", 3.0, 2e-4);
        }
    }
}

/// The seed has 64 bits, and everything that is drawn depends on all of them.
#[test]
fn seeds_have_64_bits() {
    let of = |seed: u64| {
        let line = "--radius 0.5 --damping 0.1 --step-size 1 --width 3 --layers 2 --depth 3";
        let results = program::run(&format!("sweep {line} --trajectories 2 --seed {seed}"), "cpu");
        results.table("trajectories").iter().map(|row| row["log_growth"]).collect::<Vec<_>>()
    };
    let (one, other, low) = (of(3), of((1 << 32) + 3), of(4));
    assert!(one != other && one != low && other != low);
    assert_eq!(one, of(3));
}

/// Biases add their variance to that of a projection. Behind a norm a projection is N(0, g² (1 + b²)), half of whose square
/// is left by a ReLU; the output projection has its own bias. So the square of a number of h f is on average
/// (h ρ g_o)² (b² + g_h² (1 + b²) / 2) of the FFN, and of attention to a single token, whose weight is 1, with g_v² (1 + b²)
/// instead of the second term.
#[test]
fn biases_add_their_variance() {
    let line = "--norm-kind rmsnorm --width 32 --members 400 --trajectories 400 --depth 1 --linearise-every 0 --step-size 0.5 \
                --radius 1.2 --damping 0.1 --output-gain 0.8";
    let (outer, own) = ((0.5_f64 * 1.2 * 0.8).powi(2), 1.5_f64.powi(2));
    for device in DEVICES {
        for (model, part) in [
            ("--model mlp --activation relu --hidden-gain 1.5", 0.5),
            ("--model attention --tokens 1 --heads 2 --value-gain 1.5 --query-key-gain 3", 1.0),
        ] {
            for bias in [0.0_f64, 0.3, 1.4] {
                let line =
                    format!("sweep {model} {line} --bias-gain {bias}").split_whitespace().collect::<Vec<_>>().join(" ");
                let rows = program::run(&line, device).table("trajectories");
                let of = |row: &Row, name: &str| row[name].expect("a number");
                let squares: Vec<f64> = rows
                    .chunks(2)
                    .map(|steps| (of(&steps[0], "norm") * of(&steps[1], "effective_step")).powi(2) / 32.0)
                    .collect();
                let expected = outer * (bias.powi(2) + own * (1.0 + bias.powi(2)) * part);
                let (mean, error) = (mean(&squares).expect("members"), standard_error(&squares).expect("members"));
                assert!((mean - expected).abs() <= 4.5 * error, "{line} on {device}: {mean} ± {error}, not {expected}");
                assert!(error < 0.05 * expected, "{error} tells nothing of {expected}");
            }
        }
    }
}
