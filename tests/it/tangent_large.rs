//! Tangents of attention without norm, whose states grow without bound, against the definition in f64.

use crate::tangent_exponents::{Layer, SEED, devices, drawn, exponents};
use eulerscope::lyapunov;
use eulerscope::numbers::random::Tensor;
use eulerscope::spec::{EnsembleSpec, Grid, LayerSpec, LyapunovSpec, Model, NormPlacement, SweepSpec, Weights};
use eulerscope::spectrum::host::batch;
use eulerscope::sweep;
use std::ops::ControlFlow;

/// Attention without norm, whose states grow to 1e9 while its tokens become nearly one.
fn growing() -> LyapunovSpec {
    LyapunovSpec {
        ensemble: EnsembleSpec { width: 16, members: 4, seed: SEED, ..Default::default() },
        layer: LayerSpec { norm: NormPlacement::None, weights: Weights::Tied, ..LayerSpec::of(Model::Attention) },
        radius: 1.4,
        step_size: 0.3,
        damping: 0.0,
        depth: 40,
        transient_steps: 20,
        top: Some(3),
        ..LyapunovSpec::of(Model::Attention)
    }
}

/// A tangent that subtracts large terms gives 2 in f32 where 0.2 is right. In f32 tokens meet that do not in f64, and
/// turn the frame by some degrees.
#[test]
fn exponents_of_attention_without_norm_hold_at_large_states() {
    for spec in [growing(), LyapunovSpec { radius: 0.5, step_size: 1.0, damping: 0.1, ..growing() }] {
        let of = |member: u32| exponents(&Layer::new(&spec, member), &spec, member, Layer::tangent_by_pairs);
        let members: Vec<Vec<f64>> = (0..4).map(of).collect();
        let mean = |i: usize| members.iter().map(|own| own[i]).sum::<f64>() / 4.0;
        let wanted = (0..3).map(mean).fold(f64::NEG_INFINITY, f64::max);
        for device in &devices() {
            let found = lyapunov::run(device, &spec, 0, &mut |_| ControlFlow::Continue(())).expect("it runs");
            let mean = found.exponents[0].mean.expect("is");
            let bound = if device.epsilon() < 1e-10 { 1e-3 } else { 0.02 };
            assert!((mean - wanted).abs() <= bound, "{mean}, not {wanted} on {}", device.description());
        }
    }
}

/// The spectral radius of a step far out.
#[test]
fn jacobians_of_attention_without_norm_hold_at_large_states() {
    let own = growing();
    let spec = SweepSpec {
        ensemble: own.ensemble.clone(),
        layer: own.layer.clone(),
        step_size: Grid::single(own.step_size),
        radius: Grid::single(own.radius),
        damping: Grid::single(own.damping),
        depth: 80,
        linearise_every: Some(79),
        ..SweepSpec::of(Model::Attention)
    };
    let radius = |member: u32| -> f64 {
        let layer = Layer::new(&own, member);
        let order = 16 * own.layer.tokens;
        let x = (1..80).fold(drawn(member, Tensor::State, order), |x, _| layer.step(&x));
        let unit = |k: usize| (0..order).map(|i| if i == k { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = (0..order).map(|k| layer.tangent_by_pairs(&x, &unit(k))).collect();
        let matrix: Vec<f64> = (0..order * order).map(|i| columns[i % order][i / order]).collect();
        batch::eigenvalues(&[&matrix], order).remove(0).radius().expect("converges")
    };
    let wanted = (0..4).map(radius).sum::<f64>() / 4.0;
    for device in &devices() {
        let sweep = sweep::run(device, &spec, &mut |_| ControlFlow::Continue(())).expect("it runs");
        let last = sweep.cells[0].linearised.last().expect("linearised");
        let radius = last.spectral_radius.mean.get().expect("is");
        let bound = if device.epsilon() < 1e-10 { 1e-4 } else { 0.02 };
        assert!(
            last.step == 80 && (radius - wanted).abs() <= bound,
            "{radius}, not {wanted} on {}",
            device.description()
        );
    }
}
