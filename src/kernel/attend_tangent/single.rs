//! One tangent vector a column: here neighbouring queries fill the lanes.

use super::Tangents;
use crate::kernel::shared::query_softmax::weight_of;
use crate::kernel::shared::stack::Rows;
use crate::numbers::matmul::multiply_add;
use crate::numbers::real::Real;
use crate::numbers::simd::{Work, lanes};
use crate::spec::MOST_TOKENS;

/// The tangents of a member, one for each column.
pub(super) struct Single<'a, T>(pub Tangents<'a, T>);

/// Numbers of each key and query, `[keys, queries]`.
type Scratch<T> = [[T; 16]; MOST_TOKENS];

impl<T: Real> Work for Single<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize, const FUSED: bool>(mut self) {
        let p = self.0.p;
        let tokens = p.tokens as usize;
        let (mut weights, mut slopes) = ([[T::ZERO; 16]; MOST_TOKENS], [[T::ZERO; 16]; MOST_TOKENS]);
        for first in (0..p.columns as usize / tokens).map(|point| point * tokens) {
            for head in 0..p.heads as usize {
                let mut query = 0;
                while query + 16 <= tokens {
                    self.queries::<FUSED, 16>(Place { head, first, query }, &mut weights, &mut slopes);
                    query += 16;
                }
                while query + 4 <= tokens {
                    self.queries::<FUSED, 4>(Place { head, first, query }, &mut weights, &mut slopes);
                    query += 4;
                }
                while query < tokens {
                    self.queries::<FUSED, 1>(Place { head, first, query }, &mut weights, &mut slopes);
                    query += 1;
                }
            }
        }
    }
}

/// Where some queries are.
#[derive(Clone, Copy)]
struct Place {
    head: usize,
    /// The column of their first token.
    first: usize,
    /// The first of them, from that column.
    query: usize,
}

impl<T: Real> Single<'_, T> {
    /// `LANES` neighbouring queries of a head.
    #[inline(always)]
    fn queries<const FUSED: bool, const LANES: usize>(
        &mut self,
        Place { head, first, query }: Place,
        weights: &mut Scratch<T>,
        slopes: &mut Scratch<T>,
    ) {
        let Tangents { p, stacked, differences, deviations, .. } = self.0;
        let (d, columns) = (p.head_width as usize, p.columns as usize);
        let used = if p.causal != 0 { query + LANES } else { p.tokens as usize };
        let (weights, slopes) = (&mut weights[..used], &mut slopes[..used]);
        let Rows { queries, keys, values } = p.stack().rows_of(head);
        for s in 0..used {
            let (mut score, mut slope) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            for i in 0..d {
                let (at, key) = ((queries + i) * columns + first + query, (keys + i) * columns + first + s);
                let own: &[T; LANES] = stacked[at..][..LANES].try_into().expect("LANES long");
                let change: &[T; LANES] = deviations[at..][..LANES].try_into().expect("LANES long");
                let (key, of_key) = (differences[key], deviations[key]);
                score = lanes(|l| multiply_add::<T, FUSED>(own[l], key, score[l]));
                slope = lanes(|l| multiply_add::<T, FUSED>(change[l], key, slope[l]));
                slope = lanes(|l| multiply_add::<T, FUSED>(own[l], of_key, slope[l]));
            }
            weights[s][..LANES].copy_from_slice(&score);
            slopes[s][..LANES].copy_from_slice(&slope);
        }
        let last: [u32; LANES] = lanes(|l| if p.causal != 0 { (query + l) as u32 } else { used as u32 });
        let top = softmax::<T, FUSED, LANES>(weights, slopes, &last, p.scale);
        for i in 0..d {
            let value = &differences[(values + i) * columns + first..][..used];
            let of_value = &deviations[(values + i) * columns + first..][..used];
            let origin: [T; LANES] = lanes(|l| value[top[l]]);
            let mut sum = [T::ZERO; LANES];
            for s in 0..used {
                sum = lanes(|l| multiply_add::<T, FUSED>(slopes[s][l], value[s] - origin[l], sum[l]));
                sum = lanes(|l| multiply_add::<T, FUSED>(weights[s][l], of_value[s], sum[l]));
            }
            self.0.out[(queries + i) * columns + first + query..][..LANES].copy_from_slice(&sum);
        }
    }
}

/// Makes P of scores and P (δ - rowsum(P δ)) of dS; keys behind `last` get 0. Returns the keys of the largest scores.
#[inline(always)]
fn softmax<T: Real, const FUSED: bool, const LANES: usize>(
    weights: &mut [[T; 16]],
    slopes: &mut [[T; 16]],
    last: &[u32; LANES],
    scale: f64,
) -> [usize; LANES] {
    let (mut top, mut largest): ([usize; LANES], [T; LANES]) = ([0; LANES], lanes(|l| weights[0][l]));
    let mut origin: [T; LANES] = lanes(|l| slopes[0][l]);
    for (s, (scores, slopes)) in weights.iter().zip(slopes.iter()).enumerate() {
        for l in 0..LANES {
            if scores[l] > largest[l] && s as u32 <= last[l] {
                (top[l], largest[l], origin[l]) = (s, scores[l], slopes[l]);
            }
        }
    }
    let mut total = [T::ZERO; LANES];
    for (s, weights) in weights.iter_mut().enumerate() {
        for l in 0..LANES {
            // A score behind `last` may be the larger one.
            let score = if s as u32 <= last[l] { weights[l] } else { largest[l] };
            let weight = weight_of::<T, FUSED>(score, largest[l], scale);
            weights[l] = if s as u32 <= last[l] { weight } else { T::ZERO };
            total[l] += weights[l];
        }
    }
    let (inverse, scale): ([T; LANES], T) = (lanes(|l| T::ONE / total[l]), T::from_f64(scale));
    let mut along = [T::ZERO; LANES];
    for (weights, slopes) in weights.iter_mut().zip(slopes.iter_mut()) {
        for l in 0..LANES {
            weights[l] *= inverse[l];
            slopes[l] = (slopes[l] - origin[l]) * (scale * weights[l]);
            along[l] += slopes[l];
        }
    }
    for (weights, slopes) in weights.iter().zip(slopes) {
        for l in 0..LANES {
            slopes[l] -= weights[l] * along[l];
        }
    }
    top
}
