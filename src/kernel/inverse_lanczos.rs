//! Lanczos' iteration for the smallest singular value of B = z - H at many points z of the complex plane, with H real
//! upper Hessenberg: some steps on (BᴴB)⁻¹ at each point.
//!
//! A step solves Bᴴ w = q and B u = w by Givens rotations, which are backward stable: the values are those of z - H + E
//! with ‖E‖ of about n epsilon ‖z - H‖. Neither solution keeps a factor: rotations of neighbouring rows, from the first
//! on, give one row of R at a time, used up at once with Rᴴ; rotations of neighbouring columns, from the last on, give
//! one column of R at a time, used up with R. So a point needs O(n) numbers, 20 n² operations a step, and all points
//! read the same H. Members are blocks of 32 points, which fill the vectors of the twin.

mod case;

use crate::kernel::shared::trips::MOST_TRIPS;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};
use points::Points;

mod points;

kernel! {
    /// Steps of Lanczos' iteration on the inverse at 32 points of the complex plane.
    pub struct InverseLanczos = inverse_lanczos;
    constants {
        /// Points of a member.
        pub POINTS: usize = 32,
        /// Numbers of the state for each point and index.
        pub PARTS: usize = 11,
        /// The part in which a row or a column of R is worked out.
        WORKING: usize = 0,
        /// The part of the right-hand side, and of the solution.
        RHS: usize = 2,
        /// The part of the last vector.
        NOW: usize = 4,
        /// The part of the vector before it.
        BEFORE: usize = 6,
        /// The part of the cosines of the rotations.
        COSINE: usize = 8,
        /// The part of the sines of the rotations.
        SINE: usize = 10,
    }
    compared { ULP = f32::EPSILON, FLOOR = f32::EPSILON / 8.0 }
    /// The steps that a run makes.
    params {
        /// Width of the Hessenberg matrix.
        n: u32,
        /// Steps that the bands have room for.
        most: u32,
        /// At most so many steps now.
        steps: u32,
    }
    buffers {
        h: read number,
        points: read number,
        start: read number,
        state: write number,
        bands: write number,
        unit: write number,
        lengths: write word,
        finished: read word,
    }
}

/// An upper bound of the loop trips of one invocation.
pub fn trips(n: u32, steps: u32) -> u64 {
    let n = u64::from(n);
    // Two solutions: set up, eliminate four at a time, rotate back. Then five passes over vectors.
    let solution = n + n * 2 + (n * (n + 4)).div_ceil(8) + n;
    u64::from(steps) * (1 + 2 * solution + 5 * n)
}

/// Steps of one run that keep within the limit of trips; 0 for too wide a matrix.
pub fn steps_at_once(n: u32) -> u32 {
    (0..=4).rev().find(|&steps| trips(n, steps) < MOST_TRIPS).unwrap_or(0)
}

impl Kernel for InverseLanczos {
    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { h, points, start, state, bands, unit, lengths, finished } = views;
        if finished[0] == 0 {
            let points = Points::new(p.n as usize, h, points, state);
            dispatch(Steps { p, start, points, bands, unit, lengths });
        }
    }

    fn cost(p: &Params) -> Cost {
        let (n, work) = (p.n as f64, (POINTS as u32 * p.steps) as f64);
        Cost { flops: 22.0 * n * n * work, bytes: 4.0 * n * (n + 2.0 * (PARTS * POINTS) as f64) }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Some steps at the points of a member.
struct Steps<'a, T> {
    p: &'a Params,
    start: &'a [T],
    points: Points<'a, T>,
    bands: &'a mut [T],
    unit: &'a mut [T],
    lengths: &'a mut [u32],
}

impl<T: Real> Work for Steps<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        for _ in 0..self.p.steps {
            let open = |l: usize| self.lengths[l] < self.p.most && self.lengths[POINTS + l] == 0;
            let open: [bool; POINTS] = lanes(open);
            if open.contains(&true) {
                self.step::<FUSED>(open);
            }
        }
    }
}

impl<T: Real> Steps<'_, T> {
    /// One step at all points; those that are not open keep their results.
    #[inline(always)]
    fn step<const FUSED: bool>(&mut self, open: [bool; POINTS]) {
        let lengths: [usize; POINTS] = lanes(|l| self.lengths[l] as usize);
        if lengths[0] == 0 {
            self.points.begin(self.start);
        }
        self.points.aim();
        self.points.solve_adjoint::<FUSED>();
        let squares = self.points.normalise();
        self.points.solve::<FUSED>();
        for l in (0..POINTS).filter(|&l| lengths[l] == 0) {
            self.unit[l] = squares[l];
        }
        let at: [usize; POINTS] = lanes(|l| 2 * lengths[l] * POINTS + l);
        let diagonal: [T; POINTS] = lanes(|l| squares[l] / self.unit[l]);
        let gain: [T; POINTS] = lanes(|l| squares[l].sqrt() / self.unit[l]);
        let before = |l: usize| if lengths[l] > 0 { self.bands[at[l] - POINTS] } else { T::ZERO };
        let next = self.points.orthogonalise(&gain, &diagonal, &lanes(before));
        // Else what is left is rounding: the vectors so far span an invariant space.
        let goes_on = |l: usize| open[l] && next[l] > T::from_f64(16.0 * T::EPSILON) * diagonal[l];
        self.points.advance(&next, lanes(goes_on));
        for l in (0..POINTS).filter(|&l| open[l]) {
            (self.bands[at[l]], self.bands[at[l] + POINTS]) = (diagonal[l], next[l]);
            self.lengths[l] += 1;
            self.lengths[POINTS + l] = u32::from(!goes_on(l));
        }
    }
}

/// A starting vector of length 1, `[n, re | im]`: random, so that no singular vector is missed.
pub fn start(n: usize) -> Vec<f64> {
    let values = sample(2799, 2 * n);
    let norm = values.iter().map(|x| x * x).sum::<f64>().sqrt();
    values.into_iter().map(|x| x / norm).collect()
}
