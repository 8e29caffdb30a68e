//! The Euler update with its epilogue: `out = keep * x + gain * (weights . input)`, then the norm of every column.
//!
//! `keep` = 1 - gamma - h mu and `gain` = h rho / sqrt n belong to a column (a grid point), so all grid points share
//! one pass over the weights; `gain` is also multiplied by the member's own factor (1, or what makes its spectral
//! radius exact). The update is linear in (x, input) together, which makes renormalisation free: the
//! power of two that the column's last norm asks for is folded into `keep` and `gain`, and counted in an integer.
//! Nothing overflows, and mantissas do not depend on how often it happens.
//!
//! # Tried and rejected
//!
//! On two cores of a shared Zen 4 server, f32 FMA peak 236 GFLOP/s, n = 64, 256 columns; the fastest of some
//! repetitions, side by side.
//! - CPU: a panel of the input packed into 8 KiB, because rows 1 KiB apart share few sets of the first-level cache:
//!   180 to 194 GFLOP/s in the kernel instead of 186 to 192, 64 to 72 ms a sweep instead of 64 to 66. Packed through an
//!   iterator: 52 GFLOP/s.
//! - CPU: the records of the columns without branches, in vectors: 50.7 ms a sweep, as without.
//! - CPU: arrays made with `std::array::from_fn`, which is not inlined here: 55.7 ms a sweep (85 % of the peak) instead
//!   of 50.7 (93 %).
//! - lavapipe, `bench --only blocks` at n = 64: 8 by 8 blocks that read storage 14.0 GFLOP/s, 8 by 4 10.8, 4 by 4 8.4;
//!   staged through workgroup memory a third of the direct ones, because of the barriers. At n = 16, where 8 by 8 leaves
//!   lanes idle, 4 by 8 4.0 and 4 by 4 3.5.
//! - Hardware: workgroups that own whole columns also where nobody reads the record, as at first. On an H100 the updates of
//!   four layers of width 576 at 9 tokens (FFN 1,536) took 11.3 ms, in one or two workgroups each, and those of a run with
//!   their Jacobians 24.4 ms. With workgroups along the rows all kernels of the first run take 5.0 ms instead of 13.6, of the
//!   second 9.1 instead of 30.6. What else is taken there, and why: [`Blocks::of`](crate::machine::Blocks::of).

mod case;
mod norms;

use crate::kernel::shared::trajectory::{Track, scale};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::machine::Blocks;
use crate::numbers::cores::{in_blocks_of_rows, is_shared};
use crate::numbers::matmul::{Matrix, multiply_add, operations, tile};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};
use norms::Norms;

kernel! {
    /// The Euler update of every column, and the record of its norm.
    pub struct EulerUpdate = euler_update;
    shared { magnitude, block, product, column_squares, trajectory, track }
    /// The sizes of an update, all padded to multiples of 4 with zeros, and its step.
    params {
        /// Rows of the state.
        rows: u32,
        /// Columns of the weights, rows of the input.
        inner: u32,
        /// Columns of the state: grid points times tokens.
        columns: u32,
        /// The step that this update makes, from 1.
        step: u32,
        /// Keep the record of the columns? Without it `norms` and `events` are neither read nor written, and on a GPU the
        /// tiles along the rows have workgroups of their own.
        record: u32,
        /// Rescale columns by powers of two? Only right when `input` is linear in `x`.
        renormalise: u32,
        /// A column has diverged when its squared norm exceeds `threshold_mantissa * 2^threshold_exponent` times the
        /// initial one.
        threshold_exponent: i32,
        /// Between 1 and 2.
        threshold_mantissa: f32,
    }
    buffers {
        weights: read vec4,
        input: read vec4,
        x: read vec4,
        coefficients: read vec4,
        member_gain: read number,
        out: write vec4,
        norms: write number,
        events: write int,
    }
}

impl Kernel for EulerUpdate {
    const TRUSTED: bool = true;

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        Blocks::of([p.rows, p.inner, p.columns], machine).overrides_of_product(p.inner)
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        let [rows, columns] = Blocks::of([p.rows, p.inner, p.columns], machine).tiles(p.rows, p.columns);
        [columns, if p.record == 0 { rows } else { 1 }, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { weights, input, x, coefficients, member_gain, out, norms, events } = views;
        let (inner, columns, member_gain) = (p.inner as usize, p.columns as usize, member_gain[0]);
        let out = &mut out[..p.rows as usize * columns];
        if !is_shared(operations(inner) * out.len() as f64) {
            return dispatch(Update { p, weights, input, x, coefficients, member_gain, out, norms, events });
        }
        in_blocks_of_rows(out, columns, operations(inner), |first, out| {
            // A block has only a part of each norm, so its record is dropped and made when all blocks are there.
            let (norms, events) = (&mut norms.to_vec(), &mut events.to_vec());
            let p = &Params { rows: (out.len() / columns) as u32, ..*p };
            let (weights, x) = (&weights[first * inner..], &x[first * columns..]);
            dispatch(Update { p, weights, input, x, coefficients, member_gain, out, norms, events });
        });
        if p.record != 0 {
            dispatch(Norms { p, x: out, norms, events });
        }
    }

