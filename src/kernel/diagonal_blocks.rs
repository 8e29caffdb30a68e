//! The eigenvalues of a quasi-triangular matrix: its diagonal blocks of one or two rows. Conjugate pairs are exact.

mod case;

use crate::kernel::shared::team::Team;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::{Real, power_of_two};

kernel! {
    /// The eigenvalues of the diagonal blocks of a quasi-triangular matrix.
    pub struct DiagonalBlocks = diagonal_blocks;
    shared { real }
    constants {
        /// Far below rounding in a matrix whose largest entry is about 1.
        TINY: f64 = power_of_two(-100),
    }
    /// The size of the matrices.
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
        Team::of(p.n, machine).overrides()
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        Team::of(p.n, machine).grid(members)
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
        case::cases()
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
    let near = if far.abs() > T::from_f64(TINY) { b * c / far } else { T::ZERO };
    [d + far, T::ZERO, d - near, T::ZERO]
}
