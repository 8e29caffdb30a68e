//! Euler's method: x + F(x), the residual update itself.
//!
//! Where a layer has several sublayers each makes its own Euler step, one after the other, as a Transformer does; that
//! is Lie-Trotter splitting, of order 1 as well.

use super::{Program, Value, c64};

/// Φ(z) = 1 + z. Stable in the disc |1 + z| < 1: for real λ < 0 up to h |λ| = 2.
pub fn growth(z: c64) -> c64 {
    1.0 + z
}

/// The step.
pub fn step(program: &mut Program, x: Value) -> Value {
    (0..program.sublayers()).fold(x, |x, sublayer| program.substep(sublayer, 1.0, x))
}
