//! Parity cases of `euler_update`.

use super::Params;
use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
    let shape = |(rows, inner, columns, members)| Shape { rows, inner, columns, members };
    let shapes =
        [(4, 4, 4, 1), (8, 8, 12, 3), (12, 12, 68, 2), (64, 64, 256, 1), (20, 36, 8, 5), (68, 68, 4, 1)].map(shape);
    let own = shapes.into_iter().enumerate().map(|(i, shape)| case(i as u32, shape, Kind::Own));
    let shared = [(8, 20, 12, 3), (68, 36, 4, 2)].map(shape).into_iter().enumerate();
    let shared = shared.map(|(i, shape)| case(6 + i as u32, shape, Kind::Shared));
    // Of three tiles along the rows, the last one partly empty, and of one.
    let unrecorded = [(148, 20, 12, 2), (36, 68, 20, 3)].map(shape).into_iter().enumerate();
    let unrecorded = unrecorded.map(|(i, shape)| case(8 + i as u32, shape, Kind::Unrecorded));
    own.chain(shared).chain(unrecorded).collect()
}

/// What is particular to a case.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Every member has its own weights.
    Own,
    /// All share them.
    Shared,
    /// There is no record: what stands there must stay as it is, and nothing is rescaled.
    Unrecorded,
}

impl Kind {
    fn said(self) -> &'static str {
        match self {
            Kind::Own => "weights of their own",
            Kind::Shared => "shared weights",
            Kind::Unrecorded => "without a record",
        }
    }
}

/// The sizes of a case.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    inner: usize,
    columns: usize,
    members: usize,
}

/// A case with columns of every scale, one of them 0.
fn case(i: u32, Shape { rows, inner, columns, members }: Shape, kind: Kind) -> Case<Params> {
    let (shared, recorded) = (kind == Kind::Shared, kind != Kind::Unrecorded);
    let weights = sample(10 * i, if shared { 1 } else { members } * rows * inner);
    let input = sample(10 * i + 1, members * inner * columns);
    let x = sample(10 * i + 2, members * rows * columns);
    let coefficients: Vec<f64> = sample(10 * i + 3, 2 * columns);
    // Powers of two, so that the bounds below can ignore their sign and rounding.
    let member_gain: Vec<f64> = (0..members).map(|m| (m as f64 - 1.0).exp2()).collect();
    let mut norms = vec![1.0; members * norm::ROWS * columns];
    let mut events = vec![0; members * event::ROWS * columns];
    for m in 0..members {
        for c in 0..columns {
            events[(m * event::ROWS + scale::PENDING) * columns + c] = (c % 7) as i32 - 3;
            events[(m * event::ROWS + scale::PEAK_EXPONENT) * columns + c] = c as i32 - 2;
            norms[(m * norm::ROWS + norm::INITIAL) * columns + c] = (c + 1) as f64;
            if recorded {
                norms[(m * norm::ROWS + norm::NOW) * columns + c] = f64::NAN;
            }
        }
    }
    let case =
        BoundsCase { weights: &weights, input: &input, x: &x, coefficients: &coefficients, events: &events, recorded };
    let (out, squares) = case.bounds(Shape { rows, inner, columns, members }, &member_gain);
    let norm_bounds = (0..members * norm::ROWS * columns)
        .map(|j| squares[j / (norm::ROWS * columns) * columns + j % columns][j / columns % norm::ROWS])
        .collect();
    Case {
        name: format!("{rows} x {inner} x {columns}, {members} members, {}", kind.said()),
        members,
        params: Params {
            rows: rows as u32,
            inner: inner as u32,
            columns: columns as u32,
            step: 7,
            record: u32::from(recorded),
            renormalise: i % 2,
            threshold_exponent: 2,
            threshold_mantissa: 1.5,
        },
        tolerance: vec![out, norm_bounds],
        buffers: vec![
            if shared { CaseBuffer::SharedReal(weights) } else { CaseBuffer::Real(weights) },
            CaseBuffer::Real(input),
            CaseBuffer::Real(x),
            CaseBuffer::SharedReal(coefficients),
            CaseBuffer::Real(member_gain),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
            CaseBuffer::Real(norms),
            CaseBuffer::Int(events),
        ],
    }
}

/// What the bounds of a case depend on.
struct BoundsCase<'a> {
    weights: &'a [f64],
    input: &'a [f64],
    x: &'a [f64],
    coefficients: &'a [f64],
    events: &'a [i32],
    recorded: bool,
}

impl BoundsCase<'_> {
    /// Bounds of the f32 error of `out` and of the squared norms: a sum of k products in any order, fused or not, in
    /// either rounding direction, is off by at most (k + 2) 2^-23 times the sum of magnitudes.
    fn bounds(
        &self,
        Shape { rows, inner, columns, members }: Shape,
        member_gain: &[f64],
    ) -> (Vec<f64>, Vec<[f64; norm::ROWS]>) {
        let ulp = f32::EPSILON as f64;
        let mut out = vec![0.0; members * rows * columns];
        let mut squares = vec![[0.0; norm::ROWS]; members * columns];
        for (m, &own_gain) in member_gain.iter().enumerate() {
            for c in 0..columns {
                let pending = self.events[(m * event::ROWS + scale::PENDING) * columns + c];
                let scale = if self.recorded { f64::from(-pending).exp2() } else { 1.0 };
                let gain = self.coefficients[columns + c] * own_gain;
                let (mut error_of_norm, mut norm) = (0.0, 0.0);
                for r in 0..rows {
                    let w = &self.weights[(m * rows + r) * inner % self.weights.len()..][..inner];
                    let products = (0..inner).map(|k| w[k] * self.input[(m * inner + k) * columns + c]);
                    let (sum, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
                    let kept = self.coefficients[c] * self.x[(m * rows + r) * columns + c];
                    let value = scale * (gain * sum + kept);
                    let size = scale * (gain.abs() * size + kept.abs());
                    let error = (inner + 5) as f64 * ulp * size;
                    out[(m * rows + r) * columns + c] = error;
                    error_of_norm += 2.0 * value.abs() * error + error * error;
                    norm += value * value;
                }
                let error = error_of_norm + (rows + 2) as f64 * ulp * norm;
                // The peak is stored as a mantissa, which is at most 2 norms' worth.
                if self.recorded {
                    squares[m * columns + c] = [error, 2.0 * error / norm, 0.0];
                }
            }
        }
        (out, squares)
    }
}
