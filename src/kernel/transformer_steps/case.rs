//! Parity cases: ordinary points, one that diverges, one that crosses the threshold, one that was frozen before and one
//! that is 0.

mod bound;

use super::Params;
use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::activation::kind;
use crate::numbers::random::sample;
use crate::numbers::real::Real;
use bound::Member;

/// Sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    width: usize,
    heads: usize,
    tokens: usize,
    points: usize,
    ffn_ratio: usize,
    members: usize,
    steps: usize,
}

/// Points that are not ordinary.
const DIVERGES: usize = 1;
const CROSSES: usize = 2;
const FROZEN: usize = 3;
const EMPTY: usize = 4;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shape = |[width, heads, tokens, points, ffn_ratio, members, steps]: [usize; 7]| Shape {
        width,
        heads,
        tokens,
        points,
        ffn_ratio,
        members,
        steps,
    };
    // (shape, causal, root mean square, activation)
    let list = [
        ([4, 1, 1, 6, 4, 2, 4], 0, 0, kind::GELU),
        ([8, 2, 3, 23, 4, 1, 4], 1, 1, kind::RELU),
        ([12, 3, 4, 7, 2, 3, 3], 0, 0, kind::TANH),
        ([5, 1, 2, 9, 3, 1, 3], 0, 1, kind::GELU),
        ([20, 4, 5, 5, 1, 2, 3], 1, 0, kind::GELU),
        // Scores of one head at a time.
        ([6, 2, 17, 2, 4, 1, 3], 0, 0, kind::TANH),
        // Several workgroups, the last of them partly empty.
        ([32, 4, 4, 18, 2, 2, 3], 0, 1, kind::RELU),
        ([64, 4, 16, 3, 4, 1, 3], 1, 0, kind::GELU),
    ];
    let each = list.into_iter().enumerate();
    each.map(|(i, (own, causal, rms, activation))| case(2400 + 10 * i as u32, shape(own), causal, rms, activation))
        .collect()
}

fn params(s: Shape, causal: u32, root_mean_square: u32, activation: u32) -> Params {
    let padded = |n: usize| n.next_multiple_of(4) as u32;
    Params {
        width: s.width as u32,
        rows: padded(s.width),
        tokens: s.tokens as u32,
        points: s.points as u32,
        columns: padded(s.points * s.tokens),
        heads: s.heads as u32,
        causal,
        stacked: padded(3 * s.width),
        hidden: padded(s.ffn_ratio * s.width),
        root_mean_square,
        activation,
        first: 2,
        steps: s.steps as u32,
        threshold_exponent: 1,
        threshold_mantissa: 1.5,
        projection_scale: 1.0 / (s.width as f64).sqrt(),
        score_scale: 1.5 / (s.width as f64 / s.heads as f64).sqrt(),
    }
}

/// Normal weights of `[rows, inner]` for each member, padded with zeros.
fn weights(stream: u32, members: usize, rows: usize, inner: usize) -> Vec<f64> {
    let (padded_rows, padded_inner) = (rows.next_multiple_of(4), inner.next_multiple_of(4));
    let values = sample(stream, members * padded_rows * padded_inner).into_iter().enumerate();
    let is = |i: usize| i / padded_inner % padded_rows < rows && i % padded_inner < inner;
    values.map(|(i, value)| if is(i) { value as f32 as f64 } else { 0.0 }).collect()
}

/// `[attention, FFN: keep | gain, columns]`: friction up to 6 %, and half as much of f.
fn coefficients(p: &Params, stream: u32) -> Vec<f64> {
    let columns = p.columns as usize;
    let draws = sample(stream, 4 * p.points as usize);
    let of = |row: usize, column: usize| {
        let point = column / p.tokens as usize;
        if point >= p.points as usize {
            return 0.0;
        }
        let draw = draws[row * p.points as usize + point].abs().min(3.0);
        let inner = if row < 2 { p.width } else { p.hidden } as f64;
        match (row % 2, point) {
            (0, DIVERGES) => 1.5,
            (0, CROSSES) => 1.125,
            (0, _) => 1.0 - 0.02 * draw,
            _ => (0.05 + 0.01 * draw) / inner.sqrt(),
        }
    };
    (0..4 * columns).map(|i| of(i / columns, i % columns) as f32 as f64).collect()
}

