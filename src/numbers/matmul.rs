//! The register tile of the CPU path's matrix products: a few rows of weights times a few vectors of columns.
//!
//! Columns (grid points and tokens) are contiguous, so they fill the vector lanes; weights are broadcast. Nothing is
//! packed: a member's weights and one panel of columns fit the first-level cache, which is why this beats a general
//! GEMM at the sizes of this program (numbers in the README's performance section).

use crate::numbers::real::Real;
use crate::numbers::simd::lanes;

/// A row-major matrix, or a part of one.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    /// The elements.
    pub values: &'a [T],
    /// Elements from one row to the next.
    pub stride: usize,
}

/// How large a product `weights[rows, inner] . input[inner, columns]` is.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Rows of the product.
    pub rows: usize,
    /// Terms of each sum.
    pub inner: usize,
    /// Columns of the product.
    pub columns: usize,
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
    let rows: [&[T]; ROWS] = lanes(|r| &weights.values[(row + r) * weights.stride..][..inner]);
    factors::<T, FUSED, ROWS, LANES>(&rows, 1, inner, input, column)
}

/// The same with the columns of `weights`, from `first`:
/// `tile[r][l] = sum_k weights[k, first + r] * input[k, column + l]`.
#[inline(always)]
pub fn tile_of_columns<T: Real, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    weights: Matrix<T>,
    first: usize,
    inner: usize,
    input: Matrix<T>,
    column: usize,
) -> [[T; LANES]; ROWS] {
    let length = inner.saturating_sub(1) * weights.stride + 1;
    let columns: [&[T]; ROWS] = lanes(|r| &weights.values[first + r..][..length]);
    factors::<T, FUSED, ROWS, LANES>(&columns, weights.stride, inner, input, column)
}

/// `tile[r][l] = sum_k rows[r][k step] * input[k, column + l]`.
#[inline(always)]
fn factors<T: Real, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    rows: &[&[T]; ROWS],
    step: usize,
    inner: usize,
    input: Matrix<T>,
    column: usize,
) -> [[T; LANES]; ROWS] {
    if inner > 0 {
        // Every row of input that is read has LANES numbers from `column`.
        assert!((inner - 1) * input.stride + column + LANES <= input.values.len(), "the tile lies in the input");
        assert!(rows.iter().all(|row| (inner - 1) * step < row.len()), "the tile lies in the weights");
    }
    let start = &input.values[column.min(input.values.len())..];
    #[cfg(target_arch = "x86_64")]
    if FUSED && LANES >= 4 {
        // SAFETY: FUSED is set only where AVX2 and FMA were found, tiles of two 512-bit vectors only with AVX-512
        // (`simd::Work`); the assertions above bound all reads.
        return unsafe { x86::tile::<T, ROWS, LANES>(rows, step, inner, start, input.stride) };
    }
    portable_tile::<T, FUSED, ROWS, LANES>(rows, step, inner, start, input.stride)
}

#[inline(always)]
fn portable_tile<T: Real, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    rows: &[&[T]; ROWS],
    step: usize,
    inner: usize,
    input: &[T],
    stride: usize,
) -> [[T; LANES]; ROWS] {
    let mut sums = [[T::ZERO; LANES]; ROWS];
    for k in 0..inner {
        let x: &[T; LANES] = input[k * stride..][..LANES].try_into().expect("LANES long");
        for r in 0..ROWS {
            let weight = rows[r][k * step];
            for l in 0..LANES {
                sums[r][l] = multiply_add::<T, FUSED>(weight, x[l], sums[r][l]);
            }
        }
    }
    sums
}

/// The floating-point operations of a product for each of its elements.
pub fn operations(inner: usize) -> f64 {
    2.0 * inner as f64
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
    extent: Extent,
    input: Matrix<T>,
    epilogue: &mut E,
) {
    let mut column = 0;
    match (BYTES, size_of::<T>()) {
        (64, 4) => panels::<T, E, FUSED, 8, 32>(weights, extent, input, &mut column, epilogue),
        (64, 8) => panels::<T, E, FUSED, 8, 16>(weights, extent, input, &mut column, epilogue),
        (32, 4) => panels::<T, E, FUSED, 4, 16>(weights, extent, input, &mut column, epilogue),
        (32, 8) => panels::<T, E, FUSED, 4, 8>(weights, extent, input, &mut column, epilogue),
        _ => {}
    }
    panels::<T, E, FUSED, 4, 8>(weights, extent, input, &mut column, epilogue);
    panels::<T, E, FUSED, 4, 4>(weights, extent, input, &mut column, epilogue);
}

/// All whole panels of `LANES` columns from `column`.
#[inline(always)]
fn panels<T: Real, E: Epilogue<T>, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    weights: Matrix<T>,
    Extent { rows, inner, columns }: Extent,
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

/// The transposed product: columns `first .. first + rows` of `weights[inner, ..]`, each times a column of
/// `input[inner, columns]`, into an epilogue, which counts rows from 0; rows and columns are multiples of 4.
#[inline(always)]
pub fn product_of_columns<T: Real, E: Epilogue<T>, const BYTES: usize, const FUSED: bool>(
    weights: Matrix<T>,
    first: usize,
    extent: Extent,
    input: Matrix<T>,
    epilogue: &mut E,
) {
    let mut column = 0;
    match (BYTES, size_of::<T>()) {
        (64, 4) => panels_of_columns::<T, E, FUSED, 32>(weights, first, extent, input, &mut column, epilogue),
        (64, 8) | (32, 4) => {
            panels_of_columns::<T, E, FUSED, 16>(weights, first, extent, input, &mut column, epilogue);
        }
        _ => {}
    }
    panels_of_columns::<T, E, FUSED, 4>(weights, first, extent, input, &mut column, epilogue);
}

