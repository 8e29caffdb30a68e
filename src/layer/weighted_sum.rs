//! Weighted sums of states, between the updates of an integrator.

use crate::integrator::Value;
use crate::kernel::combine;
use crate::plan::{Plan, Reals};

/// A weighted sum of states or of tangents.
pub struct WeightedSum<'a> {
    /// What is added, and how much of it.
    pub terms: &'a [(Value, f64)],
    /// The same weights on the device.
    pub factors: Option<Reals>,
    pub rows: usize,
    pub columns: usize,
}

impl WeightedSum<'_> {
    /// Records the sum of some of `values`.
    pub fn record(&self, plan: &mut Plan, values: &[Reals], out: Reals) {
        let of = |i: usize| values[self.terms.get(i).unwrap_or(&self.terms[0]).0.index()];
        let [a, b, c, d, e] = std::array::from_fn(of);
        let terms = self.terms.len() as u32;
        let params = combine::Params { rows: self.rows as u32, columns: self.columns as u32, terms };
        let factors = self.factors.expect("a sum has weights");
        plan.run(params, combine::Buffers { a, b, c, d, e, factors, out });
    }
}
