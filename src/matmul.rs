//! The register tile of the CPU path's matrix products: a few rows of weights times a few vectors of columns.
//!
//! Columns (grid points and tokens) are contiguous, so they fill the vector lanes; weights are broadcast. Nothing is
//! packed: a member's weights and one panel of columns fit the first-level cache, which is why this beats a general
//! GEMM at the sizes of this program (numbers in the README's performance section).

use crate::real::Real;

/// A row-major matrix, or a part of one.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    /// The elements.
    pub values: &'a [T],
    /// Elements from one row to the next.
    pub stride: usize,
}

/// `a * b + c`, fused where the processor can.
#[inline(always)]
pub fn multiply_add<T: Real, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// The product of `ROWS` rows of `weights`, from `row`, and `LANES` columns of `input`, from `column`:
/// `tile[r][l] = sum_k weights[row + r, k] * input[k, column + l]`, summed in the order of k.
///
/// |error| <= (inner + 2) epsilon sum_k |weights| |input|.
#[inline(always)]
pub fn tile<T: Real, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    weights: Matrix<T>,
    row: usize,
    inner: usize,
    input: Matrix<T>,
    column: usize,
) -> [[T; LANES]; ROWS] {
    let mut sums = [[T::ZERO; LANES]; ROWS];
    let rows: [&[T]; ROWS] = std::array::from_fn(|r| &weights.values[(row + r) * weights.stride..][..inner]);
    for k in 0..inner {
        let x: &[T; LANES] = input.values[k * input.stride + column..][..LANES].try_into().expect("LANES long");
        for r in 0..ROWS {
            let weight = rows[r][k];
            for l in 0..LANES {
                sums[r][l] = multiply_add::<T, FUSED>(weight, x[l], sums[r][l]);
            }
        }
    }
    sums
}
