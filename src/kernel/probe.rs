//! Probes a device's arithmetic and its loops, for the self-test.

use crate::kernel::signature::kernel;
use crate::kernel::{Case, CaseBuffer, Cost, Kernel, Machine};
use crate::numbers::random::sample;
use crate::numbers::real::Real;

kernel! {
    /// Arithmetic and loops of a device, for its self-test.
    pub struct Probe = probe;
    /// How much to try.
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

/// Rows of the result: product, quotient, root, (x + y) - x.
pub const ROWS: usize = 4;

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
        let positive = |stream| sample(stream, 100).iter().map(|x| (x.abs() + 0.01) as f32 as f64).collect::<Vec<_>>();
        let (x, y) = (positive(60), positive(61));
        // The bounds of the WGSL specification; the last row may be reordered to y.
        let ulp = f32::EPSILON as f64;
        let mut tolerance: Vec<f64> = (0..100).map(|i| ulp * x[i] * y[i]).collect();
        tolerance.extend((0..100).map(|i| 2.5 * ulp * x[i] / y[i]));
        tolerance.extend((0..100).map(|i| 4.0 * ulp * x[i].sqrt()));
        tolerance.extend((0..100).map(|i| 2.0 * ulp * (x[i] + y[i])));
        vec![Case {
            name: "100 pairs, 1000 trips".to_string(),
            members: 1,
            params: Params { length: 100, trips: 1000 },
            buffers: vec![
                CaseBuffer::SharedReal(x),
                CaseBuffer::SharedReal(y),
                CaseBuffer::Real(vec![f64::NAN; 100 * ROWS]),
                CaseBuffer::Word(vec![0]),
            ],
            tolerance: vec![tolerance],
        }]
    }
}
