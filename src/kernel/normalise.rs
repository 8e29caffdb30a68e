//! LayerNorm or RMSNorm of every column: `out = (x - mean) * inverse`, `inverse = 1 / sqrt(mean square + 1e-5)`.
//!
//! The mean is 0 for RMSNorm. A pass of its own corrects it by the mean of what it leaves, without which a state whose
//! mean is large beside its deviation would lose up to n times what rounding the state has cost; the variance takes a
//! third (Chan, Golub and LeVeque 1983). No gain, no bias: at initialisation they are 1 and 0.
//! Magnitudes stay below 2^48 (beyond, a state is frozen), so the squares of up to 4,096 rows stay below 2^108.

use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::matmul::multiply_add;
use crate::numbers::random::sample;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// LayerNorm or RMSNorm of every column.
    pub struct Normalise = normalise;
    constants {
        /// Added to the variance.
        pub EPSILON: f64 = 1e-5,
    }
    /// Sizes, and which norm.
    params {
        /// Rows that count.
        width: u32,
        /// Rows of the buffers; those beyond the width become 0.
        rows: u32,
        /// Columns, a multiple of 4.
        columns: u32,
        /// RMSNorm (1) or LayerNorm (0)?
        root_mean_square: u32,
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
        let shapes = [(1, 4, 1), (7, 12, 3), (64, 32, 2), (61, 68, 2), (421, 12, 1), (128, 40, 1)];
        let cases = shapes.into_iter().enumerate();
        cases.flat_map(|(i, shape)| [0, 1].map(|kind| case(1100 + i as u32, shape, kind))).collect()
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
        let scale: [T; LANES] = lanes(|l| T::ONE / (scale[l] * each + T::from_f64(EPSILON)).sqrt());
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

/// With u = 2^-23, n rows and the largest element a of a column: the corrected mean is off by 2 u a and (n + 3) u times
/// the largest centred element, so a centred element by e / inverse with e = (3 a + (n + 3) largest centred) u inverse;
/// hence inverse by relative e + (n / 2 + 8) u.
fn case(stream: u32, (width, columns, members): (usize, usize, usize), kind: u32) -> Case<Params> {
    let rows = width.next_multiple_of(4);
    let mut x = vec![0.0; members * rows * columns];
    let values = sample(stream, members * rows * columns);
    for (i, value) in x.iter_mut().enumerate() {
        let (row, column) = (i / columns % rows, i % columns);
        // Columns of every scale, some far from 0 and one constant.
        let spread = if column == 1 { 0.0 } else { ((column % 9) as f64 - 4.0).exp2() };
        if row < width {
            *value = (spread * values[i] + (column % 3) as f64 * ((column % 4) as f64 * 5.0).exp2()) as f32 as f64;
        }
    }
    let ulp = f32::EPSILON as f64;
    let (mut out, mut inverse) = (vec![0.0; x.len()], vec![0.0; members * columns]);
    for (m, c) in (0..members).flat_map(|m| (0..columns).map(move |c| (m, c))) {
        let column: Vec<f64> = (0..width).map(|r| x[(m * rows + r) * columns + c]).collect();
        let mean = if kind == 1 { 0.0 } else { column.iter().sum::<f64>() / width as f64 };
        let variance = column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / width as f64;
        let scale = 1.0 / (variance + EPSILON).sqrt();
        let largest = column.iter().fold(0.0, |a: f64, x| a.max(x.abs()));
        let centred = column.iter().fold(0.0, |a: f64, x| a.max((x - mean).abs()));
        // The mean itself is off by (n + 1) u a, which its correction has to carry.
        let carried = centred + (width + 1) as f64 * ulp * largest;
        let e = (3.0 * largest + (width + 3) as f64 * carried) * ulp * scale;
        let relative = e + (width as f64 / 2.0 + 8.0) * ulp;
        inverse[m * columns + c] = scale * relative;
        for r in 0..width {
            let y = ((column[r] - mean) * scale).abs();
            out[(m * rows + r) * columns + c] = (e + y * relative) * 1.01;
        }
    }
    Case {
        name: format!("{width} x {columns}, {members} members, kind {kind}"),
        members,
        params: Params { width: width as u32, rows: rows as u32, columns: columns as u32, root_mean_square: kind },
        buffers: vec![
            CaseBuffer::Real(x),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
            CaseBuffer::Real(vec![f64::NAN; members * columns]),
        ],
        tolerance: vec![out, inverse],
    }
}
