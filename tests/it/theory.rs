//! Known answers, on every device: closed forms and published tables (Ginibre 1965, Edelman et al. 1994, Newman 1986).

use crate::adapter::software;
use eulerscope::device::Device;
use eulerscope::layer::Point;
use eulerscope::numbers::statistics::{Moments, Summary};
use eulerscope::rollout::{Outcome, Rollout};
use eulerscope::spec::{Ensemble, EnsembleSpec, Grid, LayerSpec, Model, RadiusKind, SweepSpec, Weights};
use eulerscope::spectrum::{self, Spectrum, Status};
use eulerscope::sweep::{self, Cell};
use eulerscope::weights::ensemble::{draw_matrices, unit};
use std::ops::ControlFlow;

/// Members for every device: software Vulkan is right but slow.
pub fn devices() -> Vec<(Device, usize)> {
    let open = |word| Device::open(word).expect("always there");
    vec![(open("cpu"), 1), (open("reference"), 4), (software(), 16)]
}

/// The cells of a sweep that runs.
pub fn cells(device: &Device, spec: &SweepSpec) -> Vec<Cell> {
    sweep::run(device, spec, &mut |_| ControlFlow::Continue(())).expect("the sweep runs").cells
}

/// Of all members, at all grid points.
pub fn outcomes(device: &Device, rollout: &Rollout, members: usize) -> Vec<Outcome> {
    let mut all = Vec::new();
    rollout
        .run(device, 0..members, 0, &mut |outcomes| {
            for member in 0..outcomes.members().len() {
                all.extend((0..outcomes.points()).map(|point| outcomes.get(member, point)));
            }
            ControlFlow::Continue(())
        })
        .expect("the rollout runs");
    all
}

/// Psi(x) by recurrence and its asymptotic series.
pub fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 12.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    sum + x.ln() - 0.5 / x - y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y / 240.0)))
}

#[test]
fn the_essays_equation_multiplies_by_minus_four() {
    let ensemble = EnsembleSpec { width: 1, shift: 5.0, members: 3, ..Default::default() };
    for (device, _) in devices() {
        for (h, factor) in [(1.0, 4.0_f64), (0.4, 1.0), (0.2, 0.0), (0.1, 0.5)] {
            let (layer, points) = (LayerSpec::of(Model::Linear), [Point { step_size: h, radius: 0.0, damping: 0.0 }]);
            let rollout = Rollout::new(&ensemble, &layer, 3000, &points);
            for outcome in outcomes(&device, &rollout, 3) {
                if factor == 0.0 {
                    assert_eq!(outcome.collapse_step, Some(1), "h = {h} on {}", device.description());
                    continue;
                }
                let error = (outcome.log_growth - 3000.0 * factor.ln()).abs();
                assert!(error <= 1e-9, "h = {h} on {}: {outcome:?}", device.description());
                let crossing = if factor == 4.0 { Some(5) } else { None };
                assert_eq!(outcome.crossing_step, crossing, "4^5 is the first power above 1000");
            }
        }
    }
}

#[test]
fn growth_far_beyond_f32_is_exact() {
    let ensemble = EnsembleSpec { width: 3, members: 2, ..Default::default() };
    // Every step multiplies by 1 - damping.
    let points = [1024.0, 1.0 / 4096.0].map(|keep| Point { step_size: 1.0, radius: 0.0, damping: 1.0 - keep });
    let layer = LayerSpec::of(Model::Linear);
    for (device, _) in devices() {
        let rollout = Rollout::new(&ensemble, &layer, 390, &points);
        for (i, outcome) in outcomes(&device, &rollout, 2).into_iter().enumerate() {
            let bits = if i % 2 == 0 { 3900.0 } else { -4680.0 };
            let error = (outcome.log_growth - bits * std::f64::consts::LN_2).abs();
            assert!(error <= 1e-9, "2^{bits} on {}: {outcome:?}", device.description());
        }
    }
}

/// n, mean real eigenvalues (Edelman, Kostlan and Shub), mean and sd of the spectral radius, mean of max Re.
const GINIBRE: [(usize, f64, f64, f64, f64); 4] = [
    (8, 2.650269, 1.0574, 0.186, 0.823),
    (16, 3.616466, 1.0674, 0.122, 0.897),
    (32, 4.960524, 1.0640, 0.080, 0.942),
    (64, 6.845640, 1.0587, 0.052, 0.970),
];

/// Spectra at radius 1.
pub fn spectra(device: &Device, spec: &EnsembleSpec) -> Vec<Spectrum> {
    let mut all = Vec::new();
    draw_matrices(device, spec, 0..spec.members, 0, &mut |_, matrices| {
        all.extend(spectrum::eigenvalues(device, &matrices, spec.width)?);
        Ok(ControlFlow::Continue(()))
    })
    .expect("the matrices are drawn");
    let unit = unit(spec);
    all.into_iter().map(|spectrum| spectrum.map(|[re, im]| [re * unit, im * unit])).collect()
}

