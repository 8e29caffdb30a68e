//! Householder reduction of the symmetric part of a matrix, (S + Sᵀ) / 2, to tridiagonal form: the columns
//! `first .. last`.
//!
//! Backward stable: the tridiagonal matrix is similar to (S + Sᵀ) / 2 + E with |E|_F <= c n epsilon |S|_F and c about 1
//! in practice, so its eigenvalues are off by no more than that (Higham, Accuracy and Stability, 19.3; Weyl).
//! Source: LAPACK's `ssytd2`.

mod case;

use crate::kernel::shared::team::Team;
use crate::kernel::shared::trips::most_at_once;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::{Real, power_of_two};
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// Householder reduction of the symmetric part to tridiagonal form.
    pub struct Tridiagonal = tridiagonal;
    constants {
        /// Far below rounding in a matrix whose largest entry is about 1.
        TINY: f64 = power_of_two(-100),
    }
    /// The sizes of the matrices, and the columns that a run reduces.
    params {
        /// Width of the matrices.
        n: u32,
        /// From one row of the input to the next.
        stride: u32,
        /// The first column to reduce; 0 loads the input.
        first: u32,
        /// One past the last column.
        last: u32,
    }
    buffers {
        wanted: read word,
        s: read number,
        work: write number,
        diagonal: write number,
        beside: write number,
    }
}

/// An upper bound of the loop trips of one invocation for so many columns.
pub fn trips(n: u32, lanes: u32, columns: u32) -> u64 {
    let (n, share) = (u64::from(n), u64::from(n.div_ceil(lanes)));
    // A column: its norm and v . z by everyone; the product and the update of each column owned.
    let column = 1 + 2 * n + share * (3 + 2 * n);
    u64::from(columns) * column + 2 * n * (1 + share)
}

/// Columns of one run that keep within the limit of trips.
pub fn columns_at_once(n: u32, machine: &Machine) -> u32 {
    most_at_once(n, |columns| trips(n, Team::alone(n, machine).lanes, columns))
}

impl Kernel for Tridiagonal {
    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let width = p.n.next_multiple_of(16);
        let words = width * (width | 1);
        let local = 4 * words + 8 * width <= machine.workgroup_bytes;
        vec![
            ("LANES", Team::alone(p.n, machine).lanes.into()),
            ("LOCAL", u8::from(local).into()),
            ("CAPACITY", if local { words } else { 1 }.into()),
            ("WIDTH", width.into()),
        ]
    }

    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { wanted, s, work, diagonal, beside } = views;
        if wanted[0] == 0 {
            return;
        }
        let (n, stride) = (p.n as usize, p.stride as usize);
        if p.first == 0 {
            let half = T::from_f64(0.5);
            (0..n * n).for_each(|i| work[i] = half * (s[i / n * stride + i % n] + s[i % n * stride + i / n]));
        }
        dispatch(Reduction { p, work, diagonal, beside });
        if p.last + 2 >= p.n {
            diagonal[n - 1] = work[n * n - 1];
            beside[n - 1] = T::ZERO;
            if n > 1 {
                diagonal[n - 2] = work[(n - 2) * (n + 1)];
                beside[n - 2] = work[(n - 1) * n + n - 2];
            }
        }
    }

    fn cost(p: &Params) -> Cost {
        let n = p.n as f64;
        let flops = (p.first..p.last).map(|k| 6.0 * (n - k as f64).powi(2)).sum();
        Cost { flops, bytes: 8.0 * n * n }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The columns of a member.
struct Reduction<'a, T> {
    p: &'a Params,
    work: &'a mut [T],
    diagonal: &'a mut [T],
    beside: &'a mut [T],
}

impl<T: Real> Work for Reduction<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let n = self.p.n as usize;
        let (mut v, mut z) = (vec![T::ZERO; n], vec![T::ZERO; n]);
        for k in self.p.first as usize..self.p.last as usize {
            self.diagonal[k] = self.work[k * (n + 1)];
            self.beside[k] = column::<T, FUSED>(self.work, n, k, &mut v[k + 1..], &mut z[k + 1..]);
        }
    }
}

/// Reduces column k; gives the entry beside the diagonal. `v` and `z` have a place for each row below k.
#[inline(always)]
fn column<T: Real, const FUSED: bool>(s: &mut [T], n: usize, k: usize, v: &mut [T], z: &mut [T]) -> T {
    let alpha = s[k * n + k + 1];
    // The matrix is symmetric, and row k is contiguous.
    v.copy_from_slice(&s[k * n + k + 1..(k + 1) * n]);
    let square = dot::<T, FUSED>(&v[1..], &v[1..]);
    let (mut beta, mut tau, mut scale) = (alpha, T::ZERO, T::ZERO);
    if square > T::from_f64(TINY) {
        let norm = (alpha * alpha + square).sqrt();
        beta = if alpha >= T::ZERO { -norm } else { norm };
        tau = (beta - alpha) / beta;
        scale = T::ONE / (alpha - beta);
    }
    v.iter_mut().for_each(|x| *x *= scale);
    v[0] = T::ONE;
    if tau == T::ZERO {
        return beta;
    }
    z.fill(T::ZERO);
    let mut rows = s[(k + 1) * n..].chunks_exact(ROWS * n);
    let mut factors = v.chunks_exact(ROWS);
    for (rows, x) in (&mut rows).zip(&mut factors) {
        let row: [&[T]; ROWS] = std::array::from_fn(|r| &rows[r * n + k + 1..][..z.len()]);
        for (j, z) in z.iter_mut().enumerate() {
            *z = (0..ROWS).fold(*z, |sum, r| multiply_add::<T, FUSED>(row[r][j], x[r], sum));
        }
    }
    for (row, &x) in rows.remainder().chunks_exact(n).zip(factors.remainder()) {
        z.iter_mut().zip(&row[k + 1..]).for_each(|(z, &s)| *z = multiply_add::<T, FUSED>(s, x, *z));
    }
    z.iter_mut().for_each(|z| *z *= tau);
    let share = T::from_f64(0.5) * tau * dot::<T, FUSED>(v, z);
    z.iter_mut().zip(v.iter()).for_each(|(z, &v)| *z -= share * v);
    for (row, (&x, &y)) in s[(k + 1) * n..].chunks_exact_mut(n).zip(v.iter().zip(z.iter())) {
        let columns = row[k + 1..].iter_mut().zip(v.iter().zip(z.iter()));
        columns.for_each(|(s, (&v, &z))| {
            *s = multiply_add::<T, FUSED>(-x, z, multiply_add::<T, FUSED>(-y, v, *s));
        });
    }
    beta
}

/// Rows of a product that are summed before the sum is stored.
const ROWS: usize = 4;

/// x . y in 16 sums, which fill vector registers.
#[inline(always)]
pub fn dot<T: Real, const FUSED: bool>(x: &[T], y: &[T]) -> T {
    let (mut xs, mut ys) = (x.chunks_exact(16), y.chunks_exact(16));
    let mut sums = [T::ZERO; 16];
    for (x, y) in (&mut xs).zip(&mut ys) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum = multiply_add::<T, FUSED>(x, y, *sum);
        }
    }
    let rest = xs.remainder().iter().zip(ys.remainder());
    rest.map(|(&x, &y)| x * y).chain(sums).fold(T::ZERO, |all, sum| all + sum)
}
