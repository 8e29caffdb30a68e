//! Orthonormalises tangent vectors and keeps the logarithms of what was divided out: Benettin's step.
//!
//! Modified Gram-Schmidt on the columns of `deviations`, for the pivots `first .. last`. The length of each pivot is
//! multiplied into `growth`, as a mantissa with an integer exponent, so no logarithm is taken on the device and nothing
//! overflows. Run twice it is orthonormal to working precision whatever the condition ("twice is enough", Giraud,
//! Langou and Rozloznik 2005); the second run's lengths are near 1 and are multiplied in all the same.
//!
//! Reference: Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980).

mod case;

use crate::kernel::shared::trips::MOST_COUNTED_TRIPS;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// One pass of modified Gram-Schmidt over some pivots.
    pub struct Orthonormalise = orthonormalise;
    shared { magnitude }
    constants {
        /// Invocations of a workgroup.
        LANES: u32 = 64,
    }
    /// The sizes of the vectors, and the pivots that a run takes.
    params {
        /// Rows of the vectors, padded to a multiple of 4.
        rows: u32,
        /// Vectors.
        columns: u32,
        /// From one row of the buffer to the next.
        stride: u32,
        /// The first pivot.
        first: u32,
        /// One past the last pivot.
        last: u32,
        /// The row of `growth` to multiply into: a block of the convergence series.
        block: u32,
        /// Rows of `growth`.
        blocks: u32,
        /// Begin the block: whatever `growth` holds there is replaced by 1 first.
        begin: u32,
    }
    buffers {
        deviations: write number,
        growth: write number,
        growth_exponents: write int,
    }
}

/// Pivots of one run that keep within the limit of trips, for so many vectors of so many rows.
pub fn pivots_at_once(rows: usize, columns: usize) -> usize {
    let lanes = LANES as usize;
    let trips_of_pivot = rows.div_ceil(4) * (1 + 2 * columns.div_ceil(lanes)) + rows.div_ceil(lanes);
    (MOST_COUNTED_TRIPS as usize / trips_of_pivot).max(1)
}

impl Kernel for Orthonormalise {
    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { deviations, growth, growth_exponents: exponents } = views;
        let start = (p.block * p.stride) as usize;
        for pivot in p.first as usize..p.last as usize {
            let length = dispatch(Pivot { p, pivot, deviations });
            let (growth, exponent) = (&mut growth[start + pivot], &mut exponents[start + pivot]);
            if p.begin != 0 {
                (*growth, *exponent) = (T::ONE, 0);
            }
            let mantissa = *growth * length;
            let shift = mantissa.exponent().max(-126);
            *growth = mantissa * T::power_of_two(-shift);
            *exponent += shift;
        }
    }

    fn cost(p: &Params) -> Cost {
        let (rows, columns) = (p.rows as f64, p.columns as f64);
        let pairs: f64 = (p.first..p.last).map(|pivot| columns - pivot as f64 - 1.0).sum();
        Cost { flops: 4.0 * rows * pairs + 3.0 * rows * (p.last - p.first) as f64, bytes: 8.0 * rows * columns }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// One pivot: normalise it, take it out of the vectors behind it.
struct Pivot<'a, T> {
    p: &'a Params,
    pivot: usize,
    deviations: &'a mut [T],
}

impl<T: Real> Work for Pivot<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) -> T {
        let (stride, pivot) = (self.p.stride as usize, self.pivot);
        let rows = || 0..self.p.rows as usize;
        let mut square = T::ZERO;
        for row in rows() {
            let value = self.deviations[row * stride + pivot];
            square += value * value;
        }
        let length = square.sqrt();
        if length == T::ZERO {
            return length;
        }
        for row in rows() {
            let value = &mut self.deviations[row * stride + pivot];
            *value = *value / length;
        }
        let mut column = pivot + 1;
        while column + 16 <= self.p.columns as usize {
            self.project::<16>(column);
            column += 16;
        }
        while column + 4 <= self.p.columns as usize {
            self.project::<4>(column);
            column += 4;
        }
        (column..self.p.columns as usize).for_each(|column| self.project::<1>(column));
        length
    }
}

impl<T: Real> Pivot<'_, T> {
    /// Takes the pivot out of `LANES` vectors.
    #[inline(always)]
    fn project<const LANES: usize>(&mut self, column: usize) {
        let (stride, rows) = (self.p.stride as usize, self.p.rows as usize);
        let mut dots = [T::ZERO; LANES];
        for line in self.deviations.chunks_exact(stride).take(rows) {
            let (own, values): (T, &[T; LANES]) =
                (line[self.pivot], line[column..][..LANES].try_into().expect("LANES long"));
            dots = lanes(|l| dots[l] + own * values[l]);
        }
        for line in self.deviations.chunks_exact_mut(stride).take(rows) {
            let own = line[self.pivot];
            let values: &mut [T; LANES] = (&mut line[column..][..LANES]).try_into().expect("LANES long");
            *values = lanes(|l| values[l] - own * dots[l]);
        }
    }
}