#[test]
fn ginibre_spectra_follow_the_published_table() {
    for (device, fewer) in devices() {
        for (n, real, radius, sd, abscissa) in GINIBRE {
            let spec = EnsembleSpec { width: n, members: 2000 / fewer, seed: n as u64, ..Default::default() };
            let all = spectra(&device, &spec);
            let of = |f: &dyn Fn(&Spectrum) -> f64| Summary::of(&all.iter().map(f).collect::<Vec<_>>());
            let radii = of(&|s| s.eigenvalues.iter().map(|z| z[0].hypot(z[1])).fold(0.0, f64::max));
            let name = format!("n = {n} on {}", device.description());
            // The table's own error is about 1 in its last digit.
            near(&format!("{name}: real eigenvalues"), &of(&|s| s.real as f64), real, 0.0);
            near(&format!("{name}: radius"), &radii, radius, 0.0013);
            near(
                &format!("{name}: abscissa"),
                &of(&|s| s.eigenvalues.iter().map(|z| z[0]).fold(-9.0, f64::max)),
                abscissa,
                0.002,
            );
            let count = all.len() as f64;
            assert!(
                (radii.sd.get().expect("many") / sd - 1.0).abs() <= 4.0 / (2.0 * count).sqrt() + 0.05,
                "{name}: {radii:?}"
            );
            // E log |det(G / sqrt n)|, a sharp test of every eigenvalue at once.
            let log_det: f64 = (1..=n).map(|i| 0.5 * (digamma(i as f64 / 2.0) + (2.0 / n as f64).ln())).sum();
            let logs = of(&|s| s.eigenvalues.iter().map(|z| z[0].hypot(z[1]).ln()).sum());
            near(&format!("{name}: log determinant"), &logs, log_det, 0.0);
        }
    }
}

/// Within 4 standard errors (1 in 16,000 by chance, with fixed seeds) and the table's own error.
fn near(name: &str, summary: &Summary, wanted: f64, own: f64) {
    let (mean, error) = (summary.mean.get().expect("values"), summary.standard_error.get().expect("values"));
    assert!((mean - wanted).abs() <= 4.0 * error + own, "{name}: {mean} ± {error}, not {wanted}");
}

#[test]
fn other_ensembles_have_their_own_spectra() {
    let device = Device::open("cpu").expect("always there");
    let spec = |family, tau| EnsembleSpec { family, tau, width: 100, members: 100, ..Default::default() };
    for s in spectra(&device, &spec(Ensemble::Symmetric, None)) {
        assert_eq!((s.status, s.real), (Status::Ok, 100), "symmetric matrices have real eigenvalues");
        let edge = s.eigenvalues.iter().map(|z| z[0].abs()).fold(0.0, f64::max);
        assert!((0.85..1.15).contains(&edge), "the semicircle's edge is brought to 1: {edge}");
    }
    for s in spectra(&device, &spec(Ensemble::Antisymmetric, None)) {
        let largest = s.eigenvalues.iter().map(|z| z[0].abs()).fold(0.0, f64::max);
        assert!(largest <= 1e-5, "antisymmetric matrices have imaginary eigenvalues: {largest}");
    }
    for tau in [0.5, -0.5] {
        let all = spectra(&device, &spec(Ensemble::Elliptic, Some(tau)));
        let mean = |f: fn(&[f64; 2]) -> f64| {
            Moments::of(all.iter().map(|s| s.eigenvalues.iter().map(f).fold(0.0, f64::max))).mean().expect("values")
        };
        let scale = 1.0 + f64::abs(tau);
        let (wide, high) = (mean(|z| z[0].abs()) * scale, mean(|z| z[1].abs()) * scale);
        assert!((wide - (1.0 + tau)).abs() <= 0.09, "semi-axis 1 + tau: {wide}");
        assert!((high - (1.0 - tau)).abs() <= 0.09, "semi-axis 1 - tau: {high}");
    }
}

#[test]
fn antisymmetric_layers_grow_under_euler_as_theory_says() {
    // ODE conserves, Euler grows by sqrt(1 + h² w²); width 2 has one pair ± i w.
    let ensemble = EnsembleSpec { family: Ensemble::Antisymmetric, width: 2, members: 20, ..Default::default() };
    for (device, _) in devices() {
        let (layer, points) = (LayerSpec::of(Model::Linear), [Point { step_size: 0.5, radius: 1.0, damping: 0.0 }]);
        let rollout = Rollout::new(&ensemble, &layer, 100, &points);
        let found = outcomes(&device, &rollout, 20);
        for (outcome, spectrum) in found.iter().zip(spectra(&device, &ensemble)) {
            let w = spectrum.eigenvalues[0][1].abs();
            let wanted = 50.0 * (1.0 + 0.25 * w * w).ln();
            let bound = 100.0 * 20.0 * device.epsilon();
            assert!((outcome.log_growth - wanted).abs() <= bound + 1e-12, "{outcome:?}, w = {w}, not {wanted}");
        }
    }
}

