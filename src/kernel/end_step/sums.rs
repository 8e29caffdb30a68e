//! The sums of `end_step` that run over all elements of a state.

use super::Observation;
use crate::numbers::real::Real;
use crate::numbers::simd::lanes;

/// Sums over the rows of a column, or over the columns of a grid point.
#[derive(Clone, Copy)]
pub(super) struct Sums<T> {
    pub square: T,
    pub with_start: T,
    pub start: T,
    pub change: T,
    pub before: T,
    pub grown: T,
    pub exponent: i32,
}

impl<T: Real> Sums<T> {
    pub const ZERO: Self = Sums {
        square: T::ZERO,
        with_start: T::ZERO,
        start: T::ZERO,
        change: T::ZERO,
        before: T::ZERO,
        grown: T::ZERO,
        exponent: i32::MIN,
    };
}

impl<T: Real> Observation<'_, T> {
    /// The sums of `LANES` columns.
    #[inline(always)]
    pub(super) fn columns<const LANES: usize>(&self, column: usize, sums: &mut [Sums<T>]) {
        let columns = self.p.columns as usize;
        let keep: [T; LANES] = lanes(|l| self.keep[column + l]);
        let (mut square, mut with_start, mut initial) = ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
        let (mut change, mut old, mut grown) = ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
        let mut exponent = [i32::MIN; LANES];
        for row in 0..self.p.rows as usize {
            let at = row * columns + column;
            let x: &[T; LANES] = self.x[at..][..LANES].try_into().expect("LANES long");
            let before: &[T; LANES] = self.before[at..][..LANES].try_into().expect("LANES long");
            let start: &[T; LANES] = self.start[at..][..LANES].try_into().expect("LANES long");
            for l in 0..LANES {
                exponent[l] = exponent[l].max(x[l].exponent());
                square[l] += x[l] * x[l];
                with_start[l] += x[l] * start[l];
                initial[l] += start[l] * start[l];
                let moved = x[l] - keep[l] * before[l];
                change[l] += moved * moved;
                old[l] += before[l] * before[l];
                grown[l] += (x[l] - before[l]) * (x[l] + before[l]);
            }
        }
        for l in 0..LANES {
            sums[column + l] = Sums {
                square: square[l],
                with_start: with_start[l],
                start: initial[l],
                change: change[l],
                before: old[l],
                grown: grown[l],
                exponent: exponent[l],
            };
        }
    }

    /// The squared length of the sum of a point's tokens, each divided by its own length.
    #[inline(always)]
    pub(super) fn directions(&self, point: usize, inverse: &[T]) -> T {
        const LANES: usize = 16;
        let tokens = inverse.len();
        let mut square = T::ZERO;
        for row in 0..self.p.rows as usize {
            let line = &self.x[row * self.p.columns as usize + point * tokens..][..tokens];
            let mut sums = [T::ZERO; LANES];
            let (whole, whole_inverse) = (line.chunks_exact(LANES), inverse.chunks_exact(LANES));
            let rest = whole.remainder().iter().zip(whole_inverse.remainder());
            for (line, inverse) in whole.zip(whole_inverse) {
                let line: &[T; LANES] = line.try_into().expect("LANES long");
                let inverse: &[T; LANES] = inverse.try_into().expect("LANES long");
                sums = lanes(|l| sums[l] + line[l] * inverse[l]);
            }
            // Halves onto halves: a fixed order, and short.
            let eight: [T; 8] = lanes(|l| sums[l] + sums[l + 8]);
            let four: [T; 4] = lanes(|l| eight[l] + eight[l + 4]);
            let two: [T; 2] = lanes(|l| four[l] + four[l + 2]);
            let mut sum = two[0] + two[1];
            rest.for_each(|(&x, &inverse)| sum += x * inverse);
            square += sum * sum;
        }
        square
    }
}
