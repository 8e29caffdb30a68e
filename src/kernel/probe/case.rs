//! Parity cases of `probe`.

use super::{Params, ROWS};
use crate::kernel::{Case, CaseBuffer};
use crate::numbers::random::sample;

/// The cases on which devices must agree.
pub(super) fn cases() -> Vec<Case<Params>> {
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
