//! What the bands of an inverse Lanczos iteration say: the smallest singular value, 1 / sqrt(theta) with theta the
//! largest eigenvalue of the tridiagonal matrix, and the residual that certifies it.
//!
//! theta by bisection on the signs of the pivots of theta - T from the first element on. Its vector v by the pivots q from
//! the last element back, v_(i+1) = (b_i / q_(i+1)) v_i, which keep their digits where v falls off (those from the first
//! element on lose them all in f32, and the residual then stops at 1e-3). The residual is b_k |v_k| / |v|: some
//! eigenvalue of the inverse lies within it of theta, and theta is below the largest one.

mod case;

use crate::kernel::inverse_lanczos::POINTS;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::{Real, power_of_two};

kernel! {
    /// The smallest singular value that the bands of an inverse Lanczos iteration tell, with its residual.
    pub struct RitzValue = ritz_value;
    constants {
        /// Rounds of bisection on an f32 device.
        ROUNDS: f64 = 30.0,
    }
    compared { POINTS = POINTS, SMALLEST = f32::EPSILON as f64 * FLOOR }
    /// The sizes of the bands, and when the iteration ends.
    params {
        /// Steps that the bands have room for.
        most: u32,
        /// Residual over theta that ends the iteration.
        tolerance: f32,
    }
    buffers {
        bands: read number,
        unit: read number,
        lengths: read word,
        found: write number,
        finished: write word,
    }
}

impl Kernel for RitzValue {
    fn grid(_p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [1, 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { bands, unit, lengths, found, finished } = views;
        let mut open = false;
        for l in 0..POINTS {
            let length = lengths[l] as usize;
            let band = |which: usize| -> Vec<T> { (0..length).map(|i| bands[(2 * i + which) * POINTS + l]).collect() };
            let (theta, residual) = largest(&band(0), &band(1), lengths[POINTS + l] != 0);
            found[l] = T::ONE / (unit[l] * theta).sqrt();
            found[POINTS + l] = residual;
            open |= residual > T::from_f64(p.tolerance) && lengths[l] < p.most;
        }
        finished[0] = u32::from(!open);
    }

    fn cost(p: &Params) -> Cost {
        let work = (POINTS as u32 * p.most) as f64;
        Cost { flops: 6.0 * ROUNDS * work, bytes: 8.0 * work }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The largest eigenvalue and the residual of its vector, relative to it. The last element of `beside` leads out of the
/// matrix; `stopped`: to nothing.
fn largest<T: Real>(diagonal: &[T], beside: &[T], stopped: bool) -> (T, T) {
    let (mut low, mut high, mut side) = (T::ZERO, T::ZERO, T::ZERO);
    for (i, &entry) in diagonal.iter().enumerate() {
        let next = if i + 1 < diagonal.len() { beside[i] } else { T::ZERO };
        low = if entry > low { entry } else { low };
        let reach = entry + side + next;
        high = if reach > high { reach } else { high };
        side = next;
    }
    high *= T::from_f64(1.0 + 8.0 * T::EPSILON);
    for _ in 0..(ROUNDS + (f32::EPSILON as f64 / T::EPSILON).log2()) as usize {
        let middle = low + T::from_f64(0.5) * (high - low);
        if lies_above(diagonal, beside, middle) { high = middle } else { low = middle }
    }
    match beside.last() {
        Some(&out) if !stopped => (high, out * last_share(diagonal, beside, high).sqrt() / high),
        _ => (high, T::ZERO),
    }
}

/// [`smallest`] over epsilon.
const FLOOR: f64 = power_of_two(-17);

/// A pivot below this counts as negative: far below rounding, where the first diagonal element is 1.
fn smallest<T: Real>() -> T {
    T::from_f64(T::EPSILON * FLOOR)
}

/// Are all pivots of theta - T positive?
fn lies_above<T: Real>(diagonal: &[T], beside: &[T], theta: T) -> bool {
    let (mut pivot, mut side) = (T::ONE, T::ZERO);
    diagonal.iter().zip(beside).all(|(&entry, &next)| {
        pivot = (theta - entry) - side * (side / pivot);
        side = next;
        pivot >= smallest()
    })
}

/// (v_k / |v|)² for the vector v of theta, as a product of shares: nothing overflows.
fn last_share<T: Real>(diagonal: &[T], beside: &[T], theta: T) -> T {
    let (mut share, mut front) = (T::ONE, T::ONE);
    let mut pivot = theta - diagonal[diagonal.len() - 1];
    for i in (1..diagonal.len()).rev() {
        let side = beside[i - 1];
        let ratio = side / if pivot > smallest() { pivot } else { smallest() };
        let square = ratio * ratio;
        (share, front) = if square > T::ZERO {
            (share * (square / (front + square)), front / (front + square))
        } else {
            (T::ZERO, T::ONE)
        };
        pivot = (theta - diagonal[i - 1]) - side * ratio;
    }
    share
}
