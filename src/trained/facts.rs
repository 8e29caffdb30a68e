//! What is said of the Jacobian of one layer at one token.

use crate::spectrum::arnoldi::Leading;
use crate::spectrum::derived::Derived;
use crate::spectrum::facts::Facts;
use crate::spectrum::lanczos::LargestSingular;
use crate::spectrum::{Spectrum, Status};
use faer::Mat;

/// The Jacobian J = ∂x⁺_t/∂x_t of one layer at one token.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// t, from 0.
    pub token: usize,
    /// |x_t| before the layer.
    pub state_norm: f64,
    /// |x⁺_t - x_t| / |x_t|: the size of the step.
    pub relative_step: f64,
    /// What is known of J.
    pub jacobian: Known,
}

/// How much of a Jacobian was asked for.
#[derive(Clone, Debug)]
pub enum Known {
    /// All of it.
    Whole(Box<Whole>),
    /// Some of its values, by products with it.
    Some(Extremes),
}

/// The largest values of a Jacobian that was not assembled, as far as they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Extremes {
    /// Its eigenvalues of largest magnitude.
    pub leading: Option<Leading>,
    /// Its largest singular values.
    pub singular: Option<LargestSingular>,
}

impl Extremes {
    /// That of the first ones that are not all there, if there are such.
    fn status(&self) -> Status {
        let own = [self.leading.as_ref().map(|own| own.status), self.singular.as_ref().map(|own| own.status)];
        own.into_iter().flatten().find(|status| *status != Status::Ok).unwrap_or(Status::Ok)
    }
}

/// What is said of a Jacobian J that was assembled.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The eigenvalues of J.
    pub spectrum: Spectrum,
    /// What they say.
    pub facts: Facts,
    /// The trace of J.
    pub trace: f64,
    /// The Frobenius norm of J.
    pub frobenius: f64,
    /// All singular values of J, from the largest.
    pub singular_values: Vec<f64>,
    /// Norm, numerical abscissa, departure from normality, transient peak.
    pub derived: Derived,
    /// Of the product of the Jacobians of the layers up to this one.
    pub product: Product,
}

/// The product J_k .. J_1 of the Jacobians of the first layers at one token.
#[derive(Clone, Debug, Default)]
pub struct Product {
    /// ln of its 2-norm.
    pub log_norm: f64,
    /// Its singular values over the largest, from the largest; those that rounding hides are left out.
    pub relative_singular_values: Vec<f64>,
}

impl TokenFacts {
    /// What became of its eigenvalues.
    pub fn status(&self) -> Status {
        match &self.jacobian {
            Known::Whole(whole) => whole.spectrum.status,
            Known::Some(extremes) => extremes.status(),
        }
    }

    /// What the whole Jacobian says, if it was asked for.
    pub fn whole(&self) -> Option<&Whole> {
        match &self.jacobian {
            Known::Whole(whole) => Some(whole),
            Known::Some(_) => None,
        }
    }

    /// The same, if it has eigenvalues.
    pub fn solved(&self) -> Option<&Whole> {
        self.whole().filter(|whole| whole.spectrum.status == Status::Ok)
    }

    /// The spectral radius of J, if it is known.
    pub fn radius(&self) -> Option<f64> {
        match &self.jacobian {
            Known::Whole(_) => self.solved().map(|whole| whole.facts.radius),
            Known::Some(extremes) => extremes.leading.as_ref().and_then(Leading::radius),
        }
    }

    /// The 2-norm of J, if it is known.
    pub fn norm(&self) -> Option<f64> {
        match &self.jacobian {
            Known::Whole(whole) => whole.derived.norm,
            Known::Some(extremes) => extremes.singular.as_ref().and_then(LargestSingular::norm),
        }
    }

    /// The eigenvalues that are known, `[re, im]`.
    pub fn eigenvalues(&self) -> Vec<[f64; 2]> {
        match &self.jacobian {
            Known::Whole(whole) => whole.spectrum.eigenvalues.clone(),
            Known::Some(extremes) => {
                let known = extremes.leading.iter().flat_map(Leading::converged);
                known.map(|value| [value.re, value.im]).collect()
            }
        }
    }
}

impl Whole {
    /// max Re λ - 1, the spectral abscissa of f.
    pub fn abscissa(&self) -> f64 {
        self.facts.abscissa - 1.0
    }

    /// Eigenvalues nearer to the unit circle than the band.
    pub fn on_circle(&self) -> usize {
        self.spectrum.eigenvalues.iter().filter(|[re, im]| self.facts.band.within(re.hypot(*im) - 1.0)).count()
    }

    /// Eigenvalues with Re λ above 1, beyond the band: those that f makes grow, for J = 1 + f'.
    pub fn growing_modes(&self) -> usize {
        self.spectrum.eigenvalues.iter().filter(|[re, _]| self.facts.band.above(re - 1.0)).count()
    }
}

/// All singular values of a matrix `[n, n]`, row-major, from the largest; none where they cannot be found.
pub(super) fn singular_values(matrix: &[f64], n: usize) -> Vec<f64> {
    Mat::from_fn(n, n, |i, j| matrix[i * n + j]).singular_values().unwrap_or_default()
}

/// The trace of a matrix `[n, n]`.
pub(super) fn trace(matrix: &[f64], n: usize) -> f64 {
    (0..n).map(|i| matrix[i * n + i]).sum()
}

/// A product of matrices `[n, n]` with the size that was taken out of it, so that it neither overflows nor vanishes.
#[derive(Clone)]
pub(super) struct Cumulative {
    matrix: Mat<f64>,
    log_scale: f64,
    factors: usize,
}

impl Cumulative {
    /// The product of none.
    pub fn one(n: usize) -> Self {
        Cumulative { matrix: Mat::identity(n, n), log_scale: 0.0, factors: 0 }
    }

    /// Multiplies it by one more matrix `[n, n]`, row-major, from the left.
    pub fn push(&mut self, matrix: &[f64]) {
        let n = self.matrix.nrows();
        self.matrix = Mat::from_fn(n, n, |i, j| matrix[i * n + j]) * &self.matrix;
        self.factors += 1;
        let largest = self.matrix.norm_max();
        if largest > 0.0 && largest.is_finite() {
            self.matrix /= faer::Scale(largest);
            self.log_scale += largest.ln();
        }
    }

    /// What is known of it, with factors computed with this epsilon.
    ///
    /// Each factor is off by n ε of its norm at most, so what is left of the product's smallest singular values is theirs
    /// only above `factors n ε` of the largest.
    pub fn product(&self, epsilon: f64) -> Product {
        let n = self.matrix.nrows();
        let values = self.matrix.singular_values().unwrap_or_default();
        let Some(&largest) = values.first() else { return Product::default() };
        let least = self.factors as f64 * n as f64 * epsilon;
        Product {
            log_norm: self.log_scale + largest.ln(),
            relative_singular_values: values.iter().map(|value| value / largest).take_while(|x| *x > least).collect(),
        }
    }
}
