//! The implicit step with the factors of [`factorise`](super::factorise): x⁺ solves L U x⁺ = P x for every column, then
//! its norm is recorded as `euler_update` does.
//!
//! Where the matrix is singular there is no step: the column is marked as diverged and stays where it is.

mod case;

use crate::kernel::shared::trajectory::{Track, event, scale};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// The implicit step, by forward and back substitution.
    pub struct Solve = solve;
    shared { magnitude, trajectory, track }
    constants {
        /// The widest matrix.
        pub WIDEST: usize = 512,
    }
    /// The sizes of a step, and its threshold.
    params {
        /// Rows and columns of a matrix.
        width: u32,
        /// Rows of the state.
        rows: u32,
        /// Columns of the state.
        columns: u32,
        /// The step, from 1.
        step: u32,
        /// Rescale columns by powers of two?
        renormalise: u32,
        /// As in [`euler_update`](super::euler_update).
        threshold_exponent: i32,
        /// As in [`euler_update`](super::euler_update).
        threshold_mantissa: f32,
    }
    buffers {
        factors: read number,
        pivots: read int,
        x: read number,
        out: write number,
        norms: write number,
        events: write int,
    }
}

impl Kernel for Solve {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { factors, pivots, x, out, norms, events } = views;
        let (n, columns) = (p.width as usize, p.columns as usize);
        let track = Track {
            step: p.step,
            renormalise: p.renormalise != 0,
            threshold: (p.threshold_mantissa, p.threshold_exponent),
            columns,
        };
        for column in 0..columns {
            let pivots = &pivots[column * n..][..n];
            let diverged = event::DIVERGED_STEP * columns + column;
            if pivots[0] < 0 || events[diverged] != 0 {
                // What it would be is beyond any threshold.
                for at in [diverged, event::CROSSING_STEP * columns + column] {
                    events[at] = if events[at] == 0 { p.step as i32 } else { events[at] };
                }
                for row in 0..p.rows as usize {
                    out[row * columns + column] = if row < n { x[row * columns + column] } else { T::ZERO };
                }
                continue;
            }
            let mut y = [T::ZERO; WIDEST];
            let scale = T::power_of_two(-events[scale::PENDING * columns + column]);
            for (y, &row) in y.iter_mut().zip(pivots) {
                *y = x[row as usize * columns + column] * scale;
            }
            let square = dispatch(Substitution { factors: &factors[column * n * n..][..n * n], y: &mut y[..n] });
            (0..p.rows as usize).for_each(|row| out[row * columns + column] = y[row]);
            track.observe(norms, events, column, square);
        }
    }

    fn cost(p: &Params) -> Cost {
        let (n, columns) = (p.width as f64, p.columns as f64);
        Cost { flops: 2.0 * n * n * columns, bytes: 4.0 * (n * n + 2.0 * n) * columns }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Forward and back substitution of one column; returns the squared norm of the solution.
struct Substitution<'a, T> {
    factors: &'a [T],
    y: &'a mut [T],
}

impl<T: Real> Work for Substitution<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) -> T {
        let n = self.y.len();
        for (k, column) in self.factors.chunks_exact(n).enumerate() {
            let known = self.y[k];
            subtract(&mut self.y[k + 1..], &column[k + 1..], known);
        }
        let mut square = T::ZERO;
        for (k, column) in self.factors.chunks_exact(n).enumerate().rev() {
            let known = self.y[k] / column[k];
            self.y[k] = known;
            square += known * known;
            subtract(&mut self.y[..k], &column[..k], known);
        }
        square
    }
}

/// y -= factor a.
#[inline(always)]
fn subtract<T: Real>(y: &mut [T], a: &[T], factor: T) {
    y.iter_mut().zip(a).for_each(|(y, &a)| *y -= a * factor);
}
