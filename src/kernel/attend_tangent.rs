//! The tangent of attention: with S = scale Q^T K and P = softmax(S), `dS = scale (dQ^T K + Q^T dK)`,
//! `dP = P o (dS - rowsum(P o dS))`, `out = dP V + P dV`.
//!
//! `rowsum(P o dS)` is taken out at the end, as its product with O = P V, which the state's own attention has made.

use crate::kernel::Access::{Read, Write};
use crate::kernel::Element::{Real as Number, Real4};
use crate::kernel::{Binding, Case, Cost, Kernel, Machine, View, mismatch};
use crate::matmul::multiply_add;
use crate::real::Real;
use crate::simd::{Work, dispatch};
use crate::spec::MOST_TOKENS;

pub(super) mod case;

params! {
    /// Sizes, mask and scale, as in `attend`.
    pub struct Params {
        /// n.
        width: u32,
        /// Rows of a head.
        head_width: u32,
        /// Tokens of a grid point, at most 512.
        tokens: u32,
        /// Columns of the state; only whole grid points are touched.
        columns: u32,
        /// Tangent vectors of each column, a multiple of 4.
        vectors: u32,
        /// Rows of `stacked`.
        rows: u32,
        /// Rows of `out` and `attended`.
        out_rows: u32,
        /// Heads.
        heads: u32,
        /// Does a token only attend to itself and those before it?
        causal: u32,
        /// On the scores.
        scale: f32,
    }
}

/// The largest tokens * head_width: an invocation makes 2.25 loop trips for each, and some drivers end all loops
/// silently after 65,535.
pub const MOST_WORK: usize = 24_000;

/// The kernel.
pub struct AttendTangent;

impl Kernel for AttendTangent {
    const NAME: &'static str = "attend_tangent";
    const SOURCE: &'static str = concat!(
        include_str!("../../shaders/shared/elementary.wgsl"),
        include_str!("../../shaders/attend_tangent.wgsl")
    );
    const BUFFERS: &'static [Binding] =
        &[("stacked", Read, Number), ("deviations", Read, Real4), ("attended", Read, Number), ("out", Write, Real4)];
    const TRUSTED: bool = true;
    type Params = Params;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns / p.tokens * p.tokens * (p.vectors / 4).div_ceil(64), p.heads, members]
    }

    fn twin<T: Real>(p: &Params, views: &mut [View<T>]) {
        let [View::Real(stacked), View::Real(deviations), View::Real(attended), View::RealMut(out)] = views else {
            mismatch(Self::NAME)
        };
        dispatch(Tangents { p, stacked, deviations, attended, out });
    }

    fn cost(p: &Params) -> Cost {
        let (n, t, points) = (p.width as f64, p.tokens as f64, (p.columns / p.tokens) as f64);
        Cost {
            flops: points * t * t * n * (2.0 + 8.0 * p.vectors as f64),
            bytes: 4.0 * points * t * n * 4.0 * (1.0 + p.vectors as f64),
        }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// The tangents of a member.
struct Tangents<'a, 'b, T> {
    p: &'a Params,
    stacked: &'a [T],
    deviations: &'a [T],
    attended: &'a [T],
    out: &'a mut &'b mut [T],
}

impl<T: Real> Work for Tangents<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let tokens = self.p.tokens as usize;
        let mut weights = [T::ZERO; MOST_TOKENS];
        let mut scratch = [[T::ZERO; 16]; MOST_TOKENS];
        for column in 0..self.p.columns as usize / tokens * tokens {
            for head in 0..self.p.heads as usize {
                let used = self.weights::<FUSED>(head, column, &mut weights);
                let mut vector = 0;
                while vector + 16 <= self.p.vectors as usize {
                    self.panel::<FUSED, 16>((head, column, vector), &weights[..used], &mut scratch);
                    vector += 16;
                }
                while vector < self.p.vectors as usize {
                    self.panel::<FUSED, 4>((head, column, vector), &weights[..used], &mut scratch);
                    vector += 4;
                }
            }
        }
    }
}

