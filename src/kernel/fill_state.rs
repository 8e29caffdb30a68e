//! The initial state: standard normal numbers, the same for all grid points of a member, and the record of every
//! column at step 0.

use crate::kernel::euler_update::{mark, norm};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::{NORMAL_UNIT, Stream, normal_table};
use crate::numbers::real::Real;

kernel! {
    /// A random initial state, and its record at step 0.
    pub struct FillState = fill_state;
    shared { magnitude, random }
    /// The state to draw.
    params {
        /// Rows that are drawn: the width of the stream.
        rows: u32,
        /// Rows of the buffer.
        padded_rows: u32,
        /// Columns that are drawn.
        columns: u32,
        /// Columns of the buffer.
        padded_columns: u32,
        /// Distinct columns: column c holds token c modulo `tokens`.
        tokens: u32,
        /// Low half of the seed.
        seed_low: u32,
        /// High half of the seed.
        seed_high: u32,
        /// The tensor's number in the address.
        tensor: u32,
        /// Ask the first update to rescale the column to a norm near 1?
        renormalise: u32,
    }
    buffers {
        member_ids: read word,
        normal_table: read word,
        x: write number,
        norms: write number,
        marks: write int,
    }
}

impl Kernel for FillState {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns.div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { member_ids: member, x, norms, marks, .. } = views;
        let seed = (p.seed_high as u64) << 32 | p.seed_low as u64;
        let stream = Stream { seed, member: member[0], tensor: p.tensor, step: 0 };
        let (columns, padded, tokens) = (p.columns as usize, p.padded_columns as usize, p.tokens as usize);
        let mut normals = vec![0; p.rows as usize * tokens];
        stream.normals(&mut normals);
        let mut squares = vec![T::ZERO; tokens];
        for (row, normals) in normals.chunks_exact(tokens).enumerate() {
            let line = &mut x[row * padded..][..columns];
            for (token, &normal) in normals.iter().enumerate() {
                let value = T::from_f64(normal as f64 * NORMAL_UNIT);
                squares[token] += value * value;
                line.iter_mut().skip(token).step_by(tokens).for_each(|x| *x = value);
            }
        }
        for column in 0..columns {
            let square = squares[column % tokens];
            let exponent = square.exponent();
            norms[norm::NOW * padded + column] = square;
            norms[norm::INITIAL * padded + column] = square;
            norms[norm::PEAK * padded + column] = square * T::power_of_two(-exponent);
            for row in 0..mark::ROWS {
                marks[row * padded + column] = 0;
            }
            marks[mark::PEAK_EXPONENT * padded + column] = exponent;
            marks[mark::PENDING * padded + column] = if p.renormalise != 0 { exponent >> 1 } else { 0 };
        }
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 2.0 * (p.rows * p.columns) as f64, bytes: 4.0 * (p.rows * p.columns) as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        [(1, 1, 1, 1), (64, 20, 1, 3), (7, 30, 5, 2), (5, 66, 3, 2)].into_iter().map(case).collect()
    }
}

fn case((rows, columns, tokens, members): (u32, u32, u32, usize)) -> Case<Params> {
    let (padded_rows, padded_columns) = (rows.next_multiple_of(4), columns.next_multiple_of(4));
    let size = (padded_rows * padded_columns) as usize * members;
    let records = padded_columns as usize * members;
    // A sum of `rows` squares of numbers below 6.3, and a mantissa below 2.
    let error = 2.0 * (rows + 2) as f64 * f32::EPSILON as f64 * rows as f64 * 6.3 * 6.3;
    Case {
        name: format!("{rows} x {columns}, {tokens} tokens, {members} members"),
        members,
        params: Params {
            rows,
            padded_rows,
            columns,
            padded_columns,
            tokens,
            seed_low: 7,
            seed_high: 0,
            tensor: 2,
            renormalise: tokens % 2,
        },
        buffers: vec![
            CaseBuffer::Word((0..members as u32).collect()),
            CaseBuffer::SharedWord(normal_table().to_vec()),
            CaseBuffer::Real(vec![0.25; size]),
            CaseBuffer::Real(vec![0.0; records * norm::ROWS]),
            CaseBuffer::Int(vec![0; records * mark::ROWS]),
        ],
        tolerance: vec![vec![0.0], vec![error]],
    }
}
