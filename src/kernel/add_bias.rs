//! The bias of an output projection in an Euler update: `x += gain * bias`, with the gain of each column.
//!
//! [`euler_update`](super::euler_update) has as many buffers as a kernel may have, so what a bias adds to it is a pass of its
//! own. A trained layer has one for all members, a random one has one for each.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// The bias of an output projection.
    pub struct AddBias = add_bias;
    /// The sizes of the state; columns are padded to a multiple of 4.
    params {
        /// Rows of a state.
        rows: u32,
        /// Columns of a state.
        columns: u32,
    }
    buffers {
        bias: read number,
        coefficients: read vec4,
        x: write vec4,
    }
}

impl Kernel for AddBias {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [(p.columns / 4).div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { bias, coefficients, x } = views;
        let gains = &coefficients[p.columns as usize..];
        for (line, &bias) in x.chunks_mut(p.columns as usize).zip(bias) {
            line.iter_mut().zip(gains).for_each(|(x, &gain)| *x += gain * bias);
        }
    }

    fn cost(p: &Params) -> Cost {
        let size = f64::from(p.rows) * f64::from(p.columns);
        Cost { flops: 2.0 * size, bytes: 8.0 * size }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
