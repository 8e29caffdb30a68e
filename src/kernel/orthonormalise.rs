//! Orthonormalises tangent vectors and keeps the logarithms of what was divided out: Benettin's step.
//!
//! Modified Gram-Schmidt on the columns of `deviations`, for the pivots `first .. last`. The length of each pivot is
//! multiplied into `growth`, as a mantissa with an integer exponent, so no logarithm is taken on the device and nothing
//! overflows. Run twice it is orthonormal to working precision whatever the condition ("twice is enough", Giraud,
//! Langou and Rozloznik 2005); the second run's lengths are near 1 and are multiplied in all the same.
//!
//! Reference: Benettin, Galgani, Giorgilli and Strelcyn, Meccanica 15 (1980).

use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// One pass of modified Gram-Schmidt over some pivots.
    pub struct Orthonormalise = orthonormalise;
    shared { magnitude }
    /// Sizes, and which pivots.
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
        let shapes = [(4, 1, 1), (4, 4, 3), (8, 7, 2), (64, 64, 2), (68, 5, 2), (32, 32, 5)];
        shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
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
    fn run<const BYTES: usize, const FUSED: bool>(self) -> T {
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
        const LANES: usize = 16;
        let mut column = pivot + 1;
        while column < self.p.columns as usize {
            let lanes = LANES.min(self.p.columns as usize - column);
            let mut dots = [T::ZERO; LANES];
            for row in rows() {
                let line = &self.deviations[row * stride..][..stride];
                for (dot, &value) in dots.iter_mut().zip(&line[column..column + lanes]) {
                    *dot += line[pivot] * value;
                }
            }
            for row in rows() {
                let line = &mut self.deviations[row * stride..][..stride];
                let own = line[pivot];
                for (value, &dot) in line[column..column + lanes].iter_mut().zip(&dots) {
                    *value -= own * dot;
                }
            }
            column += lanes;
        }
        length
    }
}

/// Well-conditioned vectors: unit vectors with a little noise, in scales from 2^-8 to 2^8.
fn case(i: u32, (rows, columns, members): (usize, usize, usize)) -> Case<Params> {
    let stride = columns.next_multiple_of(4);
    let mut deviations = vec![0.0; members * rows * stride];
    let noise = sample(100 + i, members * rows * columns);
    for m in 0..members {
        for r in 0..rows {
            for c in 0..columns {
                let scale = ((c % 5) as f64 * 4.0 - 8.0).exp2();
                let unit = if r == c { 1.0 } else { 0.0 };
                let value = scale * (unit + 0.05 * noise[(m * rows + r) * columns + c] / (rows as f64).sqrt());
                deviations[(m * rows + r) * stride + c] = value as f32 as f64;
            }
        }
    }
    // Each vector takes part in at most `columns` projections of `rows` terms, each off by (rows + 4) ulp of its
    // length, amplified by the condition of the noise, which is below 2.
    let error = 2.0 * (columns * (rows + 4)) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{columns} vectors of {rows}, {members} members"),
        members,
        params: Params {
            rows: rows as u32,
            columns: columns as u32,
            stride: stride as u32,
            first: 0,
            last: columns as u32,
            block: 1,
            blocks: 2,
            begin: i % 2,
        },
        buffers: vec![
            CaseBuffer::Real(deviations),
            CaseBuffer::Real(vec![1.25; members * 2 * stride]),
            CaseBuffer::Int(vec![3; members * 2 * stride]),
        ],
        tolerance: vec![vec![error], vec![2.0 * error]],
    }
}
