//! LU factors of `diagonal 1 - gain G` for every column (grid point), with partial pivoting: the matrices of an implicit
//! step.
//!
//! `factors` holds L below the diagonal (its own is 1) and U above it, column by column. Row i of the permuted matrix is
//! row `pivots[i]`; `pivots[0]` is -1 where a pivot is no larger than rounding, epsilon (|diagonal| + |gain|), and the
//! matrix so singular that there is no step.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};
use std::ops::Range;

kernel! {
    /// LU factors with partial pivoting, of one matrix for each column.
    pub struct Factorise = factorise;
    /// Sizes, and which pivots are eliminated.
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

/// Lanes of a workgroup.
const LANES: u32 = 64;
/// Trips of the loops of one invocation at most: software drivers stop them at 65,535.
const MOST_TRIPS: u32 = 40_000;

/// The pivots of a matrix in ranges that are each few enough for one dispatch.
pub fn bites(width: u32) -> Vec<Range<u32>> {
    let trips = |k: u32| LANES + width.div_ceil(LANES) * (width - k + 4);
    // Filling the matrix comes before the first pivot.
    let mut bites = Vec::new();
    let (mut first, mut sum) = (0, width.div_ceil(LANES) * (width + 1));
    for k in 0..width {
        sum += trips(k);
        if sum > MOST_TRIPS {
            bites.push(first..k);
            (first, sum) = (k, trips(k));
        }
    }
    bites.push(first..width);
    bites
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
    use super::{LANES, MOST_TRIPS, bites};

    #[test]
    fn bites_cover_all_pivots_and_are_short() {
        for width in [1, 7, 64, 130, 256, 512] {
            let bites = bites(width);
            assert!(bites.iter().all(|bite| !bite.is_empty()));
            assert_eq!(bites.iter().flat_map(|bite| bite.clone()).collect::<Vec<_>>(), (0..width).collect::<Vec<_>>());
            for bite in bites {
                // As the shader counts: filling, the search, the swap and the update.
                let rows = |from: u32| (width - from).div_ceil(LANES);
                let update = |k: u32| rows(k) + LANES + rows(0) + rows(k + 1) * (width - k);
                let fill = if bite.start == 0 { rows(0) * (width + 1) } else { 0 };
                assert!(fill + bite.map(update).sum::<u32>() <= MOST_TRIPS + 2 * width * rows(0));
            }
        }
    }
}