#[test]
fn the_mean_square_grows_as_a_squared_plus_b_squared() {
    for (device, fewer) in devices() {
        let spec = SweepSpec {
            ensemble: EnsembleSpec { members: 4000 / fewer, width: 16, ..Default::default() },
            layer: LayerSpec { weights: Weights::Iid, ..SweepSpec::default().layer },
            depth: 6,
            step_size: Grid::parse("0.2,0.5,1").expect("a grid"),
            radius: Grid::single(0.8),
            damping: Grid::single(0.1),
            ..Default::default()
        };
        for cell in cells(&device, &spec) {
            let (a, b) = (1.0 - cell.damping, cell.step_size * cell.radius);
            let wanted = 6.0 * (a * a + b * b).ln();
            let found = cell.log_mean_square_growth.get().expect("is");
            // The squared growth is close to log-normal with twice the standard deviation of the logarithm.
            let spread = 2.0 * cell.log_growth.sd.get().expect("is");
            let error = ((spread * spread).exp_m1() / cell.members as f64).sqrt();
            assert!((found - wanted).abs() <= 4.0 * error, "{cell:?}: {found}, not {wanted} ± {error}");
        }
    }
}

#[test]
fn chunks_and_repetition_do_not_change_a_byte() {
    for word in ["cpu", "software"] {
        let device = if word == "cpu" { Device::open(word).expect("there") } else { software() };
        let spec = SweepSpec {
            ensemble: EnsembleSpec { members: 70, width: 10, ..Default::default() },
            depth: 12,
            step_size: Grid::parse("lin(0.1,2,5)").expect("a grid"),
            radius: Grid::parse("0.5,1").expect("a grid"),
            ..Default::default()
        };
        let bytes = |chunk| {
            let spec = SweepSpec { chunk, ..spec.clone() };
            serde_json::to_string(&cells(&device, &spec)).expect("serialises")
        };
        let whole = bytes(None);
        for chunk in [1, 7, 64, 70] {
            assert!(bytes(Some(chunk)) == whole, "chunks of {chunk} on {word}");
        }
        assert!(bytes(None) == whole, "the same again on {word}");
    }
}

#[test]
fn devices_agree_on_a_sweep() {
    let spec = SweepSpec {
        ensemble: EnsembleSpec { members: 100, width: 12, ..Default::default() },
        depth: 20,
        step_size: Grid::parse("log(0.05,2,6)").expect("a grid"),
        radius: Grid::parse("lin(0.2,1.4,4)").expect("a grid"),
        ..Default::default()
    };
    let reference = cells(&Device::open("reference").expect("there"), &spec);
    for (device, _) in devices() {
        for (cell, truth) in cells(&device, &spec).iter().zip(&reference) {
            let neutral =
                cell.fates_predicted.neutral.get().expect("is") + truth.fates_predicted.neutral.get().expect("is");
            let difference =
                (cell.unstable_fraction.get().expect("is") - truth.unstable_fraction.get().expect("is")).abs();
            assert!(difference <= neutral + 1e-12, "{cell:?} on {}", device.description());
            // 20 steps, each off by at most (n + 5) ulp of the state, which non-normality may amplify tenfold.
            let bound = 20.0 * 17.0 * 10.0 * f32::EPSILON as f64;
            let difference =
                (cell.log_growth.median.get().expect("is") - truth.log_growth.median.get().expect("is")).abs();
            assert!(difference <= bound, "{cell:?}, not {truth:?} on {}", device.description());
        }
    }
}

#[test]
fn exact_radii_are_exact() {
    for (device, _) in devices() {
        let spec = SweepSpec {
            ensemble: EnsembleSpec { members: 40, width: 8, radius_kind: RadiusKind::Exact, ..Default::default() },
            depth: 400,
            step_size: Grid::single(1.0),
            radius: Grid::parse("0.9,1.1").expect("a grid"),
            damping: Grid::single(1.0),
            ..Default::default()
        };
        let cells = cells(&device, &spec);
        for cell in &cells {
            let radius = cell.spectral_radius;
            assert!(
                (radius.mean.get().expect("is") - cell.radius).abs() <= 1e-5 && radius.sd.get().expect("is") <= 1e-5,
                "{radius:?}"
            );
            // With damping 1 and h = 1 the step is A itself, so the state grows by the radius.
            let rate = cell.log_growth.median.get().expect("is") / 400.0;
            assert!((rate - cell.radius.ln()).abs() <= 0.02, "{cell:?}");
        }
        assert_eq!((cells[0].unstable_fraction.get(), cells[1].unstable_fraction.get()), (Some(0.0), Some(1.0)));
    }
}
