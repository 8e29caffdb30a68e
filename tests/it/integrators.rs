//! Every integrator against closed forms, against each other, and in its order of convergence.

use crate::adapter::{gpu, reference, software_adapters};
use crate::theory::outcomes;
use eulerscope::device::Device;
use eulerscope::integrator::{c64, growth};
use eulerscope::layer::{NonlinearLayer, Point, Threshold};
use eulerscope::lyapunov;
use eulerscope::plan::Plan;
use eulerscope::rollout::{Observation, Rollout};
use eulerscope::spec::{
    Activation, EnsembleSpec, Grid, Integrator, LayerSpec, LyapunovSpec, Model, NormKind, SweepSpec, Weights,
};
use eulerscope::sweep;
use eulerscope::weights::Source;
use std::f64::consts::LN_2;
use std::ops::ControlFlow;

const LINEAR: [Integrator; 5] =
    [Integrator::Euler, Integrator::Heun, Integrator::Rk4, Integrator::BackwardEuler, Integrator::ExponentialEuler];

fn point(step_size: f64, radius: f64, damping: f64) -> Point {
    Point { step_size, radius, damping }
}

fn linear(integrator: Integrator) -> LayerSpec {
    LayerSpec { integrator, ..LayerSpec::of(Model::Linear) }
}

fn devices() -> Vec<Device> {
    let mut devices = vec![reference(), Device::open("cpu").expect("always there")];
    devices.extend(software_adapters().iter().map(|name| gpu(name)));
    devices
}

/// dx/dt = -5 x: every step multiplies by the growth factor, exactly but for one rounding of it and of the norm.
#[test]
fn every_integrator_multiplies_the_essays_equation_by_its_growth_factor() {
    let ensemble = EnsembleSpec { width: 1, shift: 5.0, members: 3, ..Default::default() };
    let steps = 50;
    for device in devices() {
        for integrator in LINEAR {
            for (h, damping) in [(1.0, 0.0), (0.37, 0.1)] {
                let (layer, points) = (linear(integrator), [point(h, 0.0, damping)]);
                let factor = growth(integrator, c64::new(-5.0 * h - damping, 0.0)).norm();
                for outcome in outcomes(&device, &Rollout::new(&ensemble, &layer, steps, &points), 3) {
                    let error = (outcome.log_growth - steps as f64 * factor.ln()).abs();
                    let bound = 4.0 * steps as f64 * device.epsilon();
                    assert!(error <= bound, "{integrator}, h = {h}: off by {error:e} on {}", device.description());
                }
            }
        }
    }
}

/// What a member of width 8 grows over time 1 in so many steps, on the reference.
fn growth_over_time_one(integrator: Integrator, steps: usize) -> Vec<f64> {
    let ensemble = EnsembleSpec { width: 8, members: 4, shift: 0.4, ..Default::default() };
    let h = 1.0 / steps as f64;
    let (layer, points) = (linear(integrator), [point(h, 1.2, 0.3 * h)]);
    let outcomes = outcomes(&reference(), &Rollout::new(&ensemble, &layer, steps, &points), 4);
    outcomes.iter().map(|outcome| outcome.log_growth).collect()
}

