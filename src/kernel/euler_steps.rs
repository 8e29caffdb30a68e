//! Some linear Euler steps in a row: `x <- keep x + gain (weights . x)`, `steps` times, with the record of every column
//! after each of them, as that many runs of [`euler_update`] would leave it.
//!
//! A GPU keeps whole columns in workgroup memory from the first step to the last; the CPU keeps a panel of columns in
//! its first-level cache, and its numbers are those of single steps bit for bit. A plan of many steps is up to
//! [`STEPS`] times as short.
//!
//! # Who takes it
//!
//! - Hardware, unmeasured, by the bytes: with n = 64, 256 columns and 32 steps a member moves 144 KiB through memory
//!   instead of 144 KiB in each step, so arithmetic takes the place of memory as the limit (470 operations a byte
//!   instead of 15). It is also 32 times fewer dispatches.
//! - The CPU, for the shorter plans; its time is the same: 20.7 us a step instead of 20.3 (n = 64, 256 columns, one
//!   core of a Zen 4, fastest of many), gathering and scattering included.
//! - Not lavapipe: 3.5 s of processor time for the bench's linear sweep, 1.7 s with single steps of 8 by 8 blocks.
//!
//! An invocation makes at most `STEPS` (rows / 32 rows / 4 + 4 + 16) < 10,000 trips through its loops; lavapipe stops
//! at 65,535.

use crate::kernel::Access::{Read, Write};
use crate::kernel::Element::{Int, Real as Number, Real4};
use crate::kernel::euler_update::{self, Update, mark, norm};
use crate::kernel::{Binding, Case, CaseBuffer, Cost, Kernel, Machine, View, mismatch};
use crate::random::sample;
use crate::real::Real;
use crate::simd::{Work, dispatch};

params! {
    /// Sizes, padded to multiples of 4 with zeros, and which steps.
    pub struct Params {
        /// Rows of the state and of the weights, at most [`MOST_ROWS`].
        rows: u32,
        /// Columns of the state: grid points.
        columns: u32,
        /// The number of the first step, from 1.
        first: u32,
        /// How many steps, at most [`STEPS`].
        steps: u32,
        /// As in the Euler update.
        renormalise: u32,
        /// As in the Euler update.
        threshold_exponent: i32,
        /// As in the Euler update.
        threshold_mantissa: f32,
    }
}

/// Rows of which two buffers of 16 columns and the sums fit WebGPU's 16 KiB of workgroup memory.
pub const MOST_ROWS: usize = 112;
/// Steps of one run: of a plan that is about a second long they take less than half.
pub const STEPS: usize = 32;

/// The kernel.
pub struct EulerSteps;

