//! The tangent of the units of an FFN: `out = φ'(gate) up dgate + φ(gate) dup` of rows gate | up, or `φ'(up) dup` without
//! a gate.
//!
//! |error| <= 4 ELEMENTARY_ERROR |up dgate| + 2 ELEMENTARY_ERROR |gate dup|, and 2 ε of both terms.

mod case;

use crate::kernel::shared::unit_factors::factors_of_row;
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::{ELEMENT, in_blocks_of_rows};
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch};

kernel! {
    /// The tangent of [`Activate`](super::activate::Activate).
    pub struct ActivateTangent = activate_tangent;
    shared { elementary, activation, unit_factors }
    /// The sizes, and the activation: see [`activate`](super::activate).
    params {
        /// Units: rows of the gate, and of `up` behind it.
        hidden: u32,
        /// Rows of `stacked` and of its tangents.
        stacked_rows: u32,
        /// Rows of `out`; those beyond the units become 0.
        rows: u32,
        /// Columns of the state.
        columns: u32,
        /// Tangent vectors of each column: 1, or a multiple of 4.
        vectors: u32,
        /// Is there a gate (1) or not (0)?
        gated: u32,
        /// A number of [`kind`](crate::numbers::activation::kind).
        activation: u32,
    }
    buffers {
        stacked: read number,
        deviations: read vec4,
        out: write vec4,
    }
}

impl Kernel for ActivateTangent {
    fn overrides(p: &Params, _machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("ACTIVATION", p.activation.into())]
    }

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns * p.vectors / 4).div_ceil(64), p.rows, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { stacked, deviations, out } = views;
        let (rows, line) = (p.rows as usize, p.columns as usize * p.vectors as usize);
        in_blocks_of_rows(&mut out[..rows * line], line, ELEMENT, |first, out| {
            dispatch(Tangents { p, stacked, deviations, first, out });
        });
    }

    fn cost(p: &Params) -> Cost {
        let (columns, gated) = (p.hidden as f64 * p.columns as f64, f64::from(p.gated));
        let elements = columns * p.vectors as f64;
        Cost {
            flops: 24.0 * columns + (1.0 + 2.0 * gated) * elements,
            bytes: 4.0 * (1.0 + gated) * columns + 4.0 * (2.0 + gated) * elements,
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The tangents of some units of a member, from row `first` on.
struct Tangents<'a, T> {
    p: &'a Params,
    stacked: &'a [T],
    deviations: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Real> Work for Tangents<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let p = self.p;
        let (hidden, columns, vectors) = (p.hidden as usize, p.columns as usize, p.vectors as usize);
        let line = columns * vectors;
        let mut factors = vec![[T::ZERO; 2]; columns];
        for (row, out) in (self.first..).zip(self.out.chunks_exact_mut(line)) {
            if row >= hidden {
                out.fill(T::ZERO);
                continue;
            }
            let own = &self.stacked[row * columns..][..columns];
            let up = (p.gated != 0).then(|| &self.stacked[(hidden + row) * columns..][..columns]);
            factors_of_row::<T, FUSED>(p.activation, own, up, &mut factors);
            let of_gate = &self.deviations[row * line..][..line];
            let of_up = if up.is_some() { &self.deviations[(hidden + row) * line..][..line] } else { of_gate };
            let tangents = of_gate.chunks_exact(vectors).zip(of_up.chunks_exact(vectors));
            for ((out, (of_gate, of_up)), &[through, beside]) in
                out.chunks_exact_mut(vectors).zip(tangents).zip(&factors)
            {
                for ((out, &of_gate), &of_up) in out.iter_mut().zip(of_gate).zip(of_up) {
                    *out = multiply_add::<T, FUSED>(beside, of_up, through * of_gate);
                }
            }
        }
    }
}
