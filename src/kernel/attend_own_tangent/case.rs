//! Parity cases of `attend_own_tangent`.

use super::Params;
use crate::kernel::attend_tangent::case::softmax;
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// Sizes of a case: (head width, heads of queries and of keys, tokens, points, selected, vectors, members, causal).
type Sizes = (usize, [usize; 2], usize, usize, usize, usize, usize, u32);

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let sizes: [Sizes; 7] = [
        (1, [1, 1], 1, 4, 4, 4, 1, 0),
        (3, [2, 2], 5, 3, 7, 8, 2, 1),
        (16, [2, 1], 16, 1, 5, 20, 2, 0),
        (5, [6, 2], 9, 2, 18, 12, 1, 1),
        (7, [3, 1], 1, 5, 2, 4, 2, 1),
        (2, [1, 1], 70, 1, 4, 4, 1, 0),
        (4, [2, 2], 6, 1, 3, 260, 1, 1),
    ];
    sizes.into_iter().enumerate().map(|(i, sizes)| case(3300 + 10 * i as u32, sizes)).collect()
}

/// A weight is off by `relative` (see `attend`); the rest is the bound of the kernel's own documentation, in which every
/// term has a weight.
fn case(stream: u32, (d, [heads, shared], tokens, points, selected, vectors, members, causal): Sizes) -> Case<Params> {
    let width = d * heads;
    let (rows, out_rows) = ((width + 2 * shared * d).next_multiple_of(4), width.next_multiple_of(4));
    let columns = (tokens * points).next_multiple_of(4);
    let stacked = sample(stream, members * rows * columns);
    let deviations = sample(stream + 1, members * rows * selected * vectors);
    let is_shared = stream.is_multiple_of(20);
    let owners = if is_shared { 1 } else { members };
    let columns_of: Vec<u32> = (0..owners * selected).map(|j| (7 * j % (tokens * points)) as u32).collect();
    let scale = 1.5 / (d as f64).sqrt();
    let ulp = f64::from(f32::EPSILON);
    let mut out = vec![0.25; members * out_rows * selected * vectors];
    let mut bounds = vec![0.0; out.len()];
    for (m, h) in (0..members).flat_map(|m| (0..heads).map(move |h| (m, h))) {
        let own = h / (heads / shared);
        let (keys, values) = (width + own * d, width + (shared + own) * d);
        let at = |row: usize, column: usize| stacked[(m * rows + row) * columns + column];
        for j in 0..selected {
            let column = columns_of[(m * selected + j) % columns_of.len()] as usize;
            let (t, first) = (column % tokens, column - column % tokens);
            let used = if causal != 0 { t + 1 } else { tokens };
            let row = softmax(used, d, scale, |i| at(h * d + i, column), |i, s| at(keys + i, first + s));
            let relative = row.relative + (2 * used + 2 * d + 12) as f64 * ulp;
            let top = (0..used).fold(0, |top, s| if row.weights[s] > row.weights[top] { s } else { top });
            for (i, k) in (0..d).flat_map(|i| (0..vectors).map(move |k| (i, k))) {
                let tangent = |row: usize| deviations[((m * rows + row) * selected + j) * vectors + k].abs();
                let pull = |s: usize| (at(values + i, first + s) - at(values + i, first + top)).abs();
                let all: f64 = (0..used).map(|s| row.weights[s] * pull(s)).sum();
                let of_key: f64 = (0..d).map(|i| at(h * d + i, column).abs() * tangent(keys + i)).sum();
                let slope = |s: usize| {
                    let difference = |i: usize| (at(keys + i, first + s) - at(keys + i, first + top)).abs();
                    let of_query: f64 = (0..d).map(|i| tangent(h * d + i) * difference(i)).sum();
                    scale * (of_query + if s == t || top == t { of_key } else { 0.0 })
                };
                let through: f64 =
                    (0..used).filter(|&s| s != top).map(|s| row.weights[s] * slope(s) * (pull(s) + all)).sum();
                let o = ((m * out_rows + h * d + i) * selected + j) * vectors + k;
                out[o] = f64::NAN;
                bounds[o] = relative * (2.0 * through + row.weights[t] * tangent(values + i));
            }
        }
    }
    Case {
        name: format!(
            "{heads} heads of {d} on {shared}, {selected} of {points} x {tokens} tokens, {vectors} vectors, causal {causal}"
        ),
        members,
        params: Params {
            head_width: d as u32,
            tokens: tokens as u32,
            columns: columns as u32,
            selected: selected as u32,
            vectors: vectors as u32,
            rows: rows as u32,
            out_rows: out_rows as u32,
            heads: heads as u32,
            key_value_heads: shared as u32,
            causal,
            scale,
        },
        buffers: vec![
            if is_shared { CaseBuffer::SharedWord(columns_of) } else { CaseBuffer::Word(columns_of) },
            CaseBuffer::Real(stacked),
            CaseBuffer::Real(deviations),
            CaseBuffer::Real(out),
        ],
        tolerance: vec![bounds],
    }
}
