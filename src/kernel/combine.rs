//! A weighted sum of two to five states: what the stages of an integrator are made of.

use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

/// Terms at most.
pub const MOST_TERMS: usize = 5;

kernel! {
    /// A weighted sum of two to five states.
    pub struct Combine = combine;
    /// Sizes; columns are padded to a multiple of 4.
    params {
        /// Rows of a state.
        rows: u32,
        /// Its columns.
        columns: u32,
        /// How many of the states count; the others may be any, and are not read beyond the second.
        terms: u32,
    }
    buffers {
        a: read vec4,
        b: read vec4,
        c: read vec4,
        d: read vec4,
        e: read vec4,
        factors: read number,
        out: write vec4,
    }
}

impl Kernel for Combine {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { a, b, c, d, e, factors, out } = views;
        for (i, out) in out.iter_mut().enumerate() {
            *out = factors[0] * a[i] + factors[1] * b[i];
        }
        for (term, state) in [c, d, e].into_iter().enumerate().take(p.terms as usize - 2) {
            let factor = factors[term + 2];
            out.iter_mut().zip(state).for_each(|(out, &x)| *out += factor * x);
        }
    }

    fn cost(p: &Params) -> Cost {
        let (terms, size) = (f64::from(p.terms), f64::from(p.rows) * f64::from(p.columns));
        Cost { flops: (2.0 * terms - 1.0) * size, bytes: 4.0 * (terms + 1.0) * size }
    }

    fn cases() -> Vec<Case<Params>> {
        let shapes = [(4, 4, 1, 2), (8, 12, 3, 3), (64, 68, 2, 5), (4, 260, 1, 4)];
        shapes.into_iter().enumerate().map(|(i, shape)| case(1900 + 10 * i as u32, shape)).collect()
    }
}

/// A sum of five products is off by at most 6 roundings of the sum of their magnitudes.
fn case(stream: u32, (rows, columns, members, terms): (usize, usize, usize, usize)) -> Case<Params> {
    let size = members * rows * columns;
    let states: Vec<Vec<f64>> = (0..MOST_TERMS).map(|k| sample(stream + k as u32, size)).collect();
    let factors = sample(stream + 5, MOST_TERMS);
    let magnitude = |i: usize| (0..terms).map(|k| (factors[k] * states[k][i]).abs()).sum::<f64>();
    let bounds = (0..size).map(|i| 6.0 * f32::EPSILON as f64 * magnitude(i)).collect();
    let mut buffers: Vec<CaseBuffer> = states.into_iter().map(CaseBuffer::Real).collect();
    buffers.push(CaseBuffer::SharedReal(factors));
    buffers.push(CaseBuffer::Real(vec![f64::NAN; size]));
    Case {
        name: format!("{terms} states of {rows} x {columns}, {members} members"),
        members,
        params: Params { rows: rows as u32, columns: columns as u32, terms: terms as u32 },
        buffers,
        tolerance: vec![bounds],
    }
}