impl<T: Real> Tangents<'_, '_, T> {
    /// The softmax of one query; returns how many keys it sees.
    #[inline(always)]
    fn weights<const FUSED: bool>(&self, head: usize, column: usize, weights: &mut [T; MOST_TOKENS]) -> usize {
        let (p, columns) = (self.p, self.p.columns as usize);
        let query = column % p.tokens as usize;
        let used = if p.causal != 0 { query + 1 } else { p.tokens as usize };
        let rows = head * p.head_width as usize..(head + 1) * p.head_width as usize;
        let weights = &mut weights[..used];
        weights.fill(T::ZERO);
        for row in rows {
            let own = self.stacked[row * columns + column];
            let keys = &self.stacked[(p.width as usize + row) * columns + column - query..][..used];
            for (weight, &key) in weights.iter_mut().zip(keys) {
                *weight = multiply_add::<T, FUSED>(own, key, *weight);
            }
        }
        let scale = T::from_f64(p.scale);
        let mut largest = T::from_f64(-3e38);
        for weight in weights.iter_mut() {
            *weight *= scale;
            largest = if *weight > largest { *weight } else { largest };
        }
        let mut total = T::ZERO;
        for weight in weights.iter_mut() {
            let x = *weight - largest;
            let x = if x > T::from_f64(-80.0) { x } else { T::from_f64(-80.0) };
            *weight = x.exponential::<FUSED>();
            total += *weight;
        }
        weights.iter_mut().for_each(|weight| *weight = *weight / total);
        used
    }

    /// `LANES` tangent vectors of one query.
    #[inline(always)]
    fn panel<const FUSED: bool, const LANES: usize>(
        &mut self,
        (head, column, vector): (usize, usize, usize),
        weights: &[T],
        scratch: &mut [[T; 16]; MOST_TOKENS],
    ) {
        let p = self.p;
        let (columns, vectors, d) = (p.columns as usize, p.vectors as usize, p.head_width as usize);
        let (deviations, stacked) = (self.deviations, self.stacked);
        let first = column - column % p.tokens as usize;
        let tangent = |row: usize, column: usize| -> &[T; LANES] {
            deviations[(row * columns + column) * vectors + vector..][..LANES].try_into().expect("LANES long")
        };
        let scale = T::from_f64(p.scale);
        let (queries, keys) = (head * d, p.width as usize + head * d);
        let values = keys + p.width as usize;
        let mut along = [T::ZERO; LANES];
        for (s, &weight) in weights.iter().enumerate() {
            let mut sum = [T::ZERO; LANES];
            for i in 0..d {
                let (key, own) = (stacked[(keys + i) * columns + first + s], stacked[(queries + i) * columns + column]);
                let (change, of_key) = (tangent(queries + i, column), tangent(keys + i, first + s));
                for l in 0..LANES {
                    sum[l] = multiply_add::<T, FUSED>(change[l], key, sum[l]);
                    sum[l] = multiply_add::<T, FUSED>(own, of_key[l], sum[l]);
                }
            }
            let factor = weight * scale;
            for l in 0..LANES {
                scratch[s][l] = sum[l] * factor;
                along[l] += scratch[s][l];
            }
        }
        for i in 0..d {
            let attended = self.attended[(head * d + i) * columns + column];
            let mut sum = [T::ZERO; LANES];
            for (s, &weight) in weights.iter().enumerate() {
                let (value, of_value) = (stacked[(values + i) * columns + first + s], tangent(values + i, first + s));
                for l in 0..LANES {
                    sum[l] = multiply_add::<T, FUSED>(scratch[s][l], value, sum[l]);
                    sum[l] = multiply_add::<T, FUSED>(weight, of_value[l], sum[l]);
                }
            }
            let out = &mut self.out[((head * d + i) * columns + column) * vectors + vector..][..LANES];
            let out: &mut [T; LANES] = out.try_into().expect("LANES long");
            for l in 0..LANES {
                out[l] = sum[l] - along[l] * attended;
            }
        }
    }
}
