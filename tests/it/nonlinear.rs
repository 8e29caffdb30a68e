//! Sweeps and exponents of the MLP and the Transformer, and what is derived from single matrices.

use crate::theory::{cells, devices};
use eulerscope::device::Device;
use eulerscope::lyapunov;
use eulerscope::numbers::verdict::Band;
use eulerscope::spec::{Activation, EnsembleSpec, Grid, LayerSpec, LyapunovSpec, Model, NormKind, SweepSpec, Weights};
use eulerscope::spectrum::critical::critical_step_size;
use eulerscope::spectrum::derived::derived;
use eulerscope::spectrum::host::batch;
use std::ops::ControlFlow;

fn small(model: Model) -> SweepSpec {
    SweepSpec {
        ensemble: EnsembleSpec { members: 6, width: 8, ..Default::default() },
        layer: LayerSpec { tokens: if model == Model::Transformer { 3 } else { 1 }, ..LayerSpec::of(model) },
        depth: 6,
        step_size: Grid::parse("0.1,1").expect("a grid"),
        radius: Grid::parse("0.5,1.5").expect("a grid"),
        damping: Grid::single(0.1),
        ..SweepSpec::of(model)
    }
}

#[test]
fn without_f_a_layer_is_its_friction() {
    for (device, _) in devices() {
        for (model, sublayers) in [(Model::Mlp, 1.0), (Model::Transformer, 2.0)] {
            let spec = SweepSpec { radius: Grid::single(0.0), ..small(model) };
            for cell in cells(&device, &spec) {
                let factor = (1.0 - cell.damping) * if sublayers == 2.0 { 1.0 - cell.damping } else { 1.0 };
                let growth = cell.log_growth.mean.get().expect("is") - 6.0 * factor.ln();
                assert!(growth.abs() <= 6.0 * 20.0 * f32::EPSILON as f64, "{cell:?} on {}", device.description());
                for step in &cell.linearised {
                    let radius = step.spectral_radius.mean.get().expect("is");
                    assert!((radius - factor).abs() <= 1e-5, "{step:?} on {}", device.description());
                }
            }
        }
    }
}

#[test]
fn devices_agree_on_nonlinear_sweeps() {
    for model in [Model::Mlp, Model::Transformer] {
        let spec = small(model);
        let truth = cells(&Device::open("reference").expect("there"), &spec);
        assert!(truth.iter().all(|cell| cell.linearised.len() == 3), "first, middle and last step");
        for (device, _) in devices() {
            for (cell, truth) in cells(&device, &spec).iter().zip(&truth) {
                let pairs = [
                    (cell.log_growth.mean, truth.log_growth.mean),
                    (cell.spectral_radius.mean, truth.spectral_radius.mean),
                    (cell.linearised[2].norm.mean, truth.linearised[2].norm.mean),
                ];
                for (found, wanted) in pairs {
                    let (found, wanted) = (found.get().expect("is"), wanted.get().expect("is"));
                    assert!((found - wanted).abs() <= 1e-3 * wanted.abs().max(1.0), "{found}, not {wanted}: {model}");
                }
            }
        }
    }
}

#[test]
fn chunks_do_not_change_a_nonlinear_sweep() {
    let device = Device::open("cpu").expect("there");
    let bytes = |chunk| {
        let spec = SweepSpec { chunk, ..small(Model::Transformer) };
        serde_json::to_string(&cells(&device, &spec)).expect("serialises")
    };
    assert!(bytes(Some(1)) == bytes(None) && bytes(Some(4)) == bytes(None));
}

/// The damping paradox: friction makes the direction of a pre-norm stream more sensitive. In mean field the exponent of
/// the angle is 1/2 ln[(1 - gamma)^2 + (1 - (1 - gamma)^2) chi / s2], with chi / s2 = 1.177807 for tanh.
#[test]
fn friction_makes_the_direction_of_a_pre_norm_mlp_more_sensitive() {
    let device = Device::open("cpu").expect("there");
    let exponent = |damping: f64| {
        let spec = LyapunovSpec {
            ensemble: EnsembleSpec { members: 12, width: 128, ..Default::default() },
            layer: LayerSpec {
                weights: Weights::Iid,
                activation: Activation::Tanh,
                norm_kind: NormKind::Rmsnorm,
                ..LayerSpec::of(Model::Mlp)
            },
            damping,
            depth: 60,
            transient_steps: 40,
            top: Some(1),
            blocks: 2,
            ..LyapunovSpec::of(Model::Mlp)
        };
        let found = lyapunov::run(&device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
        (found.angular_exponents[0].mean.expect("is"), found.angular_exponents[0].standard_error.expect("is"))
    };
    let ratio = 1.177_807;
    for damping in [0.3, 0.5] {
        let keep: f64 = (1.0 - damping) * (1.0 - damping);
        let theory = 0.5 * (keep + (1.0 - keep) * ratio).ln();
        let (found, error) = exponent(damping);
        // Finite width lowers the mean logarithm by about 1 / n a step.
        assert!(
            (found - theory).abs() <= 4.0 * error + 1.5 / 128.0,
            "damping {damping}: {found} ± {error}, not {theory}"
        );
        assert!(found > 4.0 * error, "damping {damping} makes directions drift apart");
    }
}

#[test]
fn transients_and_critical_steps_of_single_matrices() {
    let n = 16;
    let shift: Vec<f64> = (0..n * n)
        .map(|i| {
            if i % (n + 1) == 0 {
                0.7
            } else if i % (n + 1) == 1 {
                0.8
            } else {
                0.0
            }
        })
        .collect();
    let spectrum = batch::eigenvalues(&[&shift], n).remove(0);
    let found = derived(&shift, n, &spectrum);
    let peak = found.transient_peak.expect("its powers decay");
    assert!((peak.value / 346_867.0 - 1.0).abs() <= 1e-5 && peak.step == 48, "{peak:?}");

    let decay = [-5.0];
    let spectrum = batch::eigenvalues(&[&decay], 1).remove(0);
    let of = |damping| critical_step_size(&spectrum.eigenvalues, damping, Band::default()).expect("is");
    // |1 - 5 h| <= 1 for h <= 0.4; with friction |0.9 - 5 h| <= 1 for h <= 0.38.
    assert!((of(0.0) - 0.4).abs() <= 1e-12 && (of(0.1) - 0.38).abs() <= 1e-12);
    let rotation = [0.0, 1.0, -1.0, 0.0];
    let spectrum = batch::eigenvalues(&[&rotation], 2).remove(0);
    let found = derived(&rotation, 2, &spectrum);
    assert_eq!(found.critical_step_size, Some(0.0), "Euler explodes on every rotation: {found:?}");
    assert!((found.norm.expect("is") - 1.0).abs() <= 1e-12 && found.departure_from_normality.expect("is") <= 1e-7);
}
