//! Francis' double-shift QR sweeps on an upper Hessenberg matrix, a bounded number in one run; the host repeats the
//! run until `finished` says so. It ends with exact zeros between diagonal blocks of one and two rows.
//!
//! Sources: LAPACK's `slahqr`; Ahues and Tisseur, LAPACK Working Note 122 (deflation); Tokura et al. 2017 (all
//! negligible entries are zeroed in each sweep).

mod case;

use crate::kernel::shared::team::{Residence, Team};
use crate::kernel::shared::trips::most_at_once;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::{Real, power_of_two};

kernel! {
    /// Francis' double-shift QR sweeps.
    pub struct Francis = francis;
    shared { real, team, reflector }
    constants {
        /// The status of a matrix that is quasi-triangular.
        pub CONVERGED: u32 = 1,
        /// The status of a matrix whose sweeps were used up.
        pub GIVEN_UP: u32 = 2,
        /// Words of `progress`: sweeps so far, sweeps since the last row of the active block changed, and that row.
        pub PROGRESS: usize = 3,
        /// Far below rounding in a matrix whose largest entry is about 1.
        TINY: f64 = power_of_two(-100),
    }
    /// How long a run goes on.
    params {
        /// Width of the matrices.
        n: u32,
        /// At most so many sweeps in this run.
        sweeps: u32,
        /// Give up after so many sweeps in all.
        limit: u32,
    }
    buffers {
        h: write number,
        progress: write word,
        finished: write word,
        skips: read word,
    }
}

/// Sweeps of one run, whatever the width.
const MOST_SWEEPS: u32 = 32;

/// Words of workgroup memory for a packed matrix: its upper triangle and three diagonals below.
fn packed(n: u32) -> u32 {
    n * (n + 1) / 2 + 3 * n
}

/// An upper bound of the loop trips of one invocation in one run.
pub fn trips(n: u32, lanes: u32, sweeps: u32) -> u64 {
    let (n, share) = (u64::from(n), u64::from(n.div_ceil(lanes)) + 1);
    let step = 1 + 2 * share;
    sweeps as u64 * (1 + n * step + 4 * share) + 2 * n * (1 + share)
}

/// Sweeps of one run that keep within the limit of trips.
pub fn sweeps_at_once(n: u32, machine: &Machine) -> u32 {
    most_at_once(MOST_SWEEPS, |sweeps| trips(n, Team::of(n, machine).lanes, sweeps))
}

impl Kernel for Francis {
    const TRUSTED: bool = true;

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        Residence::find(p.n, machine, 16, packed).overrides()
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        Team::of(p.n, machine).grid(members)
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { h, progress, finished, .. } = views;
        if finished[0] != 0 {
            return;
        }
        let mut hessenberg = Hessenberg { n: p.n as usize, h };
        for _ in 0..p.sweeps {
            hessenberg.deflate();
            let Some((low, high)) = hessenberg.active() else {
                finished[0] = CONVERGED;
                return;
            };
            if progress[0] >= p.limit {
                finished[0] = GIVEN_UP;
                return;
            }
            if progress[2] != high as u32 {
                progress[1..].copy_from_slice(&[0, high as u32]);
            }
            hessenberg.sweep(low, high, progress[1]);
            progress[0] += 1;
            progress[1] += 1;
        }
    }

    fn cost(p: &Params) -> Cost {
        let n = p.n as f64;
        Cost { flops: 10.0 * n * n * p.sweeps as f64, bytes: 8.0 * n * n }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// A matrix on its way to quasi-triangular form.
struct Hessenberg<'a, T> {
    n: usize,
    h: &'a mut [T],
}

fn tiny<T: Real>() -> T {
    T::from_f64(TINY)
}

/// The smaller and the larger of two finite numbers.
fn ordered<T: Real>(a: T, b: T) -> (T, T) {
    if a < b { (a, b) } else { (b, a) }
}

/// 1 - tau (1, y, z)(1, y, z)^T maps x to (beta, 0, 0).
struct Reflector<T> {
    beta: T,
    v: [T; 3],
    tau: T,
}

impl<T: Real> Reflector<T> {
    fn new(x: [T; 3]) -> Self {
        let size = x[0].abs() + x[1].abs() + x[2].abs();
        if size <= tiny() {
            return Reflector { beta: x[0], v: [T::ONE, T::ZERO, T::ZERO], tau: T::ZERO };
        }
        let [x, y, z] = x.map(|x| x / size);
        let norm = (x * x + y * y + z * z).sqrt();
        let beta = if x >= T::ZERO { -norm } else { norm };
        let inverse = T::ONE / (x - beta);
        Reflector { beta: beta * size, v: [T::ONE, y * inverse, z * inverse], tau: (beta - x) / beta }
    }
}

