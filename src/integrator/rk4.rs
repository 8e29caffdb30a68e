//! The classical Runge-Kutta method. Order 4.

use super::{Field, Program, Value, c64};

/// Φ(z) = 1 + z + z²/2 + z³/6 + z⁴/24. For real λ < 0 stable up to h |λ| = 2.785; at h λ = -5 it is 13.7: a higher
/// order is no cure for a step that is too large.
pub fn growth(z: c64) -> c64 {
    1.0 + z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0)))
}

/// The step.
pub fn step(program: &mut Program, x: Value) -> Value {
    along(program, Field::All, 1.0, x)
}

/// The flow of one sublayer over a fraction of the step size, with an error of fifth order.
pub fn flow(program: &mut Program, sublayer: usize, fraction: f64, x: Value) -> Value {
    along(program, Field::Sublayer(sublayer), fraction, x)
}

fn along(program: &mut Program, field: Field, h: f64, x: Value) -> Value {
    let k1 = program.increment(field, x);
    let middle = program.sum(&[(x, 1.0), (k1, h / 2.0)]);
    let k2 = program.increment(field, middle);
    let middle = program.sum(&[(x, 1.0), (k2, h / 2.0)]);
    let k3 = program.increment(field, middle);
    let end = program.sum(&[(x, 1.0), (k3, h)]);
    let k4 = program.increment(field, end);
    program.sum(&[(x, 1.0), (k1, h / 6.0), (k2, h / 3.0), (k3, h / 3.0), (k4, h / 6.0)])
}
