//! The tangent of a projection with its activation: `out = act'(pre) * scale * (weights . input)`.
//!
//! `pre` is the projection of the state before the activation; column c of `input` is a tangent at column c / vectors.

use crate::numbers::activation::{kind, slope, slopes};
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::machine::Blocks;
use crate::numbers::matmul::{Epilogue, Matrix, product};
use crate::numbers::random::sample;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// The tangent of [`Project`](super::project::Project).
    pub struct ProjectTangent = project_tangent;
    shared { elementary, activation, block, product, projection }
    /// Sizes, padded to multiples of 4 with zeros.
    params {
        /// Rows of the weights and of `out`.
        rows: u32,
        /// Columns of the weights, rows of `input`.
        inner: u32,
        /// Columns of the state times tangent vectors.
        columns: u32,
        /// Tangent vectors of each column of the state: 1, or a multiple of 4.
        vectors: u32,
        /// A number of [`kind`].
        activation: u32,
        /// On the product.
        scale: f32,
    }
    buffers {
        weights: read vec4,
        input: read vec4,
        pre: read number,
        out: write vec4,
    }
}

impl Kernel for ProjectTangent {
    const TRUSTED: bool = true;

    fn overrides(p: &Params, machine: &Machine) -> Vec<(&'static str, f64)> {
        let mut overrides = Blocks::of([p.rows, p.inner, p.columns], machine).overrides_of_product(p.inner);
        overrides.push(("ACTIVATION", p.activation.into()));
        overrides
    }

    fn grid(p: &Params, members: u32, machine: &Machine) -> [u32; 3] {
        let [rows, columns] = Blocks::of([p.rows, p.inner, p.columns], machine).tiles(p.rows, p.columns);
        [rows, columns, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { weights, input, pre, out } = views;
        dispatch(Projection { p, weights, input, pre, out });
    }

    fn cost(p: &Params) -> Cost {
        let (rows, inner, columns) = (p.rows as f64, p.inner as f64, p.columns as f64);
        Cost {
            flops: 2.0 * rows * inner * columns + rows * columns,
            bytes: 4.0 * (rows * inner + inner * columns + rows * columns),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        let shapes = [
            (4, 4, 4, 4, 1, kind::RELU),
            (8, 4, 4, 12, 3, kind::GELU),
            (68, 20, 8, 20, 2, kind::TANH),
            (16, 64, 4, 64, 1, kind::GELU),
            (68, 20, 72, 1, 2, kind::GELU),
            (8, 4, 12, 1, 1, kind::TANH),
        ];
        shapes.into_iter().enumerate().map(|(i, shape)| case(1500 + 10 * i as u32, shape)).collect()
    }
}

/// One projection of a member's tangents.
struct Projection<'a, T> {
    p: &'a Params,
    weights: &'a [T],
    input: &'a [T],
    pre: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Work for Projection<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let p = self.p;
        let (rows, inner, columns) = (p.rows as usize, p.inner as usize, p.columns as usize);
        let weights = Matrix { values: self.weights, stride: inner };
        let input = Matrix { values: self.input, stride: columns };
        let mut store = Store { p, pre: self.pre, out: self.out };
        product::<T, _, BYTES, FUSED>(weights, (rows, inner, columns), input, &mut store);
    }
}

/// Scales by the slope and stores.
struct Store<'a, T> {
    p: &'a Params,
    pre: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Epilogue<T> for Store<'_, T> {
    #[inline(always)]
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, sums: [T; LANES]) {
        let (columns, vectors) = (self.p.columns as usize, self.p.vectors as usize);
        let pre = &self.pre[row * (columns / vectors)..];
        let out = &mut self.out[row * columns + column..][..LANES];
        if vectors == 1 {
            let pre: [T; LANES] = lanes(|l| pre[column + l]);
            let slopes = slopes::<T, FUSED, LANES>(self.p.activation, pre);
            let scale = T::from_f64(self.p.scale);
            let own: [T; LANES] = lanes(|l| slopes[l] * scale * sums[l]);
            out.copy_from_slice(&own);
            return;
        }
        // Four neighbours always belong to the same column of the state.
        let (mut own, mut factor) = (usize::MAX, T::ZERO);
        for (l, (out, sums)) in out.chunks_exact_mut(4).zip(sums.chunks_exact(4)).enumerate() {
            let of = (column + 4 * l) / vectors;
            if of != own {
                own = of;
                factor = slope::<T, FUSED>(self.p.activation, pre[own]) * T::from_f64(self.p.scale);
            }
            for (out, &sum) in out.iter_mut().zip(sums) {
                *out = factor * sum;
            }
        }
    }
}

/// The product's error as in `project`; the slope, below 1.13, is off by its functions' error.
fn case(
    stream: u32,
    (rows, inner, points, vectors, members, activation): (usize, usize, usize, usize, usize, u32),
) -> Case<Params> {
    let columns = points * vectors;
    let weights = sample(stream, members * rows * inner);
    let input = sample(stream + 1, members * inner * columns);
    let pre = sample(stream + 2, members * rows * points);
    let scale = 1.0 / (inner as f64).sqrt();
    let mut bounds = Vec::with_capacity(members * rows * columns);
    for (m, r) in (0..members).flat_map(|m| (0..rows).map(move |r| (m, r))) {
        for c in 0..columns {
            let w = &weights[(m * rows + r) * inner..][..inner];
            let size: f64 = (0..inner).map(|k| (w[k] * input[(m * inner + k) * columns + c]).abs()).sum();
            bounds.push(scale * size * (1.13 * (inner + 5) as f64 * f32::EPSILON as f64 + 4.0 * ELEMENTARY_ERROR));
        }
    }
    Case {
        name: format!("{rows} x {inner} x {points} x {vectors}, {members} members, activation {activation}"),
        members,
        params: Params {
            rows: rows as u32,
            inner: inner as u32,
            columns: columns as u32,
            vectors: vectors as u32,
            activation,
            scale,
        },
        buffers: vec![
            CaseBuffer::Real(weights),
            CaseBuffer::Real(input),
            CaseBuffer::Real(pre),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
        ],
        tolerance: vec![bounds],
    }
}
