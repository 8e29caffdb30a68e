//! The units of an FFN from its stacked projection: `out = φ(gate) up` of rows gate | up (a gated linear unit: Shazeer
//! 2020), or `φ(up)` without a gate.
//!
//! |error| <= 2 ELEMENTARY_ERROR |gate up|, and ε |out|. Of an FFN without biases [`project`](super::project) makes φ(up)
//! itself.

pub(in crate::kernel) mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::activation::activate;
use crate::numbers::cores::{ELEMENT, in_blocks_of_rows};
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, dispatch, lanes};

kernel! {
    /// The units of an FFN.
    pub struct Activate = activate;
    shared { elementary, activation }
    /// The sizes, and the activation.
    params {
        /// Units: rows of the gate, and of `up` behind it.
        hidden: u32,
        /// Rows of `stacked`, at least `hidden`, or twice that with a gate.
        stacked_rows: u32,
        /// Rows of `out`; those beyond the units become 0.
        rows: u32,
        /// Columns, a multiple of 4.
        columns: u32,
        /// Is there a gate (1) or not (0)?
        gated: u32,
        /// A number of [`kind`](crate::numbers::activation::kind).
        activation: u32,
    }
    buffers {
        stacked: read vec4,
        out: write vec4,
    }
}

impl Kernel for Activate {
    fn overrides(p: &Params, _machine: &Machine) -> Vec<(&'static str, f64)> {
        vec![("ACTIVATION", p.activation.into())]
    }

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), p.rows, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { stacked, out } = views;
        let (rows, columns) = (p.rows as usize, p.columns as usize);
        in_blocks_of_rows(&mut out[..rows * columns], columns, ELEMENT, |first, out| {
            dispatch(Units { p, stacked, first, out });
        });
    }

    fn cost(p: &Params) -> Cost {
        let elements = p.hidden as f64 * p.columns as f64;
        Cost { flops: 12.0 * elements, bytes: 4.0 * elements * f64::from(2 + p.gated) }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// Some units of a member, from row `first` on.
struct Units<'a, T> {
    p: &'a Params,
    stacked: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Real> Work for Units<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(self) {
        let (hidden, columns) = (self.p.hidden as usize, self.p.columns as usize);
        for (row, out) in (self.first..).zip(self.out.chunks_exact_mut(columns)) {
            if row >= hidden {
                out.fill(T::ZERO);
                continue;
            }
            let own = &self.stacked[row * columns..][..columns];
            let up = (self.p.gated != 0).then(|| &self.stacked[(hidden + row) * columns..][..columns]);
            let wide = columns / 16 * 16;
            for column in (0..wide).step_by(16) {
                unit::<T, FUSED, 16>(self.p.activation, column, own, up, out);
            }
            for column in (wide..columns).step_by(4) {
                unit::<T, FUSED, 4>(self.p.activation, column, own, up, out);
            }
        }
    }
}

/// `LANES` neighbours of a unit, of which `own` goes through the activation.
#[inline(always)]
fn unit<T: Real, const FUSED: bool, const LANES: usize>(
    activation: u32,
    column: usize,
    own: &[T],
    up: Option<&[T]>,
    out: &mut [T],
) {
    let of = |line: &[T]| -> [T; LANES] { line[column..][..LANES].try_into().expect("LANES long") };
    let mut units = of(own);
    activate::<T, FUSED, LANES>(activation, &mut units);
    if let Some(up) = up {
        let up = of(up);
        units = lanes(|l| units[l] * up[l]);
    }
    out[column..][..LANES].copy_from_slice(&units);
}
