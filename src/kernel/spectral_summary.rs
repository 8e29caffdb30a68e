//! What a spectrum says of the step M = keep + gain A, at many points (keep, gain): spectral radius and abscissa of M,
//! how many eigenvalues lie outside the unit circle, how many are real.
//!
//! Spectra are affine, phi = keep + gain lambda, so one eigendecomposition serves a whole grid of step sizes, radii
//! and dampings. Real eigenvalues are those of 1x1 blocks and of 2x2 blocks with real eigenvalues: im is exactly 0.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// Radius, abscissa and counts of a spectrum at many steps M = keep + gain A.
    pub struct SpectralSummary = spectral_summary;
    shared { real, bits }
    constants {
        /// The least exponent of a unit.
        LEAST_EXPONENT: i32 = -126,
        /// The largest exponent of a unit: beyond, squares might overflow.
        MOST_EXPONENT: i32 = 40,
    }
    /// The sizes of the spectra and of the grid.
    params {
        /// Eigenvalues of a member.
        n: u32,
        /// Pairs (keep, gain).
        points: u32,
    }
    buffers {
        eigenvalues: read number,
        centres: read number,
        exponents: read int,
        keep: read number,
        gain: read number,
        extremes: write number,
        counts: write word,
    }
}

/// Invocations of a workgroup.
const INVOCATIONS: u32 = 64;

/// Points of a workgroup; where they are few, it takes several members.
fn points_at_once(p: &Params) -> u32 {
    p.points.next_power_of_two().min(INVOCATIONS)
}

impl Kernel for SpectralSummary {
    fn overrides(p: &Params, _machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("POINTS", points_at_once(p).into()), ("TEAMS", (INVOCATIONS / points_at_once(p)).into())]
    }

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.points.div_ceil(points_at_once(p)), 1, members.div_ceil(INVOCATIONS / points_at_once(p))]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { eigenvalues, centres: centre, exponents, keep, gain, extremes, counts } = views;
        let [unit, far] = [0, 1].map(|i| T::power_of_two(exponents[i].clamp(LEAST_EXPONENT, MOST_EXPONENT)));
        for point in 0..p.points as usize {
            let (mut largest, mut rightmost, mut outside, mut real) = (T::ZERO, None, 0, 0);
            for lambda in eigenvalues.chunks_exact(2) {
                let re = keep[point] + gain[point] * (far * centre[0] + unit * lambda[0]);
                let im = gain[point] * unit * lambda[1];
                let square = re * re + im * im;
                largest = if square > largest { square } else { largest };
                rightmost = if rightmost.is_some_and(|most| re <= most) { rightmost } else { Some(re) };
                outside += u32::from(square > T::ONE);
                real += u32::from(lambda[1] == T::ZERO);
            }
            extremes[2 * point] = largest.sqrt();
            extremes[2 * point + 1] = rightmost.unwrap_or(T::ZERO);
            counts[2 * point..2 * point + 2].copy_from_slice(&[outside, real]);
        }
    }

    fn cost(p: &Params) -> Cost {
        let (n, points) = (p.n as f64, p.points as f64);
        Cost { flops: 8.0 * n * points, bytes: 8.0 * n + 24.0 * points }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
