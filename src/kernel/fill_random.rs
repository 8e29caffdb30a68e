//! Random weights: `out[r, c] = unit * (alpha g[r, c] + beta g[c, r])` with standard normal g, padded with zeros.
//!
//! With beta = 0 this is the Ginibre ensemble; other pairs give the real elliptic ensemble, from symmetric (alpha =
//! beta) to antisymmetric (alpha = -beta). All arithmetic is on integers, so the weights are the same bits on every
//! device: alpha and beta are whole multiples of 2^-32 (1 is 1 - 2^-32), their products with normal numbers whole multiples
//! of 2^-27 and the sums whole multiples of 2^-20, all of them rounded towards 0.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::random::{NORMAL_UNIT, Stream};
use crate::numbers::real::Real;

kernel! {
    /// Random weights.
    pub struct FillRandom = fill_random;
    shared { random }
    constants {
        /// What the weights of a Ginibre matrix are multiples of.
        pub GINIBRE_UNIT: f64 = NORMAL_UNIT,
        /// What the weights of an elliptic matrix are multiples of: two normals need a bit more.
        pub ELLIPTIC_UNIT: f64 = 2.0 * NORMAL_UNIT,
    }
    /// The tensor that is drawn.
    params {
        /// Rows that are drawn.
        rows: u32,
        /// Columns that are drawn.
        columns: u32,
        /// Rows of the buffer.
        padded_rows: u32,
        /// Columns of the buffer.
        padded_columns: u32,
        /// Low half of the seed.
        seed_low: u32,
        /// High half of the seed.
        seed_high: u32,
        /// The tensor's number in the address.
        tensor: u32,
        /// The layer's step in the address.
        step: u32,
        /// |alpha| in units of 2^-32; unused for the Ginibre ensemble.
        alpha: u32,
        /// |beta| in units of 2^-32; 0 for the Ginibre ensemble, with alpha taken as 1.
        beta: u32,
        /// 1 when beta is negative.
        beta_negative: u32,
    }
    buffers {
        member_ids: read word,
        normal_table: read word,
        out: write number,
    }
}

impl Kernel for FillRandom {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.rows * p.columns).div_ceil(4).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { member_ids: member, out, .. } = views;
        let seed = (p.seed_high as u64) << 32 | p.seed_low as u64;
        let stream = Stream { seed, member: member[0], tensor: p.tensor, step: p.step };
        let (rows, columns) = (p.rows as usize, p.columns as usize);
        let mut normals = vec![0; rows * columns];
        stream.normals(&mut normals);
        for (row, normals_of_row) in normals.chunks_exact(columns).enumerate() {
            let out = &mut out[row * p.padded_columns as usize..][..columns];
            if p.beta == 0 {
                for (out, &normal) in out.iter_mut().zip(normals_of_row) {
                    *out = T::from_f64(normal as f64 * GINIBRE_UNIT);
                }
            } else {
                for (column, (out, &normal)) in out.iter_mut().zip(normals_of_row).enumerate() {
                    *out = T::from_f64(mix(p, normal, normals[column * columns + row]) as f64 * ELLIPTIC_UNIT);
                }
            }
        }
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 0.0, bytes: 4.0 * (p.rows * p.columns) as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}

/// `alpha a + beta b` of two normals in units of 2^-21, in units of 2^-20.
///
/// Products keep six more bits than the normals; magnitudes are truncated, so that exchanging a and b when
/// |alpha| = |beta| gives the same number or exactly its negative.
fn mix(p: &Params, a: i32, b: i32) -> i32 {
    let product = |normal: i32, factor: u32| {
        let magnitude = ((normal.unsigned_abs() as u64 * 64 * factor as u64) >> 32) as i32;
        if normal < 0 { -magnitude } else { magnitude }
    };
    let second = product(b, p.beta);
    let sum = product(a, p.alpha) + if p.beta_negative != 0 { -second } else { second };
    if sum < 0 { -(-sum >> 7) } else { sum >> 7 }
}
