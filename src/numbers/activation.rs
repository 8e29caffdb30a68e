//! The nonlinearity of the FFN and its slope. GELU is the exact x Φ(x): the constants of the mean-field theory
//! (E gelu(z)^2 = 1/3 + 1/(2 pi sqrt 3)) are those of the exact one. Some trained models were trained with its tanh form
//! (Hendrycks and Gimpel 2016), which is an activation of its own here; as (1 + tanh u) / 2 is the sigmoid of 2 u, it is
//! made from that, whose tail does not cancel.
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
    /// x / (1 + e^-x).
    pub const SILU: u32 = 4;
    /// The tanh form of GELU: x / (1 + e^-w) with w = sqrt(8 / π) (x + 0.044715 x³).
    pub const TANH_GELU: u32 = 5;
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
        kind::SILU => *x = lanes(|l| x[l] * sigmoid::<T, FUSED>(x[l])),
        kind::TANH_GELU => *x = lanes(|l| x[l] * sigmoid::<T, FUSED>(tanh_gelu_argument(within_13(x[l])))),
        _ => {}
    }
}

/// 1 / (1 + e^-x), to its last digits where x is far below 0 as well.
#[inline(always)]
fn sigmoid<T: Real, const FUSED: bool>(x: T) -> T {
    let e = (-x.abs()).exponential::<FUSED>();
    (if x >= T::ZERO { T::ONE } else { e }) / (T::ONE + e)
}

/// sigmoid (1 - sigmoid), without its difference.
#[inline(always)]
fn sigmoid_slope<T: Real, const FUSED: bool>(x: T) -> T {
    let e = (-x.abs()).exponential::<FUSED>();
    let end = T::ONE + e;
    e / (end * end)
}

const SQRT_8_OVER_PI: f64 = 1.595_769_121_605_730_8;

/// sqrt(8 / π) (z + 0.044715 z³).
#[inline(always)]
fn tanh_gelu_argument<T: Real>(z: T) -> T {
    T::from_f64(SQRT_8_OVER_PI) * z * (T::ONE + T::from_f64(0.044_715) * z * z)
}

/// x between -13 and 13: beyond, a Gaussian and the sigmoid of the above are 0 in f32, and powers must not overflow.
#[inline(always)]
fn within_13<T: Real>(x: T) -> T {
    let end = T::from_f64(13.0);
    let x = if x > end { end } else { x };
    if x < -end { -end } else { x }
}

/// φ'(x), off by less than 4 [`ELEMENTARY_ERROR`](crate::numbers::elementary::ELEMENTARY_ERROR): absolutely for GELU, whose tail
/// is a difference of halves, beside slopes of 1 for every other unit, and for the two that are made from the sigmoid;
/// relatively for tanh, all of whose units can saturate at once.
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
            let half = T::from_f64(0.5);
            let z: [T; LANES] = lanes(|l| within_13(x[l]));
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
        kind::SILU => lanes(|l| sigmoid::<T, FUSED>(x[l]) + x[l] * sigmoid_slope::<T, FUSED>(x[l])),
        kind::TANH_GELU => {
            let z: [T; LANES] = lanes(|l| within_13(x[l]));
            let argument: [T; LANES] = lanes(|l| tanh_gelu_argument(z[l]));
            let by_square = T::from_f64(3.0 * 0.044_715);
            let steepness: [T; LANES] = lanes(|l| T::from_f64(SQRT_8_OVER_PI) * (T::ONE + by_square * z[l] * z[l]));
            lanes(|l| sigmoid::<T, FUSED>(argument[l]) + z[l] * steepness[l] * sigmoid_slope::<T, FUSED>(argument[l]))
        }
        _ => [T::ONE; LANES],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::elementary::ELEMENTARY_ERROR;

    fn activated<T: Real>(kind: u32, x: T) -> T {
        let mut one = [x];
        activate::<T, true, 1>(kind, &mut one);
        one[0]
    }

    /// By their definitions in f64, and their slopes by central differences.
    #[test]
    fn activations_made_from_the_sigmoid_are_those_of_the_definition() {
        let silu = |x: f64| x / (1.0 + (-x).exp());
        let inner = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
        let tanh_gelu = |x: f64| 0.5 * x * (1.0 + inner(x).tanh());
        let definitions: [(u32, &dyn Fn(f64) -> f64); 2] = [(kind::SILU, &silu), (kind::TANH_GELU, &tanh_gelu)];
        for (kind, definition) in definitions {
            for i in -2000..=2000 {
                let x = f64::from(i as f32 * 1e-2);
                let (double, single) = (activated(kind, x), f64::from(activated(kind, x as f32)));
                assert!((double - definition(x)).abs() <= 4e-16 * x.abs(), "{kind}, {x}: {double}");
                assert!((single - double).abs() <= ELEMENTARY_ERROR * x.abs(), "{kind}, {x}: {single}, not {double}");
                let by = 1e-5;
                let truth = (definition(x + by) - definition(x - by)) / (2.0 * by);
                let (double, single) = (slope::<f64, true>(kind, x), f64::from(slope::<f32, true>(kind, x as f32)));
                assert!((double - truth).abs() <= 1e-9, "{kind}, {x}: {double}, not {truth}");
                assert!((single - double).abs() <= 4.0 * ELEMENTARY_ERROR, "{kind}, {x}: {single}, not {double}");
            }
        }
    }

    /// States stay below 2^48. There an activation is its argument or next to 0, and its slope 1 or 0.
    #[test]
    fn activations_end_as_they_should() {
        for kind in [kind::GELU, kind::SILU, kind::TANH_GELU] {
            for x in [20.0, 1e3, 2_f32.powi(48)] {
                for (x, share) in [(x, 1.0), (-x, 0.0)] {
                    let value = activated(kind, x);
                    assert!((value - share * x).abs() <= ELEMENTARY_ERROR as f32 * x.abs(), "{kind}, {x}: {value}");
                    let slope = slope::<f32, true>(kind, x);
                    assert!((slope - share).abs() <= ELEMENTARY_ERROR as f32, "{kind}, {x}: slope {slope}");
                }
            }
        }
    }

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