#[test]
fn linear_integrators_converge_to_the_exponential_in_their_order() {
    let exact = growth_over_time_one(Integrator::ExponentialEuler, 1);
    let in_steps = growth_over_time_one(Integrator::ExponentialEuler, 8);
    for (a, b) in exact.iter().zip(&in_steps) {
        assert!((a - b).abs() <= 1e-13, "e^Z = (e^(Z/8))^8: {a} and {b}");
    }
    for (integrator, order) in
        [(Integrator::Euler, 1.0), (Integrator::Heun, 2.0), (Integrator::Rk4, 4.0), (Integrator::BackwardEuler, 1.0)]
    {
        let error = |steps: usize| {
            let found = growth_over_time_one(integrator, steps);
            found.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        let measured = (error(40) / error(80)).log2();
        assert!((measured - order).abs() < 0.1, "{integrator}: order {measured}");
    }
}

/// Backward Euler and the exponential are made in other ways than the reference's f64: f32 devices must agree with it.
#[test]
fn devices_agree_on_every_integrator() {
    let ensemble = EnsembleSpec { width: 7, members: 5, shift: 0.6, ..Default::default() };
    for integrator in LINEAR {
        for weights in [Weights::Tied, Weights::Iid] {
            let points = [point(0.3, 1.0, 0.1), point(1.0, 0.5, 0.0), point(0.9, 1.4, 0.4)];
            let layer = LayerSpec { weights, ..linear(integrator) };
            let own = Rollout::new(&ensemble, &layer, 12, &points);
            let truth = outcomes(&reference(), &own, 5);
            for device in devices() {
                let found = outcomes(&device, &own, 5);
                // At the first grid point.
                for (member, (found, truth)) in found.iter().zip(&truth).step_by(3).enumerate() {
                    // 12 steps of sums of 7 + 2 terms, each relative to the norm of a step, which is at most 4 times
                    // its effect here; half a dozen stages.
                    let bound = 12.0 * 6.0 * 4.0 * 9.0 * device.epsilon();
                    let error = (found.log_growth - truth.log_growth).abs();
                    let place = format!("{integrator}, {weights}, member {member} on {}", device.description());
                    assert!(error <= bound, "{place}: {} and {}", found.log_growth, truth.log_growth);
                }
            }
        }
    }
}

/// In one dimension the eigenvalue is the layer: what is predicted is what happens.
#[test]
fn predicted_growth_is_observed_growth_in_one_dimension() {
    let device = Device::open("cpu").expect("always there");
    for integrator in LINEAR {
        let spec = SweepSpec {
            ensemble: EnsembleSpec { width: 1, members: 1, seed: 4, shift: 0.3, ..Default::default() },
            layer: LayerSpec { integrator, ..LayerSpec::of(Model::Linear) },
            step_size: Grid::parse("0.5,1.5").expect("a grid"),
            radius: Grid::parse("0.4,2").expect("a grid"),
            damping: Grid::single(0.1),
            depth: 30,
            ..SweepSpec::default()
        };
        spec.validate().expect("it is valid");
        let result = sweep::run(&device, &spec, &mut |_| ControlFlow::Continue(())).expect("it runs");
        for cell in &result.cells {
            let predicted = cell.spectral_radius.mean.get().expect("one member").ln() * 30.0;
            let observed = cell.log_growth.mean.get().expect("one member");
            assert!(
                (predicted - observed).abs() <= 30.0 * 16.0 * device.epsilon(),
                "{integrator}: {predicted}, {observed}"
            );
        }
    }
}

/// dx/dt = x with h = 1: backward Euler divides by 0. The member diverges in its first step, its neighbours do not.
#[test]
fn a_singular_implicit_step_is_a_divergence() {
    let ensemble = EnsembleSpec { width: 3, shift: -1.0, members: 2, ..Default::default() };
    let points = [1.0, 0.5].map(|h| point(h, 0.0, 0.0));
    for device in devices() {
        let layer = linear(Integrator::BackwardEuler);
        let own = Rollout::new(&ensemble, &layer, 4, &points);
        let mut seen = 0;
        own.run(&device, 0..2, 0, &mut |outcomes| {
            for member in 0..outcomes.members().len() {
                let (singular, regular) = (outcomes.get(member, 0), outcomes.get(member, 1));
                assert_eq!((singular.diverged_step, singular.log_growth), (Some(1), f64::INFINITY));
                assert_eq!(regular.diverged_step, None);
                assert!((regular.log_growth - 4.0 * LN_2).abs() <= 16.0 * device.epsilon());
                seen += 1;
            }
            ControlFlow::Continue(())
        })
        .expect("it runs");
        assert_eq!(seen, 2);
    }
}

/// The same where nobody looks at trajectories alone: predictions, histories and exponents.
#[test]
fn a_singular_implicit_step_is_infinite_everywhere() {
    let never = &mut |_: f64| ControlFlow::Continue(());
    let spec = SweepSpec {
        ensemble: EnsembleSpec { width: 2, members: 3, shift: -1.0, ..Default::default() },
        layer: linear(Integrator::BackwardEuler),
        step_size: Grid::single(1.0),
        radius: Grid::single(0.0),
        damping: Grid::single(0.0),
        depth: 4,
        ..SweepSpec::default()
    };
    for device in devices() {
        let cell = sweep::run(&device, &spec, never).expect("it runs").cells.remove(0);
        assert_eq!((cell.fates_predicted.explodes.get(), cell.fates_observed.explodes.get()), (Some(1.0), Some(1.0)));
        assert_eq!((cell.unstable_fraction.get(), cell.frozen, cell.crossing_step.get()), (Some(1.0), 3, Some(1.0)));
        let points = [point(1.0, 0.0, 0.0)];
        let own = Rollout::new(&spec.ensemble, &spec.layer, 2, &points);
        assert_eq!(own.histories(&device, 0..1).expect("it runs").log_growth, [0.0, f64::INFINITY, f64::INFINITY]);
        let exponents = LyapunovSpec {
            ensemble: spec.ensemble.clone(),
            layer: spec.layer.clone(),
            radius: 0.0,
            damping: 0.0,
            depth: 4,
            blocks: 2,
            transient_steps: 0,
            ..LyapunovSpec::default()
        };
        let result = lyapunov::run(&device, &exponents, 0, never).expect("it runs");
        assert_eq!((result.frozen, result.members), (3, 3));
    }
}

/// Without f nothing but friction moves the state, so the effective step is 0; and the entropy is that of the state
/// before the step, whatever stages follow.
#[test]
fn observations_do_not_depend_on_the_stages() {
    let observed = |integrator, radius| {
        let layer = LayerSpec { integrator, tokens: 4, heads: 2, ..LayerSpec::of(Model::Attention) };
        let ensemble = EnsembleSpec { width: 8, members: 1, ..Default::default() };
        let points = [Point { step_size: 1.0, radius, damping: 0.5 }];
        let mut seen = Observation::default();
        Rollout::new(&ensemble, &layer, 1, &points)
            .run(&reference(), 0..1, 0, &mut |outcomes| {
                seen = outcomes.observation(0, 1, 0).expect("it is observed");
                ControlFlow::Continue(())
            })
            .expect("it runs");
        seen
    };
    let entropy = observed(Integrator::Euler, 3.0).attention_entropy.expect("it attends");
    for integrator in [Integrator::Euler, Integrator::Heun, Integrator::Rk4] {
        let step = observed(integrator, 0.0).effective_step.expect("it moves");
        assert!(step <= 4.0 * f64::EPSILON, "{integrator}: {step}");
        assert_eq!(observed(integrator, 3.0).attention_entropy, Some(entropy), "{integrator}");
    }
}

/// The state of a layer after time 1 in so many steps, on the reference; friction is that of the equation.
fn state_at_time_one(spec: &LayerSpec, steps: usize) -> Vec<f64> {
    let h = 1.0 / steps as f64;
    let point = Point { step_size: h, radius: 1.3, damping: 0.3 * h };
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 3);
    let mut layer = NonlinearLayer::new(&mut plan, spec, 8, &[point], Threshold::new(1e3), 1);
    let mut x = layer.start(&mut plan, &source);
    layer.draw(&mut plan, &source, 0);
    for step in 1..=steps {
        x = layer.step(&mut plan, x, step as u32, 0);
    }
    let x = plan.output(x);
    let mut state = Vec::new();
    reference()
        .run(&plan, 1, 0, &source.inputs(0..1), &mut |chunk| {
            state = chunk.reals(x).to_vec();
            Ok(())
        })
        .expect("it runs");
    state
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// How fast a layer converges to what RK4 gives in 640 steps, and its error in 20 steps.
fn order(spec: &LayerSpec) -> (f64, f64) {
    let exact = state_at_time_one(&LayerSpec { integrator: Integrator::Rk4, ..spec.clone() }, 640);
    let error = |steps: usize| distance(&state_at_time_one(spec, steps), &exact);
    ((error(20) / error(40)).log2(), error(20))
}

#[test]
fn nonlinear_integrators_have_their_order() {
    let base = LayerSpec { activation: Activation::Tanh, norm_kind: NormKind::Rmsnorm, ..LayerSpec::of(Model::Mlp) };
    let attention = LayerSpec { model: Model::Attention, tokens: 3, heads: 2, ..base.clone() };
    let transformer = LayerSpec { model: Model::Transformer, ..attention.clone() };
    let cases = [
        (&base, Integrator::Euler, 1.0),
        (&base, Integrator::Heun, 2.0),
        (&base, Integrator::Rk4, 4.0),
        (&attention, Integrator::Heun, 2.0),
        (&transformer, Integrator::Euler, 1.0),
        (&transformer, Integrator::Heun, 2.0),
        (&transformer, Integrator::Rk4, 4.0),
        // Macaron: the splitting is symmetric, its sub-steps are not.
        (&transformer, Integrator::Strang, 1.0),
        (&transformer, Integrator::StrangRk4, 2.0),
    ];
    for (spec, integrator, expected) in cases {
        let (measured, error) = order(&LayerSpec { integrator, ..spec.clone() });
        println!("{} {integrator}: order {measured:.3}, error {error:.2e} in 20 steps", spec.model);
        assert!((measured - expected).abs() < 0.12, "{} {integrator}: order {measured}", spec.model);
    }
}
