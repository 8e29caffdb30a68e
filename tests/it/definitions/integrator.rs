//! Steps: how the state follows dx/dt = f(x) - (gamma / h) x, one step of size h at a time.

use super::dense::{State, combined, flattened, norm, solved, unflattened};
use super::layer::Layer;
use super::number::{Dual, Number};
use super::setting::{Point, Setting};

/// The state after one step.
pub fn step<N: Number>(setting: &Setting, layer: &Layer, point: &Point, x: &State<N>) -> State<N> {
    let after = |x: State<N>| if setting.norm == "post" && !setting.is_linear() { layer.normed(&x) } else { x };
    let increment = |sublayer: usize, x: &State<N>| {
        combined(point.step_size, &layer.f(sublayer, x, point.radius), -point.damping, x)
    };
    match setting.integrator {
        "backward-euler" => backward_euler(setting, &|x| increment(0, x), x),
        "exponential-euler" => exponential(&|x| increment(0, x), x),
        explicit => explicit_step(explicit, layer.sublayers(), &increment, &after, x),
    }
}

/// A step that is made of evaluations of the sublayers' increments F_i(x) = h f_i(x) - gamma x.
pub fn explicit_step<N: Number>(
    integrator: &str,
    sublayers: usize,
    increment: &impl Fn(usize, &State<N>) -> State<N>,
    after: &impl Fn(State<N>) -> State<N>,
    x: &State<N>,
) -> State<N> {
    let euler = |i: usize, part: f64, x: &State<N>| after(combined(1.0, x, part, &increment(i, x)));
    let whole =
        |x: &State<N>| (1..sublayers).fold(increment(0, x), |total, i| combined(1.0, &total, 1.0, &increment(i, x)));
    let flow = |i: usize, part: f64, x: &State<N>| rk4(&|x| increment(i, x), part, x);
    match integrator {
        "euler" => (0..sublayers).fold(x.clone(), |x, i| euler(i, 1.0, &x)),
        "heun" => {
            let first = whole(x);
            let second = whole(&combined(1.0, x, 1.0, &first));
            combined(1.0, x, 0.5, &combined(1.0, &first, 1.0, &second))
        }
        "rk4" => rk4(&whole, 1.0, x),
        "strang" => euler(0, 0.5, &euler(1, 1.0, &euler(0, 0.5, x))),
        _ => flow(0, 0.5, &flow(1, 1.0, &flow(0, 0.5, x))),
    }
}

/// The classical Runge-Kutta method over a part of the step.
fn rk4<N: Number>(increment: &impl Fn(&State<N>) -> State<N>, part: f64, x: &State<N>) -> State<N> {
    let a = increment(x);
    let b = increment(&combined(1.0, x, part / 2.0, &a));
    let c = increment(&combined(1.0, x, part / 2.0, &b));
    let d = increment(&combined(1.0, x, part, &c));
    let sum = combined(1.0, &combined(1.0, &a, 2.0, &b), 1.0, &combined(2.0, &c, 1.0, &d));
    combined(1.0, x, part / 6.0, &sum)
}

/// x⁺ = x + Z x⁺ for a linear increment Z.
fn backward_euler<N: Number>(setting: &Setting, z: &impl Fn(&State<N>) -> State<N>, x: &State<N>) -> State<N> {
    let n = setting.width;
    let column = |j: usize| z(&vec![(0..n).map(|i| f64::from(i == j).into()).collect()]).remove(0);
    let columns: Vec<Vec<N>> = (0..n).map(column).collect();
    let matrix = (0..n).map(|i| (0..n).map(|j| N::from(f64::from(i == j)) - columns[j][i]).collect()).collect();
    vec![solved(matrix, x[0].clone())]
}

/// e^Z x for a linear increment Z: Σ (Z / 16)^k / k! sixteen times.
fn exponential<N: Number>(z: &impl Fn(&State<N>) -> State<N>, x: &State<N>) -> State<N> {
    let mut x = x.clone();
    for _ in 0..16 {
        let mut term = x.clone();
        for k in 1..60 {
            term = combined(1.0 / (16.0 * f64::from(k)), &z(&term), 0.0, &term);
            x = combined(1.0, &x, 1.0, &term);
        }
    }
    x
}

/// What a step keeps of a state where f is 0: the effect of friction alone.
pub fn kept(setting: &Setting, sublayers: usize, point: &Point) -> f64 {
    let friction = |_: usize, x: &State<f64>| combined(-point.damping, x, 0.0, x);
    explicit_step(setting.integrator, sublayers, &friction, &|x| x, &vec![vec![1.0]])[0][0]
}

/// The derivative of a step at x in the direction d.
pub fn tangent<N: Number>(setting: &Setting, layer: &Layer, point: &Point, x: &State<N>, d: &State<N>) -> State<N> {
    let dual = |x: &Vec<N>, d: &Vec<N>| x.iter().zip(d).map(|(&value, &slope)| Dual { value, slope }).collect();
    let moved = step(setting, layer, point, &x.iter().zip(d).map(|(x, d)| dual(x, d)).collect());
    moved.iter().map(|token| token.iter().map(|x| x.slope).collect()).collect()
}

/// The Jacobian of a step at x: element (i, j) is the derivative of number i of the state by number j.
pub fn jacobian<N: Number>(setting: &Setting, layer: &Layer, point: &Point, x: &State<N>) -> Vec<Vec<f64>> {
    let order = setting.order();
    let column = |j: usize| {
        let unit: Vec<N> = (0..order).map(|i| f64::from(i == j).into()).collect();
        flattened(&tangent(setting, layer, point, x, &unflattened(&unit, setting.tokens)))
    };
    let columns: Vec<Vec<N>> = (0..order).map(column).collect();
    (0..order).map(|i| columns.iter().map(|column| column[i].value()).collect()).collect()
}

/// |x| as a plain number.
pub fn size<N: Number>(x: &State<N>) -> f64 {
    norm(x).value()
}
