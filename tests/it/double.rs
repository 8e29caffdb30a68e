//! The reference is f64 throughout: its states, Jacobians, eigenvalues and exact radii against plain loops in f64.
//!
//! The bound 1e-12 leaves three digits to the rounding of some hundred operations of 2e-16; a single number that passed
//! through f32 on its way would leave 6e-8. Nothing here is exact in f32: not the width's root, nor any setting.

use crate::adapter::reference;
use crate::oracle;
use eulerscope::layer::{NonlinearLayer, Point, Threshold};
use eulerscope::numbers::random::Tensor;
use eulerscope::plan::{Chunk, Numbers, Plan};
use eulerscope::rollout::{Jacobians, Rollout};
use eulerscope::spec::{
    Activation, EnsembleSpec, Grid, LayerSpec, Mask, Model, NormKind, NormPlacement, RadiusKind, SweepSpec,
};
use eulerscope::spectrum::{self, host::exact::faer_eigenvalues};
use eulerscope::sweep;
use eulerscope::weights::ensemble::draw_matrices;
use eulerscope::weights::{Columns, Source, State};
use std::ops::{Add, ControlFlow, Mul};

const WIDTH: usize = 6;
const SEED: u64 = 41;
const DEPTH: usize = 12;
const BOUND: f64 = 1e-12;

/// A number and its derivative in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Dual(f64, f64);

impl Add for Dual {
    type Output = Dual;
    fn add(self, other: Dual) -> Dual {
        Dual(self.0 + other.0, self.1 + other.1)
    }
}

impl Mul for Dual {
    type Output = Dual;
    fn mul(self, other: Dual) -> Dual {
        Dual(self.0 * other.0, self.0 * other.1 + self.1 * other.0)
    }
}

impl Dual {
    fn times(self, factor: f64) -> Dual {
        Dual(factor * self.0, factor * self.1)
    }

    fn map(self, value: f64, slope: f64) -> Dual {
        Dual(value, slope * self.1)
    }
}

/// Φ(x) by Simpson's rule: 4,000 intervals of at most 2e-3 leave 1e-14.
fn normal_share_below(x: f64) -> f64 {
    let (pieces, density) = (4000, |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt());
    let step = x / pieces as f64;
    let weight = |i: usize| if i == 0 || i == pieces { 1.0 } else { 2.0 + 2.0 * (i % 2) as f64 };
    0.5 + step / 3.0 * (0..=pieces).map(|i| weight(i) * density(i as f64 * step)).sum::<f64>()
}

fn activate(activation: Activation, x: Dual) -> Dual {
    match activation {
        Activation::Relu => {
            if x.0 > 0.0 {
                x
            } else {
                Dual::default()
            }
        }
        Activation::Tanh => x.map(x.0.tanh(), 1.0 - x.0.tanh() * x.0.tanh()),
        Activation::Gelu => {
            let share = normal_share_below(x.0);
            x.map(x.0 * share, share + x.0 * (-0.5 * x.0 * x.0).exp() / std::f64::consts::TAU.sqrt())
        }
        other => panic!("{other} has no definition here"),
    }
}

/// One token's norm.
fn norm(kind: NormKind, x: &[Dual]) -> Vec<Dual> {
    let each = 1.0 / x.len() as f64;
    let mean =
        x.iter().fold(Dual::default(), |sum, &x| sum + x).times(if kind == NormKind::Rmsnorm { 0.0 } else { each });
    let centred: Vec<Dual> = x.iter().map(|&x| x + mean.times(-1.0)).collect();
    let square = centred.iter().fold(Dual::default(), |sum, &x| sum + x * x).times(each) + Dual(1e-5, 0.0);
    let inverse = square.map(square.0.powf(-0.5), -0.5 * square.0.powf(-1.5));
    centred.iter().map(|&x| x * inverse).collect()
}

