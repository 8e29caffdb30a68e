//! The adjoint of the units of an FFN: of a cotangent c of a unit, `φ'(gate) up c` at its gate and `φ(gate) c` at `up`, or
//! `φ'(up) c` without a gate. It is the transpose of [`activate_tangent`](super::activate_tangent).
//!
//! |error| <= 4 ELEMENTARY_ERROR |up c| at the gate and 2 ELEMENTARY_ERROR |gate c| at `up`, and 2 ε of the result.

mod case;

use crate::kernel::shared::unit_factors::factors_of_row;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::{ELEMENT, in_blocks_of_rows};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// The adjoint of [`Activate`](super::activate::Activate).
    pub struct ActivateAdjoint = activate_adjoint;
    shared { elementary, activation, unit_factors }
    /// The sizes, and the activation: see [`activate`](super::activate).
    params {
        /// Units: rows of the gate, and of `up` behind it.
        hidden: u32,
        /// Rows of `stacked` and of `out`; those of `out` beyond the units become 0.
        stacked_rows: u32,
        /// Rows of the cotangents, of which those of the units are read.
        rows: u32,
        /// Columns of the state.
        columns: u32,
        /// Cotangent vectors of each column: 1, or a multiple of 4.
        vectors: u32,
        /// Is there a gate (1) or not (0)?
        gated: u32,
        /// A number of [`kind`](crate::numbers::activation::kind).
        activation: u32,
    }
    buffers {
        stacked: read number,
        cotangents: read vec4,
        out: write vec4,
    }
}

impl Kernel for ActivateAdjoint {
    fn overrides(p: &Params, _machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("ACTIVATION", p.activation.into())]
    }

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns * p.vectors / 4).div_ceil(64), p.stacked_rows, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { stacked, cotangents, out } = views;
        let (rows, line) = (p.stacked_rows as usize, p.columns as usize * p.vectors as usize);
        in_blocks_of_rows(&mut out[..rows * line], line, ELEMENT, |first, out| {
            dispatch(Cotangents { p, stacked, cotangents, first, out });
        });
    }

    fn cost(p: &Params) -> Cost {
        let (columns, gated) = (p.hidden as f64 * p.columns as f64, f64::from(p.gated));
        let elements = columns * p.vectors as f64;
        Cost {
            flops: 24.0 * (1.0 + gated) * columns + (1.0 + gated) * elements,
            bytes: 4.0 * (1.0 + gated) * columns + 4.0 * (2.0 + gated) * elements,
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The cotangents of some rows of a member's stack, from row `first` on.
struct Cotangents<'a, T> {
    p: &'a Params,
    stacked: &'a [T],
    cotangents: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Real> Work for Cotangents<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let p = self.p;
        let (hidden, columns, vectors) = (p.hidden as usize, p.columns as usize, p.vectors as usize);
        let line = columns * vectors;
        let mut factors = vec![[T::ZERO; 2]; columns];
        for (row, out) in (self.first..).zip(self.out.chunks_exact_mut(line)) {
            // The unit of this row, and whether the row is that of its other half.
            let (unit, beside) = if row >= hidden && p.gated != 0 { (row - hidden, true) } else { (row, false) };
            if unit >= hidden {
                out.fill(T::ZERO);
                continue;
            }
            let of = |row: usize| &self.stacked[row * columns..][..columns];
            let up = (p.gated != 0).then(|| of(hidden + unit));
            factors_of_row::<T, FUSED>(p.activation, of(unit), up, &mut factors);
            let own = self.cotangents[unit * line..][..line].chunks_exact(vectors);
            for ((out, own), factors) in out.chunks_exact_mut(vectors).zip(own).zip(&factors) {
                let factor = factors[usize::from(beside)];
                out.iter_mut().zip(own).for_each(|(out, &own)| *out = factor * own);
            }
        }
    }
}
