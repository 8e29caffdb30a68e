//! Parity cases of `end_step`: ordinary points, points that diverge in this step, and points that have done so before.

use super::{Params, observation};
use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shapes =
        [(4, 1, 5, 0, 1, 1), (8, 3, 4, 2, 3, 1), (64, 16, 4, 4, 2, 7), (12, 70, 2, 1, 1, 3), (4, 512, 1, 1, 1, 2)]
            .map(|(rows, tokens, points, heads, members, step)| Shape { rows, tokens, points, heads, members, step });
    shapes.into_iter().enumerate().map(|(i, shape)| case(1300 + 10 * i as u32, shape)).collect()
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    tokens: usize,
    points: usize,
    heads: usize,
    members: usize,
    step: u32,
}

fn case(stream: u32, Shape { rows, tokens, points, heads, members, step }: Shape) -> Case<Params> {
    let columns = (tokens * points).next_multiple_of(4);
    let size = members * rows * columns;
    let (before, start, mut x) = (sample(stream, size), sample(stream + 1, size), sample(stream + 2, size));
    let entropy: Vec<f64> = sample(stream + 3, members * heads.max(1) * columns).iter().map(|x| x.abs()).collect();
    let coefficients: Vec<f64> = (0..columns).map(|c| 1.0 - (c / tokens) as f64 / 16.0).collect();
    let (mut observations, norms) =
        (vec![0.25; members * 2 * observation::ROWS * points], vec![1.5; members * norm::ROWS * points]);
    let mut events = vec![0; members * event::ROWS * points];
    let mut bounds = vec![0.0; observations.len()];
    let mut norm_bounds = vec![0.0; norms.len()];
    let ulp = f32::EPSILON as f64;
    for (m, g) in (0..members).flat_map(|m| (0..points).map(move |g| (m, g))) {
        // Grid point 0 of the last member is 0, grid point 1 diverges now, a token is 0 at grid point 2 of the last member,
        // grid point 3 has diverged.
        if g == 0 && m > 0 && m + 1 == members {
            (0..rows * tokens).for_each(|e| x[(m * rows + e / tokens) * columns + e % tokens] = 0.0);
        }
        if g == 2 && m > 0 && m + 1 == members {
            (0..rows).for_each(|r| x[(m * rows + r) * columns + g * tokens] = 0.0);
        }
        if g == 1 {
            x[(m * rows + rows - 1) * columns + g * tokens + tokens - 1] = -(2f64.powi(48));
        }
        if g == 3 {
            events[(m * event::ROWS + event::DIVERGED_STEP) * points + g] = 1;
        }
        events[(m * event::ROWS + scale::PEAK_EXPONENT) * points + g] = 2 * g as i32;
        let at = |r: usize, t: usize| (m * rows + r) * columns + g * tokens + t;
        let elements = || (0..rows).flat_map(|r| (0..tokens).map(move |t| at(r, t)));
        let norm_of = |values: &[f64]| elements().map(|e| values[e] * values[e]).sum::<f64>();
        let (now, old, first) = (norm_of(&x), norm_of(&before), norm_of(&start));
        // A sum of N squares is off by (N + 2) 2^-23 of itself, in whichever order.
        let relative = (rows * tokens + 8) as f64 * ulp;
        for row in 0..norm::ROWS {
            let value = [now, 2.0, first][row];
            norm_bounds[(m * norm::ROWS + row) * points + g] =
                relative * if g == 1 || g == 3 { first } else { value.max(first) };
        }
        if g == 1 || g == 3 {
            continue;
        }
        let keep = coefficients[g * tokens];
        let change = elements().map(|e| (x[e] - keep * before[e]).powi(2)).sum::<f64>().sqrt();
        let grown = elements().map(|e| (x[e] - before[e]).abs() * (x[e] + before[e]).abs()).sum::<f64>();
        let pairs = (tokens * tokens.max(2).saturating_sub(1)) as f64;
        let bound = [
            relative * now.sqrt(),
            2.0 * relative,
            2.0 * (tokens * tokens) as f64 * (rows + tokens + 8) as f64 * ulp / pairs,
            (heads * tokens + 4) as f64 * ulp * 6.3,
            (relative * change + 3.0 * ulp * (now.sqrt() + old.sqrt())) / old.sqrt(),
            relative * (1.0 + (old / now).sqrt()) + relative * grown / now,
        ];
        // What is missing is so exactly.
        let bound = bound.map(|bound| if bound.is_finite() { bound } else { 0.0 });
        for (row, bound) in bound.into_iter().enumerate() {
            let o = ((2 * m + 1) * observation::ROWS + row) * points + g;
            observations[o] = f64::NAN;
            bounds[o] = bound;
        }
    }
    Case {
        name: format!("{rows} rows, {tokens} tokens, {points} points, {members} members, step {step}"),
        members,
        params: Params {
            rows: rows as u32,
            columns: columns as u32,
            tokens: tokens as u32,
            points: points as u32,
            heads: heads as u32,
            token_lanes: tokens.next_power_of_two().min(64) as u32,
            step,
            slot: 1,
            slots: 2,
            threshold_exponent: 0,
            threshold_mantissa: 1.01,
        },
        buffers: vec![
            CaseBuffer::Real(before),
            CaseBuffer::Real(start),
            CaseBuffer::SharedReal(coefficients),
            CaseBuffer::Real(entropy),
            CaseBuffer::Real(x),
            CaseBuffer::Real(observations),
            CaseBuffer::Real(norms),
            CaseBuffer::Int(events),
        ],
        tolerance: vec![vec![0.0], bounds, norm_bounds],
    }
}
