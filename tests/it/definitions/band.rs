//! How near to its limit a number may be for a verdict: the bands of README's "How near is too near", and verdicts on
//! both sides of each.

use super::dense::{Matrix, frobenius, spectral_radius};
use super::given;
use super::program::{self, flattened};
use super::setting::{Point, Setting};

/// The ε of bands on a device: the distance of 1 from the next number.
pub fn epsilon_of(device: &str) -> f64 {
    if device == "reference" { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

/// Eigenvalues of A are those of A + E with ‖E‖ at most so many n ε ‖A‖.
const BACKWARD: f64 = 2.0;
/// The rounding of f64 on the host, eight halves of it.
const HOST: f64 = 4.0 * f64::EPSILON;

/// A bound of ‖A‖₂: the lesser of ‖A‖_F and sqrt(‖A‖₁ ‖A‖_∞).
pub fn bound(a: &Matrix) -> f64 {
    let n = a.len();
    let rows = a.iter().map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max);
    let columns = (0..n).map(|j| a.iter().map(|row| row[j].abs()).sum::<f64>()).fold(0.0, f64::max);
    frobenius(a).min((rows * columns).sqrt())
}

/// Of an eigenvalue of a matrix of this norm.
pub fn of_eigenvalue(n: usize, epsilon: f64, norm: f64) -> f64 {
    BACKWARD * n as f64 * epsilon * norm
}

/// Of a matrix of a file, or of the step that it makes.
pub fn of_file(a: &Matrix, eigenvalues: &[[f64; 2]], step_size: Option<f64>, epsilon: f64) -> f64 {
    let own = of_eigenvalue(a.len(), epsilon, bound(a));
    step_size.map_or(own, |h| h * own + HOST * (1.0 + h * spectral_radius(eigenvalues)))
}

/// What ‖A‖ of a matrix of radius 1 does not exceed: of a drawn one once in 10^8, of own ones the largest bound.
fn norm_at_radius_one(setting: &Setting, longest: f64) -> f64 {
    if setting.given.matrices {
        return longest;
    }
    let root = (setting.width as f64).sqrt();
    let edge = match setting.ensemble {
        "ginibre" => 1.0,
        "elliptic" => 1.0 + setting.tau.abs(),
        _ => 2.0,
    };
    (2.0 * root + 6.0) / (edge * root)
}

/// Of |λ| of the drawn matrices of `spectrum`, and of the growth factor of a linear step.
pub fn of_linear_step(setting: &Setting, step_size: f64, radius: f64, longest: f64, epsilon: f64) -> f64 {
    let size = step_size * radius * norm_at_radius_one(setting, longest);
    let own = of_eigenvalue(setting.width, epsilon, size) + HOST * (1.0 + size);
    if setting.radius_kind == "exact" { 2.0 * own } else { own }
}

/// How steep |Φ| is at most where it is 1.
fn slope(integrator: &str) -> f64 {
    match integrator {
        "heun" => 1.75,
        "rk4" => 3.2,
        _ => 1.0,
    }
}

/// The bands of a cell of a sweep.
pub struct Bands {
    pub predicted: f64,
    pub observed: f64,
    pub norm: f64,
}

impl Bands {
    /// Of own matrices with the `longest` bound, and of Jacobians with the `widest` norm, whichever the setting has.
    pub fn of_cell(setting: &Setting, point: &Point, longest: f64, widest: f64, epsilon: f64) -> Self {
        let norm = (setting.order() as f64 + 4.0) * epsilon;
        if !setting.is_linear() {
            return Bands { predicted: of_eigenvalue(setting.order(), epsilon, widest), observed: norm, norm };
        }
        let own = of_linear_step(setting, point.step_size, point.radius, longest, epsilon);
        let predicted = slope(setting.integrator) * own;
        Bands { predicted, observed: predicted + norm, norm }
    }
}

/// The largest bound of own matrices, all of the file, times the largest gain of an exact radius.
pub fn longest(setting: &Setting, eigenvalues: impl Fn(&Matrix) -> Vec<[f64; 2]>) -> f64 {
    if !setting.given.matrices {
        return 0.0;
    }
    let all: Vec<Matrix> =
        (0..given::count(setting, setting.depth)).map(|index| given::matrix(setting, index)).collect();
    let longest = all.iter().map(bound).fold(0.0, f64::max);
    let gain = all.iter().map(|a| 1.0 / spectral_radius(&eigenvalues(a))).fold(0.0, f64::max);
    if setting.radius_kind == "exact" { longest * gain } else { longest }
}

/// A number inside of its band and one outside, on each side of the limit.
const SIDES: [(f64, f64); 4] = [(-1.4, -1.0), (-0.6, 0.0), (0.6, 0.0), (1.4, 1.0)];

fn file(rows: &[&[f64]], folder: &std::path::Path) -> String {
    let line = |row: &&[f64]| row.iter().map(|x| format!("{x:e}")).collect::<Vec<_>>().join(",");
    let path = folder.join("matrix.csv");
    std::fs::write(&path, rows.iter().map(line).collect::<Vec<_>>().join("\n")).expect("a file");
    path.display().to_string()
}

fn epsilons() -> [(&'static str, f64); 3] {
    ["reference", "cpu", "software"].map(|device| (device, epsilon_of(device)))
}

/// x <- (1 + a) x with |a| near a band: what is predicted of it, what is observed, and whether it grew.
#[test]
fn sweeps_judge_beyond_their_bands() {
    let folder = tempfile::tempdir().expect("a folder");
    for (device, epsilon) in epsilons() {
        let host = HOST;
        // The software driver takes a second to start.
        for (times, side) in SIDES.into_iter().skip(if device == "software" { 2 } else { 0 }) {
            for observed in [false, true] {
                // One number: the predicted band is 2 ε |a| and the host's, the observed one has 5 ε more.
                let band = host + if observed { 5.0 * epsilon } else { 0.0 };
                let a = times * band;
                let matrix = file(&[&[a]], folder.path());
                let line = format!("sweep --matrix {matrix} --step-size 1 --damping 0 --depth 40");
                let cell = program::run(&line, device).rows("cells").remove(0);
                let fate = |what: &str| {
                    let of = |fate: &str| cell[&format!("fates_{what}_{fate}")].expect("a share");
                    assert_eq!(of("decays") + of("neutral") + of("explodes"), 1.0, "{line}");
                    of("explodes") - of("decays")
                };
                let what = if observed { "observed" } else { "predicted" };
                assert_eq!(fate(what), side, "{what}: {times} bands on {device}");
                if !observed {
                    assert_eq!(cell["unstable_fraction"], Some(f64::from(side > 0.0)), "{times} bands on {device}");
                }
            }
            // ln |x_L| / |x_0| over 8 steps.
            let matrix = file(&[&[times * 5.0 * epsilon / 8.0]], folder.path());
            let line = format!("sweep --matrix {matrix} --step-size 1 --damping 0 --depth 8");
            let cell = program::run(&line, device).rows("cells").remove(0);
            assert_eq!(cell["grew_fraction"], Some(f64::from(side > 0.0)), "{times} bands on {device}");
        }
    }
}

/// Eigenvalues near 1 are outside of the circle, and those near 0 are 0 and set no critical step size, by their band.
#[test]
fn spectra_judge_by_their_band() {
    let folder = tempfile::tempdir().expect("a folder");
    for (device, _) in epsilons() {
        for precision in ["f64", "f32"] {
            if (device, precision) == ("software", "f64") || (device, precision) == ("reference", "f32") {
                continue;
            }
            let epsilon = 2_f64.powi(if precision == "f64" { -52 } else { -23 });
            for (times, side) in SIDES.into_iter().skip(if device == "software" { 2 } else { 0 }) {
                let of = |rows: &[&[f64]]| {
                    let line = format!("spectrum --matrix {} --precision {precision}", file(rows, folder.path()));
                    flattened(&program::run(&line, device).json)
                };
                // diag(1 + a, -1): the bound is 1 + a, the band 4 ε.
                let outside = of(&[&[1.0 + times * 4.0 * epsilon, 0.0], &[0.0, -1.0]]);
                assert_eq!(outside["outside_unit_circle_fraction"], Some(if side > 0.0 { 0.5 } else { 0.0 }));
                let near_zero = of(&[&[times * 4.0 * epsilon, 0.0], &[0.0, -1.0]]);
                assert_eq!(near_zero["zero_eigenvalues"], Some(f64::from(side == 0.0)), "{times} bands on {device}");
                // Of -1 alone the largest stable step is 2; what is to the right of the axis allows none.
                let critical = near_zero["critical_step_size"].expect("there is one");
                assert_eq!(critical, if side > 0.0 { 0.0 } else { 2.0 }, "{times} bands on {device}");
                let logs = near_zero["log_abs_mean"].expect("of what is not 0");
                let expected = if side == 0.0 { 0.0 } else { (times.abs() * 4.0 * epsilon).ln() / 2.0 };
                assert!((logs - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{logs}, not {expected}");
            }
        }
    }
}

/// A direction that is multiplied by no more than 2 n ε of the fastest one's factor is annihilated: its exponent is minus
/// infinity, which JSON does not have, and the member is counted.
#[test]
fn exponents_end_at_their_band() {
    let folder = tempfile::tempdir().expect("a folder");
    for (device, epsilon) in epsilons() {
        for (times, collapsed) in [(0.6, 1.0), (1.6, 0.0)] {
            let matrix = file(&[&[1.0, 0.0], &[0.0, times * 4.0 * epsilon]], folder.path());
            // With h = 1 and all of the friction the step is A itself.
            let line = format!("lyapunov --matrix {matrix} --step-size 1 --damping 1 --steps 6 --transient-steps 2");
            let output = program::ending(&format!("{line} --blocks 2"), device);
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
            assert_eq!(json["collapsed"].as_f64(), Some(collapsed), "{times} bands on {device}");
            assert_eq!(json["exponents"][1]["mean"].is_null(), collapsed > 0.0, "{times} bands on {device}");
            assert!(json["exponents"][0]["mean"].as_f64().expect("the first is there").abs() <= 8.0 * epsilon);
        }
    }
}
