//! The step of the linear model, for all grid points: powers of the matrix, or its inverse.

use super::{exponential_euler, program};
use crate::error::Result;
use crate::invalid;
use crate::spec::Integrator;

/// Products of a step at most.
const MOST_PRODUCTS: usize = 2000;

/// How the linear model makes a step x⁺ = Φ(Z) x with Z = c + g G, c = keep - 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Scheme {
    /// Φ is a polynomial, with these coefficients of powers of z.
    Polynomial(Vec<f64>),
    /// Φ is e^z, by so many Taylor series of this degree.
    Exponential {
        /// Series that are applied one after the other.
        substeps: usize,
        /// Of each.
        degree: usize,
    },
    /// Φ is 1 / (1 - z).
    Inverse,
}

impl Scheme {
    /// The scheme of an integrator, for g G of at most this norm and numbers of this epsilon.
    pub fn new(integrator: Integrator, norm: f64, epsilon: f64) -> Self {
        match (integrator, program(integrator, 1)) {
            (Integrator::ExponentialEuler, _) => {
                let (substeps, degree) = exponential_euler::series(norm, epsilon);
                Scheme::Exponential { substeps, degree }
            }
            (_, Some(program)) => Scheme::Polynomial(program.polynomial()),
            (_, None) => Scheme::Inverse,
        }
    }

    /// Refuses more products in a step than anybody would wait for.
    pub fn check(&self) -> Result<()> {
        if self.products() <= MOST_PRODUCTS {
            return Ok(());
        }
        invalid!(
            "integrator: exponential-euler would need {} products a step, at most {MOST_PRODUCTS} are made; lower the step \
             size or the radius",
            self.products()
        )
    }

    /// How often the polynomial is applied in a step.
    pub fn substeps(&self) -> usize {
        if let Scheme::Exponential { substeps, .. } = self { *substeps } else { 1 }
    }

    /// Products with the matrix in a step; an inverse counts as one.
    pub fn products(&self) -> usize {
        match self {
            Scheme::Polynomial(coefficients) => coefficients.len() - 1,
            Scheme::Exponential { substeps, degree } => substeps * degree,
            Scheme::Inverse => 1,
        }
    }

    /// The coefficients q of Φ(Z / s) = sum_j q_j (g G / s)^j, with s substeps; none for an inverse.
    ///
    /// The constant part c commutes with G, so Φ is expanded about it: q_j = Φ^(j)(c) / j!. It goes into no product,
    /// and costs no cancellation.
    pub fn expanded(&self, keep: f64) -> Vec<f64> {
        let c = keep - 1.0;
        match self {
            // As it was given, so that Euler's step is not rounded twice.
            Scheme::Polynomial(coefficients) if coefficients[..] == [1.0, 1.0] => vec![keep, 1.0],
            Scheme::Polynomial(coefficients) => shift(coefficients, c),
            Scheme::Exponential { substeps, degree } => {
                let first = (c / *substeps as f64).exp();
                (0..=*degree).scan(first, |q, j| Some(std::mem::replace(q, *q / (j + 1) as f64))).collect()
            }
            Scheme::Inverse => Vec::new(),
        }
    }
}

/// The coefficients of p(c + z) from those of p(z), by repeated synthetic division.
fn shift(coefficients: &[f64], c: f64) -> Vec<f64> {
    let mut q = coefficients.to_vec();
    for first in 0..q.len() {
        for k in (first..q.len() - 1).rev() {
            q[k] += c * q[k + 1];
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_expanded_about_the_constant_part() {
        for integrator in [Integrator::Euler, Integrator::Heun, Integrator::Rk4, Integrator::ExponentialEuler] {
            let scheme = Scheme::new(integrator, 3.0, f64::EPSILON);
            let (keep, g) = (0.4, 0.7);
            let s = scheme.substeps() as f64;
            let once = scheme.expanded(keep).iter().rev().fold(0.0, |sum, q| sum * g / s + q);
            let exact = super::super::growth(integrator, super::super::c64::new(keep - 1.0 + g, 0.0)).re;
            assert!((once.powf(s) - exact).abs() < 1e-14, "{integrator}: {} and {exact}", once.powf(s));
        }
    }
}
