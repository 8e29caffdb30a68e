//! Parity cases of `solve`: factors with columns of every scale, singular ones, and columns that are frozen already.

use super::Params;
use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

const ULP: f64 = f32::EPSILON as f64;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 4, 1), (3, 4, 2), (8, 12, 3), (67, 4, 2), (130, 4, 1)].map(|(n, columns, members)| Shape {
        n,
        columns,
        members,
    });
    shapes.into_iter().enumerate().map(|(i, shape)| case(1800 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    columns: usize,
    members: usize,
}

fn case(stream: u32, Shape { n, columns, members }: Shape) -> Case<Params> {
    let rows = n.next_multiple_of(4);
    let x = sample(stream, members * rows * columns);
    // Off the diagonal no more than 1/n, so that rounding is not amplified.
    let mut factors: Vec<f64> =
        sample(stream + 1, members * columns * n * n).iter().map(|value| value / n as f64).collect();
    for (i, value) in factors.iter_mut().enumerate() {
        if i / n % n == i % n {
            *value = 1.5 + value.abs();
        }
    }
    let mut pivots: Vec<i32> = (0..members * columns * n).map(|i| ((i + 1) % n) as i32).collect();
    let mut norms = vec![1.0; members * norm::ROWS * columns];
    let mut events = vec![0; members * event::ROWS * columns];
    for m in 0..members {
        pivots[(m * columns + 1) * n] = -1;
        for c in 0..columns {
            events[(m * event::ROWS + scale::PENDING) * columns + c] = (c % 7) as i32 - 3;
            events[(m * event::ROWS + scale::PEAK_EXPONENT) * columns + c] = c as i32 - 2;
            norms[(m * norm::ROWS + norm::INITIAL) * columns + c] = (c + 1) as f64;
        }
        events[(m * event::ROWS + event::DIVERGED_STEP) * columns + 2] = 3;
    }
    let mut out_bounds = vec![0.0; members * rows * columns];
    let mut norm_bounds = vec![0.0; members * norm::ROWS * columns];
    for m in 0..members {
        for c in (0..columns).filter(|&c| c != 1 && c != 2) {
            let matrix = m * columns + c;
            let scale = (-events[(m * event::ROWS + scale::PENDING) * columns + c] as f64).exp2();
            let right = |i: usize| scale * x[(m * rows + pivots[matrix * n + i] as usize) * columns + c];
            let solution = running_bounds(&factors[matrix * n * n..][..n * n], (0..n).map(right).collect());
            for (i, (_, error)) in solution.iter().enumerate() {
                out_bounds[(m * rows + i) * columns + c] = *error;
            }
            let norm: f64 = solution.iter().map(|(y, _)| y * y).sum();
            let error: f64 = solution.iter().map(|(y, error)| 2.0 * y.abs() * error + error * error).sum();
            let error = error + (n + 2) as f64 * ULP * norm;
            norm_bounds[m * norm::ROWS * columns + c] = error;
            // The peak is stored as a mantissa, which is at most 2 norms' worth.
            norm_bounds[(m * norm::ROWS + norm::PEAK) * columns + c] = 2.0 * error / norm;
        }
    }
    Case {
        name: format!("{n} x {n}, {columns} columns, {members} members"),
        members,
        params: Params {
            width: n as u32,
            rows: rows as u32,
            columns: columns as u32,
            step: 7,
            renormalise: n as u32 % 2,
            threshold_exponent: 2,
            threshold_mantissa: 1.5,
        },
        buffers: vec![
            CaseBuffer::Real(factors),
            CaseBuffer::Int(pivots),
            CaseBuffer::Real(x),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
            CaseBuffer::Real(norms),
            CaseBuffer::Int(events),
        ],
        tolerance: vec![out_bounds, norm_bounds],
    }
}

/// Substitution in f64 that carries along how far f32 may be: a running error analysis, as that of `factorise`.
fn running_bounds(factors: &[f64], right: Vec<f64>) -> Vec<(f64, f64)> {
    let n = right.len();
    let mut y: Vec<(f64, f64)> = right.into_iter().map(|value| (value, 0.0)).collect();
    let subtract = |y: &mut (f64, f64), factor: f64, (known, error): (f64, f64)| {
        let product = factor * known;
        y.0 -= product;
        y.1 += factor.abs() * error + 2.0 * ULP * (product.abs() + y.0.abs());
    };
    for k in 0..n {
        let known = y[k];
        (k + 1..n).for_each(|i| subtract(&mut y[i], factors[k * n + i], known));
    }
    for k in (0..n).rev() {
        let diagonal = factors[k * n + k];
        // Division on GPUs is good to 2.5 ulp.
        y[k] = (y[k].0 / diagonal, y[k].1 / diagonal + 4.0 * ULP * (y[k].0 / diagonal).abs());
        let known = y[k];
        (0..k).for_each(|i| subtract(&mut y[i], factors[k * n + i], known));
    }
    y
}
