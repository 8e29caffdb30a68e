//! A projection with its activation: `out = act(scale * (weights . input))`.
//!
//! Weights are as drawn, so `scale` holds 1/sqrt(fan_in). Queries, keys and values are one projection with stacked
//! weights.

use crate::numbers::activation::{activate, kind};
use crate::numbers::elementary::ELEMENTARY_ERROR;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::machine::Blocks;
use crate::numbers::matmul::{Epilogue, Matrix, product};
use crate::numbers::random::sample;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// A projection with its activation.
    pub struct Project = project;
    shared { elementary, activation, block, product, projection }
    /// Sizes, padded to multiples of 4 with zeros.
    params {
        /// Rows of the weights and of `out`.
        rows: u32,
        /// Columns of the weights, rows of `input`.
        inner: u32,
        /// Columns of the state: grid points times tokens.
        columns: u32,
        /// A number of [`kind`].
        activation: u32,
        /// On the product.
        scale: f32,
    }
    buffers {
        weights: read vec4,
        input: read vec4,
        out: write vec4,
    }
}

impl Kernel for Project {
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
        let Views { weights, input, out } = views;
        dispatch(Projection { p, weights, input, out });
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
            (4, 4, 4, 1, kind::IDENTITY),
            (8, 4, 12, 3, kind::RELU),
            (192, 64, 32, 2, kind::IDENTITY),
            (68, 20, 40, 2, kind::GELU),
            (12, 68, 4, 5, kind::TANH),
            (4, 128, 64, 1, kind::GELU),
            (68, 20, 136, 2, kind::TANH),
        ];
        shapes.into_iter().enumerate().map(|(i, shape)| case(1000 + 10 * i as u32, shape)).collect()
    }
}

/// One projection of a member.
struct Projection<'a, T> {
    p: &'a Params,
    weights: &'a [T],
    input: &'a [T],
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
        let mut store = Store { activation: p.activation, scale: T::from_f64(p.scale), columns, out: self.out };
        product::<T, _, BYTES, FUSED>(weights, (rows, inner, columns), input, &mut store);
    }
}

/// Scales, applies the activation and stores.
struct Store<'a, T> {
    activation: u32,
    scale: T,
    columns: usize,
    out: &'a mut [T],
}

impl<T: Real> Epilogue<T> for Store<'_, T> {
    #[inline(always)]
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, mut sums: [T; LANES]) {
        for sum in &mut sums {
            *sum *= self.scale;
        }
        activate::<T, FUSED, LANES>(self.activation, &mut sums);
        self.out[row * self.columns + column..][..LANES].copy_from_slice(&sums);
    }
}

/// A sum of k products is off by at most (k + 2) 2^-23 times the sum of magnitudes; all activations have slopes below
/// 1.13, and their own error is relative, for GELU relative to its argument.
fn case(stream: u32, (rows, inner, columns, members, activation): (usize, usize, usize, usize, u32)) -> Case<Params> {
    let weights = sample(stream, members * rows * inner);
    let input = sample(stream + 1, members * inner * columns);
    let scale = 1.0 / (inner as f64).sqrt();
    let mut bounds = Vec::with_capacity(members * rows * columns);
    for (m, r) in (0..members).flat_map(|m| (0..rows).map(move |r| (m, r))) {
        for c in 0..columns {
            let w = &weights[(m * rows + r) * inner..][..inner];
            let products = (0..inner).map(|k| w[k] * input[(m * inner + k) * columns + c]);
            let (sum, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
            let ulp = f32::EPSILON as f64;
            bounds
                .push(1.13 * (inner + 4) as f64 * ulp * scale * size + 2.0 * ELEMENTARY_ERROR * scale * f64::abs(sum));
        }
    }
    Case {
        name: format!("{rows} x {inner} x {columns}, {members} members, activation {activation}"),
        members,
        params: Params { rows: rows as u32, inner: inner as u32, columns: columns as u32, activation, scale },
        buffers: vec![
            CaseBuffer::Real(weights),
            CaseBuffer::Real(input),
            CaseBuffer::Real(vec![f64::NAN; members * rows * columns]),
        ],
        tolerance: vec![bounds],
    }
}
