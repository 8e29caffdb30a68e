//! The nonlinearity of the FFN and its slope. GELU is the exact x Φ(x), not the tanh form: the constants of
//! the mean-field theory (E gelu(z)^2 = 1/3 + 1/(2 pi sqrt 3)) are those of the exact one.
//!
//! WGSL half: `shaders/shared/activation.wgsl`.

use crate::numbers::real::Real;
use crate::numbers::simd::lanes;
use crate::spec;

/// The numbers of the activations in the kernels' parameters.
pub mod kind {
    /// x.
    pub const IDENTITY: u32 = 0;
    /// max(0, x).
    pub const RELU: u32 = 1;
    /// x Φ(x).
    pub const GELU: u32 = 2;
    /// tanh x.
    pub const TANH: u32 = 3;
}

/// The number of an activation.
pub fn number(activation: spec::Activation) -> u32 {
    match activation {
        spec::Activation::Relu => kind::RELU,
        spec::Activation::Gelu => kind::GELU,
        spec::Activation::Tanh => kind::TANH,
    }
}

/// `x <- φ(x)`.
#[inline(always)]
pub fn activate<T: Real, const FUSED: bool, const LANES: usize>(kind: u32, x: &mut [T; LANES]) {
    let half = T::from_f64(0.5);
    match kind {
        kind::RELU => x.iter_mut().for_each(|x| *x = if *x > T::ZERO { *x } else { T::ZERO }),
        kind::GELU => {
            for x in x {
                *x *= half + x.normal_share::<FUSED>();
            }
        }
        kind::TANH => x.iter_mut().for_each(|x| *x = x.hyperbolic_tangent::<FUSED>()),
        _ => {}
    }
}

/// φ'(x), off by less than 4 [`ELEMENTARY_ERROR`](crate::numbers::elementary::ELEMENTARY_ERROR): absolutely for GELU, whose tail
/// is a difference of halves, beside slopes of 1 for every other unit; relatively for tanh, all of whose units can
/// saturate at once.
#[inline(always)]
pub fn slope<T: Real, const FUSED: bool>(kind: u32, x: T) -> T {
    slopes::<T, FUSED, 1>(kind, [x])[0]
}

/// φ'(x) of some numbers.
#[inline(always)]
pub fn slopes<T: Real, const FUSED: bool, const LANES: usize>(kind: u32, x: [T; LANES]) -> [T; LANES] {
    match kind {
        kind::RELU => lanes(|l| if x[l] > T::ZERO { T::ONE } else { T::ZERO }),
        kind::GELU => {
            // Beyond 13 the density is 0 in f32, and the square must not overflow.
            let (half, end) = (T::from_f64(0.5), T::from_f64(13.0));
            let z: [T; LANES] = lanes(|l| if x[l] > end { end } else { x[l] });
            let z: [T; LANES] = lanes(|l| if z[l] < -end { -end } else { z[l] });
            let unit = T::from_f64(0.398_942_280_401_432_7);
            let density: [T; LANES] = lanes(|l| unit * (-(half * z[l] * z[l])).exponential::<FUSED>());
            lanes(|l| half + z[l].normal_share::<FUSED>() + z[l] * density[l])
        }
        kind::TANH => {
            // 1 - tanh² x would cancel.
            let e: [T; LANES] = lanes(|l| (-(x[l].abs() + x[l].abs())).exponential::<FUSED>());
            lanes(|l| {
                let end = T::ONE + e[l];
                (e[l] + e[l] + e[l] + e[l]) / (end * end)
            })
        }
        _ => [T::ONE; LANES],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::elementary::ELEMENTARY_ERROR;

    /// tanh' x = 1 / cosh² x, which is no difference; f32 ends at e^-87.
    #[test]
    fn slopes_of_saturated_units_are_right_to_the_last_digits() {
        for i in -4300..=4300 {
            let x = f64::from(i as f32 * 1e-2);
            let truth = x.cosh().powi(-2);
            let double = slope::<f64, true>(kind::TANH, x);
            assert!(
                (double - truth).abs() <= 8.0 * f64::EPSILON * (1.0 + x.abs()) * truth,
                "{x}: {double}, not {truth}"
            );
            let single = f64::from(slope::<f32, true>(kind::TANH, x as f32));
            assert!((single - truth).abs() <= 4.0 * ELEMENTARY_ERROR * truth, "{x}: {single}, not {truth}");
            let (single, double) = (slope::<f32, true>(kind::GELU, x as f32), slope::<f64, true>(kind::GELU, x));
            assert!((f64::from(single) - double).abs() <= 4.0 * ELEMENTARY_ERROR, "{x}: {single}, not {double}");
        }
    }
}
