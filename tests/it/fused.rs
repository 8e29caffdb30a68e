//! Steps of the Transformer made many at a time: the same outcomes as by the separate kernels, and really made so.

use crate::adapter::{as_on_hardware, reference, software};
use eulerscope::device::Device;
use eulerscope::kernel::shared::trajectory::{event, norm};
use eulerscope::layer::{FusedSteps, NonlinearLayer, Point, Threshold};
use eulerscope::plan::{Data, Plan};
use eulerscope::rollout::{Observation, Outcome, Outcomes, Rollout};
use eulerscope::spec::{
    Activation, EnsembleSpec, Integrator, LayerSpec, Mask, Model, NormKind, NormPlacement, Weights,
};
use eulerscope::weights::Source;

const KERNEL: &str = "transformer_steps";
const MEMBERS: usize = 3;

fn point(step_size: f64, radius: f64, damping: f64) -> Point {
    Point { step_size, radius, damping }
}

/// Points that decay, stay and cross the threshold of 2; the last one comes to 2^48 in some steps.
fn points() -> Vec<Point> {
    vec![point(0.1, 1.0, 0.2), point(0.2, 1.0, 0.0), point(0.5, 1.5, 0.0), point(0.05, 1.0, 0.5), point(1.0, 3e13, 0.0)]
}

/// Outcomes and observations of all members at all points.
fn rolled(device: &Device, layer: &LayerSpec, width: usize, depth: usize) -> Vec<(Outcome, Observation)> {
    let ensemble = EnsembleSpec { width, members: MEMBERS, seed: 5, ..Default::default() };
    let points = points();
    let rollout = Rollout { threshold: 2.0, ..Rollout::new(&ensemble, layer, depth, &points) };
    let mut all = Vec::new();
    let sink = &mut |outcomes: Outcomes| {
        let pairs = outcomes.members().enumerate().flat_map(|(i, _)| (0..points.len()).map(move |p| (i, p)));
        all.extend(
            pairs.map(|(i, p)| (outcomes.get(i, p), outcomes.observation(i, depth, p).expect("it is observed"))),
        );
        std::ops::ControlFlow::Continue(())
    };
    rollout.run(device, 0..MEMBERS, 0, sink).expect("the rollout runs");
    all
}

/// Layers that the kernel knows, with their widths.
fn layers() -> Vec<(LayerSpec, usize)> {
    let tied = LayerSpec { tokens: 4, ..LayerSpec::of(Model::Transformer) };
    let iid = LayerSpec { weights: Weights::Iid, mask: Mask::Causal, tokens: 5, ..tied.clone() };
    let other = LayerSpec { activation: Activation::Tanh, norm_kind: NormKind::Rmsnorm, tokens: 3, ..tied.clone() };
    vec![(tied, 16), (iid, 12), (other, 20)]
}

/// Are two numbers of f32 rollouts alike? The steps are mild, so their errors of some 1e-6 grow little.
fn alike(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || (a - b).abs() <= 1e-4 * b.abs().max(1.0),
        _ => a == b,
    }
}

#[test]
fn fused_steps_have_the_outcomes_of_the_separate_kernels() {
    let fused = as_on_hardware();
    for (layer, width) in layers() {
        // More than the steps of one run, with an odd number between the first and the last.
        let depth = 41;
        let found = rolled(&fused, &layer, width, depth);
        for device in [reference(), Device::open("cpu").expect("always there"), software()] {
            let wanted = rolled(&device, &layer, width, depth);
            assert!(wanted.iter().any(|(outcome, _)| outcome.diverged_step.is_some_and(|step| step > 2)), "{wanted:?}");
            assert!(wanted.iter().any(|(outcome, _)| outcome.crossing_step.is_some_and(|step| step > 2)), "{wanted:?}");
            for (i, ((found, seen), (wanted, truth))) in found.iter().zip(&wanted).enumerate() {
                let name = format!("width {width}, result {i}, {}: {found:?}, not {wanted:?}", device.description());
                let steps = |o: &Outcome| (o.peak_step, o.crossing_step, o.collapse_step, o.diverged_step);
                assert_eq!(steps(found), steps(wanted), "{name}");
                assert!(alike(Some(found.log_growth), Some(wanted.log_growth)), "{name}");
                assert!(alike(Some(found.log_peak), Some(wanted.log_peak)), "{name}");
                let values = |o: &Observation| {
                    [o.norm, o.cosine, o.token_similarity, o.attention_entropy, o.effective_step, o.effective_damping]
                };
                for (a, b) in values(seen).into_iter().zip(values(truth)) {
                    assert!(alike(a, b), "{name}: {seen:?}, not {truth:?}");
                }
            }
        }
    }
}

