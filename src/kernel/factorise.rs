//! LU factors of `diagonal 1 - gain G` for every column (grid point), with partial pivoting: the matrices of an implicit
//! step.
//!
//! `factors` holds L below the diagonal (its own is 1) and U above it, column by column. Row i of the permuted matrix is
//! row `pivots[i]`; `pivots[0]` is -1 where a pivot is no larger than rounding, epsilon (|diagonal| + |gain|), and the
//! matrix so singular that there is no step.

mod case;

use crate::kernel::shared::trips::MOST_COUNTED_TRIPS;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};
use std::ops::Range;

kernel! {
    /// LU factors with partial pivoting, of one matrix for each column.
    pub struct Factorise = factorise;
    constants {
        /// Invocations of a workgroup.
        LANES: u32 = 64,
    }
    compared { EPSILON = f32::EPSILON }
    /// The sizes of the matrices, and the pivots that a run eliminates.
    params {
        /// Rows and columns of a matrix.
        width: u32,
        /// Rows and columns of the weights.
        padded: u32,
        /// Matrices of a member.
        columns: u32,
        /// The first pivot; with 0 the matrices are filled.
        first: u32,
        /// The pivot after the last one.
        end: u32,
    }
    buffers {
        weights: read number,
        coefficients: read number,
        member_gain: read number,
        factors: write number,
        pivots: write int,
    }
}

/// The pivots of a matrix in ranges that are each few enough for one dispatch.
pub fn pivot_ranges(width: u32) -> Vec<Range<u32>> {
    let trips = |k: u32| LANES + width.div_ceil(LANES) * (width - k + 4);
    // Filling the matrix comes before the first pivot.
    let mut ranges = Vec::new();
    let (mut first, mut sum) = (0, width.div_ceil(LANES) * (width + 1));
    for k in 0..width {
        sum += trips(k);
        if u64::from(sum) > MOST_COUNTED_TRIPS {
            ranges.push(first..k);
            (first, sum) = (k, trips(k));
        }
    }
    ranges.push(first..width);
    ranges
}

impl Kernel for Factorise {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { weights, coefficients, member_gain, factors, pivots } = views;
        let (n, columns) = (p.width as usize, p.columns as usize);
        let matrices = factors.chunks_exact_mut(n * n).zip(pivots.chunks_exact_mut(n));
        for (column, (factors, pivots)) in matrices.enumerate() {
            let (diagonal, gain) = (coefficients[column], coefficients[columns + column] * member_gain[0]);
            if p.first == 0 {
                fill(p, weights, diagonal, gain, factors, pivots);
            }
            let least = T::from_f64(T::EPSILON) * (diagonal.abs() + gain.abs());
            dispatch(Elimination { p, least, factors, pivots });
        }
    }

    fn cost(p: &Params) -> Cost {
        let n = p.width as f64;
        let flops = (p.first..p.end).map(|k| 2.0 * (n - 1.0 - k as f64).powi(2)).sum::<f64>();
        Cost { flops: flops * p.columns as f64, bytes: 8.0 * n * n * p.columns as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// `diagonal 1 - gain G`, and the permutation that changes nothing.
fn fill<T: Real>(p: &Params, weights: &[T], diagonal: T, gain: T, factors: &mut [T], pivots: &mut [i32]) {
    let (n, stride) = (p.width as usize, p.padded as usize);
    for i in 0..n {
        for j in 0..n {
            let constant = if i == j { diagonal } else { T::ZERO };
            factors[j * n + i] = constant - gain * weights[i * stride + j];
        }
        pivots[i] = i as i32;
    }
}

/// The pivots of one matrix.
struct Elimination<'a, T> {
    p: &'a Params,
    least: T,
    factors: &'a mut [T],
    pivots: &'a mut [i32],
}

impl<T: Real> Work for Elimination<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let n = self.p.width as usize;
        for k in self.p.first as usize..self.p.end as usize {
            let row = pivot_row(&self.factors[k * n..][..n], k);
            if row != k {
                self.factors.chunks_exact_mut(n).for_each(|column| column.swap(k, row));
                self.pivots.swap(k, row);
            }
            let (left, right) = self.factors.split_at_mut((k + 1) * n);
            let own = &mut left[k * n..];
            let singular = own[k].abs() <= self.least;
            if singular {
                self.pivots[0] = -1;
            }
            let inverse = if singular { T::ZERO } else { T::ONE / own[k] };
            own[k + 1..].iter_mut().for_each(|x| *x *= inverse);
            for column in right.chunks_exact_mut(n) {
                let upper = column[k];
                for (x, &multiplier) in column[k + 1..].iter_mut().zip(&own[k + 1..]) {
                    *x -= multiplier * upper;
                }
            }
        }
    }
}

/// The row of the largest magnitude from row k on, the first of equals.
#[inline(always)]
fn pivot_row<T: Real>(column: &[T], k: usize) -> usize {
    let mut row = k;
    for i in k + 1..column.len() {
        if column[i].abs() > column[row].abs() {
            row = i;
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::{LANES, MOST_COUNTED_TRIPS, pivot_ranges};

    #[test]
    fn ranges_cover_all_pivots_and_are_short() {
        for width in [1, 7, 64, 130, 256, 512] {
            let ranges = pivot_ranges(width);
            assert!(ranges.iter().all(|range| !range.is_empty()));
            assert_eq!(
                ranges.iter().flat_map(|range| range.clone()).collect::<Vec<_>>(),
                (0..width).collect::<Vec<_>>()
            );
            for range in ranges {
                // As the shader counts: filling, the search, the swap and the update.
                let rows = |from: u32| (width - from).div_ceil(LANES);
                let update = |k: u32| rows(k) + LANES + rows(0) + rows(k + 1) * (width - k);
                let fill = if range.start == 0 { rows(0) * (width + 1) } else { 0 };
                let trips = fill + range.map(update).sum::<u32>();
                assert!(u64::from(trips) <= MOST_COUNTED_TRIPS + u64::from(2 * width * rows(0)));
            }
        }
    }
}
