//! A projection with its activation: `out = act(scale * (weights . input))`.
//!
//! Weights belong to a member, or to all of them. They are as drawn, so `scale` holds 1/sqrt(fan_in). Queries, keys and values are one projection with stacked
//! weights.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::machine::Blocks;
use crate::numbers::activation::activate;
use crate::numbers::cores::in_blocks_of_rows;
use crate::numbers::matmul::{Epilogue, Extent, Matrix, operations, product};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// A projection with its activation.
    pub struct Project = project;
    shared { elementary, activation, block, product, projection }
    /// The sizes of the product, padded to multiples of 4 with zeros, and what follows it.
    params {
        /// Rows of the weights and of `out`.
        rows: u32,
        /// Columns of the weights, rows of `input`.
        inner: u32,
        /// Columns of the state: grid points times tokens.
        columns: u32,
        /// A number of [`kind`](crate::numbers::activation::kind).
        activation: u32,
        /// The factor on the product.
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
        let (rows, inner, columns) = (p.rows as usize, p.inner as usize, p.columns as usize);
        in_blocks_of_rows(&mut out[..rows * columns], columns, operations(inner), |first, out| {
            dispatch(Projection { p, weights: &weights[first * inner..], input, out });
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

/// Rows of a projection of a member.
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
        let (inner, columns) = (p.inner as usize, p.columns as usize);
        let rows = self.out.len() / columns;
        let weights = Matrix { values: self.weights, stride: inner };
        let input = Matrix { values: self.input, stride: columns };
        let mut store = Store { activation: p.activation, scale: T::from_f64(p.scale), columns, out: self.out };
        product::<T, _, BYTES, FUSED>(weights, Extent { rows, inner, columns }, input, &mut store);
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
