//! The initial state, the same for all grid points of a member: standard normal numbers or given ones, and the record of
//! every column at step 0.

mod case;

use crate::kernel::shared::trajectory::{event, norm, scale};
use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::random::{NORMAL_UNIT, Stream};
use crate::numbers::real::Real;

kernel! {
    /// An initial state, random or given, and its record at step 0.
    pub struct FillState = fill_state;
    shared { magnitude, random, trajectory }
    compared { NORMAL_UNIT = NORMAL_UNIT }
    /// The state that is drawn.
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
        /// Is the state that of `start`, instead of random?
        given: u32,
    }
    buffers {
        member_ids: read word,
        normal_table: read word,
        start: read number,
        x: write number,
        norms: write number,
        events: write int,
    }
}

impl Kernel for FillState {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.columns.div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { member_ids: member, start, x, norms, events, .. } = views;
        let seed = (p.seed_high as u64) << 32 | p.seed_low as u64;
        let stream = Stream { seed, member: member[0], tensor: p.tensor, step: 0 };
        let (columns, padded, tokens) = (p.columns as usize, p.padded_columns as usize, p.tokens as usize);
        let mut normals = vec![0; p.rows as usize * tokens];
        stream.normals(&mut normals);
        let drawn: Vec<T> = normals.into_iter().map(|normal| T::from_f64(normal as f64 * NORMAL_UNIT)).collect();
        let values = if p.given != 0 { start } else { &drawn };
        let mut squares = vec![T::ZERO; tokens];
        for (row, values) in values.chunks_exact(tokens).enumerate() {
            let line = &mut x[row * padded..][..columns];
            for (token, &value) in values.iter().enumerate() {
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
            for row in 0..event::ROWS {
                events[row * padded + column] = 0;
            }
            events[scale::PEAK_EXPONENT * padded + column] = exponent;
            events[scale::PENDING * padded + column] = if p.renormalise != 0 { exponent >> 1 } else { 0 };
        }
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 2.0 * (p.rows * p.columns) as f64, bytes: 4.0 * (p.rows * p.columns) as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
