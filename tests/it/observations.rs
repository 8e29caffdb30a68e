//! What is observed of a nonlinear state where it is hard: nothing of a state that is 0, small changes of a large norm.

use crate::adapter::{gpu, reference, software_adapters};
use eulerscope::device::Device;
use eulerscope::layer::Point;
use eulerscope::rollout::{Observation, Rollout};
use eulerscope::spec::{EnsembleSpec, LayerSpec, Model, NormPlacement};

fn devices() -> Vec<Device> {
    let mut devices = vec![Device::open("cpu").expect("always there"), reference()];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    devices
}

/// Three steps of twelve members, `[members, steps]`, with f = 0.
fn with_friction_alone(device: &Device, damping: f64) -> Vec<[Observation; 3]> {
    let ensemble = EnsembleSpec { width: 60, members: 12, ..Default::default() };
    let layer = LayerSpec { tokens: 3, norm: NormPlacement::None, ..LayerSpec::of(Model::Mlp) };
    let points = [Point { step_size: 1.0, radius: 0.0, damping }];
    let history = Rollout::new(&ensemble, &layer, 3, &points).histories(device, 0..12).expect("it runs");
    history.observations.expect("they are observed").chunks(4).map(|steps| [steps[1], steps[2], steps[3]]).collect()
}

/// A state that is 0 has a norm, and no direction: no cosine, no similarity, no damping; and no step from there.
#[test]
fn a_state_of_norm_zero_has_no_direction() {
    for device in &devices() {
        for steps in with_friction_alone(device, 1.0) {
            let gone = Observation { norm: Some(0.0), ..Observation::default() };
            // The step that annihilates it starts from a state with a norm: f is 0.
            assert_eq!(steps[0], Observation { effective_step: Some(0.0), ..gone }, "{}", device.description());
            assert_eq!(steps[1..], [gone, gone], "{}", device.description());
        }
    }
}

/// 1 - |x_k| / |x_(k+1)| = -γ / (1 - γ). Rounding the state moves the norm by half an epsilon at most; the difference
/// itself has N + 8 roundings of its own size.
#[test]
fn small_effective_dampings_are_not_lost_in_the_norms() {
    let damping = f64::powi(2.0, -13);
    let wanted = -damping / (1.0 - damping);
    for device in &devices() {
        let bound = device.epsilon() * (0.5 + 2.0 * 188.0 * damping);
        for step in with_friction_alone(device, damping).iter().flatten() {
            let found = step.effective_damping.expect("is");
            assert!(
                (found - wanted).abs() <= bound,
                "{found:e}, not {wanted:e} ± {bound:e} on {}",
                device.description()
            );
        }
    }
}
