//! Tangents along the trajectories of nonlinear sweeps, against the product of the Jacobians of their steps.

use crate::theory::{devices, outcomes};
use eulerscope::device::Device;
use eulerscope::kernel::rescale_tangent;
use eulerscope::layer::Point;
use eulerscope::numbers::random::{NORMAL_UNIT, Stream, Tensor};
use eulerscope::plan::{Data, Inputs, Plan};
use eulerscope::rollout::{Growth, Observation, Rollout};
use eulerscope::spec::{
    Activation, EnsembleSpec, Grid, Integrator, LayerSpec, Mask, Model, NormKind, NormPlacement, SweepSpec, Weights,
};
use eulerscope::sweep::{self, Sweep};
use std::ops::ControlFlow;

/// The tangents' growth at every point of every member: `[members, points]`.
fn growths(device: &Device, rollout: &Rollout, members: usize) -> Vec<Growth> {
    outcomes(device, rollout, members).iter().map(|own| own.perturbation.expect("is")).collect()
}

/// ln |d_k| / |d_0| for k = 0..=depth of a member at a point, from whole Jacobians in f64.
fn product(rollout: &Rollout, (member, point): (usize, usize)) -> Vec<f64> {
    let reference = Device::open("reference").expect("always there");
    let order = rollout.ensemble.width * rollout.layer.tokens;
    let mut drawn = vec![0; order];
    let (seed, tensor) = (rollout.ensemble.seed, Tensor::Perturbation as u32);
    Stream { seed, member: member as u32, tensor, step: 0 }.normals(&mut drawn);
    let mut d: Vec<f64> = drawn.iter().map(|&normal| f64::from(normal) * NORMAL_UNIT).collect();
    let norm = |d: &[f64]| d.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (first, mut logs) = (norm(&d).ln(), vec![0.0]);
    for step in 1..=rollout.depth {
        let mut next = Vec::new();
        rollout
            .jacobians(&reference, member..member + 1, step, &mut |jacobians| {
                let matrix = jacobians.matrices[point].as_ref().expect("no state is frozen here");
                let row = |row: &[_]| row.iter().zip(&d).map(|(&m, d)| m * d).sum();
                next = matrix.chunks(order).map(row).collect();
                Ok(())
            })
            .expect("it runs");
        d = next;
        logs.push(norm(&d).ln() - first);
    }
    logs
}

const POINTS: [Point; 3] = [
    Point { step_size: 0.3, radius: 1.4, damping: 0.1 },
    Point { step_size: 1.0, radius: 0.7, damping: 0.0 },
    Point { step_size: 0.1, radius: 0.2, damping: 0.6 },
];

/// Every model, integrator, norm and mask; all token counts, for columns are padded to multiples of 4.
#[test]
fn tangents_grow_as_the_product_of_the_jacobians() {
    let ensemble = EnsembleSpec { width: 4, members: 2, ..Default::default() };
    let plain = |model, integrator| LayerSpec { integrator, heads: 2, ..LayerSpec::of(model) };
    let mut layers = Vec::new();
    for (i, integrator) in [Integrator::Euler, Integrator::Heun, Integrator::Rk4].into_iter().enumerate() {
        for (j, model) in [Model::Mlp, Model::Attention, Model::Transformer].into_iter().enumerate() {
            let kind = [NormKind::Layernorm, NormKind::Rmsnorm][(i + j) % 2];
            let mask = [Mask::None, Mask::Causal][i % 2];
            layers.push(LayerSpec { norm_kind: kind, mask, ..plain(model, integrator) });
        }
    }
    for integrator in [Integrator::Strang, Integrator::StrangRk4] {
        layers.push(plain(Model::Transformer, integrator));
    }
    for norm in [NormPlacement::None, NormPlacement::Post] {
        layers.push(LayerSpec { norm, activation: Activation::Tanh, ..plain(Model::Transformer, Integrator::Euler) });
    }
    let devices = devices();
    for (i, layer) in layers.iter().enumerate() {
        for tokens in (1..=9).filter(|tokens| i == 5 || (tokens + i) % 4 == 0) {
            let weights = [Weights::Tied, Weights::Iid][(i + tokens) % 2];
            let layer = LayerSpec { tokens, weights, ..layer.clone() };
            let depth = 1 + tokens % 3;
            let rollout = Rollout { perturbations: true, ..Rollout::new(&ensemble, &layer, depth, &POINTS) };
            let place = i % 3;
            let truth = product(&rollout, (1, place));
            let rate = (truth[depth] - truth[depth / 2]) / (depth - depth / 2) as f64;
            for (device, _) in &devices {
                let found = growths(device, &rollout, 2)[3 + place];
                // A step's tangent is good to some hundred roundings; Jacobians may come in f32.
                let error = 3e-5 * depth as f64;
                let name = format!("{layer:?} on {}", device.description());
                assert!((found.log - truth[depth]).abs() <= error, "{name}: {found:?}, not {truth:?}");
                assert!((found.rate - rate).abs() <= error, "{name}: {found:?}, not {rate}");
            }
        }
    }
}

