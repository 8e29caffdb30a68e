//! Parity cases of `factorise`: ordinary matrices, and some that are singular.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [(1, 4, 1, 0), (2, 4, 3, 0), (7, 8, 2, 0), (20, 4, 2, 0), (67, 4, 1, 0), (12, 4, 2, 5)]
        .map(|(n, columns, members, first)| Shape { n, columns, members, first });
    shapes.into_iter().enumerate().map(|(i, shape)| case(1700 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    columns: usize,
    members: usize,
    first: usize,
}

fn case(stream: u32, Shape { n, columns, members, first }: Shape) -> Case<Params> {
    let padded = n.next_multiple_of(4);
    let weights = sample(stream, members * padded * padded);
    // Gains that differ by much; the last column has the matrix 0, which is singular.
    let mut coefficients = vec![1.5; columns];
    coefficients.extend((0..columns).map(|c| (0.25 * (c + 1) as f64).powi(2)));
    coefficients[columns - 1] = 0.0;
    coefficients[2 * columns - 1] = 0.0;
    let member_gain: Vec<f64> = (0..members).map(|m| (m as f64 - 1.0).exp2()).collect();
    // Where the elimination goes on from, these are the matrices; else they are overwritten.
    let factors = sample(stream + 1, members * columns * n * n);
    let pivots: Vec<i32> = (0..members * columns * n).map(|i| (i % n) as i32).collect();
    let mut bounds = Vec::new();
    for (matrix, given) in factors.chunks_exact(n * n).enumerate() {
        let (m, c) = (matrix / columns, matrix % columns);
        let gain = coefficients[columns + c] * member_gain[m];
        let filled = |i: usize, j: usize| {
            let random = gain * weights[(m * padded + i) * padded + j];
            let diagonal = if i == j { coefficients[c] } else { 0.0 };
            (diagonal - random, 2.0 * ULP * (diagonal.abs() + random.abs()))
        };
        let entry = |i: usize, j: usize| if first == 0 { filled(i, j) } else { (given[j * n + i], 0.0) };
        let least = f64::EPSILON * (coefficients[c].abs() + gain.abs());
        bounds.extend(running_bounds(n, first, least, entry));
    }
    let (width, padded, columns) = (n as u32, padded as u32, columns as u32);
    Case {
        name: format!("{n} x {n}, {columns} columns, {members} members, from pivot {first}"),
        members,
        params: Params { width, padded, columns, first: first as u32, end: width },
        buffers: vec![
            CaseBuffer::Real(weights),
            CaseBuffer::SharedReal(coefficients),
            CaseBuffer::Real(member_gain),
            CaseBuffer::Real(factors),
            CaseBuffer::Int(pivots),
        ],
        tolerance: vec![bounds],
    }
}

const ULP: f64 = f32::EPSILON as f64;

/// Elimination in f64 that carries along, for each entry, how far f32 may be from it: a running error analysis
/// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.3), with room for division by multiplication
/// with the inverse.
fn running_bounds(n: usize, first: usize, least: f64, entry: impl Fn(usize, usize) -> (f64, f64)) -> Vec<f64> {
    let mut a: Vec<Vec<(f64, f64)>> = (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
    for k in first..n {
        let row = (k..n).fold(k, |best, i| if a[i][k].0.abs() > a[best][k].0.abs() { i } else { best });
        a.swap(k, row);
        let (pivot, pivot_error) = a[k][k];
        if pivot.abs() <= least {
            continue;
        }
        let upper = a[k].clone();
        for own in &mut a[k + 1..] {
            let (x, error) = own[k];
            let multiplier = x / pivot;
            let own_error = (error + multiplier.abs() * pivot_error) / pivot.abs() + 3.0 * ULP * multiplier.abs();
            own[k] = (multiplier, own_error);
            for (y, &(u, u_error)) in own.iter_mut().zip(&upper).skip(k + 1) {
                let product = multiplier * u;
                let value = y.0 - product;
                let error = y.1 + multiplier.abs() * u_error + own_error * (u.abs() + u_error);
                *y = (value, error + 2.0 * ULP * (product.abs() + value.abs()));
            }
        }
    }
    // Twice: terms of second order.
    (0..n * n).map(|i| 2.0 * a[i % n][i / n].1).collect()
}