/// The kernels that a rollout ran, by its profile.
fn kernels(device: &Device, layer: &LayerSpec, depth: usize) -> Vec<&'static str> {
    let (_, profile) = device.profiled(|| rolled(device, layer, 16, depth));
    profile.kernels.into_keys().collect()
}

#[test]
fn steps_are_fused_where_it_pays_and_only_there() {
    let hardware = as_on_hardware();
    let (layer, _) = layers().remove(0);
    assert!(kernels(&hardware, &layer, 6).contains(&KERNEL), "this test needs timestamps");
    // Nothing lies between the first and the last step.
    assert!(!kernels(&hardware, &layer, 2).contains(&KERNEL));
    for device in [software(), Device::open("cpu").expect("always there")] {
        let found = kernels(&device, &layer, 6);
        assert!(!found.contains(&KERNEL) && found.contains(&"end_step"), "{found:?}");
    }
    let others = [
        LayerSpec { integrator: Integrator::Heun, ..layer.clone() },
        LayerSpec { integrator: Integrator::Strang, ..layer.clone() },
        LayerSpec { norm: NormPlacement::Post, ..layer.clone() },
        LayerSpec { norm: NormPlacement::None, ..layer.clone() },
        LayerSpec { tokens: 4, ..LayerSpec::of(Model::Attention) },
        LayerSpec::of(Model::Mlp),
    ];
    for other in others {
        let found = kernels(&hardware, &other, 6);
        assert!(!found.contains(&KERNEL) && found.contains(&"end_step"), "{other:?}: {found:?}");
    }
}

/// The state, norms and events of a member after `depth` steps on a device, in runs of `at_once` steps or one by one.
fn states(device: &Device, layer: &LayerSpec, width: usize, depth: usize, at_once: Option<usize>) -> Vec<Data> {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 5);
    let points = points();
    let mut own = NonlinearLayer::new(&mut plan, layer, width, &points, Threshold::new(2.0), 1);
    let fused = FusedSteps::new(&mut plan, &own, &as_on_hardware().machine()).expect("it is known, and fits");
    let mut x = own.start(&mut plan, &source);
    own.draw(&mut plan, &source, 0);
    x = own.step(&mut plan, x, 1, 0);
    for first in (2..=depth).step_by(at_once.unwrap_or(1)) {
        match at_once {
            Some(steps) => fused.run(&mut plan, x, first, steps.min(depth + 1 - first)),
            None => x = own.step(&mut plan, x, first as u32, 0),
        }
    }
    plan.output(x);
    plan.output(own.record.norms);
    plan.output(own.record.events);
    let mut outputs = Vec::new();
    device
        .run(&plan, 1, 0, &source.inputs(0..1), &mut |chunk| {
            outputs = chunk.into_outputs();
            Ok(())
        })
        .expect("the plan runs");
    outputs
}

/// Its twin runs the separate kernels' twins, so states have the same bits; only the record adds in another order.
#[test]
fn the_twin_makes_the_states_of_the_separate_kernels() {
    let device = Device::open("cpu").expect("always there");
    for (layer, width) in layers() {
        let one = states(&device, &layer, width, 12, None);
        for at_once in [1, 4, 11] {
            let all = states(&device, &layer, width, 12, Some(at_once));
            assert_eq!(all[0], one[0], "states, width {width}, {at_once} at once");
            assert_eq!(all[2], one[2], "events, width {width}, {at_once} at once");
            let points = points().len();
            for i in 0..norm::ROWS * points {
                let (found, wanted) = (all[1].real(i), one[1].real(i));
                assert!((found - wanted).abs() <= 1e-5 * wanted, "norm {i}: {found}, not {wanted}");
            }
            let frozen = (0..points).filter(|p| all[2].real(event::DIVERGED_STEP * points + p) > 1.0).count();
            assert_eq!(frozen, 1, "one point is frozen on the way");
        }
    }
}
