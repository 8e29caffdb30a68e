//! Householder reduction to upper Hessenberg form, by an orthogonal similarity: the columns `first .. last`.
//!
//! Source: LAPACK's `sgehd2`; both products with the reflector are made in one pass.

use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

kernel! {
    /// Householder reduction to upper Hessenberg form.
    pub struct Hessenberg = hessenberg;
    shared { real, team }
    /// Which columns.
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

/// Loop trips of one invocation and dispatch: lavapipe ends all loops, silently, after 65,535.
pub const MOST_TRIPS: u64 = 60_000;

/// How a workgroup shares out its matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Team {
    /// Invocations that work on one matrix. One alone needs no barriers.
    pub lanes: u32,
    /// Matrices of a workgroup.
    pub teams: u32,
}

impl Team {
    /// The teams for matrices of width n. Software drivers have subgroups of 8 and pay for each at a barrier.
    ///
    /// On lavapipe a matrix takes, with 1 invocation for each of 8 matrices against 8 for one, 11 against 17 us at n =
    /// 4, 37 against 40 at n = 8, 205 against 157 at n = 16; with 4 for each of 2: 16, 43, 183; with 8 for each of 4:
    /// 57, 83, 364. Hardware was not measured: there a team should fill one subgroup of 32, whose barriers are cheap,
    /// and up to n = 8 even the matrices of 32 teams of one fit the workgroup memory of any adapter.
    pub fn of(n: u32, software: bool) -> Team {
        let (lanes, teams) = match (software, n) {
            (true, ..=8) => (1, 8),
            (true, ..=64) => (8, 1),
            (true, ..=128) => (16, 1),
            (true, _) => (64, 1),
            (false, ..=8) => (1, 32),
            (false, ..=16) => (8, 4),
            (false, ..=64) => (32, 1),
            (false, ..=128) => (64, 1),
            (false, _) => (128, 1),
        };
        Team { lanes, teams }
    }

    /// One matrix of width n for a workgroup, whatever the width.
    pub fn alone(n: u32, software: bool) -> Team {
        Team::of(n.max(17), software)
    }

    /// The `override` constants that say so.
    pub fn overrides(self) -> Vec<(&'static str, f64)> {
        vec![("LANES", self.lanes.into()), ("TEAMS", self.teams.into())]
    }

    /// Workgroups for so many matrices.
    pub fn grid(self, members: u32) -> [u32; 3] {
        [1, 1, members.div_ceil(self.teams)]
    }
}

/// Where a matrix lives during a dispatch, decided at once for all widths up to the next multiple of 4, or of 16 where
/// n is larger than that.
pub struct Room {
    team: Team,
    local: bool,
    capacity: u32,
}

/// The width that kernels for width n are compiled for.
pub fn ceiling(n: u32) -> u32 {
    n.next_multiple_of(if n <= 16 { 4 } else { 16 })
}

impl Room {
    /// Workgroup memory if `words(n)` and `more` words for each matrix fit the adapter, else storage.
    pub fn find(n: u32, machine: &Machine, more: u32, words: fn(u32) -> u32) -> Room {
        let team = Team::of(n, machine.software);
        let capacity = words(ceiling(n)) * team.teams;
        let local = machine.real_bytes * (capacity + more * team.teams) <= machine.workgroup_bytes;
        Room { team, local, capacity: if local { capacity } else { 1 } }
    }

    /// The `override` constants that say so.
    pub fn overrides(&self) -> Vec<(&'static str, f64)> {
        let own = [("LOCAL", u8::from(self.local).into()), ("CAPACITY", self.capacity.into())];
        [self.team.overrides(), own.to_vec()].concat()
    }
}

/// An upper bound of the loop trips of one invocation for so many columns.
pub fn trips(n: u32, lanes: u32, columns: u32) -> u64 {
    let (n, share) = (u64::from(n), u64::from(n.div_ceil(lanes)));
    // A column: its norm and v . z by everyone; two products and the update for each row or column owned.
    let column = 1 + 2 * n + share * (4 + 3 * n);
    u64::from(columns) * column + 2 * n * (1 + share)
}

/// Columns of one run that keep within [`MOST_TRIPS`].
pub fn columns_at_once(n: u32, software: bool) -> u32 {
    (1..=n).rev().find(|&columns| trips(n, Team::of(n, software).lanes, columns) < MOST_TRIPS).unwrap_or(1)
}

impl Kernel for Hessenberg {
    const TRUSTED: bool = true;

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let width = ceiling(p.n);
        let mut overrides = Room::find(p.n, machine, 2 * width + 8, |n| n * (n | 1)).overrides();
        overrides.push(("WIDTH", (width * Team::of(p.n, machine.software).teams).into()));
        overrides
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        Team::of(p.n, machine.software).grid(members)
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { a } = views;
        let n = p.n as usize;
        let mut v = vec![T::ZERO; n];
        for k in p.first as usize..p.last as usize {
            let alpha = a[(k + 1) * n + k];
            let square = (k + 2..n).fold(T::ZERO, |sum, i| sum + a[i * n + k] * a[i * n + k]);
            let (mut beta, mut tau, mut scale) = (alpha, T::ZERO, T::ZERO);
            if square > T::power_of_two(-100) {
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
        let shapes = [(3, 1), (4, 3), (8, 2), (17, 2), (33, 2), (92, 1)];
        shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape)).collect()
    }
}

fn case(i: u32, (n, members): (usize, usize)) -> Case<Params> {
    let mut a = sample(200 + i, members * n * n);
    a.iter_mut().for_each(|x| *x = (*x / (n as f64).sqrt()) as f32 as f64);
    // The entries below the first column's subdiagonal are zero already in the last member: nothing to reflect.
    let last = (members - 1) * n * n;
    (2..n).for_each(|row| a[last + row * n] = 0.0);
    // At most 16 columns: late columns depend on rounding errors ever more, though the eigenvalues do not.
    // 2 n reflectors with dot products of n terms on a matrix of norm 2.
    let error = 16.0 * (n * n) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{n} x {n}, {members} members"),
        members,
        params: Params { n: n as u32, first: 0, last: 16.min(n as u32 - 2) },
        buffers: vec![CaseBuffer::Real(a)],
        tolerance: vec![vec![error]],
    }
}
