//! Henrici's departure from normality, sqrt(max(0, ‖A‖_F² - Σ|λ|²)), and ‖A‖_F, of matrices whose largest entry is about
//! 1 and whose eigenvalues come in the same units.
//!
//! Each sum has at most n + n / lanes + lanes terms one after the other, so the squared departure is off by
//! (2 n + lanes) epsilon ‖A‖_F² at most: a normal matrix has a departure of up to the root of that, besides what its
//! eigenvalues are off.

use crate::kernel::hessenberg::Team;
use crate::kernel::tridiagonal::dot;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

kernel! {
    /// Henrici's departure from normality and the Frobenius norm.
    pub struct Departure = departure;
    /// Sizes.
    params {
        /// Width of the matrices.
        n: u32,
        /// From one row of the matrices to the next.
        stride: u32,
    }
    buffers {
        matrices: read number,
        eigenvalues: read number,
        norms: write number,
    }
}

impl Kernel for Departure {
    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("LANES", Team::alone(p.n, machine.software).lanes.into())]
    }

    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { matrices, eigenvalues, norms } = views;
        let n = p.n as usize;
        let rows = matrices.chunks(p.stride as usize).take(n);
        let frobenius = rows.fold(T::ZERO, |all, row| all + dot::<T, false>(&row[..n], &row[..n]));
        let rest = frobenius - dot::<T, false>(eigenvalues, eigenvalues);
        norms[0] = if rest > T::ZERO { rest.sqrt() } else { T::ZERO };
        norms[1] = frobenius.sqrt();
    }

    fn cost(p: &Params) -> Cost {
        let size = (p.n * p.n) as f64;
        Cost { flops: 2.0 * size, bytes: 4.0 * size }
    }

    fn cases() -> Vec<Case<Params>> {
        [(1, 4), (5, 8), (33, 36), (130, 132)].into_iter().map(|(n, stride)| case(n, stride)).collect()
    }
}

/// Random entries with eigenvalues of about half their squares; then such that the difference is below 0.
fn case(n: usize, stride: usize) -> Case<Params> {
    let members = 2;
    let matrices = sample(2600 + n as u32, members * stride * stride);
    let mut eigenvalues = sample(2700 + n as u32, members * 2 * n);
    eigenvalues.iter_mut().for_each(|x| *x = (*x * 0.5 * (n as f64).sqrt()) as f32 as f64);
    eigenvalues[2 * n] = (2 * n) as f64 * 4.0;
    let bound = |i: usize| {
        let rows = (0..n).map(|row| &matrices[(i / 2 * stride + row) * stride..][..n]);
        let square: f64 = rows.flatten().map(|x| x * x).sum();
        let normal: f64 = eigenvalues[i / 2 * 2 * n..][..2 * n].iter().map(|x| x * x).sum();
        let error = (2 * n + 64) as f64 * f32::EPSILON as f64 * square;
        // |sqrt(x + e) - sqrt(x)| <= e / sqrt(x), and 4 roundings of the root.
        let of = if i.is_multiple_of(2) { square - normal } else { square };
        if of > 0.0 { error / of.sqrt() + 4.0 * f32::EPSILON as f64 * of.sqrt() } else { 0.0 }
    };
    Case {
        name: format!("{n} x {n}"),
        members,
        params: Params { n: n as u32, stride: stride as u32 },
        tolerance: vec![(0..2 * members).map(bound).collect()],
        buffers: vec![
            CaseBuffer::Real(matrices),
            CaseBuffer::Real(eigenvalues),
            CaseBuffer::Real(vec![f64::NAN; 2 * members]),
        ],
    }
}