impl Kernel for EulerSteps {
    const NAME: &'static str = "euler_steps";
    const SOURCE: &'static str = concat!(
        include_str!("../../shaders/shared/magnitude.wgsl"),
        include_str!("../../shaders/shared/terms.wgsl"),
        include_str!("../../shaders/shared/track.wgsl"),
        include_str!("../../shaders/euler_steps.wgsl")
    );
    const BUFFERS: &'static [Binding] = &[
        ("weights", Read, Real4),
        ("coefficients", Read, Real4),
        ("member_gain", Read, Number),
        ("x", Write, Real4),
        ("norms", Write, Number),
        ("marks", Write, Int),
    ];
    const TRUSTED: bool = true;
    type Params = Params;

    fn constants(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let [row_lanes, column_lanes] = lanes_of_group(machine.software);
        let lanes = [("ROW_LANES", row_lanes as f64), ("COLUMN_LANES", column_lanes as f64)];
        std::iter::once(("ROWS", p.rows as f64)).chain(lanes).collect()
    }

    fn grid(p: &Params, members: u32, software: bool) -> [u32; 3] {
        [(p.columns / 4).div_ceil(lanes_of_group(software)[1]), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: &mut [View<T>]) {
        let [
            View::Real(weights),
            View::Real(coefficients),
            View::Real(member_gain),
            View::RealMut(x),
            View::RealMut(norms),
            View::IntMut(marks),
        ] = views
        else {
            mismatch(Self::NAME)
        };
        dispatch(Steps { p, weights, coefficients, member_gain: member_gain[0], x, norms, marks });
    }

    fn cost(p: &Params) -> Cost {
        let (rows, columns, steps) = (p.rows as f64, p.columns as f64, p.steps as f64);
        Cost {
            flops: steps * (2.0 * rows * rows * columns + 5.0 * rows * columns),
            bytes: 4.0 * (rows * rows + 2.0 * rows * columns),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        let shapes =
            [(4, 4, 1, 1), (8, 12, 3, 5), (64, 68, 2, 7), (36, 8, 2, STEPS), (20, 100, 1, 6), (MOST_ROWS, 20, 1, 3)];
        shapes.into_iter().enumerate().map(|(i, shape)| case(2000 + 10 * i as u32, shape)).collect()
    }
}

/// Lanes of rows and quads of columns of a workgroup; a software driver suspends every invocation at each barrier.
fn lanes_of_group(software: bool) -> [u32; 2] {
    if software { [8, 1] } else { [16, 4] }
}

/// The steps of a member.
struct Steps<'a, 'b, T> {
    p: &'a Params,
    weights: &'a [T],
    coefficients: &'a [T],
    member_gain: T,
    x: &'a mut &'b mut [T],
    norms: &'a mut &'b mut [T],
    marks: &'a mut &'b mut [i32],
}

/// Columns that are taken through all steps at once: the panel of the widest tile.
const PANEL: usize = 32;

impl<T: Real> Work for Steps<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let (rows, columns) = (self.p.rows as usize, self.p.columns as usize);
        let (mut now, mut next) = (vec![T::ZERO; rows * PANEL], vec![T::ZERO; rows * PANEL]);
        for column in (0..columns).step_by(PANEL) {
            let wide = PANEL.min(columns - column);
            let lines = rows * wide;
            let mut coefficients = [T::ZERO; 2 * PANEL];
            let mut norms = [T::ZERO; norm::ROWS * PANEL];
            let mut marks = [0; mark::ROWS * PANEL];
            gather(self.coefficients, (column, columns, wide), &mut coefficients);
            gather(self.x, (column, columns, wide), &mut now);
            gather(self.norms, (column, columns, wide), &mut norms);
            gather(self.marks, (column, columns, wide), &mut marks);
            for step in 0..self.p.steps {
                let update = Update {
                    p: &self.p.update(wide, step),
                    weights: self.weights,
                    input: &now[..lines],
                    x: &now[..lines],
                    coefficients: &coefficients,
                    member_gain: self.member_gain,
                    out: &mut next,
                    norms: &mut norms,
                    marks: &mut marks,
                };
                update.run::<BYTES, FUSED>();
                std::mem::swap(&mut now, &mut next);
            }
            scatter(&now, (column, columns, wide), self.x);
            scatter(&norms, (column, columns, wide), self.norms);
            scatter(&marks, (column, columns, wide), self.marks);
        }
    }
}

impl Params {
    /// Those of one of the steps, from 0, as an Euler update of so many columns.
    #[inline(always)]
    fn update(&self, columns: usize, step: u32) -> euler_update::Params {
        euler_update::Params {
            rows: self.rows,
            inner: self.rows,
            columns: columns as u32,
            step: self.first + step,
            renormalise: self.renormalise,
            threshold_exponent: self.threshold_exponent,
            threshold_mantissa: self.threshold_mantissa,
        }
    }
}

/// `wide` columns of all rows, from `column`, one row behind the other.
#[inline(always)]
fn gather<T: Copy>(from: &[T], (column, columns, wide): (usize, usize, usize), to: &mut [T]) {
    for (from, to) in from.chunks_exact(columns).zip(to.chunks_exact_mut(wide)) {
        to.copy_from_slice(&from[column..column + wide]);
    }
}

