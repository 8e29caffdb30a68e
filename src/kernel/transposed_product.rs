//! Products out = xᵀ y of square matrices, for the members that want one: Gram matrices AᵀA, and powers
//! M^(k+1) = (Mᵀ)ᵀ M^k from a stored transpose. The width is a multiple of 4, filled up with zeros.
//!
//! |error| <= (n + 2) epsilon sum_k |x| |y| for each element.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::matmul::{Epilogue, Extent, Matrix, product};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// The product xᵀ y of square matrices.
    pub struct TransposedProduct = transposed_product;
    /// The size of the matrices.
    params {
        /// Width of the matrices, a multiple of 4.
        n: u32,
    }
    buffers {
        wanted: read word,
        x: read vec4,
        y: read vec4,
        out: write vec4,
    }
}

impl Kernel for TransposedProduct {
    const TRUSTED: bool = true;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.n / 4).pow(2).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { wanted, x, y, out } = views;
        if wanted[0] != 0 {
            dispatch(Product { n: p.n as usize, x, y, out });
        }
    }

    fn cost(p: &Params) -> Cost {
        let n = p.n as f64;
        Cost { flops: 2.0 * n * n * n, bytes: 12.0 * n * n }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The product of a member.
struct Product<'a, T> {
    n: usize,
    x: &'a [T],
    y: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Work for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let n = self.n;
        // The register tile reads rows of its left factor.
        let transposed: Vec<T> = (0..n * n).map(|i| self.x[i % n * n + i / n]).collect();
        let left = Matrix { values: &transposed, stride: n };
        let right = Matrix { values: self.y, stride: n };
        let extent = Extent { rows: n, inner: n, columns: n };
        product::<T, _, BYTES, FUSED>(left, extent, right, &mut Store { n, out: self.out });
    }
}

/// Stores the sums as they are.
struct Store<'a, T> {
    n: usize,
    out: &'a mut [T],
}

impl<T: Real> Epilogue<T> for Store<'_, T> {
    #[inline(always)]
    fn store<const FUSED: bool, const LANES: usize>(&mut self, row: usize, column: usize, sums: [T; LANES]) {
        self.out[row * self.n + column..][..LANES].copy_from_slice(&sums);
    }
}
