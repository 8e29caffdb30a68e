//! The two number types of the CPU: f32 on the fast path, f64 for truth. Twins are generic over [`Real`].

use crate::numbers::elementary::Elementary;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// 2^e for a constant, with -1022 <= e <= 1023.
pub const fn power_of_two(e: i32) -> f64 {
    f64::from_bits(((1023 + e) as u64) << 52)
}

/// f32 or f64.
pub trait Real:
    Elementary
    + Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + bytemuck::Pod
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The distance from 1 to the next number: 2^-23 or 2^-52.
    const EPSILON: f64;
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// Exactly this number.
    fn to_f64(self) -> f64;
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The magnitude.
    fn abs(self) -> Self;
    /// floor(log2 |self|) read from the bits; meaningless for 0 and subnormal numbers.
    fn exponent(self) -> i32;
    /// 2^exponent, for -126 <= exponent <= 127.
    fn power_of_two(exponent: i32) -> Self;
    /// Neither NaN nor infinite, read from the bits.
    fn is_finite(self) -> bool;
}

macro_rules! real {
    ($real:ident, $bits:ident, $mantissa:literal, $bias:literal, $mask:literal) => {
        impl Real for $real {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EPSILON: f64 = $real::EPSILON as f64;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $real
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                $real::mul_add(self, a, b)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $real::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $real::abs(self)
            }
            #[inline(always)]
            fn exponent(self) -> i32 {
                ((self.to_bits() >> $mantissa) & $mask) as i32 - $bias
            }
            #[inline(always)]
            fn power_of_two(exponent: i32) -> Self {
                $real::from_bits(((exponent + $bias) as $bits) << $mantissa)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                (self.to_bits() >> $mantissa) & $mask != $mask
            }
        }
    };
}

real!(f32, u32, 23, 127, 0xFF);
real!(f64, u64, 52, 1023, 0x7FF);
