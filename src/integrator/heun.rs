//! Heun's method, the explicit trapezoidal rule: x + (F(x) + F(x + F(x))) / 2. Order 2.

use super::{Field, Program, Value, c64};

/// Φ(z) = 1 + z + z²/2. For real λ < 0 stable up to h |λ| = 2, as Euler; at h λ = -5 it is 8.5, worse than Euler's -4.
pub fn growth(z: c64) -> c64 {
    1.0 + z * (1.0 + z / 2.0)
}

/// The step.
pub fn step(program: &mut Program, x: Value) -> Value {
    let k1 = program.increment(Field::All, x);
    let end = program.sum(&[(x, 1.0), (k1, 1.0)]);
    let k2 = program.increment(Field::All, end);
    program.sum(&[(x, 1.0), (k1, 0.5), (k2, 0.5)])
}