/// With radius 0 only friction acts: tangents of every integrator shrink by its own factor, over any depth.
#[test]
fn friction_alone_shrinks_tangents_by_its_factor() {
    let ensemble = EnsembleSpec { width: 8, members: 2, ..Default::default() };
    let points = [Point { step_size: 1.0, radius: 0.0, damping: 0.5 }];
    let devices = devices();
    for (integrator, factor) in
        [(Integrator::Euler, 0.5_f64), (Integrator::Heun, 0.625), (Integrator::Rk4, 0.6067708333333334)]
    {
        for tokens in [1, 3] {
            let layer = LayerSpec { integrator, tokens, ..LayerSpec::of(Model::Mlp) };
            let rollout = Rollout { perturbations: true, ..Rollout::new(&ensemble, &layer, 161, &points) };
            for (device, share) in &devices {
                // Software Vulkan is slow, and this is about the integrators.
                if *share > 4 && (integrator, tokens) != (Integrator::Heun, 3) {
                    continue;
                }
                for growth in growths(device, &rollout, 2) {
                    // 161 halvings are beyond f32. Factors are rounded to the device's numbers.
                    let error = 4.0 * device.epsilon();
                    assert!((growth.rate - factor.ln()).abs() <= error, "{integrator}: {growth:?}");
                    assert!((growth.log - 161.0 * factor.ln()).abs() <= 161.0 * error, "{integrator}: {growth:?}");
                }
            }
        }
    }
}

fn swept(device: &Device, spec: &SweepSpec) -> Sweep {
    sweep::run(device, spec, &mut |_| ControlFlow::Continue(())).expect("the sweep runs")
}

fn small(model: Model, norm: NormPlacement) -> SweepSpec {
    let grid = |text| Grid::parse(text).expect("is");
    SweepSpec {
        ensemble: EnsembleSpec { width: 4, members: 6, ..Default::default() },
        layer: LayerSpec { norm, heads: 2, ..LayerSpec::of(model) },
        depth: 7,
        step_size: grid("0.2,1"),
        radius: grid("0.5,1.5"),
        damping: grid("0,0.3"),
        linearise_every: Some(1),
        trajectories: 6,
        ..SweepSpec::of(model)
    }
}

