//! Elementary functions of the kernels: branch-free polynomials in f32, the same formulas as
//! `shaders/shared/elementary.wgsl`, and the standard library (and a convergent series for erf) in f64.
//!
//! exp: Cephes' `expf`. tanh: the rational approximation of Eigen and XLA. The share of the normal distribution: our
//! own minimax fit of type (5, 10), the constants scaled so that GELU needs no other ones. Measured against f64 at
//! 200,001 points: exp 8e-8 relative on [-87, 87], tanh 4e-7 relative, the share 7.4e-7 absolute.
//!
//! # Tried and rejected
//!
//! GELU of 256 x 256 numbers in `project` on one core of a Zen 4, AVX-512, beside 78 us for the product alone; fastest
//! of many: 18 us through erf of type (13, 8) with its argument and value scaled; 15 us through the same with the
//! scales in the constants; 11 us as it is. No quotient at all would take a polynomial of degree 25 for 3e-7: as many
//! multiplications as erf, behind which its division hides.

/// Error of the f32 functions, with room for other roundings than the CPU's: relative, but absolute for the share of
/// the normal distribution.
pub const ELEMENTARY_ERROR: f64 = 1e-6;

/// Functions that every number type of the CPU has. `FUSED` says whether `mul_add` is an instruction.
pub trait Elementary: Sized {
    /// Below this e^x is so far under the rounding of 1 that a weight e^x counts as 0, and still a normal number.
    const LEAST_EXPONENT: f64;
    /// e^self; in f32 the argument is clamped to [-87, 88].
    fn exponential<const FUSED: bool>(self) -> Self;
    /// tanh.
    fn hyperbolic_tangent<const FUSED: bool>(self) -> Self;
    /// P(0 < N(0, 1) < self), which has the sign of self: Φ(x) = 1/2 + share(x).
    fn normal_share<const FUSED: bool>(self) -> Self;
    /// The natural logarithm of a normal number above 0.
    fn logarithm<const FUSED: bool>(self) -> Self;
}

#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// A polynomial, highest power first.
#[inline(always)]
fn horner<const FUSED: bool, const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    let mut value = coefficients[0];
    for &c in &coefficients[1..] {
        value = multiply_add::<FUSED>(value, x, c);
    }
    value
}

/// `x` between two bounds; `f32::clamp` would keep the compiler from using minimum and maximum instructions.
#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[expect(clippy::excessive_precision, reason = "the coefficients as published")]
impl Elementary for f32 {
    const LEAST_EXPONENT: f64 = -80.0;

    #[inline(always)]
    fn exponential<const FUSED: bool>(self) -> f32 {
        // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
        const MAGIC: f32 = 12_582_912.0;
        let x = clamp(self, -87.0, 88.0);
        let rounded = multiply_add::<FUSED>(x, std::f32::consts::LOG2_E, MAGIC);
        let n = rounded - MAGIC;
        let r = multiply_add::<FUSED>(n, 2.121_944_4e-4, multiply_add::<FUSED>(n, -0.693_359_375, x));
        const P: [f32; 6] =
            [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];
        let p = multiply_add::<FUSED>(horner::<FUSED, 6>(P, r), r * r, r) + 1.0;
        let exponent = rounded.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(127);
        p * f32::from_bits(exponent << 23)
    }

    #[inline(always)]
    fn hyperbolic_tangent<const FUSED: bool>(self) -> f32 {
        const END: f32 = 7.905_311_1;
        const P: [f32; 7] = [
            -2.76076847742355e-16,
            2.00018790482477e-13,
            -8.60467152213735e-11,
            5.12229709037114e-08,
            1.48572235717979e-05,
            6.37261928875436e-04,
            4.89352455891786e-03,
        ];
        const Q: [f32; 4] = [1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03];
        let x = clamp(self, -END, END);
        x * horner::<FUSED, 7>(P, x * x) / horner::<FUSED, 4>(Q, x * x)
    }

