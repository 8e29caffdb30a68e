//! The adjoint of a projection without activation: `out = scale * (transposed weights . input)`, of vectors of which each
//! column holds one.
//!
//! |error| <= (rows + 4) ε scale sum |weights| |input|.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::in_blocks_of_rows;
use crate::numbers::matmul::{Epilogue, Extent, Matrix, operations, product_of_columns};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// The adjoint of a projection.
    pub struct ProjectAdjoint = project_adjoint;
    /// The sizes of the product, padded to multiples of 4 with zeros, and the factor.
    params {
        /// Rows of the weights and of `input`.
        rows: u32,
        /// Columns of the weights, rows of `out`.
        inner: u32,
        /// Columns of the state times vectors.
        columns: u32,
        /// The factor on the product.
        scale: f32,
    }
    buffers {
        weights: read vec4,
        input: read vec4,
        out: write vec4,
    }
}

impl Kernel for ProjectAdjoint {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), p.inner / 4, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { weights, input, out } = views;
        let (rows, inner, columns) = (p.rows as usize, p.inner as usize, p.columns as usize);
        in_blocks_of_rows(&mut out[..inner * columns], columns, operations(rows), |first, out| {
            dispatch(Adjoint { p, weights, input, first, out });
        });
    }

    fn cost(p: &Params) -> Cost {
        let (rows, inner, columns) = (p.rows as f64, p.inner as f64, p.columns as f64);
        Cost {
            flops: 2.0 * rows * inner * columns + inner * columns,
            bytes: 4.0 * (rows * inner + inner * columns + rows * columns),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Rows of the adjoint of a member, from row `first` on.
struct Adjoint<'a, T> {
    p: &'a Params,
    weights: &'a [T],
    input: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Real> Work for Adjoint<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let (rows, inner, columns) = (self.p.rows as usize, self.p.inner as usize, self.p.columns as usize);
        let weights = Matrix { values: self.weights, stride: inner };
        let input = Matrix { values: self.input, stride: columns };
        let extent = Extent { rows: self.out.len() / columns, inner: rows, columns };
        let mut scaled = Scaled { columns, scale: T::from_f64(self.p.scale), out: self.out };
        product_of_columns::<T, _, BYTES, FUSED>(weights, self.first, extent, input, &mut scaled);
    }
}

/// Stores the sums times a factor.
struct Scaled<'a, T> {
    columns: usize,
    scale: T,
    out: &'a mut [T],
}

impl<T: Real> Epilogue<T> for Scaled<'_, T> {
    #[inline(always)]
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, sums: [T; LANES]) {
        let scaled: [T; LANES] = lanes(|l| self.scale * sums[l]);
        self.out[row * self.columns + column..][..LANES].copy_from_slice(&scaled);
    }
}
