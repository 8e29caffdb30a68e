//! Parity cases of `attend`.

use super::{Params, key_lanes};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes = [
        (1, [1, 1], 1, 4, 1, 0),
        (3, [2, 2], 5, 3, 2, 1),
        (16, [4, 4], 16, 3, 2, 0),
        (16, [2, 2], 16, 2, 1, 1),
        (5, [3, 3], 67, 2, 2, 1),
        (4, [1, 1], 512, 1, 1, 0),
        (5, [6, 2], 7, 3, 2, 1),
        (7, [3, 1], 1, 5, 2, 0),
    ]
    .map(|(d, heads, tokens, points, members, causal)| Shape { d, heads, tokens, points, members, causal });
    shapes.into_iter().enumerate().map(|(i, shape)| case(1200 + i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    /// Width of a head.
    d: usize,
    /// Of queries, and of keys and values.
    heads: [usize; 2],
    tokens: usize,
    points: usize,
    members: usize,
    causal: u32,
}

/// A score is off by e = (d + 4) 2^-23 scale sum |q k|; so a weight by a factor 1 + 2 e and the error of exp, a
/// normalised one by twice that and the sum's T 2^-23. The entropy moves by at most that times (1 + ln T + range).
fn case(stream: u32, Shape { d, heads: [heads, shared], tokens, points, members, causal }: Shape) -> Case<Params> {
    let width = d * heads;
    let (keys, values) = (width, width + shared * d);
    let (rows, out_rows) = ((values + shared * d).next_multiple_of(4), width.next_multiple_of(4));
    let columns = (tokens * points).next_multiple_of(4);
    let stacked = sample(stream, members * rows * columns);
    let scale = 1.5 / (d as f64).sqrt();
    let at = |m: usize, row: usize, column: usize| stacked[(m * rows + row) * columns + column];
    let mut out = vec![0.25; members * out_rows * columns];
    let mut out_bound = vec![0.0; out.len()];
    let mut entropy = vec![0.25; members * heads * columns];
    let mut entropy_bound = vec![0.0; entropy.len()];
    let ulp = f32::EPSILON as f64;
    for (m, h) in (0..members).flat_map(|m| (0..heads).map(move |h| (m, h))) {
        let (query, own) = (h * d, h / (heads / shared) * d);
        for (g, t) in (0..points).flat_map(|g| (0..tokens).map(move |t| (g, t))) {
            let used = if causal != 0 { t + 1 } else { tokens };
            let (mut e, mut scores) = (0.0f64, Vec::new());
            for s in 0..used {
                let products = (0..d).map(|i| at(m, query + i, g * tokens + t) * at(m, keys + own + i, g * tokens + s));
                let (sum, size) = products.fold((0.0, 0.0), |(sum, size): (f64, f64), p| (sum + p, size + p.abs()));
                e = e.max((d + 4) as f64 * ulp * scale * size);
                scores.push(scale * sum);
            }
            let largest = scores.iter().fold(f64::MIN, |a, &b| a.max(b));
            let smallest = scores.iter().fold(f64::MAX, |a, &b| a.min(b));
            let total: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
            let relative = 2.0 * (2.0 * e + ELEMENTARY_ERROR) + (used + 6) as f64 * ulp;
            for i in 0..d {
                let size: f64 = (0..used)
                    .map(|s| (scores[s] - largest).exp() / total * at(m, values + own + i, g * tokens + s).abs())
                    .sum();
                let o = (m * out_rows + h * d + i) * columns + g * tokens + t;
                out[o] = f64::NAN;
                out_bound[o] = size * (relative + (used + 4) as f64 * ulp);
            }
            let o = (m * heads + h) * columns + g * tokens + t;
            entropy[o] = f64::NAN;
            entropy_bound[o] = (relative + used as f64 * ulp) * (2.0 + (used as f64).ln() + largest - smallest);
        }
    }
    Case {
        name: format!(
            "{heads} heads of {d} on {shared}, {tokens} tokens, {points} points, {members} members, causal {causal}"
        ),
        members,
        params: Params {
            head_width: d as u32,
            tokens: tokens as u32,
            columns: columns as u32,
            rows: rows as u32,
            out_rows: out_rows as u32,
            heads: heads as u32,
            key_value_heads: shared as u32,
            causal,
            key_lanes: key_lanes(tokens as u32),
            scale,
        },
        buffers: vec![CaseBuffer::Real(stacked), CaseBuffer::Real(out), CaseBuffer::Real(entropy)],
        tolerance: vec![out_bound, entropy_bound],
    }
}
