//! The tangent of attention for one tangent vector, whose neighbours in memory are those of the next token: `attend` beside
//! its own derivative, with queries along the lanes.
//!
//! With S = scale Q^T K and P = softmax(S): `dS = scale (dQ^T K + Q^T dK)` and `out = P dV + sum_s W_s V_s - (sum_s W_s) O`
//! with `W_s = P_s (dS_s - dS_*)`, where * is the key with the largest score. Any number may be taken from dS, for the rows
//! of P sum to 1; with this one the key that has nearly all of the weight adds nothing, and a single token exactly nothing.

use crate::kernel::Access::{Read, Write};
use crate::kernel::Element::Real as Number;
use crate::kernel::attend::{Softmax, scores};
use crate::kernel::{Binding, Case, Cost, Kernel, Machine, View, attend_tangent, mismatch};
use crate::matmul::{Matrix, tile, tile_of_columns};
use crate::real::Real;
use crate::simd::{Work, dispatch, lanes};
use crate::spec::MOST_TOKENS;

params! {
    /// Sizes, mask and scale, as in `attend`.
    pub struct Params {
        /// n.
        width: u32,
        /// Rows of a head.
        head_width: u32,
        /// Tokens of a grid point, at most 512.
        tokens: u32,
        /// Columns of the buffers; only whole grid points are touched.
        columns: u32,
        /// Rows of `stacked` and `deviations`.
        rows: u32,
        /// Rows of `out` and `attended`.
        out_rows: u32,
        /// Heads.
        heads: u32,
        /// Does a token only attend to itself and those before it?
        causal: u32,
        /// Invocations that share a query, as in `attend`.
        key_lanes: u32,
        /// On the scores.
        scale: f32,
    }
}

/// The largest tokens * head_width: an invocation makes 1/32 loop trips for each and 4 for each token, and some drivers end
/// all loops silently after 65,535.
pub const MOST_WORK: usize = 1_800_000;

/// The kernel.
pub struct AttendOneTangent;

impl Kernel for AttendOneTangent {
    const NAME: &'static str = "attend_one_tangent";
    const SOURCE: &'static str = concat!(
        include_str!("../../shaders/shared/elementary.wgsl"),
        include_str!("../../shaders/attend_one_tangent.wgsl")
    );
    const BUFFERS: &'static [Binding] =
        &[("stacked", Read, Number), ("deviations", Read, Number), ("attended", Read, Number), ("out", Write, Number)];
    type Params = Params;

    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns / p.tokens * p.tokens.div_ceil(64 / p.key_lanes), p.heads, members]
    }

    fn twin<T: Real>(p: &Params, views: &mut [View<T>]) {
        let [View::Real(stacked), View::Real(deviations), View::Real(attended), View::RealMut(out)] = views else {
            mismatch(Self::NAME)
        };
        dispatch(Tangent { p, stacked, deviations, attended, out });
    }

    fn cost(p: &Params) -> Cost {
        let (n, t, points) = (p.width as f64, p.tokens as f64, (p.columns / p.tokens) as f64);
        Cost { flops: points * t * t * (10.0 * n + 12.0 * p.heads as f64), bytes: 32.0 * points * t * n }
    }

    fn cases() -> Vec<Case<Params>> {
        // As in `attend_tangent`, with one vector.
        let sizes: [attend_tangent::case::Sizes; 6] = [
            (1, 1, 1, 4, 1, 1, 0),
            (3, 2, 5, 3, 1, 2, 1),
            (16, 2, 16, 3, 1, 2, 0),
            (16, 4, 17, 1, 1, 2, 1),
            (5, 3, 9, 2, 1, 1, 1),
            (2, 1, 70, 1, 1, 1, 0),
        ];
        sizes.into_iter().enumerate().map(|(i, sizes)| case(2400 + 10 * i as u32, sizes)).collect()
    }
}

/// The tangent of a member.
struct Tangent<'a, 'b, T> {
    p: &'a Params,
    stacked: &'a [T],
    deviations: &'a [T],
    attended: &'a [T],
    out: &'a mut &'b mut [T],
}

/// Numbers of up to 16 queries, which fill the lanes: [keys, queries].
type Scratch<T> = [[T; 16]; MOST_TOKENS];

impl<T: Real> Work for Tangent<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let tokens = self.p.tokens as usize;
        let mut scratch = [[[T::ZERO; 16]; MOST_TOKENS]; 2];
        for point in 0..self.p.columns as usize / tokens {
            for head in 0..self.p.heads as usize {
                let mut query = 0;
                while query + 16 <= tokens && 16 * size_of::<T>() <= 2 * BYTES {
                    self.queries::<FUSED, 16>(point, head, query, &mut scratch);
                    query += 16;
                }
                while query + 4 <= tokens {
                    self.queries::<FUSED, 4>(point, head, query, &mut scratch);
                    query += 4;
                }
                while query < tokens {
                    self.queries::<FUSED, 1>(point, head, query, &mut scratch);
                    query += 1;
                }
            }
        }
    }
}