/// w x / sqrt(columns) for a row-major matrix.
fn project(weights: &[Vec<f64>], x: &[Dual]) -> Vec<Dual> {
    let each = 1.0 / (x.len() as f64).sqrt();
    let row = |w: &Vec<f64>| w.iter().zip(x).fold(Dual::default(), |sum, (&w, &x)| sum + x.times(w)).times(each);
    weights.iter().map(row).collect()
}

/// The weights of a sublayer: of its branch and of its output projection.
type Weights = [Vec<Vec<f64>>; 2];

/// softmax(g Q^T K / sqrt d) V of each head, of all tokens.
fn attend(spec: &LayerSpec, stacked: &[Vec<Dual>]) -> Vec<Vec<Dual>> {
    let d = WIDTH / spec.heads;
    let gain = spec.logit_gain / (d as f64).sqrt();
    let head = |query: usize, h: usize| {
        let keys = if spec.mask == Mask::Causal { query + 1 } else { stacked.len() };
        let part = |token: usize, kind: usize| &stacked[token][kind * WIDTH + h * d..][..d];
        let dot = |key: usize| {
            part(query, 0).iter().zip(part(key, 1)).fold(Dual::default(), |sum, (&q, &k)| sum + q * k).times(gain)
        };
        let weights: Vec<Dual> = (0..keys).map(dot).map(|score| score.map(score.0.exp(), score.0.exp())).collect();
        let total = weights.iter().fold(Dual::default(), |sum, &w| sum + w);
        let inverse = total.map(1.0 / total.0, -1.0 / (total.0 * total.0));
        let value =
            |i: usize| (0..keys).fold(Dual::default(), |sum, key| sum + weights[key] * part(key, 2)[i]) * inverse;
        (0..d).map(value).collect::<Vec<_>>()
    };
    (0..stacked.len()).map(|query| (0..spec.heads).flat_map(|h| head(query, h)).collect()).collect()
}

/// One Euler step of all sublayers: `[token][row]`.
fn step(spec: &LayerSpec, point: Point, weights: &[Weights], mut x: Vec<Vec<Dual>>) -> Vec<Vec<Dual>> {
    for (i, [inner, output]) in weights.iter().enumerate() {
        let attention = spec.model.attends() && i == 0;
        let input = |x: &Vec<Dual>| if spec.norm == NormPlacement::Pre { norm(spec.norm_kind, x) } else { x.clone() };
        let projected: Vec<Vec<Dual>> = x.iter().map(|x| project(inner, &input(x))).collect();
        let units = if attention {
            attend(spec, &projected)
        } else {
            projected.iter().map(|u| u.iter().map(|&u| activate(spec.activation, u)).collect()).collect()
        };
        for (x, units) in x.iter_mut().zip(&units) {
            let f = project(output, units);
            let sum = |(x, f): (&Dual, Dual)| x.times(1.0 - point.damping) + f.times(point.step_size * point.radius);
            *x = x.iter().zip(f).map(sum).collect();
            if spec.norm == NormPlacement::Post {
                *x = norm(spec.norm_kind, x);
            }
        }
    }
    x
}

/// Rows and columns of a padded matrix.
fn bare(data: Numbers, (rows, columns): (usize, usize), stride: usize) -> Vec<Vec<f64>> {
    (0..rows).map(|i| (0..columns).map(|j| data.at(i * stride + j)).collect()).collect()
}

/// Initial state, state before the last step and after it, `[token][row]`, and weights of member 0.
struct Truth {
    start: Vec<Vec<f64>>,
    end: Vec<Vec<f64>>,
    weights: Vec<Weights>,
}

