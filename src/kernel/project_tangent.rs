//! The tangent of a projection with its activation: `out = act'(pre) * scale * (weights . input)`.
//!
//! `pre` is the projection of the state before the activation; column c of `input` is a tangent at column c / vectors.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::machine::Blocks;
use crate::numbers::activation::{slope, slopes};
use crate::numbers::cores::in_blocks_of_rows;
use crate::numbers::matmul::{Epilogue, Extent, Matrix, operations, product};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// The tangent of [`Project`](super::project::Project).
    pub struct ProjectTangent = project_tangent;
    shared { elementary, activation, block, product, projection }
    /// The sizes of the product, padded to multiples of 4 with zeros, and what follows it.
    params {
        /// Rows of the weights and of `out`.
        rows: u32,
        /// Columns of the weights, rows of `input`.
        inner: u32,
        /// Columns of the state times tangent vectors.
        columns: u32,
        /// Tangent vectors of each column of the state: 1, or a multiple of 4.
        vectors: u32,
        /// A number of [`kind`](crate::numbers::activation::kind).
        activation: u32,
        /// The factor on the product.
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
        let (rows, inner, columns) = (p.rows as usize, p.inner as usize, p.columns as usize);
        let points = columns / p.vectors as usize;
        in_blocks_of_rows(&mut out[..rows * columns], columns, operations(inner), |first, out| {
            dispatch(Projection { p, weights: &weights[first * inner..], input, pre: &pre[first * points..], out });
        });
    }

    fn cost(p: &Params) -> Cost {
        let (rows, inner, columns) = (p.rows as f64, p.inner as f64, p.columns as f64);
        Cost {
            flops: 2.0 * rows * inner * columns + rows * columns,
            bytes: 4.0 * (rows * inner + inner * columns + rows * columns),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Rows of a projection of a member's tangents.
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
        let (inner, columns) = (p.inner as usize, p.columns as usize);
        let rows = self.out.len() / columns;
        let weights = Matrix { values: self.weights, stride: inner };
        let input = Matrix { values: self.input, stride: columns };
        let mut store = Store { p, pre: self.pre, out: self.out };
        product::<T, _, BYTES, FUSED>(weights, Extent { rows, inner, columns }, input, &mut store);
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
