//! Lyapunov exponents with closed forms, on every device.

use crate::adapter::{gpu, reference, software_adapters};
use crate::theory::{devices, digamma, spectra};
use eulerscope::device::Device;
use eulerscope::lyapunov;
use eulerscope::spec::{Ensemble, EnsembleSpec, LayerSpec, LyapunovSpec, Model, Weights};
use std::ops::ControlFlow;

fn all_devices() -> Vec<Device> {
    let mut devices = vec![Device::open("cpu").expect("always there"), reference()];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    devices
}

/// The largest exponent of products of a I + b G / sqrt n, exactly: half of E log of a noncentral chi-squared number.
fn largest_exponent(n: f64, a: f64, b: f64) -> f64 {
    let d = n * a * a / (b * b);
    let (mut log_weight, mut sum) = (-d / 2.0, 0.0);
    for j in 0..(2.0 * d + 400.0) as usize {
        sum += log_weight.exp() * digamma(n / 2.0 + j as f64);
        log_weight += (d / 2.0).ln() - ((j + 1) as f64).ln();
    }
    0.5 * ((2.0 * b * b / n).ln() + sum)
}

#[test]
fn lyapunov_exponents_are_the_exact_ones() {
    for (device, fewer) in devices() {
        for (n, a, b) in [(64, 1.0, 0.1), (64, 0.9, 0.3), (16, 1.0, 0.2), (32, 1.0, 1.0), (64, 0.5, 0.8)] {
            let spec = LyapunovSpec {
                ensemble: EnsembleSpec { width: n, members: 32 / fewer.min(4), ..Default::default() },
                damping: 1.0 - a,
                radius: b,
                step_size: 1.0,
                depth: 400 / fewer,
                transient_steps: 0,
                blocks: 4,
                top: Some(4),
                ..Default::default()
            };
            let result = lyapunov::run(&device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
            let (mean, error) =
                (result.exponents[0].mean.expect("is"), result.exponents[0].standard_error.expect("is"));
            let wanted = largest_exponent(n as f64, a, b);
            assert!(
                (mean - wanted).abs() <= 4.0 * error,
                "({n}, {a}, {b}) on {}: {mean} ± {error}, not {wanted}",
                device.description()
            );
        }
    }
}

#[test]
fn the_closed_form_itself_gives_the_published_values() {
    for (n, a, b, value) in [
        (64.0, 1.0, 0.1, 0.004821),
        (64.0, 1.0, 1.0, 0.340671),
        (64.0, 0.5, 0.8, -0.065511),
        (16.0, 1.0, 0.2, 0.017242),
    ] {
        assert!((largest_exponent(n, a, b) - value).abs() <= 6e-7);
    }
}

#[test]
fn newmans_spectrum_of_ginibre_products() {
    let n = 16;
    for (device, fewer) in devices() {
        let spec = LyapunovSpec {
            ensemble: EnsembleSpec { width: n, members: 64 / fewer.min(4), ..Default::default() },
            damping: 1.0,
            radius: 1.0,
            step_size: 1.0,
            depth: 400 / fewer,
            transient_steps: 10,
            blocks: 4,
            ..Default::default()
        };
        let result = lyapunov::run(&device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
        for (i, exponent) in result.exponents.iter().enumerate() {
            let wanted = 0.5 * ((2.0 / n as f64).ln() + digamma((n - i) as f64 / 2.0));
            let (mean, error) = (exponent.mean.expect("is"), exponent.standard_error.expect("is"));
            assert!(
                (mean - wanted).abs() <= 4.5 * error,
                "exponent {i} on {}: {mean} ± {error}, not {wanted}",
                device.description()
            );
        }
    }
}

#[test]
fn tied_products_have_the_logarithms_of_the_eigenvalues() {
    let device = Device::open("reference").expect("always there");
    let ensemble = EnsembleSpec { width: 6, members: 1, seed: 3, ..Default::default() };
    let spec = LyapunovSpec {
        ensemble: ensemble.clone(),
        layer: LayerSpec { weights: Weights::Tied, ..LyapunovSpec::default().layer },
        damping: 0.0,
        step_size: 0.5,
        radius: 1.0,
        depth: 20_000,
        transient_steps: 2_000,
        blocks: 2,
        ..Default::default()
    };
    let found = lyapunov::run(&device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
    let mut logs: Vec<f64> = spectra(&device, &ensemble)[0]
        .eigenvalues
        .iter()
        .map(|[re, im]| (1.0 + 0.5 * re).hypot(0.5 * im).ln())
        .collect();
    logs.sort_by(|a, b| b.total_cmp(a));
    for (exponent, log) in found.exponents.iter().zip(&logs) {
        // Complex pairs converge like 1 / steps.
        assert!((exponent.mean.expect("is") - log).abs() <= 3.0 / 20_000.0, "{exponent:?}, not {log}");
    }
    let wanted: f64 = logs.iter().sum();
    assert!((found.sum.mean.expect("is") - wanted).abs() <= 1e-9, "the sum is log |det|, at once");
}

/// Antisymmetric layers of odd width are singular: with damping 1 nothing is left of one direction in any step.
#[test]
fn directions_that_rounding_alone_keeps_are_annihilated() {
    for device in &all_devices() {
        for weights in [Weights::Tied, Weights::Iid] {
            let spec = LyapunovSpec {
                ensemble: EnsembleSpec { width: 3, members: 16, family: Ensemble::Antisymmetric, ..Default::default() },
                layer: LayerSpec { weights, ..LayerSpec::of(Model::Linear) },
                damping: 1.0,
                depth: 200,
                transient_steps: 10,
                ..LyapunovSpec::of(Model::Linear)
            };
            let found = lyapunov::run(device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
            let name = format!("{weights} on {}", device.description());
            assert_eq!((found.collapsed, found.members), (16, 16), "{name}");
            assert!(found.exponents[2].mean.is_none() && found.sum.mean.is_none(), "{name}: {found:?}");
            assert!(found.exponents[..2].iter().all(|own| own.mean.is_some_and(|mean| mean > -5.0)), "{name}");
        }
    }
}

/// A frame that has had no time to turn is not in order; what is reported is, with the errors and the convergence of
/// the same directions.
#[test]
fn exponents_come_from_the_largest_to_the_smallest() {
    let spec = LyapunovSpec {
        ensemble: EnsembleSpec { width: 16, members: 4, seed: 5, ..Default::default() },
        depth: 3,
        transient_steps: 0,
        blocks: 3,
        ..LyapunovSpec::of(Model::Linear)
    };
    let nonlinear = LyapunovSpec { layer: LayerSpec::of(Model::Mlp), ..spec.clone() };
    let mut shuffled = false;
    for spec in [spec, nonlinear] {
        let found = lyapunov::run(&reference(), &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
        let means = |exponents: &[lyapunov::Estimate]| exponents.iter().map(|own| own.mean).collect::<Vec<_>>();
        assert!(means(&found.exponents).is_sorted_by(|a, b| a >= b), "{:?}", found.exponents);
        assert_eq!(found.convergence.last().expect("three blocks").exponents, found.exponents);
        shuffled |= !means(&found.convergence[0].exponents).is_sorted_by(|a, b| a >= b);
        // The same directions less the same growth of the norm.
        assert!(means(&found.angular_exponents).is_sorted_by(|a, b| a >= b), "{:?}", found.angular_exponents);
    }
    assert!(shuffled, "earlier blocks keep the order of the last one");
}