/// The way back.
#[inline(always)]
fn scatter<T: Copy>(from: &[T], (column, columns, wide): (usize, usize, usize), to: &mut [T]) {
    for (from, to) in from.chunks_exact(wide).zip(to.chunks_exact_mut(columns)) {
        to[column..column + wide].copy_from_slice(from);
    }
}

/// A case with columns of every scale, one of them 0.
fn case(stream: u32, (rows, columns, members, steps): (usize, usize, usize, usize)) -> Case<Params> {
    let unit = 1.0 / (rows as f64).sqrt();
    let f32s = |values: Vec<f64>, factor: f64| -> Vec<f64> {
        values.into_iter().map(|value| (factor * value) as f32 as f64).collect()
    };
    let weights = f32s(sample(stream, members * rows * rows), unit);
    let spread = |i: usize| if i % columns == 2 { 0.0 } else { ((i % columns % 9) as f64 - 4.0).exp2() };
    let x = sample(stream + 1, members * rows * columns);
    let x: Vec<f64> = x.into_iter().enumerate().map(|(i, x)| x * spread(i)).collect();
    // Growth and decay by some percent a step, so that bounds stay small over all steps.
    let coefficients = sample(stream + 2, 2 * columns).into_iter().enumerate();
    let coefficients: Vec<f64> =
        coefficients.map(|(i, c)| (0.05 * c + if i < columns { 0.95 } else { 0.1 }) as f32 as f64).collect();
    let member_gain: Vec<f64> = (0..members).map(|m| (-(m as f64)).exp2()).collect();
    let mut norms = vec![1.0; members * norm::ROWS * columns];
    let mut marks = vec![0; members * mark::ROWS * columns];
    let (mut state_bound, mut norm_bound) = (vec![0.0; x.len()], vec![0.0; norms.len()]);
    for (m, c) in (0..members).flat_map(|m| (0..columns).map(move |c| (m, c))) {
        let norm_at = |row: usize| (m * norm::ROWS + row) * columns + c;
        marks[(m * mark::ROWS + mark::PENDING) * columns + c] = (c % 7) as i32 - 3;
        marks[(m * mark::ROWS + mark::PEAK_EXPONENT) * columns + c] = c as i32 - 8;
        norms[norm_at(norm::INITIAL)] = (c + 1) as f64;
        norms[norm_at(norm::NOW)] = f64::NAN;
        let column = Column {
            weights: &weights[m * rows * rows..][..rows * rows],
            state: (0..rows).map(|r| x[(m * rows + r) * columns + c]).collect(),
            keep: coefficients[c],
            gain: coefficients[columns + c] * member_gain[m],
        };
        let (state, [now, peak]) = column.bounds(steps, (c % 7) as i32 - 3);
        state.into_iter().enumerate().for_each(|(r, bound)| state_bound[(m * rows + r) * columns + c] = bound);
        (norm_bound[norm_at(norm::NOW)], norm_bound[norm_at(norm::PEAK)]) = (now, peak);
    }
    Case {
        name: format!("{rows} x {columns}, {members} members, {steps} steps"),
        members,
        params: Params {
            rows: rows as u32,
            columns: columns as u32,
            first: 3,
            steps: steps as u32,
            renormalise: 1,
            threshold_exponent: 2,
            threshold_mantissa: 1.5,
        },
        buffers: vec![
            CaseBuffer::Real(weights),
            CaseBuffer::SharedReal(coefficients),
            CaseBuffer::Real(member_gain),
            CaseBuffer::Real(x),
            CaseBuffer::Real(norms),
            CaseBuffer::Int(marks),
        ],
        tolerance: vec![state_bound, norm_bound],
    }
}

/// What the bounds of a column depend on.
struct Column<'a> {
    weights: &'a [f64],
    state: Vec<f64>,
    keep: f64,
    gain: f64,
}