/// What the reference makes of it.
fn run(spec: &LayerSpec, point: Point) -> Truth {
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, SEED);
    let mut layer = NonlinearLayer::new(&mut plan, spec, WIDTH, &[point], Threshold::new(1e3), 1);
    let mut x = layer.start(&mut plan, &source);
    layer.draw(&mut plan, &source, 0);
    let (start, weights) = (plan.output(x), layer.weights());
    for step in 1..=DEPTH {
        x = layer.step(&mut plan, x, step as u32, 0);
    }
    let end = plan.output(x);
    let weights: Vec<_> = weights.into_iter().map(|id| plan.output(id)).collect();
    let (rows, columns) = (WIDTH.next_multiple_of(4), spec.tokens.next_multiple_of(4));
    let mut truth = None;
    let mut keep = |chunk: &Chunk| {
        let state = |data: Numbers| -> Vec<Vec<f64>> {
            (0..spec.tokens).map(|t| (0..WIDTH).map(|i| data.at(i * columns + t)).collect()).collect()
        };
        let hidden = spec.ffn_ratio * WIDTH;
        let weights = weights.chunks(2).enumerate().map(|(i, pair)| {
            let inner = if spec.model.attends() && i == 0 { 3 * WIDTH } else { hidden };
            let read = if spec.model.attends() && i == 0 { WIDTH } else { hidden };
            let of = |which: usize| chunk.reals(pair[which]);
            [bare(of(0), (inner, WIDTH), rows), bare(of(1), (WIDTH, read), read.next_multiple_of(4))]
        });
        truth =
            Some(Truth { start: state(chunk.reals(start)), end: state(chunk.reals(end)), weights: weights.collect() });
    };
    reference()
        .run(&plan, 1, 0, &source.inputs(0..1), &mut |chunk| {
            keep(&chunk);
            Ok(())
        })
        .expect("it runs");
    truth.expect("one chunk")
}

fn assert_near(found: f64, wanted: f64, size: f64, what: &str) {
    assert!((found - wanted).abs() <= BOUND * size, "{what}: {found} and {wanted}, {:e}", (found - wanted) / size);
}

fn specs() -> Vec<LayerSpec> {
    let mlp = LayerSpec { tokens: 2, ..LayerSpec::of(Model::Mlp) };
    let attention = LayerSpec { tokens: 5, heads: 2, logit_gain: 0.7, ..LayerSpec::of(Model::Attention) };
    vec![
        LayerSpec { activation: Activation::Gelu, ..mlp.clone() },
        LayerSpec { activation: Activation::Tanh, norm: NormPlacement::None, ..mlp.clone() },
        LayerSpec { activation: Activation::Relu, norm: NormPlacement::Post, norm_kind: NormKind::Rmsnorm, ..mlp },
        attention.clone(),
        LayerSpec { mask: Mask::Causal, norm_kind: NormKind::Rmsnorm, heads: 3, ..attention.clone() },
        LayerSpec { model: Model::Transformer, activation: Activation::Gelu, ..attention },
    ]
}

#[test]
fn nonlinear_layers_are_f64_throughout_on_the_reference() {
    let point = Point { step_size: 0.3, radius: 1.4, damping: 0.1 };
    for spec in specs() {
        let truth = run(&spec, point);
        let value = |x: &Vec<Vec<f64>>| -> Vec<Vec<Dual>> {
            x.iter().map(|x| x.iter().map(|&x| Dual(x, 0.0)).collect()).collect()
        };
        let mut x = value(&truth.start);
        let mut before = x.clone();
        for _ in 0..DEPTH {
            before = x.clone();
            x = step(&spec, point, &truth.weights, x);
        }
        let size = x.iter().flatten().fold(0.0, |most: f64, x| most.max(x.0.abs()));
        for (found, wanted) in truth.end.iter().flatten().zip(x.iter().flatten()) {
            assert_near(*found, wanted.0, size, &format!("state, {spec:?}"));
        }
        let order = WIDTH * spec.tokens;
        let mut wanted = vec![0.0; order * order];
        for k in 0..order {
            let mut moved = before.clone();
            moved[k % spec.tokens][k / spec.tokens].1 = 1.0;
            let moved = step(&spec, point, &truth.weights, moved);
            (0..order).for_each(|i| wanted[i * order + k] = moved[i % spec.tokens][i / spec.tokens].1);
        }
        let found = jacobian(&spec, point);
        let size = oracle::norm(&wanted, order);
        for (i, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            assert_near(*found, *wanted, size, &format!("Jacobian entry {i}, {spec:?}"));
        }
        // What moving the matrix by the bound does to its eigenvalues.
        let allowed = oracle::allowance(&wanted, order, size, BOUND / order as f64);
        let spectrum = spectrum::eigenvalues(&reference(), &found, order).expect("works").remove(0);
        let error = oracle::bottleneck(&spectrum.eigenvalues, &faer_eigenvalues(&wanted, order).expect("converges"));
        assert!(error <= 3.0 * allowed, "eigenvalues: {error:e} of {allowed:e}, {spec:?}");
    }
}