/// What a cell says is what its histories say: rates of norms and tangents, and the geometric mean of the radii of the later
/// half, steps 4 to 7 of 7. The histories have step 0.
#[test]
fn cells_of_nonlinear_sweeps_are_those_of_their_histories() {
    let devices = devices();
    for (model, norm) in [(Model::Mlp, NormPlacement::Pre), (Model::Transformer, NormPlacement::None)] {
        let spec = small(model, norm);
        for (device, _) in &devices {
            let result = swept(device, &spec);
            let points = sweep::points(&spec);
            let history = result.histories(device, &spec, &points, 6).expect("it runs");
            let seen = history.observations.expect("they are observed");
            assert_eq!(seen.len(), 6 * 8 * points.len());
            let at = |member: usize, step: usize, point: usize| -> &Observation {
                &seen[(member * 8 + step) * points.len() + point]
            };
            for (place, cell) in result.cells.iter().enumerate() {
                assert_eq!((cell.step_size, cell.radius, cell.damping), {
                    let sweep::Point { step_size, radius, damping } = points[place];
                    (step_size, radius, damping)
                });
                let mean = |of: &dyn Fn(usize) -> f64| (0..6).map(of).sum::<f64>() / 6.0;
                let norm = |member: usize, step: usize| at(member, step, place).norm.expect("is").ln();
                let tangent = |m: usize, step: usize| at(m, step, place).log_perturbation_growth.expect("is");
                let close = |found: Option<f64>, wanted: f64, what: &str| {
                    let error = 1e3 * device.epsilon();
                    assert!((found.expect("is") - wanted).abs() <= error, "{what}: {found:?}, not {wanted}");
                };
                close(cell.log_growth.mean.get(), mean(&|m| norm(m, 7) - norm(m, 0)), "growth");
                let rates = cell.norm_rate.as_deref().expect("nonlinear");
                close(rates.mean.get(), mean(&|m| (norm(m, 7) - norm(m, 3)) / 4.0), "norm rate");
                close(cell.observed_rate.mean.get(), mean(&|m| (tangent(m, 7) - tangent(m, 3)) / 4.0), "observed rate");
                let growth = cell.log_perturbation_growth.as_deref().expect("nonlinear");
                close(growth.mean.get(), mean(&|m| tangent(m, 7)), "tangent");
                assert_eq!(tangent(0, 0), 0.0);
                let steps: Vec<usize> = cell.linearised.iter().map(|own| own.step).collect();
                assert_eq!(steps, [1, 2, 3, 4, 5, 6, 7]);
            }
            let middle = &result.cells[Sweep::middle(points.len())];
            let mean = |of: fn(&sweep::Course) -> Option<f64>| result.courses.iter().filter_map(of).sum::<f64>() / 6.0;
            for (found, wanted) in [
                (middle.predicted_rate.mean, mean(|course| course.predicted_rate)),
                (middle.observed_rate.mean, mean(|course| course.observed_rate)),
                (middle.log_growth.mean, mean(|course| course.log_growth)),
            ] {
                assert!((found.get().expect("is") - wanted).abs() <= 1e-12);
            }
        }
    }
}

/// The prediction of one member is the geometric mean of the radii that `linearised` lists.
#[test]
fn predictions_are_geometric_means_of_the_later_half() {
    let spec = SweepSpec {
        ensemble: EnsembleSpec { width: 4, members: 1, ..Default::default() },
        trajectories: 1,
        ..small(Model::Mlp, NormPlacement::Pre)
    };
    for (device, _) in devices() {
        for cell in swept(&device, &spec).cells {
            let radii: Vec<f64> =
                cell.linearised.iter().map(|own| own.spectral_radius.mean.get().expect("is").ln()).collect();
            let wanted = radii[3..].iter().sum::<f64>() / 4.0;
            assert!((cell.predicted_rate.mean.get().expect("is") - wanted).abs() <= 1e-12, "{cell:?}");
            assert!((cell.spectral_radius.median.get().expect("is") - wanted.exp()).abs() <= 1e-12);
            let unstable = cell.bands.predicted.above(wanted.exp() - 1.0);
            assert_eq!(cell.unstable_fraction, Some(f64::from(u8::from(unstable))));
        }
    }
    let default = SweepSpec { linearise_every: None, ..spec };
    assert_eq!(sweep::linearised_steps(&default), [1, 4, 7]);
    assert_eq!(sweep::linearised_steps(&SweepSpec { depth: 80, ..default.clone() }), [1, 41, 80]);
    assert_eq!(sweep::linearised_steps(&SweepSpec { depth: 1, ..default }), [1]);
}

