//! Parity cases of `attend_tangent`.

use super::Params;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::numbers::random::sample;

/// Sizes of a case: (head width, heads of queries and of keys, tokens, points, vectors, members, causal).
type Sizes = (usize, [usize; 2], usize, usize, usize, usize, u32);

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let sizes: [Sizes; 11] = [
        (1, [1, 1], 1, 4, 4, 1, 0),
        (3, [2, 2], 5, 3, 8, 2, 1),
        (16, [2, 2], 16, 1, 20, 2, 0),
        (5, [3, 3], 9, 2, 36, 1, 1),
        (2, [1, 1], 70, 1, 4, 1, 0),
        (5, [2, 2], 7, 3, 1, 2, 0),
        (3, [1, 1], 35, 1, 1, 1, 1),
        (70, [1, 1], 1, 4, 1, 1, 0),
        (5, [6, 2], 7, 2, 12, 2, 1),
        (3, [2, 1], 6, 2, 1, 2, 0),
        (7, [3, 1], 1, 5, 8, 1, 1),
    ];
    sizes.into_iter().enumerate().map(|(i, sizes)| case(1600 + 10 * i as u32, sizes)).collect()
}

/// One query of one head: its weights, relative error of the weights, and the error of its scores.
pub(in crate::kernel) struct Row {
    pub weights: Vec<f64>,
    pub relative: f64,
}

/// A weight is off by `relative` (see `attend`); the rest is the bound of the kernel's own documentation, in which every
/// term has a weight.
fn case(stream: u32, (d, [heads, shared], tokens, points, vectors, members, causal): Sizes) -> Case<Params> {
    let width = d * heads;
    let (rows, out_rows) = ((width + 2 * shared * d).next_multiple_of(4), width.next_multiple_of(4));
    let columns = (tokens * points).next_multiple_of(4);
    let stacked = sample(stream, members * rows * columns);
    let deviations = sample(stream + 1, members * rows * columns * vectors);
    let scale = 1.5 / (d as f64).sqrt();
    let ulp = f32::EPSILON as f64;
    let at = |m: usize, row: usize, column: usize| stacked[(m * rows + row) * columns + column];
    let mut out = vec![0.25; members * out_rows * columns * vectors];
    let mut bounds = vec![0.0; out.len()];
    for (m, h) in (0..members).flat_map(|m| (0..heads).map(move |h| (m, h))) {
        let own = h / (heads / shared);
        let (keys, values) = (width + own * d, width + (shared + own) * d);
        for column in 0..tokens * points {
            let (query, first) = (column % tokens, column - column % tokens);
            let used = if causal != 0 { query + 1 } else { tokens };
            let row = softmax(used, d, scale, |i| at(m, h * d + i, column), |i, s| at(m, keys + i, first + s));
            let relative = row.relative + (2 * used + 2 * d + 8) as f64 * ulp;
            let top = (0..used).fold(0, |top, s| if row.weights[s] > row.weights[top] { s } else { top });
            for i in 0..d {
                let o = (m * out_rows + h * d + i) * columns + column;
                let value = |s: usize| at(m, values + i, first + s);
                let pull = |s: usize| (value(s) - value(top)).abs();
                let all: f64 = (0..used).map(|s| row.weights[s] * pull(s)).sum();
                for k in 0..vectors {
                    let tangent =
                        |row: usize, column: usize| deviations[((m * rows + row) * columns + column) * vectors + k];
                    let slope = |s: usize| -> f64 {
                        let of = |i: usize| {
                            (tangent(h * d + i, column) * at(m, keys + i, first + s)).abs()
                                + (at(m, h * d + i, column) * tangent(keys + i, first + s)).abs()
                        };
                        scale * (0..d).map(of).sum::<f64>()
                    };
                    let size: f64 = (0..used)
                        .map(|s| {
                            let through = if s == top { 0.0 } else { (slope(s) + slope(top)) * (pull(s) + all) };
                            row.weights[s] * (2.0 * through + tangent(values + i, first + s).abs())
                        })
                        .sum();
                    out[o * vectors + k] = f64::NAN;
                    bounds[o * vectors + k] = relative * size;
                }
            }
        }
    }
    Case {
        name: format!(
            "{heads} heads of {d} on {shared}, {tokens} tokens, {points} points, {vectors} vectors, causal {causal}"
        ),
        members,
        params: Params {
            head_width: d as u32,
            tokens: tokens as u32,
            columns: columns as u32,
            vectors: vectors as u32,
            rows: rows as u32,
            out_rows: out_rows as u32,
            heads: heads as u32,
            key_value_heads: shared as u32,
            causal,
            scale,
        },
        buffers: vec![
            CaseBuffer::Real(stacked.clone()),
            CaseBuffer::Real(stacked),
            CaseBuffer::Real(deviations),
            CaseBuffer::Real(out),
        ],
        tolerance: vec![bounds],
    }
}

/// The softmax of a query that sees so many keys of width d.
pub(in crate::kernel) fn softmax(
    used: usize,
    d: usize,
    scale: f64,
    query: impl Fn(usize) -> f64,
    key: impl Fn(usize, usize) -> f64,
) -> Row {
    let (mut error, mut scores) = (0.0f64, Vec::new());
    for s in 0..used {
        let products = (0..d).map(|i| query(i) * key(i, s));
        let (sum, size) = products.fold((0.0, 0.0), |(sum, size): (f64, f64), p| (sum + p, size + p.abs()));
        error = error.max((d + 4) as f64 * f32::EPSILON as f64 * scale * size);
        scores.push(scale * sum);
    }
    let largest = scores.iter().fold(f64::MIN, |a, &b| a.max(b));
    let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
    Row {
        weights: scores.iter().map(|s| (s - largest).exp() / total).collect(),
        relative: 2.0 * (2.0 * error + ELEMENTARY_ERROR) + (used + 6) as f64 * f32::EPSILON as f64,
    }
}
