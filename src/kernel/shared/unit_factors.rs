//! What moves a unit of an FFN by as much as its gate or its other half moves, for its tangents and their adjoints. The other
//! half of `unit_factors.wgsl`.

use crate::numbers::activation::{activate, slopes};
use crate::numbers::real::Real;
use crate::numbers::simd::lanes;

/// Makes `[φ'(gate) up, φ(gate)]` in each column of a unit, or `[φ'(up), 0]` without a gate, where `own` goes through the
/// activation.
#[inline(always)]
pub fn factors_of_row<T: Real, const FUSED: bool>(
    activation: u32,
    own: &[T],
    up: Option<&[T]>,
    factors: &mut [[T; 2]],
) {
    let wide = own.len() / 8 * 8;
    for column in (0..wide).step_by(8) {
        some_factors::<T, FUSED, 8>(activation, column, own, up, factors);
    }
    for column in wide..own.len() {
        some_factors::<T, FUSED, 1>(activation, column, own, up, factors);
    }
}

/// Those of `LANES` columns.
#[inline(always)]
fn some_factors<T: Real, const FUSED: bool, const LANES: usize>(
    activation: u32,
    column: usize,
    own: &[T],
    up: Option<&[T]>,
    factors: &mut [[T; 2]],
) {
    let of = |line: &[T]| -> [T; LANES] { line[column..][..LANES].try_into().expect("LANES long") };
    let (mut units, mut through) = (of(own), slopes::<T, FUSED, LANES>(activation, of(own)));
    let Some(up) = up.map(of) else {
        return (0..LANES).for_each(|l| factors[column + l] = [through[l], T::ZERO]);
    };
    activate::<T, FUSED, LANES>(activation, &mut units);
    through = lanes(|l| through[l] * up[l]);
    (0..LANES).for_each(|l| factors[column + l] = [through[l], units[l]]);
}