/// The Jacobian of the last step as sweeps make it.
fn jacobian(spec: &LayerSpec, point: Point) -> Vec<f64> {
    let ensemble = EnsembleSpec { members: 1, width: WIDTH, seed: SEED, ..EnsembleSpec::default() };
    let points = [point];
    let mut matrix = None;
    let sink = &mut |mut jacobians: Jacobians| {
        matrix = jacobians.matrices.remove(0);
        Ok(())
    };
    Rollout::new(&ensemble, spec, DEPTH, &points).jacobians(&reference(), 0..1, DEPTH, sink).expect("works");
    matrix.expect("nothing is frozen")
}

#[test]
fn exact_radii_are_f64_throughout_on_the_reference() {
    let members = 3;
    let ensemble = EnsembleSpec {
        members,
        width: 7,
        seed: SEED,
        radius_kind: RadiusKind::Exact,
        shift: 0.2,
        ..EnsembleSpec::default()
    };
    let mut spec = SweepSpec { ensemble: ensemble.clone(), depth: DEPTH, ..SweepSpec::default() };
    let (h, radius, damping) = (0.3, 1.4, 0.1);
    spec.step_size = Grid::parse("0.3").expect("a grid");
    spec.radius = Grid::parse("1.4").expect("a grid");
    spec.damping = Grid::parse("0.1").expect("a grid");
    let n = ensemble.width;
    let mut drawn: Vec<f64> = Vec::new();
    let keep = &mut |_: usize, values: Vec<f32>| {
        drawn.extend(values.into_iter().map(f64::from));
        Ok(ControlFlow::Continue(()))
    };
    draw_matrices(&reference(), &ensemble, 0..members, 0, keep).expect("drawn");
    let mut plan = Plan::new();
    let source = Source::new(&mut plan, SEED);
    let state = State::new(&mut plan, n.next_multiple_of(4), 4);
    source.draw_state(&mut plan, Tensor::State, Columns { rows: n, count: 1, tokens: 1 }, true, &state);
    let x = plan.output(state.x);
    let mut starts: Vec<Vec<f64>> = Vec::new();
    reference()
        .run(&plan, members, 0, &source.inputs(0..members), &mut |chunk| {
            let rows = n.next_multiple_of(4);
            starts.extend((0..members).map(|m| (0..n).map(|i| chunk.reals(x).at((m * rows + i) * 4)).collect()));
            Ok(())
        })
        .expect("it runs");
    let done = sweep::run(&reference(), &spec, &mut |_| ControlFlow::Continue(())).expect("it runs");
    let mut growths = Vec::new();
    for (member, (g, start)) in drawn.chunks(n * n).zip(&starts).enumerate() {
        let size = faer_eigenvalues(g, n).expect("converges").iter().map(|z| z[0].hypot(z[1])).fold(0.0, f64::max);
        let unit = 1.0 / (n as f64).sqrt();
        assert_near(done.members[member].gain * unit * size, 1.0, 4.0, "gain");
        let mut x = start.clone();
        for _ in 0..DEPTH {
            let f = |i: usize| radius / size * (0..n).map(|j| g[i * n + j] * x[j]).sum::<f64>() - 0.2 * x[i];
            x = (0..n).map(|i| (1.0 - damping) * x[i] + h * f(i)).collect();
        }
        let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        growths.push((length(&x) / length(start)).ln());
    }
    let mean = growths.iter().sum::<f64>() / members as f64;
    let found = done.cells[0].log_growth.mean.get().expect("a mean");
    assert_near(found, mean, 1.0, "log_growth");
}
