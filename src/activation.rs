//! The nonlinearity of the FFN and its slope. GELU is the exact x Φ(x), not the tanh form: the constants of
//! the mean-field theory (E gelu(z)^2 = 1/3 + 1/(2 pi sqrt 3)) are those of the exact one.
//!
//! WGSL half: `shaders/shared/activation.wgsl`.

use crate::real::Real;
use crate::simd::lanes;
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

/// φ'(x).
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
            let y: [T; LANES] = lanes(|l| x[l].hyperbolic_tangent::<FUSED>());
            lanes(|l| T::ONE - y[l] * y[l])
        }
        _ => [T::ONE; LANES],
    }
}
