//! Strang splitting of two sublayers: half a step of attention, a step of the FFN, half a step of attention. With Euler
//! sub-steps this is the Macaron layer (Lu et al. 2019).
//!
//! Splitting is of order 2 only where the sub-steps follow their sublayer well enough; with Euler sub-steps it is of
//! order 1 like the plain layer, with a smaller error. `strang-rk4` has sub-steps of order 4, and so order 2.

use super::{Program, Value, c64};

/// Φ(z) where each sublayer has half of f: R(z/4)² R(z/2), with R the growth factor of a sub-step.
pub fn growth(z: c64, substep: fn(c64) -> c64) -> c64 {
    let half = substep(z / 4.0);
    half * half * substep(z / 2.0)
}

/// The step; `flow(program, sublayer, fraction, x)` is its sub-step.
pub fn step(
    program: &mut Program,
    x: Value,
    flow: fn(&mut Program, sublayer: usize, fraction: f64, Value) -> Value,
) -> Value {
    let [attention, feedforward] = [0, 1];
    let x = flow(program, attention, 0.5, x);
    let x = flow(program, feedforward, 1.0, x);
    flow(program, attention, 0.5, x)
}
