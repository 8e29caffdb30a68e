//! LayerNorm or RMSNorm of every column: `out = (x - mean) * inverse`, `inverse = 1 / sqrt(mean square + epsilon)`.
//!
//! The mean is 0 for RMSNorm. A pass of its own corrects it by the mean of what it leaves, without which a state whose
//! mean is large beside its deviation would lose up to n times what rounding the state has cost; the variance takes a
//! third (Chan, Golub and LeVeque 1983). No gain, no bias: at initialisation they are 1 and 0.
//! Magnitudes stay below 2^48 (beyond, a state is frozen), so the squares of up to 4,096 rows stay below 2^108.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// LayerNorm or RMSNorm of every column.
    pub struct Normalise = normalise;
    /// The sizes of the columns, and the kind of the norm.
    params {
        /// Rows that count.
        width: u32,
        /// Rows of the buffers; those beyond the width become 0.
        rows: u32,
        /// Columns, a multiple of 4.
        columns: u32,
        /// RMSNorm (1) or LayerNorm (0)?
        root_mean_square: u32,
        /// Added to the mean square, above 0.
        epsilon: f32,
    }
    buffers {
        x: read vec4,
        out: write vec4,
        inverse: write vec4,
    }
}

impl Kernel for Normalise {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { x, out, inverse } = views;
        dispatch(Norm { p, x, out, inverse });
    }

    fn cost(p: &Params) -> Cost {
        let elements = (p.width * p.columns) as f64;
        Cost { flops: 10.0 * elements, bytes: 8.0 * elements }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The norm of a member's columns.
struct Norm<'a, T> {
    p: &'a Params,
    x: &'a [T],
    out: &'a mut [T],
    inverse: &'a mut [T],
}

impl<T: Real> Work for Norm<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let mut column = 0;
        self.panels::<FUSED, 32>(&mut column);
        self.panels::<FUSED, 4>(&mut column);
    }
}

impl<T: Real> Norm<'_, T> {
    /// All whole panels of `LANES` columns from `column`.
    #[inline(always)]
    fn panels<const FUSED: bool, const LANES: usize>(&mut self, column: &mut usize) {
        while *column + LANES <= self.p.columns as usize {
            self.panel::<FUSED, LANES>(*column);
            *column += LANES;
        }
    }

    #[inline(always)]
    fn panel<const FUSED: bool, const LANES: usize>(&mut self, column: usize) {
        let (width, columns) = (self.p.width as usize, self.p.columns as usize);
        let x = self.x;
        let line = |row: usize| -> &[T; LANES] { x[row * columns + column..][..LANES].try_into().expect("LANES long") };
        let each = T::ONE / T::from_f64(width as f64);
        // Whole arrays in and out, so that the compiler sees vectors.
        let (mut mean, mut rest) = ([T::ZERO; LANES], [T::ZERO; LANES]);
        if self.p.root_mean_square == 0 {
            for row in 0..width {
                let x = line(row);
                mean = lanes(|l| mean[l] + x[l]);
            }
            mean = lanes(|l| mean[l] * each);
            for row in 0..width {
                let x = line(row);
                rest = lanes(|l| rest[l] + (x[l] - mean[l]));
            }
            rest = lanes(|l| rest[l] * each);
        }
        let mut scale = [T::ZERO; LANES];
        for row in 0..width {
            let x = line(row);
            scale = lanes(|l| {
                let centred = x[l] - mean[l] - rest[l];
                multiply_add::<T, FUSED>(centred, centred, scale[l])
            });
        }
        let scale: [T; LANES] = lanes(|l| T::ONE / (scale[l] * each + T::from_f64(self.p.epsilon)).sqrt());
        for row in 0..self.p.rows as usize {
            let out: [T; LANES] = if row < width {
                let x = line(row);
                lanes(|l| (x[l] - mean[l] - rest[l]) * scale[l])
            } else {
                [T::ZERO; LANES]
            };
            self.out[row * columns + column..][..LANES].copy_from_slice(&out);
        }
        self.inverse[column..column + LANES].copy_from_slice(&scale);
    }
}
