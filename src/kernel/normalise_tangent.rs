//! The tangent of LayerNorm or RMSNorm: `out = inverse * (d - mean d - y mean(y d))`, from the norm's own result y and its
//! `inverse`; without `mean d` for RMSNorm.
//!
//! With y = (x - mean) r and r = (var + eps)^(-1/2), dr = -r^2 mean(y dx); so eps needs no further term. LayerNorm's
//! null directions, 1 and (up to eps) x - mean, come out as they should.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// The tangent of [`Normalise`](super::normalise::Normalise).
    pub struct NormaliseTangent = normalise_tangent;
    /// The sizes of the tangents, and the kind of the norm.
    params {
        /// Rows that count.
        width: u32,
        /// Rows of the buffers; those beyond the width become 0.
        rows: u32,
        /// Columns of the state.
        columns: u32,
        /// Tangent vectors of each column: 1, or a multiple of 4.
        vectors: u32,
        /// RMSNorm (1) or LayerNorm (0)?
        root_mean_square: u32,
    }
    buffers {
        y: read number,
        inverse: read number,
        deviations: read vec4,
        out: write vec4,
    }
}

impl Kernel for NormaliseTangent {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns * p.vectors / 4).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { y, inverse, deviations, out } = views;
        dispatch(Tangents { p, y, inverse, deviations, out });
    }

    fn cost(p: &Params) -> Cost {
        let elements = (p.width * p.columns) as f64 * p.vectors as f64;
        Cost { flops: 7.0 * elements, bytes: 8.0 * elements }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The tangents of a member.
struct Tangents<'a, T> {
    p: &'a Params,
    y: &'a [T],
    inverse: &'a [T],
    deviations: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Work for Tangents<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        if self.p.vectors == 1 {
            let mut column = 0;
            while column + 32 <= self.p.columns as usize {
                self.panel::<FUSED, 32>(column, 0, 1);
                column += 32;
            }
            while column < self.p.columns as usize {
                self.panel::<FUSED, 4>(column, 0, 1);
                column += 4;
            }
            return;
        }
        for column in 0..self.p.columns as usize {
            let mut vector = 0;
            while vector + 32 <= self.p.vectors as usize {
                self.panel::<FUSED, 32>(column, vector, 0);
                vector += 32;
            }
            while vector < self.p.vectors as usize {
                self.panel::<FUSED, 4>(column, vector, 0);
                vector += 4;
            }
        }
    }
}

impl<T: Real> Tangents<'_, T> {
    /// `LANES` neighbours, each `step` columns of the state from the one before.
    #[inline(always)]
    fn panel<const FUSED: bool, const LANES: usize>(&mut self, column: usize, vector: usize, step: usize) {
        let (width, columns) = (self.p.width as usize, self.p.columns as usize);
        let at = |row: usize| (row * columns + column) * self.p.vectors as usize + vector;
        let d = |row: usize| -> &[T; LANES] { self.deviations[at(row)..][..LANES].try_into().expect("LANES long") };
        let of = |values: &[T]| -> [T; LANES] {
            let mut own = [values[0]; LANES];
            if step == 1 {
                own.copy_from_slice(&values[..LANES]);
            }
            own
        };
        // Whole arrays in and out, so that the compiler sees vectors.
        let (mut mean, mut along) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        for row in 0..width {
            let (d, y) = (d(row), of(&self.y[row * columns + column..]));
            mean = lanes(|l| mean[l] + d[l]);
            along = lanes(|l| multiply_add::<T, FUSED>(y[l], d[l], along[l]));
        }
        let each = T::ONE / T::from_f64(width as f64);
        let of_mean = if self.p.root_mean_square == 0 { each } else { T::ZERO };
        let mean: [T; LANES] = lanes(|l| mean[l] * of_mean);
        let along: [T; LANES] = lanes(|l| along[l] * each);
        let scale = of(&self.inverse[column..]);
        for row in 0..self.p.rows as usize {
            let out: [T; LANES] = if row < width {
                let (d, y) = (d(row), of(&self.y[row * columns + column..]));
                lanes(|l| scale[l] * (d[l] - mean[l] - y[l] * along[l]))
            } else {
                [T::ZERO; LANES]
            };
            self.out[at(row)..][..LANES].copy_from_slice(&out);
        }
    }
}
