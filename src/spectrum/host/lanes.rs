//! The arithmetic of the solver: real numbers `f32`/`f64` and SIMD vectors of them.
//!
//! One trait, [`Real`], carries both, so that every kernel of the solver is written once. A vector `T::V<S>` has one
//! lane per matrix. All operations are the correctly rounded IEEE ones and multiply-adds are always fused, hence a lane computes the same bits at every vector width.

use bytemuck::{NoUninit, Pod};
use pulp::Simd;

/// `f32` or `f64`, with its vectors under the instruction set `S`.
pub trait Real: Pod + Send + Sync + PartialOrd + std::fmt::Debug + private::Sealed {
    /// Lanes of one register.
    type V<S: Simd>: Pod + Send + Sync;
    /// A truth value per lane.
    type M<S: Simd>: Copy + NoUninit;
    /// LAPACK's `ulp`: the distance from 1 to the next number.
    const ULP: Self;
    /// Below this size a reflector is built from scaled-up entries, so that squares do not underflow.
    const SMALL: Self;
    /// The factor of that scaling, a power of two.
    const UP: Self;
    /// Entries below this, in a matrix of norm about 1, are rounding dust of the underflow threshold: taken as 0.
    const TINY: Self;
    /// Exponent e of the working scale: balancing runs on a matrix whose largest entry lies in [2^e, 2^(e+1)).
    const WORK_EXPONENT: i32;
    /// Number of mantissa bits behind the point.
    const MANTISSA: u32;
    /// Zero and one.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// Rounds to nearest.
    fn from_f64(x: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// Bits without the sign: larger magnitude, larger integer; infinity and NaN come last.
    fn magnitude_bits(self) -> u64;
    /// 2^e for a normal exponent e.
    fn power_of_two(e: i32) -> Self;
    /// Product of two numbers.
    fn times(self, other: Self) -> Self;
    /// Sum of two numbers.
    fn plus(self, other: Self) -> Self;

    /// All lanes x.
    fn splat<S: Simd>(s: S, x: Self) -> Self::V<S>;
    /// a + b.
    fn add<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// a - b.
    fn sub<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// a b.
    fn mul<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// a / b.
    fn div<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// c + a b, rounded once.
    fn fma<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, c: Self::V<S>) -> Self::V<S>;
    /// c - a b, rounded once.
    fn fnma<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>, c: Self::V<S>) -> Self::V<S>;
    /// Square root.
    fn sqrt<S: Simd>(s: S, a: Self::V<S>) -> Self::V<S>;
    /// Magnitude.
    fn abs<S: Simd>(s: S, a: Self::V<S>) -> Self::V<S>;
    /// a < b; false for NaN.
    fn less<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::M<S>;
    /// a <= b; false for NaN.
    fn at_most<S: Simd>(s: S, a: Self::V<S>, b: Self::V<S>) -> Self::M<S>;
    /// Both.
    fn and<S: Simd>(s: S, a: Self::M<S>, b: Self::M<S>) -> Self::M<S>;
    /// Either.
    fn or<S: Simd>(s: S, a: Self::M<S>, b: Self::M<S>) -> Self::M<S>;
    /// a where the mask holds, else b.
    fn select<S: Simd>(s: S, mask: Self::M<S>, a: Self::V<S>, b: Self::V<S>) -> Self::V<S>;
    /// Sum over the lanes, in a fixed order.
    fn sum<S: Simd>(s: S, a: Self::V<S>) -> Self;

    /// Lanes in a vector.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::V<S>>() / size_of::<Self>()
    }
    /// All lanes 0.
    #[inline(always)]
    fn zero<S: Simd>(s: S) -> Self::V<S> {
        Self::splat(s, Self::ZERO)
    }
    /// Does any lane hold? Masks are bit sets under AVX-512 and full-width vectors elsewhere.
    #[inline(always)]
    fn any<S: Simd>(mask: Self::M<S>) -> bool {
        match size_of::<Self::M<S>>() {
            1 => bytemuck::cast::<_, u8>(mask) != 0,
            2 => bytemuck::cast::<_, u16>(mask) != 0,
            32 => bytemuck::cast::<_, [u64; 4]>(mask).iter().fold(0, |all, word| all | word) != 0,
            _ => bytemuck::bytes_of(&mask).iter().any(|&byte| byte != 0),
        }
    }
}

/// Vectors at addresses that are multiples of a cache line. `Vec` would align them like single numbers, and then most
/// vector loads and stores touch two lines: twice the time of the whole solver.
pub struct Buffer<T: Real, S: Simd> {
    cells: Vec<T>,
    offset: usize,
    length: usize,
    simd: std::marker::PhantomData<S>,
}

impl<T: Real, S: Simd> Buffer<T, S> {
    /// `length` vectors of zeros.
    pub fn zeros(length: usize) -> Self {
        let line = 64 / size_of::<T>();
        let cells = vec![T::ZERO; length * T::lanes::<S>() + line];
        let offset = cells.as_ptr().align_offset(64).min(line);
        Buffer { cells, offset, length, simd: std::marker::PhantomData }
    }
}