/// Points of scales from 2 to 8, so that the norm damps errors more than weights amplify them.
fn states(p: &Params, stream: u32, members: usize) -> Vec<f64> {
    let (rows, columns) = (p.rows as usize, p.columns as usize);
    let draws = sample(stream, members * rows * columns).into_iter().enumerate();
    let value = |(i, draw): (usize, f64)| {
        let (row, point) = (i / columns % rows, i % columns / p.tokens as usize);
        let scale = match point {
            // The largest of its numbers comes to 2^48 in the second step.
            DIVERGES => return spike(row, p, draw),
            EMPTY => 0.0,
            point => [2.0, 4.0, 8.0][point % 3],
        };
        let there = row < p.width as usize && point < p.points as usize;
        if there { (scale * draw) as f32 as f64 } else { 0.0 }
    };
    draws.map(value).collect()
}

/// A number of a point whose last ones are far above the others.
fn spike(row: usize, p: &Params, draw: f64) -> f64 {
    let size = if row + 1 == p.width as usize { 1.25 * 46f64.exp2() } else { 44f64.exp2() * draw.clamp(-2.0, 2.0) };
    if row < p.width as usize { size as f32 as f64 } else { 0.0 }
}

fn case(stream: u32, s: Shape, causal: u32, root_mean_square: u32, activation: u32) -> Case<Params> {
    let p = params(s, causal, root_mean_square, activation);
    let (n, hidden, points) = (s.width, s.ffn_ratio * s.width, s.points);
    let of = |i: u32, rows: usize, inner: usize| weights(stream + i, s.members, rows, inner);
    let all = [of(0, 3 * n, n), of(1, n, n), of(2, hidden, n), of(3, n, hidden)];
    let coefficients = coefficients(&p, stream + 4);
    let x = states(&p, stream + 5, s.members);
    let mut norms = vec![3.0; s.members * norm::ROWS * points];
    let mut events = vec![0; s.members * event::ROWS * points];
    let (mut state_bounds, mut norm_bounds) = (vec![0.0; x.len()], vec![0.0; norms.len()]);
    let part = |values: &[f64], m: usize| -> Vec<f64> {
        let length = values.len() / s.members;
        values[m * length..][..length].to_vec()
    };
    for m in 0..s.members {
        let member = Member::new(&p, all.each_ref().map(|weights| part(weights, m)), &coefficients);
        let x = part(&x, m);
        for point in 0..points {
            let at = |row: usize| (m * norm::ROWS + row) * points + point;
            let own = member.point(&x, point);
            let initial: f64 = own.iter().map(|column| column.square()).sum();
            let exponent = Real::exponent(initial);
            let peak = if initial > 0.0 { initial / f64::from(exponent).exp2() } else { 0.0 };
            (norms[at(norm::PEAK)], norms[at(norm::INITIAL)]) = (peak as f32 as f64, initial as f32 as f64);
            events[(m * event::ROWS + scale::PEAK_EXPONENT) * points + point] = exponent.max(-127);
            if point == FROZEN {
                events[(m * event::ROWS + event::DIVERGED_STEP) * points + point] = 1;
                continue;
            }
            let bounds = member.bounds(own, point, s.steps);
            (norm_bounds[at(norm::NOW)], norm_bounds[at(norm::PEAK)]) = (bounds.square, bounds.peak);
            for (t, bound) in bounds.columns.into_iter().enumerate() {
                let column = point * s.tokens + t;
                (0..n).for_each(|r| state_bounds[(m * p.rows as usize + r) * p.columns as usize + column] = bound);
            }
        }
    }
    let [query_key_value, output, up, down] = all.map(CaseBuffer::Real);
    Case {
        name: format!(
            "width {n}, {} heads, {} tokens, {points} points, ratio {}, {} members, {} steps, causal {causal}, norm \
             {root_mean_square}, activation {activation}",
            s.heads, s.tokens, s.ffn_ratio, s.members, s.steps
        ),
        members: s.members,
        params: p,
        buffers: vec![
            query_key_value,
            output,
            up,
            down,
            CaseBuffer::SharedReal(coefficients),
            CaseBuffer::Real(x),
            CaseBuffer::Real(norms),
            CaseBuffer::Int(events),
        ],
        tolerance: vec![state_bounds, norm_bounds],
    }
}
