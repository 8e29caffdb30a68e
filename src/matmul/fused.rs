//! The tile in f32 with the vectors spelled out: left to itself the compiler keeps sums in memory, or puts rows along
//! the lanes.

use super::Matrix;
use crate::real::Real;
use std::arch::x86_64::*;

macro_rules! tile_of_vectors {
    ($name:ident, $width:literal, $zero:ident, $load:ident, $broadcast:ident, $fused:ident, $store:ident) => {
        /// `VECTORS` vectors of columns; `weights` and `input` point to the first element that is read.
        ///
        /// # Safety
        /// The processor has these instructions, and all elements that are read are there.
        #[inline(always)]
        unsafe fn $name<const ROWS: usize, const VECTORS: usize>(
            (weights, weights_stride): (*const f32, usize),
            inner: usize,
            (input, input_stride): (*const f32, usize),
            out: *mut f32,
        ) {
            // SAFETY: the caller's promise.
            unsafe {
                let mut sums = [[$zero(); VECTORS]; ROWS];
                let mut line = input;
                for k in 0..inner {
                    let mut x = [$zero(); VECTORS];
                    for v in 0..VECTORS {
                        x[v] = $load(line.add($width * v));
                    }
                    for r in 0..ROWS {
                        let weight = $broadcast(*weights.add(r * weights_stride + k));
                        for v in 0..VECTORS {
                            sums[r][v] = $fused(weight, x[v], sums[r][v]);
                        }
                    }
                    line = line.wrapping_add(input_stride);
                }
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        $store(out.add((r * VECTORS + v) * $width), sums[r][v]);
                    }
                }
            }
        }
    };
}

tile_of_vectors!(tile_512, 16, _mm512_setzero_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps);
tile_of_vectors!(tile_256, 8, _mm256_setzero_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps);
tile_of_vectors!(tile_128, 4, _mm_setzero_ps, _mm_loadu_ps, _mm_set1_ps, _mm_fmadd_ps, _mm_storeu_ps);

/// [`tile`](super::tile) for f32 where `FUSED` holds. 32 lanes are asked for only where there is AVX-512, the others
/// need AVX2 and FMA, which `FUSED` means on this processor family.
#[inline(always)]
pub(super) fn tile<T: Real, const ROWS: usize, const LANES: usize>(
    weights: Matrix<T>,
    row: usize,
    inner: usize,
    input: Matrix<T>,
    column: usize,
) -> [[T; LANES]; ROWS] {
    let mut sums = [[T::ZERO; LANES]; ROWS];
    if inner == 0 {
        return sums;
    }
    let last = (row + ROWS - 1) * weights.stride + inner;
    let end = (inner - 1) * input.stride + column + LANES;
    assert!(size_of::<T>() == 4 && last <= weights.values.len() && end <= input.values.len());
    let from = (weights.values[row * weights.stride..].as_ptr().cast::<f32>(), weights.stride);
    let by = (input.values[column..].as_ptr().cast::<f32>(), input.stride);
    let out = sums.as_mut_ptr().cast::<f32>();
    // SAFETY: the assertion has the last elements that are read, and T is f32; the instructions are there, see above.
    unsafe {
        match LANES {
            32 => tile_512::<ROWS, 2>(from, inner, by, out),
            16 => tile_256::<ROWS, 2>(from, inner, by, out),
            8 => tile_256::<ROWS, 1>(from, inner, by, out),
            _ => tile_128::<ROWS, 1>(from, inner, by, out),
        }
    }
    sums
}