impl<T: Real, S: Simd> std::ops::Deref for Buffer<T, S> {
    type Target = [T::V<S>];
    #[inline(always)]
    fn deref(&self) -> &[T::V<S>] {
        let end = self.offset + self.length * T::lanes::<S>();
        bytemuck::cast_slice(&self.cells[self.offset..end])
    }
}

impl<T: Real, S: Simd> std::ops::DerefMut for Buffer<T, S> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T::V<S>] {
        let end = self.offset + self.length * T::lanes::<S>();
        bytemuck::cast_slice_mut(&mut self.cells[self.offset..end])
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

macro_rules! real {
    ($t:ident, $v:ident, $m:ident, $bits:ident, $mantissa:literal, $bias:literal, $small:literal, $up:literal,
     $tiny:literal, $work:literal, $splat:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident,
     $fnma:ident, $sqrt:ident, $abs:ident, $less:ident, $at_most:ident, $and:ident, $or:ident, $select:ident, $sum:ident) => {
        impl Real for $t {
            type V<S: Simd> = S::$v;
            type M<S: Simd> = S::$m;
            const ULP: $t = $t::EPSILON;
            const SMALL: $t = $t::from_bits((($bias + $small) as $bits) << $mantissa);
            const UP: $t = $t::from_bits((($bias + $up) as $bits) << $mantissa);
            const TINY: $t = $t::from_bits((($bias + $tiny) as $bits) << $mantissa);
            const WORK_EXPONENT: i32 = $work;
            const MANTISSA: u32 = $mantissa;
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            #[inline(always)]
            fn from_f64(x: f64) -> $t {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn magnitude_bits(self) -> u64 {
                u64::from(self.to_bits() & ($bits::MAX >> 1))
            }
            #[inline(always)]
            fn power_of_two(e: i32) -> $t {
                $t::from_bits(((e + $bias) as $bits) << $mantissa)
            }
            #[inline(always)]
            fn times(self, other: $t) -> $t {
                self * other
            }
            #[inline(always)]
            fn plus(self, other: $t) -> $t {
                self + other
            }
            #[inline(always)]
            fn splat<S: Simd>(s: S, x: $t) -> S::$v {
                s.$splat(x)
            }
            #[inline(always)]
            fn add<S: Simd>(s: S, a: S::$v, b: S::$v) -> S::$v {
                s.$add(a, b)
            }
            #[inline(always)]
            fn sub<S: Simd>(s: S, a: S::$v, b: S::$v) -> S::$v {
                s.$sub(a, b)
            }
            #[inline(always)]
            fn mul<S: Simd>(s: S, a: S::$v, b: S::$v) -> S::$v {
                s.$mul(a, b)
            }
            #[inline(always)]
            fn div<S: Simd>(s: S, a: S::$v, b: S::$v) -> S::$v {
                s.$div(a, b)
            }
            #[inline(always)]
            fn fma<S: Simd>(s: S, a: S::$v, b: S::$v, c: S::$v) -> S::$v {
                s.$fma(a, b, c)
            }
            #[inline(always)]
            fn fnma<S: Simd>(s: S, a: S::$v, b: S::$v, c: S::$v) -> S::$v {
                s.$fnma(a, b, c)
            }
            #[inline(always)]
            fn sqrt<S: Simd>(s: S, a: S::$v) -> S::$v {
                s.$sqrt(a)
            }
            #[inline(always)]
            fn abs<S: Simd>(s: S, a: S::$v) -> S::$v {
                s.$abs(a)
            }
            #[inline(always)]
            fn less<S: Simd>(s: S, a: S::$v, b: S::$v) -> S::$m {
                s.$less(a, b)
            }
            #[inline(always)]
            fn at_most<S: Simd>(s: S, a: S::$v, b: S::$v) -> S::$m {
                s.$at_most(a, b)
            }
            #[inline(always)]
            fn and<S: Simd>(s: S, a: S::$m, b: S::$m) -> S::$m {
                s.$and(a, b)
            }
            #[inline(always)]
            fn or<S: Simd>(s: S, a: S::$m, b: S::$m) -> S::$m {
                s.$or(a, b)
            }
            #[inline(always)]
            fn select<S: Simd>(s: S, mask: S::$m, a: S::$v, b: S::$v) -> S::$v {
                s.$select(mask, a, b)
            }
            #[inline(always)]
            fn sum<S: Simd>(s: S, a: S::$v) -> $t {
                s.$sum(a)
            }
        }
    };
}

real!(
    f32,
    f32s,
    m32s,
    u32,
    23,
    127,
    -40,
    60,
    -118,
    40,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_f32s,
    div_f32s,
    mul_add_f32s,
    negate_mul_add_f32s,
    sqrt_f32s,
    abs_f32s,
    less_than_f32s,
    less_than_or_equal_f32s,
    and_m32s,
    or_m32s,
    select_f32s,
    reduce_sum_f32s
);
real!(
    f64,
    f64s,
    m64s,
    u64,
    52,
    1023,
    -400,
    500,
    -900,
    400,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_f64s,
    div_f64s,
    mul_add_f64s,
    negate_mul_add_f64s,
    sqrt_f64s,
    abs_f64s,
    less_than_f64s,
    less_than_or_equal_f64s,
    and_m64s,
    or_m64s,
    select_f64s,
    reduce_sum_f64s
);
