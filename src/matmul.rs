//! The register tile of the CPU path's matrix products: a few rows of weights times a few vectors of columns.
//!
//! Columns (grid points and tokens) are contiguous, so they fill the vector lanes; weights are broadcast. Nothing is
//! packed: a member's weights and one panel of columns fit the first-level cache, which is why this beats a general
//! GEMM at the sizes of this program (numbers in the README's performance section).

#[cfg(target_arch = "x86_64")]
mod fused;

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
#[allow(clippy::needless_range_loop, reason = "k walks over the weights and the input alike")]
pub fn tile<T: Real, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    weights: Matrix<T>,
    row: usize,
    inner: usize,
    input: Matrix<T>,
    column: usize,
) -> [[T; LANES]; ROWS] {
    #[cfg(target_arch = "x86_64")]
    if FUSED && size_of::<T>() == 4 && matches!(LANES, 4 | 8 | 16 | 32) {
        return fused::tile::<T, ROWS, LANES>(weights, row, inner, input, column);
    }
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

/// What becomes of the sums of a product.
pub trait Epilogue<T> {
    /// Takes `LANES` neighbouring elements of a row of `weights . input`. Implementations are `#[inline(always)]`.
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, sums: [T; LANES]);
}

/// `weights[rows, inner] . input[inner, columns]` into an epilogue, in tiles that suit vectors of `BYTES`; rows and
/// columns are multiples of 4.
#[inline(always)]
pub fn product<T: Real, E: Epilogue<T>, const BYTES: usize, const FUSED: bool>(
    weights: Matrix<T>,
    (rows, inner, columns): (usize, usize, usize),
    input: Matrix<T>,
    epilogue: &mut E,
) {
    let shape = (rows, inner, columns);
    let mut column = 0;
    match (BYTES, size_of::<T>()) {
        (64, 4) => panels::<T, E, FUSED, 8, 32>(weights, shape, input, &mut column, epilogue),
        (64, 8) => panels::<T, E, FUSED, 8, 16>(weights, shape, input, &mut column, epilogue),
        (32, 4) => panels::<T, E, FUSED, 4, 16>(weights, shape, input, &mut column, epilogue),
        (32, 8) => panels::<T, E, FUSED, 4, 8>(weights, shape, input, &mut column, epilogue),
        _ => {}
    }
    panels::<T, E, FUSED, 4, 8>(weights, shape, input, &mut column, epilogue);
    panels::<T, E, FUSED, 4, 4>(weights, shape, input, &mut column, epilogue);
}

/// All whole panels of `LANES` columns from `column`.
#[inline(always)]
fn panels<T: Real, E: Epilogue<T>, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    weights: Matrix<T>,
    (rows, inner, columns): (usize, usize, usize),
    input: Matrix<T>,
    column: &mut usize,
    epilogue: &mut E,
) {
    while *column + LANES <= columns {
        let mut row = 0;
        while row + ROWS <= rows {
            let sums = tile::<T, FUSED, ROWS, LANES>(weights, row, inner, input, *column);
            for (r, sums) in sums.into_iter().enumerate() {
                epilogue.store::<FUSED, LANES>(row + r, *column, sums);
            }
            row += ROWS;
        }
        while row < rows {
            let sums = tile::<T, FUSED, 4, LANES>(weights, row, inner, input, *column);
            for (r, sums) in sums.into_iter().enumerate() {
                epilogue.store::<FUSED, LANES>(row + r, *column, sums);
            }
            row += 4;
        }
        *column += LANES;
    }
}
