//! The two thin factors of the attention of one query, through which its tangents and their adjoints go.

use super::query_softmax::{Query, Scores};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::spec::MOST_TOKENS;

/// The factors of a query, filled up with zeros to multiples of 4: with m the key of the largest score and u = V - V_m.
pub struct Factors<T> {
    /// The keys that it sees.
    pub used: usize,
    /// As many, filled up.
    pub terms: usize,
    /// Rows of a head, filled up.
    pub stride: usize,
    /// P_s, `[used]`.
    pub weights: Vec<T>,
    /// K_s - K_m, `[terms, stride]`.
    pub keys: Vec<T>,
    /// The query, and three rows of 0: `[4, stride]`.
    pub query: Vec<T>,
    /// scale P_s (u_s - sum P u), and for the own token's key: `[stride, terms + 4]`.
    pub pulls: Vec<T>,
}

impl<T: Real> Scores<'_, T> {
    /// Those of the query of a head in a column, whose values are in the stack of the keys.
    #[inline(always)]
    pub fn factors<const FUSED: bool>(&self, head: usize, column: usize) -> Factors<T> {
        let (d, columns, t) = (self.stack.head_width as usize, self.columns, column % self.tokens);
        let mut weights = [T::ZERO; MOST_TOKENS];
        let Query { used, top } = self.softmax::<FUSED>(head, column, &mut weights);
        let (weights, rows) = (&weights[..used], self.stack.rows_of(head));
        let (terms, stride) = (used.next_multiple_of(4), d.next_multiple_of(4));
        let mut factors = Factors {
            used,
            terms,
            stride,
            weights: weights.to_vec(),
            keys: vec![T::ZERO; terms * stride],
            query: vec![T::ZERO; 4 * stride],
            pulls: vec![T::ZERO; stride * (terms + 4)],
        };
        let scale = T::from_f64(self.scale);
        for i in 0..d {
            let line = |row: usize| &self.keys[(row + i) * columns + column - t..][..used];
            let (keys, values) = (line(rows.keys), line(rows.values));
            factors.query[i] = self.queries[(rows.queries + i) * columns + column];
            (0..used).for_each(|s| factors.keys[s * stride + i] = keys[s] - keys[top]);
            let mut mean = T::ZERO;
            for (&weight, &value) in weights.iter().zip(values) {
                mean = multiply_add::<T, FUSED>(weight, value - values[top], mean);
            }
            let pulls = &mut factors.pulls[i * (terms + 4)..][..terms + 4];
            (0..used).for_each(|s| pulls[s] = scale * weights[s] * (values[s] - values[top] - mean));
            // The sum of all others is the own one's with the other sign, so [m = t] needs no term.
            pulls[terms] = pulls[t];
        }
        factors
    }
}
