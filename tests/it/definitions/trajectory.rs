//! One member at one place of the map: its states, its Jacobians, and what became of it.

use super::dense::{Matrix, State};
use super::given;
use super::integrator::{jacobian, size, step, tangent};
use super::layer::Layer;
use super::number::{Number, noise};
use super::observe::{Observation, at_the_start, observed};
use super::random::{Address, Tensor};
use super::setting::{Point, Setting};

/// Everything about a trajectory that a table or a cell is made of.
#[derive(Clone, Debug, Default)]
pub struct Trajectory {
    /// ln |x_k| / |x_0|, for k = 0 .. L; infinite from where the state is frozen.
    pub log_growth: Vec<f64>,
    /// The step that would have taken a nonlinear state to 2^48 or beyond; it was not made and has no Jacobian.
    pub frozen: Option<usize>,
    /// At the start and after steps 1 .. L, of nonlinear models, up to where the state is frozen.
    pub observations: Vec<Observation>,
    /// M of the steps that are linearised, with the step's number.
    pub jacobians: Vec<(usize, Matrix)>,
    /// ln |d_k| / |d_0| of a random tangent, for k = 0 .. L, of nonlinear models.
    pub log_perturbation: Vec<f64>,
}

/// The initial state of a member: `[rows, tokens]` numbers, row by row.
pub fn start<N: Number>(setting: &Setting, member: usize, tensor: Tensor) -> State<N> {
    if setting.given.initial.is_some() && tensor as u32 == Tensor::State as u32 {
        return given::state(setting, member).iter().map(|x| x.iter().map(|&x| x.into()).collect()).collect();
    }
    let address = Address { seed: setting.seed, member: member as u32, tensor, step: 0 };
    let number = |token: usize, row: usize| address.normal(row * setting.tokens + token).into();
    (0..setting.tokens).map(|token| (0..setting.width).map(|row| number(token, row)).collect()).collect()
}

/// Runs a member; Jacobians are those of `linearised` steps, each at the state before it.
pub fn run<N: Number>(setting: &Setting, member: usize, point: &Point, linearised: &[usize]) -> Trajectory {
    let first: State<N> = start(setting, member, Tensor::State);
    let mut seen = Trajectory { log_growth: vec![0.0], log_perturbation: vec![0.0], ..Trajectory::default() };
    let mut x = first.clone();
    let mut d: State<N> = start(setting, member, Tensor::Perturbation);
    let (norm, deviation) = (size(&x), size(&d));
    if !setting.is_linear() {
        seen.observations.push(at_the_start(&x));
    }
    let mut layer = Layer::draw(setting, member, 1);
    // ln of what was divided out of a linear state.
    let mut carried = 0.0;
    for k in 1..=setting.depth {
        if setting.weights != "tied" && k > 1 {
            layer = Layer::draw(setting, member, k);
        }
        if seen.frozen.is_some() {
            seen.log_growth.push(f64::INFINITY);
            continue;
        }
        let next = step(setting, &layer, point, &x);
        if !setting.is_linear() && next.iter().flatten().any(|x| x.value().abs() >= 2_f64.powi(48)) {
            seen.frozen = Some(k);
            seen.log_growth.push(f64::INFINITY);
            continue;
        }
        if linearised.contains(&k) {
            seen.jacobians.push((k, jacobian(setting, &layer, point, &x)));
        }
        if !setting.is_linear() {
            d = tangent(setting, &layer, point, &x, &d);
            seen.log_perturbation.push(of_norms(size(&d), deviation));
            seen.observations.push(observed(setting, &layer, point, [&first, &x, &next]));
        }
        x = next;
        let log = of_norms(size(&x), norm) + carried;
        // A large logarithm has a rounding of its own.
        seen.log_growth.push(if log.abs() > 30.0 { log * (1.0 + noise()) } else { log });
        if setting.is_linear() {
            carried += at_size_one(&mut x);
        }
    }
    seen
}

/// The logarithm of a quotient of norms, which is itself rounded: near 1 that is all of the logarithm's error.
fn of_norms(norm: f64, first: f64) -> f64 {
    (norm / first).ln() + noise()
}

/// Divides a state that may leave f64 by a power of two near its size, and gives the logarithm of that.
fn at_size_one<N: Number>(x: &mut State<N>) -> f64 {
    let exponent = size(x).log2();
    if !exponent.is_finite() || exponent.abs() < 300.0 {
        return 0.0;
    }
    let power = exponent.round();
    x.iter_mut().flatten().for_each(|x| *x = *x * N::from(2_f64.powf(-power)));
    power * std::f64::consts::LN_2
}

/// The slope of a series of logarithms over its later half: from step floor(L / 2) to L, a step.
pub fn later_slope(logs: &[f64]) -> f64 {
    let (last, middle) = (logs.len() - 1, (logs.len() - 1) / 2);
    (logs[last] - logs[middle]) / (last - middle) as f64
}
