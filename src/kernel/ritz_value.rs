//! What the bands of an inverse Lanczos iteration say: the smallest singular value, 1 / sqrt(theta) with theta the
//! largest eigenvalue of the tridiagonal matrix, and the residual that certifies it.
//!
//! theta by bisection on the signs of the pivots of theta - T from the first element on. Its vector v by the pivots q from
//! the last element back, v_(i+1) = (b_i / q_(i+1)) v_i, which keep their digits where v falls off (those from the first
//! element on lose them all in f32, and the residual then stops at 1e-3). The residual is b_k |v_k| / |v|: some
//! eigenvalue of the inverse lies within it of theta, and theta is below the largest one.

use crate::kernel::inverse_lanczos::POINTS;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

kernel! {
    /// The smallest singular value that the bands of an inverse Lanczos iteration tell, with its residual.
    pub struct RitzValue = ritz_value;
    /// Sizes.
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

/// Rounds of bisection on an f32 device.
const ROUNDS: f64 = 30.0;

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
        vec![case(1, 4), case(3, 30), case(7, 7), case(7, 30)]
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

/// A pivot below this counts as negative: far below rounding, where the first diagonal element is 1.
fn smallest<T: Real>() -> T {
    T::from_f64(T::EPSILON) * T::power_of_two(-17)
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

/// Bands as they come: a diagonal that falls off from 1 and smaller elements beside it. Every third point has stopped.
fn case(length: usize, most: usize) -> Case<Params> {
    let members = 2;
    let noise = sample(2790 + most as u32, members * most * 2 * POINTS);
    let band = |(i, x): (usize, f64)| {
        let (step, beside) = (i / (2 * POINTS) % most, i / POINTS % 2 == 1);
        let size = if beside { 0.5 } else { 1.0 } / (1 + step) as f64;
        (size * (1.0 + 0.2 * x.abs().min(3.0))) as f32 as f64
    };
    let lengths =
        |i: usize| if (i / POINTS).is_multiple_of(2) { length as u32 } else { u32::from(i.is_multiple_of(3)) };
    // sigma below 2 is off by half the relative error of theta, the residual, below 1, by some 10 roundings for each
    // element of the vector, whose pivots are above 1/10 of theta.
    let error = 100.0 * (length + 1) as f64 * f32::EPSILON as f64;
    Case {
        name: format!("{length} of {most} steps"),
        members,
        // Far from the residuals of 3 and of 7 steps.
        params: Params { most: most as u32, tolerance: 1e-3 },
        buffers: vec![
            CaseBuffer::Real(noise.into_iter().enumerate().map(band).collect()),
            CaseBuffer::Real((0..members * POINTS).map(|i| 1.0 + i as f64).collect()),
            CaseBuffer::Word((0..members * 2 * POINTS).map(lengths).collect()),
            CaseBuffer::Real(vec![f64::NAN; members * 2 * POINTS]),
            CaseBuffer::Word(vec![7; members]),
        ],
        tolerance: vec![vec![error]],
    }
}