/// All whole panels of `LANES` columns from `column`.
#[inline(always)]
fn panels_of_columns<T: Real, E: Epilogue<T>, const FUSED: bool, const LANES: usize>(
    weights: Matrix<T>,
    first: usize,
    Extent { rows, inner, columns }: Extent,
    input: Matrix<T>,
    column: &mut usize,
    epilogue: &mut E,
) {
    while *column + LANES <= columns {
        for row in (0..rows).step_by(4) {
            let sums = tile_of_columns::<T, FUSED, 4, LANES>(weights, first + row, inner, input, *column);
            for (r, sums) in sums.into_iter().enumerate() {
                epilogue.store::<FUSED, LANES>(row + r, *column, sums);
            }
        }
        *column += LANES;
    }
}

/// The tile in vector registers. Compilers keep `ROWS * LANES` scalars in vectors only now and then, so this spells it
/// out; the arithmetic is that of the portable tile, bit for bit.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use crate::numbers::real::Real;
    use std::arch::x86_64::*;

    /// # Safety
    /// The processor has AVX2 and FMA, and AVX-512 if LANES numbers are 128 bytes; `(inner - 1) * step` lies in every
    /// row, and `(inner - 1) * stride + LANES <= input.len()`.
    #[inline(always)]
    pub unsafe fn tile<T: Real, const ROWS: usize, const LANES: usize>(
        rows: &[&[T]; ROWS],
        step: usize,
        inner: usize,
        input: &[T],
        stride: usize,
    ) -> [[T; LANES]; ROWS] {
        let mut sums = [[T::ZERO; LANES]; ROWS];
        let to = sums.as_mut_ptr().cast::<T>();
        // SAFETY: as the caller promises; `to` has ROWS * LANES numbers, and the branch fits T and LANES.
        unsafe {
            match (size_of::<T>(), LANES) {
                (4, 32) => f32x16::<T, ROWS, 2>(rows, step, inner, input, stride, to),
                (4, 16) => f32x8::<T, ROWS, 2>(rows, step, inner, input, stride, to),
                (4, 8) => f32x8::<T, ROWS, 1>(rows, step, inner, input, stride, to),
                (4, 4) => f32x4::<T, ROWS, 1>(rows, step, inner, input, stride, to),
                (8, 16) => f64x8::<T, ROWS, 2>(rows, step, inner, input, stride, to),
                (8, 8) => f64x4::<T, ROWS, 2>(rows, step, inner, input, stride, to),
                (8, 4) => f64x4::<T, ROWS, 1>(rows, step, inner, input, stride, to),
                _ => unreachable!("no such tile"),
            }
        }
        sums
    }

    macro_rules! tile {
        ($name:ident, $scalar:ident, $lanes:literal, $zero:ident, $load:ident, $splat:ident, $fma:ident, $store:ident) => {
            /// ROWS times VECTORS registers of sums.
            #[inline(always)]
            unsafe fn $name<T: Real, const ROWS: usize, const VECTORS: usize>(
                rows: &[&[T]; ROWS],
                step: usize,
                inner: usize,
                input: &[T],
                stride: usize,
                to: *mut T,
            ) {
                // SAFETY: see `tile`.
                unsafe {
                    let mut sums = [[$zero(); VECTORS]; ROWS];
                    let mut from = input.as_ptr().cast::<$scalar>();
                    let weights: [*const $scalar; ROWS] = std::array::from_fn(|r| rows[r].as_ptr().cast());
                    for k in 0..inner {
                        let x: [_; VECTORS] = std::array::from_fn(|v| $load(from.add(v * $lanes)));
                        for r in 0..ROWS {
                            let weight = $splat(*weights[r].add(k * step));
                            for v in 0..VECTORS {
                                sums[r][v] = $fma(weight, x[v], sums[r][v]);
                            }
                        }
                        // The last step may leave the input; the pointer is then not read.
                        from = from.wrapping_add(stride);
                    }
                    for r in 0..ROWS {
                        for v in 0..VECTORS {
                            $store(to.cast::<$scalar>().add((r * VECTORS + v) * $lanes), sums[r][v]);
                        }
                    }
                }
            }
        };
    }

    tile!(f32x16, f32, 16, _mm512_setzero_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps);
    tile!(f32x8, f32, 8, _mm256_setzero_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps);
    tile!(f32x4, f32, 4, _mm_setzero_ps, _mm_loadu_ps, _mm_set1_ps, _mm_fmadd_ps, _mm_storeu_ps);
    tile!(f64x8, f64, 8, _mm512_setzero_pd, _mm512_loadu_pd, _mm512_set1_pd, _mm512_fmadd_pd, _mm512_storeu_pd);
    tile!(f64x4, f64, 4, _mm256_setzero_pd, _mm256_loadu_pd, _mm256_set1_pd, _mm256_fmadd_pd, _mm256_storeu_pd);
}
