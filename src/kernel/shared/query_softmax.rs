//! The row of the softmax of one query, for its tangents.

use super::stack::Stack;
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::spec::MOST_TOKENS;

/// Invocations of a workgroup.
pub const LANES: u32 = 64;

/// Keys, or rows of a head, that have room at a time.
pub const ROOM: usize = MOST_TOKENS;

/// Where scores come from.
pub struct Scores<'a, T> {
    /// The heads.
    pub stack: Stack,
    /// Tokens of a grid point.
    pub tokens: usize,
    /// Columns of the state.
    pub columns: usize,
    /// Does a token only attend to itself and those before it?
    pub causal: bool,
    /// The factor on the scores.
    pub scale: f64,
    /// The queries, in a stack.
    pub queries: &'a [T],
    /// The keys, in a stack.
    pub keys: &'a [T],
}

/// The softmax of one query.
pub struct Query {
    /// The number of keys that it sees.
    pub used: usize,
    /// The key of the largest score: the origin of dS and V.
    pub top: usize,
}

impl<T: Real> Scores<'_, T> {
    /// Makes the weights of the query of a head in a column.
    #[inline(always)]
    pub fn softmax<const FUSED: bool>(&self, head: usize, column: usize, weights: &mut [T; MOST_TOKENS]) -> Query {
        let (columns, query) = (self.columns, column % self.tokens);
        let used = if self.causal { query + 1 } else { self.tokens };
        let rows = self.stack.rows_of(head);
        let weights = &mut weights[..used];
        weights.fill(T::ZERO);
        for i in 0..self.stack.head_width as usize {
            let own = self.queries[(rows.queries + i) * columns + column];
            let keys = &self.keys[(rows.keys + i) * columns + column - query..][..used];
            for (weight, &key) in weights.iter_mut().zip(keys) {
                *weight = multiply_add::<T, FUSED>(own, key, *weight);
            }
        }
        let (mut largest, mut total) = (weights[0], T::ZERO);
        weights.iter().for_each(|&weight| largest = if weight > largest { weight } else { largest });
        let top = weights.iter().position(|&weight| weight == largest).unwrap_or(0);
        for weight in weights.iter_mut() {
            *weight = weight_of::<T, FUSED>(*weight, largest, self.scale);
            total += *weight;
        }
        weights.iter_mut().for_each(|weight| *weight = *weight / total);
        Query { used, top }
    }
}

/// `e^(scale (score - largest))`, and 0 where that is far below rounding: what multiplies it can be large. The scale
/// comes last, so that scores that are finite do not overflow.
#[inline(always)]
pub fn weight_of<T: Real, const FUSED: bool>(score: T, largest: T, scale: f64) -> T {
    let x = (score - largest) * T::from_f64(scale);
    let least = T::from_f64(T::LEAST_EXPONENT);
    // No branch around the exponential, so that the compiler makes some at a time.
    let weight = if x > least { x } else { least }.exponential::<FUSED>();
    if x > least { weight } else { T::ZERO }
}
