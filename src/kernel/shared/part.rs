//! The files of `shaders/shared`, by their stems, with those of their constants that Rust knows as well.

#![allow(non_upper_case_globals, reason = "a part is called as its file")]

use super::query_softmax::{LANES, ROOM};
use super::trajectory::{DIVERGED_EXPONENT, event, norm, scale};
use crate::kernel::{Part, attend};
use crate::numbers::activation::kind;
use crate::numbers::elementary::Elementary;

macro_rules! parts {
    ($($stem:ident $({ $($constant:ident = $value:expr,)+ })?,)+) => {$(
        #[doc = concat!("shaders/shared/", stringify!($stem), ".wgsl")]
        pub const $stem: Part = Part {
            stem: stringify!($stem),
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/shared/", stringify!($stem), ".wgsl")),
            constants: &[$($((stringify!($constant), $value as f64),)+)?],
        };
    )+};
}

parts! {
    activation {
        RELU = kind::RELU,
        GELU = kind::GELU,
        TANH = kind::TANH,
        SILU = kind::SILU,
        TANH_GELU = kind::TANH_GELU,
    },
    bits,
    block,
    column_squares,
    elementary,
    freeze { DIVERGED_EXPONENT = DIVERGED_EXPONENT, },
    magnitude,
    product,
    projection,
    query_softmax { LANES = LANES, ROOM = ROOM, LEAST = f32::LEAST_EXPONENT, },
    random,
    real { ULP = f32::EPSILON, MANTISSA = f32::MANTISSA_DIGITS - 1, BIAS = f32::MAX_EXP - 1, },
    real64 { ULP = f64::EPSILON, MANTISSA = f64::MANTISSA_DIGITS - 1, BIAS = f64::MAX_EXP - 1, },
    reflector,
    team,
    tile_attention { LOWEST = attend::LOWEST, LEAST = attend::LEAST, },
    track,
    trajectory {
        NOW = norm::NOW,
        PEAK = norm::PEAK,
        INITIAL = norm::INITIAL,
        NORM_ROWS = norm::ROWS,
        EXPONENT = scale::EXPONENT,
        PENDING = scale::PENDING,
        PEAK_EXPONENT = scale::PEAK_EXPONENT,
        PEAK_STEP = event::PEAK_STEP,
        CROSSING_STEP = event::CROSSING_STEP,
        COLLAPSE_STEP = event::COLLAPSE_STEP,
        DIVERGED_STEP = event::DIVERGED_STEP,
        EVENT_ROWS = event::ROWS,
    },
    unit_factors,
}
