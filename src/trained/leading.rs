//! The leading eigenvalues and the largest singular values of a layer's Jacobians at some tokens, by products alone.

use super::Stack;
use super::operators::{Operators, VECTORS, Way};
use crate::error::Result;
use crate::spectrum::arnoldi::{Arnoldi, Leading};
use crate::spectrum::lanczos::{Asked, Lanczos, LargestSingular};
use crate::weights::LearnedLayer;
use faer::Mat;

impl Stack<'_> {
    /// The `count` eigenvalues of largest magnitude of the Jacobian ∂x⁺_t/∂x_t of a layer at the states before it, of each of
    /// these tokens of the first grid point; `count` is the width at most.
    ///
    /// # Errors
    /// What the device reports.
    pub fn leading(&self, weights: &LearnedLayer, tokens: &[usize], count: usize) -> Result<Vec<Leading>> {
        self.check_work()?;
        let mut found = Vec::with_capacity(tokens.len());
        for tokens in tokens.chunks(self.tokens_at_once(VECTORS)) {
            let operators = Operators::new(self, weights, tokens, Way::Forth)?;
            let begin = || Arnoldi::new(operators.order, count, VECTORS, self.device.epsilon());
            let mut iterations: Vec<Arnoldi> = tokens.iter().map(|_| begin()).collect();
            while iterations.iter().any(|own| own.asks().is_some()) {
                let asked: Vec<_> = iterations.iter().map(Arnoldi::asks).collect();
                let products = some_products(&operators, &asked)?;
                let each = iterations.iter_mut().zip(products);
                each.for_each(|(own, product)| product.iter().for_each(|product| own.take(product)));
            }
            found.extend(iterations.into_iter().map(Arnoldi::found));
        }
        Ok(found)
    }

    /// The `count` largest singular values of the same Jacobians, by products with them and with their transposes.
    ///
    /// # Errors
    /// What the device reports.
    pub fn largest_singular(
        &self,
        weights: &LearnedLayer,
        tokens: &[usize],
        count: usize,
    ) -> Result<Vec<LargestSingular>> {
        self.check_work()?;
        let mut found = Vec::with_capacity(tokens.len());
        for tokens in tokens.chunks(self.tokens_at_once(VECTORS)) {
            let of = |way| Operators::new(self, weights, tokens, way);
            let (forth, back) = (of(Way::Forth)?, of(Way::Back)?);
            let begin = || Lanczos::new(forth.order, count, VECTORS, self.device.epsilon());
            let mut iterations: Vec<Lanczos> = tokens.iter().map(|_| begin()).collect();
            while iterations.iter().any(|own| own.asks().is_some()) {
                for (operators, way) in [(&forth, Way::Forth), (&back, Way::Back)] {
                    let asked: Vec<_> = iterations.iter().map(|own| asked_of(own, way)).collect();
                    if asked.iter().any(Option::is_some) {
                        let products = some_products(operators, &asked)?;
                        let each = iterations.iter_mut().zip(products);
                        each.for_each(|(own, product)| product.iter().for_each(|product| own.take(product)));
                    }
                }
            }
            found.extend(iterations.into_iter().map(Lanczos::found));
        }
        Ok(found)
    }
}

/// The vectors that an iteration wants multiplied this way, if any.
fn asked_of(iteration: &Lanczos, way: Way) -> Option<&Mat<f64>> {
    match (iteration.asks()?, way) {
        (Asked::Images(vectors), Way::Forth) | (Asked::Back(vectors), Way::Back) => Some(vectors),
        _ => None,
    }
}

/// The products that are asked for, of each token; none of those that ask for none.
fn some_products(operators: &Operators, asked: &[Option<&Mat<f64>>]) -> Result<Vec<Option<Mat<f64>>>> {
    let none = || Mat::zeros(operators.order, 0);
    let blocks: Vec<Mat<f64>> = asked.iter().map(|own| own.cloned().unwrap_or_else(none)).collect();
    let products = operators.apply(&blocks)?;
    Ok(products.into_iter().zip(asked).map(|(product, own)| own.map(|_| product)).collect())
}
