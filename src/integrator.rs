//! Integrators: how a step of size h follows dx/dt = f(x) - (gamma / h) x.
//!
//! All of them see the same increment F(x) = h f(x) - gamma x, with which Euler's step is the residual update
//! x + F(x) = (1 - gamma) x + h f(x). For f(x) = λ x it is z x with z = h λ - gamma, and a step multiplies by the
//! growth factor Φ(z):
//!
//! A layer of several sublayers has F_i(x) = h f_i(x) - gamma x for each, so friction counts once for every sublayer, and
//! F is the sum of all F_i at the same x; Euler's step and Strang splitting take one F_i after the other.
//!
//! | integrator | Φ(z) | order | for |
//! |---|---|---|---|
//! | [`euler`] | 1 + z | 1 | every model |
//! | [`heun`] | 1 + z + z²/2 | 2 | every model |
//! | [`rk4`] | 1 + z + z²/2 + z³/6 + z⁴/24 | 4 | every model |
//! | [`backward_euler`] | 1 / (1 - z) | 1 | linear |
//! | [`exponential_euler`] | e^z | exact | linear |
//! | [`strang`] | by sublayer, see there | 1, or 2 with `strang-rk4` | transformer |
//!
//! An explicit integrator is written once, in its own file, as a [`Program`]: a list of operations on states. Layers
//! run the program on buffers, their linearisation runs it on tangents, and the linear model, whose steps are
//! polynomials of the matrix, multiplies it out.

pub mod backward_euler;
pub mod euler;
pub mod exponential_euler;
pub mod heun;
mod program;
pub mod rk4;
mod scheme;
pub mod strang;

pub use faer::c64;
pub use program::{Field, Operation, Program, Value};
pub use scheme::Scheme;

use crate::spec::Integrator;

/// The growth factor Φ(z) of f(x) = λ x, with z = h λ - gamma; of Strang splitting, where each of two sublayers has
/// half of f.
pub fn growth(integrator: Integrator, z: c64) -> c64 {
    match integrator {
        Integrator::Euler => euler::growth(z),
        Integrator::Heun => heun::growth(z),
        Integrator::Rk4 => rk4::growth(z),
        Integrator::BackwardEuler => backward_euler::growth(z),
        Integrator::ExponentialEuler => exponential_euler::growth(z),
        Integrator::Strang => strang::growth(z, euler::growth),
        Integrator::StrangRk4 => strang::growth(z, rk4::growth),
    }
}

/// The largest |Φ'(z)| where |Φ(z)| = 1: by how much an error of z shows in the growth of a neutral mode.
pub fn slope(integrator: Integrator) -> f64 {
    match integrator {
        Integrator::Heun => 1.75,
        Integrator::Rk4 => 3.2,
        // Φ' = 1, Φ' = Φ and Φ' = Φ²; for Strang splitting the growth is that of a Jacobian.
        _ => 1.0,
    }
}

/// The program of an explicit integrator; none where a step is not made of evaluations of f.
pub fn program(integrator: Integrator, sublayers: usize) -> Option<Program> {
    let step: fn(&mut Program, Value) -> Value = match integrator {
        Integrator::Euler => euler::step,
        Integrator::Heun => heun::step,
        Integrator::Rk4 => rk4::step,
        Integrator::Strang => |program, x| strang::step(program, x, Program::substep),
        Integrator::StrangRk4 => |program, x| strang::step(program, x, rk4::flow),
        Integrator::BackwardEuler | Integrator::ExponentialEuler => return None,
    };
    Some(Program::record(sublayers, step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Word;

    /// |a - b| within 4 roundings of the largest term.
    fn close(a: c64, b: c64) -> bool {
        (a - b).norm() <= 8.0 * f64::EPSILON * (1.0 + b.norm())
    }

    #[test]
    fn programs_multiply_out_to_the_documented_growth_factors() {
        let points = [c64::new(-5.0, 0.0), c64::new(0.3, 0.7), c64::new(-0.2, -1.4)];
        for &integrator in Integrator::ALL {
            let split = matches!(integrator, Integrator::Strang | Integrator::StrangRk4);
            let Some(program) = program(integrator, if split { 2 } else { 1 }) else { continue };
            for z in points {
                let (own, documented) = (program.growth(if split { 0.5 * z } else { z }), growth(integrator, z));
                assert!(close(own, documented), "{integrator} at {z}: {own} and {documented}");
            }
        }
    }

    #[test]
    fn growth_factors_of_the_essays_decay_are_the_published_ones() {
        // dx/dt = -5 x with step size 1.
        let z = c64::new(-5.0, 0.0);
        let published = [
            (Integrator::Euler, -4.0),
            (Integrator::Heun, 8.5),
            (Integrator::Rk4, 13.708333333333334),
            (Integrator::BackwardEuler, 1.0 / 6.0),
            (Integrator::ExponentialEuler, 0.006737946999085467),
        ];
        for (integrator, factor) in published {
            assert!(close(growth(integrator, z), c64::new(factor, 0.0)), "{integrator}");
        }
    }

    #[test]
    fn slopes_are_the_largest_on_the_boundary_of_stability() {
        for &integrator in Integrator::ALL {
            let mut steepest: f64 = 0.0;
            for i in 0..1_000_000 {
                let z = c64::new(-4.0 + 6.0 * (i / 1000) as f64 / 1000.0, 4.0 * (i % 1000) as f64 / 1000.0);
                if (growth(integrator, z).norm() - 1.0).abs() < 5e-3 {
                    let step = c64::new(1e-6, 0.0);
                    steepest =
                        steepest.max((growth(integrator, z + step) - growth(integrator, z - step)).norm() / 2e-6);
                }
            }
            let split = matches!(integrator, Integrator::Strang | Integrator::StrangRk4);
            assert!(split || (0.97..=1.011).contains(&(steepest / slope(integrator))), "{integrator}: {steepest}");
        }
    }

    #[test]
    fn the_order_is_that_of_the_first_term_that_differs_from_the_exponential() {
        for (integrator, order) in [
            (Integrator::Euler, 1),
            (Integrator::Heun, 2),
            (Integrator::Rk4, 4),
            (Integrator::BackwardEuler, 1),
            // Of commuting halves; the order of Strang splitting itself is measured on a Transformer layer.
            (Integrator::Strang, 1),
            (Integrator::StrangRk4, 4),
        ] {
            let error = |h: f64| (growth(integrator, c64::new(0.3 * h, h)) - c64::new(0.3 * h, h).exp()).norm();
            let measured = (error(0.02) / error(0.01)).log2() - 1.0;
            assert!((measured - order as f64).abs() < 0.05, "{integrator}: {measured}");
        }
    }
}
