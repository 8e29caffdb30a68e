//! The cases of the steps, with the bounds of their errors.

use super::{Params, STEPS};
use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(4, 4, 1, 1), (8, 12, 3, 5), (64, 68, 2, 7), (36, 8, 2, STEPS), (20, 100, 1, 6), (112, 20, 1, 3)]
        .map(|(rows, columns, members, steps)| Shape { rows, columns, members, steps });
    shapes.into_iter().enumerate().map(|(i, shape)| case(2000 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    members: usize,
    steps: usize,
}

/// A case with columns of every scale, one of them 0.
fn case(stream: u32, Shape { rows, columns, members, steps }: Shape) -> Case<Params> {
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
    let mut events = vec![0; members * event::ROWS * columns];
    let (mut state_bound, mut norm_bound) = (vec![0.0; x.len()], vec![0.0; norms.len()]);
    for (m, c) in (0..members).flat_map(|m| (0..columns).map(move |c| (m, c))) {
        let norm_at = |row: usize| (m * norm::ROWS + row) * columns + c;
        events[(m * event::ROWS + scale::PENDING) * columns + c] = (c % 7) as i32 - 3;
        events[(m * event::ROWS + scale::PEAK_EXPONENT) * columns + c] = c as i32 - 8;
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
            CaseBuffer::Int(events),
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