impl Column<'_> {
    /// Bounds of the f32 error of the state, of the squared norm and of the mantissa of its peak: each step is off by
    /// (rows + 5) 2^-23 times the sum of magnitudes, as in the Euler update, and hands on the error that it was given.
    fn bounds(self, steps: usize, pending: i32) -> (Vec<f64>, [f64; 2]) {
        let (ulp, rows) = (f32::EPSILON as f64, self.state.len());
        let (mut state, mut error) = (self.state, vec![0.0; rows]);
        let (mut pending, mut norm_error, mut peak_error) = (pending, 0.0, 0.0);
        for _ in 0..steps {
            let scale = (-pending as f64).exp2();
            let step = |r: usize| {
                let w = &self.weights[r * rows..][..rows];
                let sum = |f: &dyn Fn(usize) -> f64| (0..rows).map(f).sum::<f64>();
                let size = scale * (self.gain.abs() * sum(&|k| (w[k] * state[k]).abs()) + (self.keep * state[r]).abs());
                let passed = self.gain.abs() * sum(&|k| w[k].abs() * error[k]) + self.keep.abs() * error[r];
                let value = scale * (self.gain * sum(&|k| w[k] * state[k]) + self.keep * state[r]);
                (value, scale * passed + (rows + 5) as f64 * ulp * size)
            };
            (state, error) = (0..rows).map(step).unzip();
            let square: f64 = state.iter().map(|x| x * x).sum();
            let passed = state.iter().zip(&error).map(|(x, e)| 2.0 * x.abs() * e + e * e).sum::<f64>();
            norm_error = passed + (rows + 2) as f64 * ulp * square;
            if square > 0.0 {
                // A mantissa is at most 2 norms' worth.
                peak_error = f64::max(peak_error, 2.0 * norm_error / square);
                pending = Real::exponent(square) >> 1;
            } else {
                pending = 0;
            }
        }
        (error, [norm_error, peak_error])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Single steps, one after the other, on the whole state.
    fn single_steps(p: &Params, [weights, coefficients]: [&[f32]; 2], state: &mut (Vec<f32>, Vec<f32>, Vec<i32>)) {
        for step in 0..p.steps {
            let x = state.0.clone();
            euler_update::EulerUpdate::twin::<f32>(
                &p.update(p.columns as usize, step),
                &mut [
                    View::Real(weights),
                    View::Real(&x),
                    View::Real(&x),
                    View::Real(coefficients),
                    View::Real(&[1.0]),
                    View::RealMut(&mut state.0),
                    View::RealMut(&mut state.1),
                    View::IntMut(&mut state.2),
                ],
            );
        }
    }

    #[test]
    fn the_steps_are_those_of_the_euler_update() {
        for case in EulerSteps::cases() {
            let p = case.params;
            let reals = |i: usize| -> Vec<f32> {
                match &case.buffers[i] {
                    CaseBuffer::Real(values) | CaseBuffer::SharedReal(values) => values
                        [..values.len() / if i == 1 { 1 } else { case.members }]
                        .iter()
                        .map(|&x| x as f32)
                        .collect(),
                    _ => unreachable!("numbers"),
                }
            };
            let CaseBuffer::Int(marks) = &case.buffers[5] else { unreachable!("integers") };
            let (weights, coefficients) = (reals(0), reals(1));
            let mut one = (reals(3), reals(4), marks[..marks.len() / case.members].to_vec());
            let mut all = one.clone();
            single_steps(&p, [&weights, &coefficients], &mut one);
            EulerSteps::twin::<f32>(
                &p,
                &mut [
                    View::Real(&weights),
                    View::Real(&coefficients),
                    View::Real(&[1.0]),
                    View::RealMut(&mut all.0),
                    View::RealMut(&mut all.1),
                    View::IntMut(&mut all.2),
                ],
            );
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&one.0), bits(&all.0), "{}", case.name);
            assert_eq!(bits(&one.1), bits(&all.1), "{}", case.name);
            assert_eq!(one.2, all.2, "{}", case.name);
        }
    }
}