    #[inline(always)]
    fn normal_share<const FUSED: bool>(self) -> f32 {
        const P: [f32; 3] = [3.631293541e-03, 2.292436175e-02, 3.989457786e-01];
        const Q: [f32; 6] = [5.321800245e-08, -8.635266568e-06, 9.784334106e-04, 2.140354179e-02, 2.241728008e-01, 1.0];
        // Beyond 5 the share is 1/2 to 2.9e-7.
        let x = clamp(self, -5.0, 5.0);
        x * horner::<FUSED, 3>(P, x * x) / horner::<FUSED, 6>(Q, x * x)
    }

    #[inline(always)]
    fn logarithm<const FUSED: bool>(self) -> f32 {
        let bits = self.to_bits();
        // The mantissa lies in [0.75, 1.5): the exponent is that of x / 0.75.
        let e = (bits.wrapping_add(0x0040_0000) >> 23) as i32 - 127;
        let m = f32::from_bits(bits.wrapping_sub((e as u32) << 23));
        let s = (m - 1.0) / (m + 1.0);
        const P: [f32; 6] = [1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0];
        multiply_add::<FUSED>(e as f32, std::f32::consts::LN_2, 2.0 * s * horner::<FUSED, 6>(P, s * s))
    }
}

impl Elementary for f64 {
    const LEAST_EXPONENT: f64 = -700.0;

    #[inline]
    fn exponential<const FUSED: bool>(self) -> f64 {
        self.exp()
    }

    #[inline]
    fn hyperbolic_tangent<const FUSED: bool>(self) -> f64 {
        self.tanh()
    }

    fn normal_share<const FUSED: bool>(self) -> f64 {
        0.5 * error_function(std::f64::consts::FRAC_1_SQRT_2 * self)
    }

    #[inline]
    fn logarithm<const FUSED: bool>(self) -> f64 {
        self.ln()
    }
}

fn error_function(z: f64) -> f64 {
    let x = z.abs();
    let value = if x < 3.0 { erf_series(x) } else { 1.0 - erfc_fraction(x) };
    value.copysign(z)
}

/// erf x = 2 / sqrt(pi) e^(-x^2) sum_k 2^k x^(2k+1) / (2k+1)!!: all terms are positive, so nothing cancels.
fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (x, x, 1.0);
    while term > 1e-17 * sum {
        term *= 2.0 * x * x / (2.0 * k + 1.0);
        sum += term;
        k += 1.0;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// erfc x by Laplace's continued fraction, for x >= 3.
fn erfc_fraction(x: f64) -> f64 {
    if x > 7.0 {
        return 0.0;
    }
    let fraction = (1..60).rev().fold(x, |fraction, k| x + k as f64 / 2.0 / fraction);
    0.5 * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f32_functions_keep_their_bound() {
        for i in -100_000..=100_000 {
            let x = i as f32 * 1e-4;
            let checks = [
                (x.exponential::<true>() as f64, (x as f64).exp()),
                (x.hyperbolic_tangent::<true>() as f64, (x as f64).tanh()),
            ];
            let share = (x.normal_share::<true>() as f64 - (x as f64).normal_share::<true>()).abs();
            assert!(share <= ELEMENTARY_ERROR, "the share of {x} is off by {share}");
            for (found, truth) in checks {
                assert!((found - truth).abs() <= ELEMENTARY_ERROR * truth.abs(), "{x}: {found} not {truth}");
            }
            let y = (x as f64).exp() as f32;
            let error = (y.logarithm::<true>() as f64 - (y as f64).ln()).abs();
            assert!(error <= 1e-6 * x.abs().max(0.1) as f64, "ln {y}: {error}");
        }
    }

    /// DLMF 7.2.1 values.
    #[test]
    fn the_error_function_is_right() {
        for (x, erf) in [(0.5, 0.520_499_877_813_046_5), (1.0, 0.842_700_792_949_714_9), (3.0, 0.999_977_909_503_001_4)]
        {
            assert!((error_function(x) - erf).abs() < 1e-15);
            assert!((error_function(-x) + erf).abs() < 1e-15);
        }
        let below = error_function(3.0 - 1e-12);
        assert!((below - error_function(3.0)).abs() < 1e-14);
    }
}
