//! How growth scales with depth: closed forms and published values (Marion et al. 2025, Hayou et al. 2021, Noci et al.
//! 2022).

use crate::theory::devices;
use eulerscope::device::Device;
use eulerscope::layer::{NonlinearLayer, Point, Threshold};
use eulerscope::numbers::random::Tensor;
use eulerscope::numbers::statistics::Moments;
use eulerscope::plan::{Data, Plan};
use eulerscope::rollout::Rollout;
use eulerscope::spec::{
    Activation, Axis, EnsembleSpec, Grid, LayerSpec, Model, NormPlacement, StepScaling, SweepSpec, Weights,
};
use eulerscope::sweep;
use eulerscope::weights::{Size, Source};
use std::ops::ControlFlow;

fn point(step_size: f64, radius: f64) -> Point {
    Point { step_size, radius, damping: 0.0 }
}

fn open(word: &str) -> Device {
    Device::open(word).expect("always there")
}

/// Mean and standard error.
fn estimate(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let moments = Moments::of(values);
    (moments.mean().expect("values"), moments.standard_error().expect("two values"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// r = |x_L| / |x_0| and d = |x_L - x_0| / |x_0| of every member at every point: ReLU MLPs without norm, fresh layers.
fn residual(device: &Device, ratio: usize, depth: usize, points: &[Point], members: usize) -> Vec<Vec<[f64; 2]>> {
    let ensemble = EnsembleSpec { width: 40, members, seed: 7, ..Default::default() };
    let layer = LayerSpec {
        weights: Weights::Iid,
        activation: Activation::Relu,
        norm: NormPlacement::None,
        ffn_ratio: ratio,
        ..LayerSpec::of(Model::Mlp)
    };
    let mut found = vec![Vec::new(); points.len()];
    let rollout = Rollout::new(&ensemble, &layer, depth, points);
    let result = rollout.run(device, 0..members, 0, &mut |outcomes| {
        for member in 0..outcomes.members().len() {
            for (p, found) in found.iter_mut().enumerate() {
                let ratio = outcomes.get(member, p).log_growth.exp();
                let seen = outcomes.observation(member, depth, p).expect("it is observed");
                let cosine = seen.cosine.expect("is not frozen");
                found.push([ratio, (ratio * ratio + 1.0 - 2.0 * ratio * cosine).max(0.0).sqrt()]);
            }
        }
        std::ops::ControlFlow::Continue(())
    });
    result.expect("the rollout runs");
    found
}

/// h = L^-beta.
const BETAS: [f64; 3] = [1.0, 0.5, 0.25];

/// E |x_L|^2 / |x_0|^2 = (1 + h^2 rho^2 / 2)^L exactly, whatever the FFN's ratio r is: given x, the m = r n hidden units
/// are relu(z) with z ~ N(0, |x|^2 / n), so |f|^2 has mean rho^2 (n / m) m |x|^2 / (2 n), and x . f has mean 0, for W2 is
/// independent of both. rho = sqrt 2 is He's initialisation: 2^L, or e for h = 1 / sqrt L.
#[test]
fn residual_networks_grow_as_one_plus_half_a_squared_step() {
    for (device, fewer) in devices() {
        for (ratio, depth) in [(1, 10), (4, 10), (1, 100), (4, 40)] {
            let l = depth as f64;
            let mut points = BETAS.map(|beta| point(l.powf(-beta), 1.0)).to_vec();
            points.push(point(l.powf(-0.5), std::f64::consts::SQRT_2));
            if depth == 10 {
                points.push(point(1.0, std::f64::consts::SQRT_2));
            }
            for (p, found) in points.iter().zip(residual(&device, ratio, depth, &points, 480 / fewer)) {
                let truth = (1.0 + (p.step_size * p.radius).powi(2) / 2.0).powi(depth as i32);
                let (mean, error) = estimate(found.iter().map(|[ratio, _]| ratio * ratio));
                let name = format!("{p:?}, ratio {ratio}, {depth} layers on {}", device.description());
                assert!((mean - truth).abs() <= 5.0 * error, "{name}: {mean} ± {error}, not {truth}");
                // Where growth is large enough to see, the error is small beside it: another factor would fail.
                let sharp = fewer > 1 || truth < 1.2 || error <= 0.15 * (truth - 1.0);
                assert!(sharp, "{name}: {mean} ± {error} says nothing about {truth}");
            }
        }
    }
}

/// Marion, Fermanian, Biau and Vert (JMLR 2025), figure 2: d = |x_L - x_0| / |x_0| at width 40. The values are those of
/// an independent computation with Gaussian weights; as in the paper, they are taken to be of 50 repetitions.
#[test]
fn residual_networks_move_as_far_as_published() {
    let error_of_median = |values: &[f64]| {
        let sd = Moments::of(values.iter().copied()).sd().expect("values");
        1.2533 * sd * (1.0 / values.len() as f64 + 1.0 / 50.0).sqrt()
    };
    let near = |values: Vec<f64>, published: f64, what: &str| {
        let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        let (error, found) = (error_of_median(&logs), median(values));
        let off = (found.ln() - published.ln()).abs();
        assert!(off <= 4.0 * error && error <= 0.2, "{what}: median {found}, not {published} (ln ± {error})");
    };
    let deep = BETAS.map(|beta| point(1000f64.powf(-beta), 1.0));
    let found = residual(&open("cpu"), 1, 1000, &deep, 160);
    for (found, (beta, published)) in found.iter().zip([(1.0, 0.0223), (0.5, 0.788), (0.25, 1736.0)]) {
        near(found.iter().map(|[_, distance]| *distance).collect(), published, &format!("beta {beta}, 1,000 layers"));
    }
    let (mean, error) = estimate(found[1].iter().map(|[ratio, _]| ratio * ratio));
    assert!((mean - 1.6485).abs() <= 5.0 * error && error <= 0.05, "beta 0.5, 1,000 layers: {mean} ± {error}");
    let found = residual(&open("cpu"), 1, 100, &[point(100f64.powf(-0.25), 1.0)], 160);
    near(found[0].iter().map(|[_, distance]| *distance).collect(), 10.0, "beta 0.25, 100 layers");
}

/// Linear layers, fresh at each step: E |x_L|^2 / |x_0|^2 = (1 + h^2)^L exactly, which is 2^L for h = 1, tends to e for
/// 1 / sqrt L and is 1 + O(1/L) for 1 / L. Each depth scales the step size by itself.
#[test]
fn the_scaling_of_the_step_size_decides_what_depth_does() {
    for (device, fewer) in devices() {
        for scaling in [StepScaling::Constant, StepScaling::InverseSqrtDepth, StepScaling::InverseDepth] {
            let mut spec = SweepSpec {
                ensemble: EnsembleSpec { members: 2000 / fewer, width: 32, ..Default::default() },
                step_size: Grid::single(1.0),
                radius: Grid::single(1.0),
                damping: Grid::single(0.0),
                step_scaling: scaling,
                ..SweepSpec::default()
            };
            spec.layer.weights = Weights::Iid;
            spec.sweep_over.set(Axis::Depth, Grid::parse("4,16,64").expect("a grid")).expect("whole numbers");
            let results = sweep::run_all(&device, &spec, &|own| own.depth as f64, &mut |_| ControlFlow::Continue(()));
            for result in results.expect("it runs") {
                let (cell, depth) = (&result.sweep.cells[0], result.spec.depth as f64);
                let wanted = match scaling {
                    StepScaling::Constant => depth * 2f64.ln(),
                    StepScaling::InverseSqrtDepth => depth * (1.0 / depth).ln_1p(),
                    StepScaling::InverseDepth => depth * (1.0 / (depth * depth)).ln_1p(),
                    other => panic!("{other} has no closed form here"),
                };
                let found = cell.log_mean_square_growth.get().expect("is");
                // The squared growth is close to log-normal with twice the standard deviation of the logarithm.
                let spread = 2.0 * cell.log_growth.sd.get().expect("is");
                let error = ((spread * spread).exp_m1() / cell.members as f64).sqrt();
                let name = format!("{scaling}, {depth} layers on {}", device.description());
                assert!((found - wanted).abs() <= 4.0 * error, "{name}: {found}, not {wanted} ± {error}");
                assert!(error <= 0.5 && (fewer > 1 || error <= 0.12), "{name}: ± {error} says nothing");
            }
        }
    }
}

/// Initial and final states of attention with skips alone, `[tokens, width]` for each member: logits of 0, no norm, fresh
/// layers, and an FFN without weights.
fn attention_only(device: &Device, (width, tokens): (usize, usize), h: f64, depth: usize) -> Vec<[Vec<f64>; 2]> {
    const MEMBERS: usize = 192;
    let spec = LayerSpec {
        norm: NormPlacement::None,
        logit_gain: 1e-30,
        ffn_ratio: 1,
        tokens,
        heads: 2,
        ..LayerSpec::of(Model::Transformer)
    };
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, 19);
    let mut layer = NonlinearLayer::new(&mut plan, &spec, width, &[point(h, 1.0)], Threshold::new(1e3), 1);
    let weights = layer.weights();
    let zeros: Vec<_> = weights[2..].iter().map(|&id| plan.input(id)).collect();
    let mut x = layer.start(&mut plan, &source);
    let start = plan.output(x);
    for step in 0..depth as u32 {
        source.draw(&mut plan, Tensor::QueryKeyValue, step, Size { rows: 3 * width, columns: width }, weights[0]);
        source.draw(&mut plan, Tensor::Output, step, Size { rows: width, columns: width }, weights[1]);
        x = layer.step(&mut plan, x, step + 1, 0);
    }
    let outputs = [start, plan.output(x)];
    let mut inputs = source.inputs(0..MEMBERS);
    for id in zeros {
        inputs = inputs.with(id, Data::F64(vec![0.0; MEMBERS * width * width]));
    }
    let mut states = Vec::new();
    device
        .run(&plan, MEMBERS, 0, &inputs, &mut |chunk| {
            for m in 0..chunk.members.len() {
                let token = |o: usize, t: usize| (0..width).map(move |r| (o, (m * width + r) * tokens + t));
                let state = |o: usize| {
                    (0..tokens).flat_map(|t| token(o, t)).map(|(o, i)| chunk.reals(outputs[o]).at(i)).collect()
                };
                states.push([state(0), state(1)]);
            }
            Ok(())
        })
        .expect("it runs");
    states
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Uniform attention adds the same vector to all T tokens: their mean grows as E |mean|^2 = (1 + h^2)^L, their differences
/// stay. So two tokens that began independent have correlation c = (G - 1) / (G - 1 + T) with G = (1 + h^2)^L, which is
/// that of G = e at every depth for h = 1 / sqrt L (Noci et al. 2022), and tends to 1, rank collapse, for constant h.
#[test]
fn skips_of_one_over_root_depth_keep_tokens_apart_at_any_depth() {
    let (width, tokens) = (32, 8);
    let device = open("cpu");
    for (h, depth) in [(0.5, 4), (0.5, 0), (0.25, 0), (0.125, 0), (0.5, 20)] {
        let depth = if depth == 0 { (1.0 / (h * h)) as usize } else { depth };
        let growth = (1.0_f64 + h * h).powi(depth as i32);
        let c = (growth - 1.0) / (growth - 1.0 + tokens as f64);
        let (mut ratios, mut excess, mut squares) = (Vec::new(), Vec::new(), Vec::new());
        for [before, after] in attention_only(&device, (width, tokens), h, depth) {
            let token = |x: &[f64], t: usize| x[t * width..(t + 1) * width].to_vec();
            let means = [&before, &after].map(|x| {
                let sum = |r: usize| (0..tokens).map(|t| x[t * width + r]).sum::<f64>();
                (0..width).map(|r| sum(r) / tokens as f64).collect::<Vec<f64>>()
            });
            let largest = before.iter().chain(&after).fold(0.0, |most: f64, x| most.max(x.abs()));
            for i in 0..before.len() {
                let apart = [(&before, &means[0]), (&after, &means[1])].map(|(x, mean)| x[i] - mean[i % width]);
                // One rounding of the sum in each step, of the token and of the others in their mean.
                let bound = 2.0 * depth as f64 * device.epsilon() * 2.0 * largest;
                assert!((apart[1] - apart[0]).abs() <= bound, "differences stay: {apart:?}");
            }
            ratios.push(dot(&means[1], &means[1]) / dot(&means[0], &means[0]));
            let square = dot(&after, &after) / tokens as f64;
            let pairs = (0..tokens).flat_map(|s| (0..s).map(move |t| (s, t)));
            let product: f64 = pairs.map(|(s, t)| dot(&token(&after, s), &token(&after, t))).sum();
            let product = product / (tokens * (tokens - 1) / 2) as f64;
            excess.push(product - c * square);
            squares.push(square);
        }
        let (mean, error) = estimate(ratios);
        assert!(
            (mean - growth).abs() <= 5.0 * error && error <= 0.15 * (growth - 1.0),
            "{mean} ± {error}, not {growth}"
        );
        let (off, error) = estimate(excess);
        let whole = estimate(squares).0;
        assert!(off.abs() <= 5.0 * error && error <= 0.2 * c * whole, "h {h}, {depth} layers: {off} ± {error} off {c}");
    }
}
