//! The record of a large update, whose rows some cores have made.

use super::Params;
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, lanes};

/// The norms of the columns of `x`, summed in the order in which an update in one piece sums them.
pub(super) struct Norms<'a, T> {
    pub p: &'a Params,
    pub x: &'a [T],
    pub norms: &'a mut [T],
    pub events: &'a mut [i32],
}

impl<T: Real> Work for Norms<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let mut column = 0;
        self.panels::<FUSED, 32>(&mut column);
        self.panels::<FUSED, 4>(&mut column);
    }
}

impl<T: Real> Norms<'_, T> {
    /// All whole panels of `LANES` columns from `column`.
    #[inline(always)]
    fn panels<const FUSED: bool, const LANES: usize>(&mut self, column: &mut usize) {
        let (columns, track) = (self.p.columns as usize, self.p.track());
        while *column + LANES <= columns {
            let mut squares = [T::ZERO; LANES];
            for row in self.x.chunks_exact(columns) {
                let x: &[T; LANES] = row[*column..][..LANES].try_into().expect("LANES long");
                squares = lanes(|l| multiply_add::<T, FUSED>(x[l], x[l], squares[l]));
            }
            for (l, square) in squares.into_iter().enumerate() {
                track.observe(self.norms, self.events, *column + l, square);
            }
            *column += LANES;
        }
    }
}
