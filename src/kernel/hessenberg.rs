//! Householder reduction to upper Hessenberg form, by an orthogonal similarity: the columns `first .. last`.
//!
//! Source: LAPACK's `sgehd2`; both products with the reflector are made in one pass.

mod case;

use crate::kernel::shared::team::{Residence, Team, ceiling};
use crate::kernel::shared::trips::most_at_once;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::{Real, power_of_two};

kernel! {
    /// Householder reduction to upper Hessenberg form.
    pub struct Hessenberg = hessenberg;
    shared { real, team }
    constants {
        /// Far below rounding in a matrix whose largest entry is about 1.
        TINY: f64 = power_of_two(-100),
    }
    /// The columns that a run reduces.
    params {
        /// Width of the matrices.
        n: u32,
        /// The first column to reduce.
        first: u32,
        /// One past the last column.
        last: u32,
    }
    buffers {
        a: write number,
    }
}

/// An upper bound of the loop trips of one invocation for so many columns.
pub fn trips(n: u32, lanes: u32, columns: u32) -> u64 {
    let (n, share) = (u64::from(n), u64::from(n.div_ceil(lanes)));
    // A column: its norm and v . z by everyone; two products and the update for each row or column owned.
    let column = 1 + 2 * n + share * (4 + 3 * n);
    u64::from(columns) * column + 2 * n * (1 + share)
}

/// Columns of one run that keep within the limit of trips.
pub fn columns_at_once(n: u32, machine: &Machine) -> u32 {
    most_at_once(n, |columns| trips(n, Team::of(n, machine).lanes, columns))
}

impl Kernel for Hessenberg {
    const TRUSTED: bool = true;

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let width = ceiling(p.n);
        let mut overrides = Residence::find(p.n, machine, 2 * width + 8, |n| n * (n | 1)).overrides();
        overrides.push(("WIDTH", (width * Team::of(p.n, machine).teams).into()));
        overrides
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        Team::of(p.n, machine).grid(members)
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { a } = views;
        let n = p.n as usize;
        let mut v = vec![T::ZERO; n];
        for k in p.first as usize..p.last as usize {
            let alpha = a[(k + 1) * n + k];
            let square = (k + 2..n).fold(T::ZERO, |sum, i| sum + a[i * n + k] * a[i * n + k]);
            let (mut beta, mut tau, mut scale) = (alpha, T::ZERO, T::ZERO);
            if square > T::from_f64(TINY) {
                let norm = (alpha * alpha + square).sqrt();
                beta = if alpha >= T::ZERO { -norm } else { norm };
                tau = (beta - alpha) / beta;
                scale = T::ONE / (alpha - beta);
            }
            v.fill(T::ZERO);
            v[k + 1] = T::ONE;
            (k + 2..n).for_each(|i| v[i] = a[i * n + k] * scale);
            for i in 0..n {
                let row = &mut a[i * n..][..n];
                let z = tau * row.iter().zip(&v).fold(T::ZERO, |sum, (&a, &v)| sum + a * v);
                row.iter_mut().zip(&v).for_each(|(a, &v)| *a -= z * v);
            }
            for j in k + 1..n {
                let w = tau * (k + 1..n).fold(T::ZERO, |sum, i| sum + a[i * n + j] * v[i]);
                (k + 1..n).for_each(|i| a[i * n + j] -= w * v[i]);
            }
            a[(k + 1) * n + k] = beta;
            (k + 2..n).for_each(|i| a[i * n + k] = T::ZERO);
        }
    }

    fn cost(p: &Params) -> Cost {
        let n = p.n as f64;
        let flops = (p.first..p.last).map(|k| (n - k as f64) * (4.0 * n + 4.0 * (n - k as f64))).sum();
        Cost { flops, bytes: 8.0 * n * n }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
