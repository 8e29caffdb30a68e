//! Ordering by irreducible blocks, scaling and balancing by exact powers of two, without which a triangular or a graded
//! matrix loses all its digits in f32.
//!
//! h = 2^-e D^-1 P^T (A - c I) P D with D diagonal and P the order of the blocks that [`components`] finds; what couples
//! different blocks is left out, since no eigenvalue depends on it. The largest entry of h lies in [1, 2). Every entry
//! is exact, unless it falls below 2^-126. The centre c is the mean of the diagonal, where that leaves entries below an
//! eighth, as in A = I + h G with a small step size h, else 0: then the subtraction is exact too (Sterbenz), and the
//! eigenvalues keep the digits that 1 + h lambda would lose.
//! Sources: Parlett and Reinsch 1969; LAPACK's `sgebal`, with blocks of any size in the place of its isolated
//! eigenvalues; 2-norms after James, Langou and Lowery 2014: with 1-norms the Frank matrix of width 31 left the
//! acceptance limits.

mod case;

use crate::kernel::components;
use crate::kernel::shared::team::Team;
use crate::kernel::shared::trips::most_at_once;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The matrix by its irreducible blocks, centred, scaled and balanced by powers of two.
    pub struct Balance = balance;
    shared { real, bits, team }
    /// The part of the work that a run does.
    params {
        /// Width of the matrices.
        n: u32,
        /// 1: start from `matrices`; 0: go on with `h`.
        first: u32,
        /// At most so many visits to each index.
        sweeps: u32,
    }
    buffers {
        matrices: read bits,
        blocks: read word,
        h: write number,
        centres: write number,
        exponents: write int,
    }
}

/// Visits to each index that are allowed in all.
pub const MOST_SWEEPS: u32 = 12;

/// Invocations of a team that sum up a row and a column: every one adds up the sums of all of them.
const MOST_PARTS: u32 = 16;

/// An upper bound of the loop trips of one invocation.
pub fn trips(n: u32, lanes: u32, sweeps: u32) -> u64 {
    let (n, share, lanes) = (u64::from(n), u64::from(n.div_ceil(lanes)), u64::from(lanes));
    let parts = lanes.min(MOST_PARTS.into());
    let visit = 1 + n.div_ceil(parts) + parts + share;
    6 * (n * n).div_ceil(lanes) + n + share * (1 + n) + u64::from(sweeps) * n * visit
}

/// Visits of one run that keep within the limit of trips.
pub fn sweeps_at_once(n: u32, machine: &Machine) -> u32 {
    most_at_once(MOST_SWEEPS, |sweeps| trips(n, Team::of(n, machine).lanes, sweeps))
}

impl Kernel for Balance {
    const TRUSTED: bool = true;

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let team = Team::of(p.n, machine);
        let parts = team.lanes.min(MOST_PARTS);
        let own = [("PARTS", parts.into()), ("ALL_PARTS", (parts * team.teams).into())];
        [team.overrides(), own.to_vec()].concat()
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        Team::of(p.n, machine).grid(members)
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { matrices: matrix, blocks, h, centres: centre, exponents } = views;
        let n = p.n as usize;
        if p.first == 1 {
            let arranged = components::arranged(matrix, n, blocks);
            exponents[0] = exponent_of_largest(&arranged);
            exponents[1] = exponents[0];
            scale(&arranged, -exponents[0], h);
            centre[0] = mean(h, n);
            if centre[0] != T::ZERO {
                h.iter_mut().step_by(n + 1).for_each(|x| *x -= centre[0]);
                let shrink = exponent_of_largest(h).max(-126);
                h.iter_mut().for_each(|x| *x *= T::power_of_two(-shrink));
                exponents[0] += shrink;
            }
        }
        let unequal = (0..n).any(|i| factor(h, n, i) != 0);
        for visit in 0..if unequal { p.sweeps as usize * n } else { 0 } {
            let i = visit % n;
            let f = factor(h, n, i);
            for j in (0..n).filter(|&j| j != i && f != 0) {
                h[j * n + i] *= T::power_of_two(f);
                h[i * n + j] *= T::power_of_two(-f);
            }
        }
        if unequal {
            let shift = exponent_of_largest(h).clamp(-126, 126);
            h.iter_mut().for_each(|x| *x *= T::power_of_two(-shift));
            exponents[0] += shift;
        }
    }

    fn cost(p: &Params) -> Cost {
        let size = (p.n * p.n) as f64;
        Cost { flops: 2.0 * size * f64::from(p.sweeps), bytes: 8.0 * size }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The mean of the diagonal, if without it all entries are below an eighth and not all zero; else 0.
fn mean<T: Real>(h: &[T], n: usize) -> T {
    let mean = h.iter().step_by(n + 1).fold(T::ZERO, |sum, &x| sum + x) / T::from_f64(n as f64);
    let without = |(at, &x): (usize, &T)| if at % (n + 1) == 0 { x - mean } else { x };
    let rest: Vec<T> = h.iter().enumerate().map(without).collect();
    if exponent_of_largest(&rest) <= -4 { mean } else { T::ZERO }
}

/// floor(log2) of the largest magnitude, also of a subnormal one; 0 for zeros.
fn exponent_of_largest<T: Real>(values: &[T]) -> i32 {
    let largest = values.iter().fold(T::ZERO, |most, x| if x.abs() > most { x.abs() } else { most });
    if largest == T::ZERO {
        0
    } else if largest < T::power_of_two(-100) {
        (largest * T::power_of_two(100)).exponent() - 100
    } else {
        largest.exponent()
    }
}

/// to = 2^e from, for e between -127 and 149, in two factors.
fn scale<T: Real>(from: &[T], e: i32, to: &mut [T]) {
    let factors = (T::power_of_two(e / 2), T::power_of_two(e - e / 2));
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from * factors.0 * factors.1);
}

/// The exponent f by which column i times 2^f and row i times 2^-f come close, or 0 if that gains less than 5 %.
fn factor<T: Real>(h: &[T], n: usize, i: usize) -> i32 {
    let (mut column, mut row) = (T::ZERO, T::ZERO);
    let up = T::power_of_two(40);
    for j in (0..n).filter(|&j| j != i) {
        let pair = (h[j * n + i] * up, h[i * n + j] * up);
        column += pair.0 * pair.0;
        row += pair.1 * pair.1;
    }
    let least = T::power_of_two(-120);
    if column <= least || row <= least {
        return 0;
    }
    let f = (row.exponent() - column.exponent()) / 4;
    let (column, row) = (column.sqrt(), row.sqrt());
    let scaled = column * T::power_of_two(f) + row * T::power_of_two(-f);
    if scaled < T::from_f64(0.95) * (column + row) { f } else { 0 }
}
