//! Random tangent vectors: independent standard normal numbers, the same at every grid point of a member, 0 in all
//! padding.
//!
//! Number (vector, row, token) has the address `(vector * width + row) * T + token`, so a vector does not depend on how
//! many others are drawn. Padding has to be 0 from the start: an integrator of several stages adds what it is given.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::random::{NORMAL_UNIT, Stream};
use crate::numbers::real::Real;

kernel! {
    /// Random tangent vectors.
    pub struct FillTangents = fill_tangents;
    shared { random }
    compared { NORMAL_UNIT = NORMAL_UNIT }
    /// The sizes of the tangents, and the addresses of their numbers.
    params {
        /// The width n of the state.
        width: u32,
        /// Rows of the buffer.
        rows: u32,
        /// The tokens T of a grid point.
        tokens: u32,
        /// Columns of the state, padded.
        columns: u32,
        /// Those of them that count: grid points times T.
        used_columns: u32,
        /// Tangent vectors of each column.
        vectors: u32,
        /// Those of them that are drawn; the others are 0.
        drawn: u32,
        /// Low half of the seed.
        seed_low: u32,
        /// High half of the seed.
        seed_high: u32,
        /// The tensor's number in the address.
        tensor: u32,
    }
    buffers {
        member_ids: read word,
        normal_table: read word,
        deviations: write number,
    }
}

impl Kernel for FillTangents {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns * p.vectors).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { member_ids: member, deviations, .. } = views;
        let seed = u64::from(p.seed_high) << 32 | u64::from(p.seed_low);
        let stream = Stream { seed, member: member[0], tensor: p.tensor, step: 0 };
        let [width, tokens, columns, vectors] = [p.width, p.tokens, p.columns, p.vectors].map(|size| size as usize);
        let mut normals = vec![0; p.drawn as usize * width * tokens];
        stream.normals(&mut normals);
        deviations.fill(T::ZERO);
        for (vector, normals) in normals.chunks_exact(width * tokens).enumerate() {
            for (row, normals) in normals.chunks_exact(tokens).enumerate() {
                for column in 0..p.used_columns as usize {
                    deviations[(row * columns + column) * vectors + vector] =
                        T::from_f64(f64::from(normals[column % tokens]) * NORMAL_UNIT);
                }
            }
        }
    }

    fn cost(p: &Params) -> Cost {
        let numbers = (p.rows * p.columns) as f64 * p.vectors as f64;
        Cost { flops: 2.0 * numbers, bytes: 4.0 * numbers }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
