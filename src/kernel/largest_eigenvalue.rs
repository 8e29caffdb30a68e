//! The largest eigenvalue of a symmetric tridiagonal matrix, by multisection.
//!
//! x lies above all eigenvalues just if all pivots of T - x are negative. The computed pivots are those of a matrix
//! whose entries differ by a few roundings (Barth, Martin and Wilkinson 1967), so with the final bracket of 2^-30 of
//! Gershgorin's the value is right to 8 epsilon max_i (|d_i| + |e_(i-1)| + |e_i|).

mod case;

use crate::kernel::shared::team::Team;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::{Real, power_of_two};

kernel! {
    /// The largest eigenvalue of a symmetric tridiagonal matrix.
    pub struct LargestEigenvalue = largest_eigenvalue;
    constants {
        /// The size of a pivot that counts as negative: far below rounding in a matrix of norm 1.
        SMALLEST: f64 = power_of_two(-60),
    }
    /// The size of the matrices.
    params {
        /// Width of the matrices.
        n: u32,
    }
    buffers {
        wanted: read word,
        diagonal: read number,
        beside: read number,
        value: write number,
    }
}

/// Bits of Gershgorin's bracket that are found on an f32 device.
const BITS: f64 = 30.0;

impl Kernel for LargestEigenvalue {
    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let lanes = f64::from(Team::alone(p.n, machine).lanes);
        vec![("LANES", lanes), ("ROUNDS", (BITS / (lanes + 1.0).log2()).ceil())]
    }

    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { wanted, diagonal, beside, value } = views;
        if wanted[0] != 0 {
            value[0] = largest(&diagonal[..p.n as usize], &beside[..p.n as usize]);
        }
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 4.0 * BITS * p.n as f64, bytes: 8.0 * p.n as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Values of x that the twin tries at once: their divisions overlap.
const PROBES: usize = 16;

fn largest<T: Real>(diagonal: &[T], beside: &[T]) -> T {
    let (mut low, mut high, mut side) = (diagonal[0], diagonal[0], T::ZERO);
    for (&entry, &next) in diagonal.iter().zip(beside) {
        low = if entry > low { entry } else { low };
        let reach = entry + (side + next.abs());
        high = if reach > high { reach } else { high };
        side = next.abs();
    }
    // As many more bits as f64 has.
    let bits = BITS + (f32::EPSILON as f64 / T::EPSILON).log2();
    for _ in 0..(bits / (PROBES as f64 + 1.0).log2()).ceil() as usize {
        let step = (high - low) / T::from_f64(PROBES as f64 + 1.0);
        let probe = |i: usize| low + step * T::from_f64(i as f64 + 1.0);
        let above = lie_above(diagonal, beside, std::array::from_fn(probe));
        let first = above.iter().position(|&above| above).unwrap_or(PROBES);
        high = if first < PROBES { probe(first) } else { high };
        low += step * T::from_f64(first as f64);
    }
    low + T::from_f64(0.5) * (high - low)
}

/// Which of these lie above all eigenvalues?
fn lie_above<T: Real>(diagonal: &[T], beside: &[T], x: [T; PROBES]) -> [bool; PROBES] {
    let smallest = T::from_f64(SMALLEST);
    let (mut pivots, mut above, mut side) = ([-T::ONE; PROBES], [true; PROBES], T::ZERO);
    for (&entry, &next) in diagonal.iter().zip(beside) {
        for ((pivot, above), &x) in pivots.iter_mut().zip(&mut above).zip(&x) {
            *pivot = (entry - x) - side * (side / *pivot);
            *above &= *pivot < smallest;
            *pivot = if pivot.abs() < smallest { -smallest } else { *pivot };
        }
        side = next;
    }
    above
}