    fn cost(p: &Params) -> Cost {
        let (rows, inner, columns) = (p.rows as f64, p.inner as f64, p.columns as f64);
        Cost {
            flops: 2.0 * rows * inner * columns + 5.0 * rows * columns,
            bytes: 4.0 * (rows * inner + inner * columns + 2.0 * rows * columns),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

impl Params {
    /// Those of an update without a record, which knows no step and no threshold.
    pub fn unrecorded(rows: usize, inner: usize, columns: usize) -> Self {
        Params {
            rows: rows as u32,
            inner: inner as u32,
            columns: columns as u32,
            step: 0,
            record: 0,
            renormalise: 0,
            threshold_exponent: 0,
            threshold_mantissa: 1.0,
        }
    }

    /// What the record of this step depends on.
    fn track(&self) -> Track {
        Track {
            step: self.step,
            renormalise: self.renormalise != 0,
            threshold: (self.threshold_mantissa, self.threshold_exponent),
            columns: self.columns as usize,
        }
    }
}

/// One update of a member, with its buffers.
pub(super) struct Update<'a, T> {
    pub p: &'a Params,
    pub weights: &'a [T],
    pub input: &'a [T],
    pub x: &'a [T],
    pub coefficients: &'a [T],
    pub member_gain: T,
    pub out: &'a mut [T],
    pub norms: &'a mut [T],
    pub events: &'a mut [i32],
}

impl<T: Real> Work for Update<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let mut column = 0;
        match (BYTES, size_of::<T>()) {
            (64, 4) => self.panels::<FUSED, 8, 32>(&mut column),
            (64, 8) => self.panels::<FUSED, 8, 16>(&mut column),
            (32, 4) => self.panels::<FUSED, 4, 16>(&mut column),
            (32, 8) => self.panels::<FUSED, 4, 8>(&mut column),
            _ => {}
        }
        self.panels::<FUSED, 4, 8>(&mut column);
        self.panels::<FUSED, 4, 4>(&mut column);
    }
}

impl<T: Real> Update<'_, T> {
    /// All whole panels of `LANES` columns from `column`.
    #[inline(always)]
    fn panels<const FUSED: bool, const ROWS: usize, const LANES: usize>(&mut self, column: &mut usize) {
        let track = self.p.track();
        while *column + LANES <= self.p.columns as usize {
            let squares = self.panel::<FUSED, ROWS, LANES>(*column);
            if self.p.record != 0 {
                for (l, square) in squares.into_iter().enumerate() {
                    track.observe(self.norms, self.events, *column + l, square);
                }
            }
            *column += LANES;
        }
    }

    /// The update of `LANES` columns; returns their squared norms.
    #[inline(always)]
    fn panel<const FUSED: bool, const ROWS: usize, const LANES: usize>(&mut self, column: usize) -> [T; LANES] {
        let columns = self.p.columns as usize;
        let pending = scale::PENDING * columns + column;
        let scale: [T; LANES] = match self.p.record {
            0 => [T::ONE; LANES],
            _ => lanes(|l| T::power_of_two(-self.events[pending + l])),
        };
        let keep: [T; LANES] = lanes(|l| self.coefficients[column + l] * scale[l]);
        let gain: [T; LANES] = lanes(|l| self.coefficients[columns + column + l] * self.member_gain * scale[l]);
        let mut squares = [T::ZERO; LANES];
        let mut row = 0;
        while row + ROWS <= self.p.rows as usize {
            self.rows::<FUSED, ROWS, LANES>(row, column, &keep, &gain, &mut squares);
            row += ROWS;
        }
        while row < self.p.rows as usize {
            self.rows::<FUSED, 4, LANES>(row, column, &keep, &gain, &mut squares);
            row += 4;
        }
        squares
    }

    /// `ROWS` rows of a panel.
    #[inline(always)]
    fn rows<const FUSED: bool, const ROWS: usize, const LANES: usize>(
        &mut self,
        row: usize,
        column: usize,
        keep: &[T; LANES],
        gain: &[T; LANES],
        squares: &mut [T; LANES],
    ) {
        let (inner, columns) = (self.p.inner as usize, self.p.columns as usize);
        let weights = Matrix { values: self.weights, stride: inner };
        let input = Matrix { values: self.input, stride: columns };
        let sums = tile::<T, FUSED, ROWS, LANES>(weights, row, inner, input, column);
        for (r, sums) in sums.iter().enumerate() {
            let start = (row + r) * columns + column;
            let x: [T; LANES] = self.x[start..][..LANES].try_into().expect("LANES long");
            // Whole arrays in and out, so that the compiler sees vectors.
            let kept: [T; LANES] = lanes(|l| keep[l] * x[l]);
            let out: [T; LANES] = lanes(|l| multiply_add::<T, FUSED>(gain[l], sums[l], kept[l]));
            *squares = lanes(|l| multiply_add::<T, FUSED>(out[l], out[l], squares[l]));
            self.out[start..][..LANES].copy_from_slice(&out);
        }
    }
}
