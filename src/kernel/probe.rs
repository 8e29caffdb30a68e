//! Probes a device's arithmetic and its loops, for the self-test.

mod case;

use crate::kernel::signature::kernel;
use crate::kernel::{Case, Cost, Kernel, Machine};
use crate::numbers::real::Real;

kernel! {
    /// Arithmetic and loops of a device, for its self-test.
    pub struct Probe = probe;
    constants {
        /// Rows of the result: product, quotient, root, (x + y) - x.
        pub ROWS: usize = 4,
    }
    /// How much is tried.
    params {
        /// Pairs of numbers.
        length: u32,
        /// Loop trips.
        trips: u32,
    }
    buffers {
        x: read number,
        y: read number,
        out: write number,
        trips: write word,
    }
}

impl Kernel for Probe {
    fn grid(p: &Params, members: u32, _machine: &Machine) -> [u32; 3] {
        [p.length.div_ceil(64), 1, members]
    }

    fn twin<T: Real>(p: &Params, views: Views<T>) {
        let Views { x, y, out, trips } = views;
        let length = p.length as usize;
        for (i, (&x, &y)) in x.iter().zip(y.iter()).enumerate() {
            out[i] = x * y;
            out[length + i] = x / y;
            out[2 * length + i] = x.sqrt();
            out[3 * length + i] = (x + y) - x;
        }
        trips[0] = p.trips;
    }

    fn cost(p: &Params) -> Cost {
        Cost { flops: 5.0 * p.length as f64 + p.trips as f64, bytes: 24.0 * p.length as f64 }
    }

    fn cases() -> Vec<Case<Params>> {
        case::cases()
    }
}
