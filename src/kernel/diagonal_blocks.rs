//! The eigenvalues of a quasi-triangular matrix: its diagonal blocks of one or two rows. Conjugate pairs are exact.

use crate::kernel::hessenberg::Team;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The eigenvalues of the diagonal blocks of a quasi-triangular matrix.
    pub struct DiagonalBlocks = diagonal_blocks;
    shared { real }
    /// The size.
    params {
        /// Width of the matrices.
        n: u32,
    }
    buffers {
        h: read number,
        eigenvalues: write number,
    }
}

impl Kernel for DiagonalBlocks {
    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        Team::of(p.n, machine.software).overrides()
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        Team::of(p.n, machine.software).grid(members)
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { h, eigenvalues } = views;
        let n = p.n as usize;
        let mut i = 0;
        while i < n {
            let at = i * n + i;
            if i + 1 == n || h[at + n] == T::ZERO {
                eigenvalues[2 * i..2 * i + 2].copy_from_slice(&[h[at], T::ZERO]);
                i += 1;
            } else {
                let pair = pair(h[at], h[at + 1], h[at + n], h[at + n + 1]);
                eigenvalues[2 * i..2 * i + 4].copy_from_slice(&pair);
                i += 2;
            }
        }
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 8.0 * p.n as f64, bytes: 20.0 * p.n as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        vec![case(1, 2), case(2, 3), case(9, 2), case(67, 1)]
    }
}

/// re, im, re, im of the eigenvalues of (a, b; c, d).
fn pair<T: Real>(a: T, b: T, c: T, d: T) -> [T; 4] {
    let half = T::from_f64(0.5) * (a - d);
    let discriminant = half * half + b * c;
    if discriminant < T::ZERO {
        let (re, im) = (T::from_f64(0.5) * (a + d), (-discriminant).sqrt());
        return [re, im, re, -im];
    }
    let root = discriminant.sqrt();
    let far = half + if half >= T::ZERO { root } else { -root };
    let near = if far.abs() > T::power_of_two(-100) { b * c / far } else { T::ZERO };
    [d + far, T::ZERO, d - near, T::ZERO]
}

/// Blocks of one and two rows in turn, the latter with real and with complex pairs.
fn case(n: usize, members: usize) -> Case<Params> {
    let mut h = vec![0.0; members * n * n];
    for (at, value) in h.iter_mut().enumerate() {
        let (member, row, column) = (at / (n * n), at / n % n, at % n);
        *value = match row as i64 - column as i64 {
            0 => 1.0 + 0.5 * ((row * 7 + member) % 5) as f64,
            -1 => 0.75,
            1 if column % 3 == member % 3 => [-2.0, 2.0, 0.125][row % 3],
            1.. => 0.0,
            _ => 9.0,
        };
    }
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32 },
        buffers: vec![CaseBuffer::Real(h), CaseBuffer::Real(vec![0.25; 2 * n * members])],
        // A few roundings of numbers below 8.
        tolerance: vec![vec![64.0 * f32::EPSILON as f64]],
    }
}