impl<T: Real> Tangent<'_, '_, T> {
    /// `LANES` neighbouring queries of a head.
    #[inline(always)]
    fn queries<const FUSED: bool, const LANES: usize>(
        &mut self,
        point: usize,
        head: usize,
        query: usize,
        [weights, changes]: &mut [Scratch<T>; 2],
    ) {
        let p = self.p;
        let (width, d, tokens, columns) =
            (p.width as usize, p.head_width as usize, p.tokens as usize, p.columns as usize);
        let start = head * d * columns + point * tokens;
        let both = |first: usize| {
            [self.stacked, self.deviations].map(|values| Matrix { values: &values[first..], stride: columns })
        };
        let (queries, keys) = (both(start + query), both(start + width * columns));
        let [values, of_values] = both(start + 2 * width * columns);
        let used = if p.causal != 0 { (query + LANES).min(tokens) } else { tokens };
        let (weights, changes) = (&mut weights[..used], &mut changes[..used]);
        let mut s = 0;
        while s + 4 <= used {
            scores::<T, FUSED, 4, LANES>(queries[0], keys[0], d, s, weights);
            changes_of::<T, FUSED, 4, LANES>(queries, keys, d, s, changes);
            s += 4;
        }
        while s < used {
            scores::<T, FUSED, 1, LANES>(queries[0], keys[0], d, s, weights);
            changes_of::<T, FUSED, 1, LANES>(queries, keys, d, s, changes);
            s += 1;
        }
        let last: [u32; LANES] = lanes(|l| if p.causal != 0 { (query + l) as u32 } else { used as u32 });
        let scale = T::from_f64(p.scale);
        let inverse = Softmax::of::<FUSED>(weights, &last, scale).inverse;
        let along = weigh::<T, LANES>(weights, changes, scale);
        let (weights, changes) = (weights.as_flattened(), changes.as_flattened());
        let [weights, changes] = [weights, changes].map(|values| Matrix { values, stride: 16 });
        let first = point * tokens + query;
        let mut row = 0;
        while row < d {
            let rows = if row + 4 <= d { 4 } else { 1 };
            let mut sums = [[T::ZERO; LANES]; 4];
            if rows == 4 {
                let through = tile::<T, FUSED, 4, LANES>(values, row, used, changes, 0);
                let own = tile::<T, FUSED, 4, LANES>(of_values, row, used, weights, 0);
                for r in 0..4 {
                    sums[r] = lanes(|l| through[r][l] + own[r][l]);
                }
            } else {
                let [through] = tile::<T, FUSED, 1, LANES>(values, row, used, changes, 0);
                let [own] = tile::<T, FUSED, 1, LANES>(of_values, row, used, weights, 0);
                sums[0] = lanes(|l| through[l] + own[l]);
            }
            for (r, sums) in sums[..rows].iter().enumerate() {
                let at = (head * d + row + r) * columns + first;
                let attended = &self.attended[at..][..LANES];
                let out: [T; LANES] = lanes(|l| (sums[l] - along[l] * attended[l]) * inverse[l]);
                self.out[at..][..LANES].copy_from_slice(&out);
            }
            row += rows;
        }
    }
}

/// dQ^T K + Q^T dK for `ROWS` keys from `s`; the pairs are numbers and their tangents.
#[inline(always)]
fn changes_of<T: Real, const FUSED: bool, const ROWS: usize, const LANES: usize>(
    [queries, of_queries]: [Matrix<T>; 2],
    [keys, of_keys]: [Matrix<T>; 2],
    d: usize,
    s: usize,
    changes: &mut [[T; 16]],
) {
    let a = tile_of_columns::<T, FUSED, ROWS, LANES>(keys, s, d, of_queries, 0);
    let b = tile_of_columns::<T, FUSED, ROWS, LANES>(of_keys, s, d, queries, 0);
    for (r, changes) in changes[s..s + ROWS].iter_mut().enumerate() {
        let sum: [T; LANES] = lanes(|l| a[r][l] + b[r][l]);
        changes[..LANES].copy_from_slice(&sum);
    }
}

/// Makes W of the changes of the scores, not yet divided by the sum of the weights; returns its sum over the keys.
#[inline(always)]
fn weigh<T: Real, const LANES: usize>(weights: &[[T; 16]], changes: &mut [[T; 16]], scale: T) -> [T; LANES] {
    let (mut largest, mut base) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for (weights, changes) in weights.iter().zip(changes.iter()) {
        base = lanes(|l| if weights[l] > largest[l] { changes[l] } else { base[l] });
        largest = lanes(|l| if weights[l] > largest[l] { weights[l] } else { largest[l] });
    }
    let mut sum = [T::ZERO; LANES];
    for (weights, changes) in weights.iter().zip(changes) {
        let own: [T; LANES] = lanes(|l| weights[l] * (scale * (changes[l] - base[l])));
        sum = lanes(|l| sum[l] + own[l]);
        changes[..LANES].copy_from_slice(&own);
    }
    sum
}

/// A case of `attend_tangent` with one vector, whose bound holds here too: dS_* is one more such change of a score.
fn case(stream: u32, sizes: attend_tangent::case::Sizes) -> Case<Params> {
    let Case { name, members, params, buffers, tolerance } = attend_tangent::case::case(stream, sizes);
    let params = Params {
        width: params.width,
        head_width: params.head_width,
        tokens: params.tokens,
        columns: params.columns,
        rows: params.rows,
        out_rows: params.out_rows,
        heads: params.heads,
        causal: params.causal,
        key_lanes: super::attend::key_lanes(params.tokens),
        scale: params.scale,
    };
    Case { name, members, params, buffers, tolerance }
}