/// A state that is frozen at 2^48 is said to explode, with the Jacobians that there were before; without tangents nothing is
/// observed, and the norms are what they were.
#[test]
fn frozen_states_explode_and_tangents_can_be_left_out() {
    let grid = |text| Grid::parse(text).expect("is");
    let spec = SweepSpec {
        step_size: grid("1"),
        radius: grid("0.5,64"),
        damping: grid("0"),
        depth: 60,
        linearise_every: None,
        ..small(Model::Mlp, NormPlacement::None)
    };
    for (device, _) in devices() {
        let cells = swept(&device, &spec).cells;
        let frozen = &cells[1];
        assert_eq!(
            (frozen.frozen, frozen.fates_observed.explodes.get(), frozen.unstable_fraction.get()),
            (6, Some(1.0), Some(1.0))
        );
        assert_eq!((frozen.observed_rate.median.get(), frozen.log_peak_growth.median.get()), (None, None));
        assert!(frozen.predicted_rate.median.get().expect("the first step has a Jacobian") > 1.0);
        let bare = swept(&device, &SweepSpec { perturbations: false, ..spec.clone() }).cells;
        for (bare, whole) in bare.iter().zip(&cells) {
            assert_eq!((bare.fates_observed.explodes.get(), bare.log_perturbation_growth.as_deref()), (None, None));
            assert_eq!((&bare.log_growth, &bare.norm_rate), (&whole.log_growth, &whole.norm_rate));
        }
    }
}

/// Lengths of tangents of one point, (1, 2, 2, 4) times 2^100, twice in a row: exact powers of two, and their sum. The second
/// point is infinite, the third one zero.
#[test]
fn lengths_are_kept_as_powers_of_two() {
    for (device, _) in devices() {
        let mut plan = Plan::new();
        let deviations = plan.reals("deviations", 16);
        plan.input(deviations);
        let (squares, exponents) = (plan.reals("squares", 9), plan.ints("exponents", 9));
        for row in 0..3 {
            let (previous, begin) = (u32::saturating_sub(row, 1), u32::from(row == 0));
            let params =
                rescale_tangent::Params { rows: 4, columns: 4, tokens: 1, points: 3, previous, row, lengths: 3, begin };
            plan.run(params, rescale_tangent::Buffers { deviations, squares, exponents });
        }
        let outputs = (plan.output(deviations), plan.output(squares), plan.output(exponents));
        let size = 2.0_f64.powi(100);
        let column = |x: f64, y: f64, z: f64| [x * size, y, z, 0.0];
        let values =
            [column(1.0, 1.0, 0.0), column(2.0, f64::INFINITY, 0.0), column(2.0, 1.0, 0.0), column(4.0, 0.0, 0.0)];
        let inputs = Inputs::new().with(deviations, Data::F64(values.concat()));
        device
            .run(&plan, 1, 1, &inputs, &mut |chunk| {
                let (deviations, squares) = (chunk.reals(outputs.0), chunk.reals(outputs.1));
                let exponents = chunk.ints(outputs.2);
                let name = device.description();
                let own: Vec<f64> = (0..4).map(|row| deviations.at(4 * row)).collect();
                assert_eq!(own, [0.25, 0.5, 0.5, 1.0], "{name}");
                for row in 0..3 {
                    assert_eq!((squares.at(3 * row), exponents[3 * row]), (25.0 / 16.0, 102), "{name}");
                    assert_eq!(exponents[3 * row + 1], rescale_tangent::OVERFLOWED, "{name}");
                    assert_eq!((squares.at(3 * row + 2), exponents[3 * row + 2]), (0.0, 0), "{name}");
                }
                Ok(())
            })
            .expect("it runs");
    }
}
