//! Lyapunov exponents: how fast a frame of tangents grows along trajectories, by Gram and Schmidt after every step.

use super::dense::{State, dot, flattened, norm, sum, unflattened};
use super::integrator::step as advance;
use super::integrator::tangent;
use super::layer::Layer;
use super::number::Number;
use super::random::{Address, Tensor};
use super::setting::{Run, Setting};
use super::statistics::{mean, standard_error};
use super::table::Row;
use super::trajectory::start;

/// What a run reports, as rows with the names of the JSON.
pub struct Lyapunov {
    pub exponents: Vec<Row>,
    pub sum: Row,
    /// A row for each exponent at each point of the convergence series.
    pub convergence: Vec<Row>,
    /// Of the direction of a nonlinear state.
    pub angular: Vec<Row>,
}

/// The growth of a member over the counted steps.
struct Growth {
    /// `[steps, vectors]`: ln of what each step adds to each direction.
    logs: Vec<Vec<f64>>,
    /// ln |x_L| / |x_0| over them.
    norm: f64,
}

/// The exponents at the first point of a setting's map.
pub fn lyapunov<N: Number>(setting: &Setting, run: &Run) -> Lyapunov {
    let members: Vec<Growth> = (0..setting.members).map(|member| growth::<N>(setting, run, member)).collect();
    let rate = |growth: &Growth, i: usize, steps: usize| {
        growth.logs[..steps].iter().map(|logs| logs[i]).sum::<f64>() / steps as f64
    };
    let exponent = |i: usize, steps: usize| estimate(members.iter().map(|growth| rate(growth, i, steps)));
    let total = |growth: &Growth| (0..run.top).map(|i| rate(growth, i, run.steps)).sum::<f64>();
    let drift = |growth: &Growth| growth.norm / run.steps as f64;
    let angular = |i: usize| estimate(members.iter().map(|growth| rate(growth, i, run.steps) - drift(growth)));
    // From the largest exponent to the smallest, whatever direction of the frame it is of; the series keeps that order.
    let mut order: Vec<usize> = (0..run.top).collect();
    let of_all = |i: usize| exponent(i, run.steps)["mean"].unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|&a, &b| of_all(b).total_cmp(&of_all(a)));
    // A block ends where its share of the steps is full.
    let ends = (1..=run.blocks).map(|block| (block * run.steps).div_ceil(run.blocks));
    let of_end = |steps: usize| {
        let row = |(i, &direction): (usize, &usize)| {
            let mut row = exponent(direction, steps);
            row.insert("steps".into(), Some(steps as f64));
            row.insert("exponent".into(), Some(i as f64));
            row
        };
        order.iter().enumerate().map(row).collect::<Vec<_>>()
    };
    Lyapunov {
        exponents: order.iter().map(|&i| exponent(i, run.steps)).collect(),
        sum: estimate(members.iter().map(total)),
        convergence: ends.flat_map(of_end).collect(),
        angular: if setting.is_linear() { vec![] } else { order.iter().map(|&i| angular(i)).collect() },
    }
}

/// Mean and standard error over members.
fn estimate(values: impl Iterator<Item = f64>) -> Row {
    let values: Vec<f64> = values.collect();
    [("mean".to_string(), mean(&values)), ("standard_error".to_string(), standard_error(&values))].into()
}

/// Runs a member: its first layer is that of step 1, counted steps follow the transient ones.
fn growth<N: Number>(setting: &Setting, run: &Run, member: usize) -> Growth {
    let point = setting.points()[0];
    let mut frame: Vec<State<N>> = (0..run.top).map(|vector| deviation(setting, run, member, vector)).collect();
    orthonormalise(&mut frame);
    let mut x: State<N> = start(setting, member, Tensor::State);
    let mut layer = Layer::draw(setting, member, 1);
    let mut seen = Growth { logs: vec![], norm: 0.0 };
    let mut first = norm(&x);
    for k in 1..=run.transient_steps + run.steps {
        if setting.weights != "tied" {
            layer = Layer::draw(setting, member, k);
        }
        frame = frame.iter().map(|d| tangent(setting, &layer, &point, &x, d)).collect();
        let lengths = orthonormalise(&mut frame);
        if !setting.is_linear() {
            x = advance(setting, &layer, &point, &x);
        }
        if k <= run.transient_steps {
            first = norm(&x);
        } else {
            seen.logs.push(lengths.iter().map(|length| length.value().ln()).collect());
        }
    }
    seen.norm = (norm(&x).value() / first.value()).ln();
    seen
}

/// The start of a tangent: number (vector, row, token) of a nonlinear model is its element (vector n + row) T + token;
/// in the linear model, (row, vector) is element row k + vector of k vectors.
fn deviation<N: Number>(setting: &Setting, run: &Run, member: usize, vector: usize) -> State<N> {
    let address = Address { seed: setting.seed, member: member as u32, tensor: Tensor::Deviations, step: 0 };
    let place = |i: usize| if setting.is_linear() { i * run.top + vector } else { vector * setting.order() + i };
    let numbers: Vec<N> = (0..setting.order()).map(|i| address.normal(place(i)).into()).collect();
    unflattened(&numbers, setting.tokens)
}

/// Makes the frame orthonormal, one vector after the other, and returns the lengths that were divided out.
fn orthonormalise<N: Number>(frame: &mut [State<N>]) -> Vec<N> {
    let mut flat: Vec<Vec<N>> = frame.iter().map(flattened).collect();
    let mut lengths = Vec::new();
    for i in 0..flat.len() {
        for _ in 0..2 {
            for j in 0..i {
                let shadow = dot(&flat[i], &flat[j]);
                flat[i] = flat[i].iter().zip(&flat[j]).map(|(&x, &q)| x - shadow * q).collect();
            }
        }
        let length = sum(flat[i].iter().map(|&x| x * x)).sqrt();
        flat[i].iter_mut().for_each(|x| *x = *x / length);
        lengths.push(length);
    }
    let tokens = frame.first().map_or(1, Vec::len);
    frame.iter_mut().zip(&flat).for_each(|(d, flat)| *d = unflattened(flat, tokens));
    lengths
}