impl<T: Real> Hessenberg<'_, T> {
    fn at(&self, i: usize, j: usize) -> T {
        self.h[i * self.n + j]
    }

    fn deflate(&mut self) {
        for k in 1..self.n {
            if self.negligible(k) {
                self.h[k * self.n + k - 1] = T::ZERO;
            }
        }
    }

    fn negligible(&self, k: usize) -> bool {
        let ulp = T::from_f64(T::EPSILON);
        let below = self.at(k, k - 1).abs();
        if below <= tiny() {
            return true;
        }
        let (d0, d1) = (self.at(k - 1, k - 1), self.at(k, k));
        let near = d0.abs() + d1.abs();
        if below > ulp * if near > T::ZERO { near } else { T::ONE } {
            return false;
        }
        let (smaller_off, larger_off) = ordered(below, self.at(k - 1, k).abs());
        let (smaller, larger) = ordered(d1.abs(), (d0 - d1).abs());
        let total = larger + larger_off;
        let left = smaller_off * (larger_off / total);
        left <= tiny() || left <= ulp * (smaller * (larger / total))
    }

    /// First and last row of the lowest block of three rows or more.
    fn active(&self) -> Option<(usize, usize)> {
        let coupled = |k: usize| k > 0 && self.at(k, k - 1).abs() > T::ZERO;
        let high = (2..self.n).rev().find(|&k| coupled(k) && coupled(k - 1))?;
        let low = (0..high).rev().find(|&k| !coupled(k))?;
        Some((low, high))
    }

    /// Two shifts, re1 + i im and re2 - i im.
    fn shifts(&self, low: usize, high: usize, stalled: u32) -> [T; 3] {
        let at = |i, j| self.at(i, j);
        let half_of = T::from_f64(0.5);
        let mut block = [at(high - 1, high - 1), at(high - 1, high), at(high, high - 1), at(high, high)];
        if stalled > 0 && stalled.is_multiple_of(10) {
            let bottom = stalled.is_multiple_of(20);
            let [near, far, corner] = if bottom { [high, high - 1, high] } else { [low + 1, low + 2, low] };
            let size = at(near, near - 1).abs() + at(far, far - 1).abs();
            let d = T::from_f64(0.75) * size + at(corner, corner);
            block = [d, T::from_f64(-0.4375) * size, size, d];
        }
        let size = block.iter().fold(T::ZERO, |sum, x| sum + x.abs());
        if size <= tiny() {
            return [T::ZERO; 3];
        }
        let [a, b, c, d] = block.map(|x| x / size);
        let half = half_of * (a + d);
        let determinant = (a - half) * (d - half) - b * c;
        let root = determinant.abs().sqrt();
        if determinant >= T::ZERO {
            return [half * size, half * size, root * size];
        }
        let nearer = (half + root - d).abs() <= (half - root - d).abs();
        let real = size * if nearer { half + root } else { half - root };
        [real, real, T::ZERO]
    }

    /// The first column of (H - s1)(H - s2) restricted to rows m, m + 1, m + 2, scaled to size 1.
    fn first_column(&self, m: usize, [re1, re2, im]: [T; 3]) -> [T; 3] {
        let (d0, d1, sub) = (self.at(m, m), self.at(m + 1, m + 1), self.at(m + 1, m));
        let scale = (d0 - re2).abs() + im.abs() + sub.abs();
        let s = sub / scale;
        let x = s * self.at(m, m + 1) + (d0 - re1) * ((d0 - re2) / scale) + im * (im / scale);
        let v = [x, s * (d0 + d1 - re1 - re2), s * self.at(m + 2, m + 1)];
        let size = v[0].abs() + v[1].abs() + v[2].abs();
        if size > tiny() { v.map(|v| v / size) } else { v }
    }

    /// May the sweep start at row m, because two consecutive small entries let it ignore what is above?
    fn may_start(&self, m: usize, low: usize, shift: [T; 3]) -> bool {
        let v = self.first_column(m, shift);
        let near = |m: usize| self.at(m - 1, m - 1).abs() + self.at(m, m).abs() + self.at(m + 1, m + 1).abs();
        let small = |m| self.at(m, m - 1).abs() * (v[1].abs() + v[2].abs());
        m == low || small(m) <= T::from_f64(T::EPSILON) * v[0].abs() * near(m)
    }

    fn sweep(&mut self, low: usize, high: usize, stalled: u32) {
        let n = self.n;
        let shift = self.shifts(low, high, stalled);
        let found = (low..high - 1).rev().find(|&m| self.may_start(m, low, shift));
        let start = found.expect("a sweep may start at the first row");
        let mut x = self.first_column(start, shift);
        for k in start..high {
            let rows = if k + 2 <= high { 3 } else { 2 };
            if k > start {
                x = [T::ZERO; 3];
                (0..rows).for_each(|r| x[r] = self.at(k + r, k - 1));
            }
            let Reflector { beta, v, tau } = Reflector::new(x);
            for j in k..=high {
                let sum = tau * (0..rows).fold(T::ZERO, |sum, r| sum + v[r] * self.at(k + r, j));
                (0..rows).for_each(|r| self.h[(k + r) * n + j] -= sum * v[r]);
            }
            for i in low..=(k + 3).min(high) {
                let sum = tau * (0..rows).fold(T::ZERO, |sum, r| sum + v[r] * self.at(i, k + r));
                (0..rows).for_each(|r| self.h[i * n + k + r] -= sum * v[r]);
            }
            if k > start {
                self.h[k * n + k - 1] = beta;
                (1..rows).for_each(|r| self.h[(k + r) * n + k - 1] = T::ZERO);
            } else if k > low {
                self.h[k * n + k - 1] = self.at(k, k - 1) * (T::ONE - tau);
            }
        }
    }
}
