//! Keeps a tangent of a nonlinear trajectory near 1 by exact powers of two, and its length: for each grid point, over all
//! its tokens, one power of two, for attention mixes tokens.
//!
//! The largest magnitude is found as an exponent before anything is squared, so the length is right whatever one step did,
//! as long as it fits the device's numbers at all. Where it does not, the point is marked by the exponent [`OVERFLOWED`] and
//! its tangent becomes 0. Magnitudes below 2^-126 count as 0 in every number type.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// A tangent brought back to a size near 1, and its length.
    pub struct RescaleTangent = rescale_tangent;
    shared { magnitude }
    constants {
        /// The exponent of a tangent that was stretched beyond the device's numbers.
        pub OVERFLOWED: i32 = 1 << 30,
        /// The exponent below which a magnitude counts as 0.
        LEAST: i32 = -126,
        /// The exponent of the largest power of two whose reciprocal is a normal number of f32. A factor made of two
        /// halves is none the better: a GPU's compiler may multiply the halves first.
        MOST: i32 = 126,
    }
    /// The sizes of the tangents, and the rows of their lengths.
    params {
        /// Rows of the tangent, padded to a multiple of 4.
        rows: u32,
        /// Its columns, padded; column `point * tokens + token`.
        columns: u32,
        /// Tokens of a grid point.
        tokens: u32,
        /// Grid points.
        points: u32,
        /// The row of the lengths before the step; the same as `row` if nobody wants to keep that.
        previous: u32,
        /// The row to write.
        row: u32,
        /// Rows of the lengths.
        lengths: u32,
        /// Is this the start? Then nothing is read of the lengths before.
        begin: u32,
    }
    buffers {
        deviations: write number,
        squares: write number,
        exponents: write int,
    }
}

impl Kernel for RescaleTangent {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.points, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { deviations, squares, exponents } = views;
        let (columns, points) = (p.columns as usize, p.points as usize);
        for point in 0..points {
            let before = if p.begin != 0 { 0 } else { exponents[p.previous as usize * points + point] };
            let lines = deviations.chunks_exact_mut(columns);
            let (square, shift) = rescale(lines, point * p.tokens as usize, p.tokens as usize);
            let exponent = if before == OVERFLOWED || shift == OVERFLOWED { OVERFLOWED } else { before + shift };
            squares[p.row as usize * points + point] = square;
            exponents[p.row as usize * points + point] = exponent;
        }
    }

    fn cost(p: &Params) -> Cost {
        let elements = f64::from(p.rows) * f64::from(p.tokens * p.points);
        Cost { flops: 4.0 * elements, bytes: 12.0 * elements }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Rescales the columns `first .. first + tokens`; returns their squared length then and the power that was taken out.
#[inline(always)]
fn rescale<'a, T: Real>(lines: impl Iterator<Item = &'a mut [T]>, first: usize, tokens: usize) -> (T, i32) {
    let mut own: Vec<&mut [T]> = lines.map(|line| &mut line[first..first + tokens]).collect();
    let values = || own.iter().flat_map(|line| line.iter());
    let finite = values().all(|x| x.is_finite());
    let largest = values().map(|x| x.exponent()).max().unwrap_or(LEAST - 1);
    // What f64 has beyond the numbers of f32 goes at once.
    let shift = if largest == MOST + 1 { MOST } else { largest.min(1022) };
    if !finite || largest < LEAST {
        own.iter_mut().for_each(|line| line.fill(T::ZERO));
        return (T::ZERO, if finite { 0 } else { OVERFLOWED });
    }
    let factor = T::power_of_two(-shift);
    let mut square = T::ZERO;
    for x in own.iter_mut().flat_map(|line| line.iter_mut()) {
        *x *= factor;
        square += *x * *x;
    }
    (square, shift)
}
