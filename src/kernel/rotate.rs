//! Rotary positions (Su et al. 2021) of the queries and keys of a stack Q | K | V, in the half-split convention: numbers i
//! and i + d/2 of the d rotated `dimensions` of a head are one pair,
//!
//! ```text
//! out_i = cos(a) x_i - sin(a) x_(i + d/2)        out_(i + d/2) = cos(a) x_(i + d/2) + sin(a) x_i
//! ```
//!
//! with the angle a of pair i at the column's position, from tables that the host makes. Values, and what a head has
//! beyond its rotated dimensions, are copied. It is linear, so it is its own tangent; with sines of the other sign it is
//! its adjoint. |error| <= 2 ε (|cos x| + |sin x'|), with that of the tables.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::cores::{ELEMENT, in_blocks_of_rows};
use crate::numbers::real::Real;

kernel! {
    /// Rotary positions of queries and keys.
    pub struct Rotate = rotate;
    /// The sizes, and what is rotated.
    params {
        /// Rows of `x` and `out`.
        rows: u32,
        /// Columns of the state.
        columns: u32,
        /// Tangent vectors of each column, a multiple of 4; 1 for a state.
        vectors: u32,
        /// Heads that are rotated, from the first row on: those of queries and of keys.
        heads: u32,
        /// Rows of a head.
        head_width: u32,
        /// Rotated rows of a head, the first ones; an even number.
        dimensions: u32,
        /// Positions of the tables; those of all columns are below.
        positions: u32,
    }
    buffers {
        cosines: read number,
        sines: read number,
        position: read word,
        x: read vec4,
        out: write vec4,
    }
}

impl Kernel for Rotate {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns * p.vectors / 4).div_ceil(64), p.rows, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { cosines, sines, position, x, out } = views;
        let (pairs, vectors) = (p.dimensions as usize / 2, p.vectors as usize);
        let line = p.columns as usize * vectors;
        in_blocks_of_rows(&mut out[..p.rows as usize * line], line, ELEMENT, |first, out| {
            for (row, out) in (first..).zip(out.chunks_exact_mut(line)) {
                let own = &x[row * line..][..line];
                let i = row % p.head_width as usize;
                if row >= (p.heads * p.head_width) as usize || i >= 2 * pairs {
                    out.copy_from_slice(own);
                    continue;
                }
                let is_first = i < pairs;
                let other = &x[if is_first { row + pairs } else { row - pairs } * line..][..line];
                let table = i % pairs * p.positions as usize;
                let columns = own.chunks_exact(vectors).zip(other.chunks_exact(vectors));
                for ((out, (own, other)), &position) in out.chunks_exact_mut(vectors).zip(columns).zip(position) {
                    let angle = table + position as usize;
                    let sine = if is_first { -sines[angle] } else { sines[angle] };
                    for ((out, &own), &other) in out.iter_mut().zip(own).zip(other) {
                        *out = cosines[angle] * own + sine * other;
                    }
                }
            }
        });
    }

    fn cost(p: &Params) -> Cost {
        let columns = p.columns as f64 * p.vectors as f64;
        Cost { flops: 3.0 * f64::from(p.heads * p.dimensions) * columns, bytes: 8.0 * p.rows as f64 * columns }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
