//! What the definitions are written over: numbers, numbers with a slope, and numbers with the rounding of a device.
//!
//! A layer is written once, for any [`Number`]. Run on [`Dual`]s it gives exact Jacobian-vector products without a
//! formula for any slope but those of exp, sqrt, tanh and the normal distribution; run on [`Noisy`] numbers it shows
//! how far rounding carries a result, which is what the tolerances of the f32 devices come from.

use std::cell::Cell;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Real numbers, as far as the definitions need them.
pub trait Number:
    Copy
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// As a plain number, without its slope.
    fn value(self) -> f64;
    fn exp(self) -> Self;
    fn sqrt(self) -> Self;
    fn tanh(self) -> Self;
    /// P(N(0, 1) < self).
    fn normal_share(self) -> Self;
}

impl Number for f64 {
    fn value(self) -> f64 {
        self
    }

    fn exp(self) -> f64 {
        f64::exp(self)
    }

    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }

    fn tanh(self) -> f64 {
        f64::tanh(self)
    }

    fn normal_share(self) -> f64 {
        0.5 + area_under_the_density(self)
    }
}

/// e^(-x²/2) / sqrt(2 pi).
pub fn density<N: Number>(x: N) -> N {
    (-(x * x) / 2.0.into()).exp() / std::f64::consts::TAU.sqrt().into()
}

/// The area under the normal density from 0 to x, by Gauss and Legendre's rule of 10 points on pieces of at most 1/2;
/// beyond 39 there is none in f64.
pub fn area_under_the_density(x: f64) -> f64 {
    const PLACES: [f64; 5] = [
        0.148_874_338_981_631_22,
        0.433_395_394_129_247_2,
        0.679_409_568_299_024_4,
        0.865_063_366_688_984_5,
        0.973_906_528_517_171_7,
    ];
    const WEIGHTS: [f64; 5] = [
        0.295_524_224_714_752_87,
        0.269_266_719_309_996_36,
        0.219_086_362_515_982_04,
        0.149_451_349_150_580_6,
        0.066_671_344_308_688_14,
    ];
    let x = x.clamp(-39.0, 39.0);
    let pieces = (2.0 * x.abs()).ceil().max(1.0);
    let half = x / pieces / 2.0;
    let mut area = 0.0;
    for piece in 0..pieces as usize {
        let middle = (2 * piece + 1) as f64 * half;
        for (place, weight) in PLACES.iter().zip(WEIGHTS) {
            area += weight * half * (density(middle - place * half) + density(middle + place * half));
        }
    }
    area
}

/// A number that depends on something, and its derivative by it.
#[derive(Clone, Copy)]
pub struct Dual<N> {
    pub value: N,
    pub slope: N,
}

impl<N: Number> From<f64> for Dual<N> {
    fn from(value: f64) -> Self {
        Dual { value: value.into(), slope: 0.0.into() }
    }
}

impl<N: Number> Add for Dual<N> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Dual { value: self.value + other.value, slope: self.slope + other.slope }
    }
}

impl<N: Number> Sub for Dual<N> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Dual { value: self.value - other.value, slope: self.slope - other.slope }
    }
}

impl<N: Number> Neg for Dual<N> {
    type Output = Self;
    fn neg(self) -> Self {
        Dual { value: -self.value, slope: -self.slope }
    }
}

impl<N: Number> Mul for Dual<N> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Dual { value: self.value * other.value, slope: self.slope * other.value + self.value * other.slope }
    }
}

impl<N: Number> Div for Dual<N> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Dual { value, slope: (self.slope - value * other.slope) / other.value }
    }
}

impl<N: Number> Number for Dual<N> {
    fn value(self) -> f64 {
        self.value.value()
    }

    fn exp(self) -> Self {
        let value = self.value.exp();
        Dual { value, slope: self.slope * value }
    }

    fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        Dual { value, slope: self.slope / (value + value) }
    }

    fn tanh(self) -> Self {
        let value = self.value.tanh();
        Dual { value, slope: self.slope * (N::from(1.0) - value * value) }
    }

    fn normal_share(self) -> Self {
        Dual { value: self.value.normal_share(), slope: self.slope * density(self.value) }
    }
}

thread_local! {
    /// The size of the roundings of [`Noisy`] numbers on this thread, and where its random numbers stand.
    static NOISE: Cell<(f64, u64)> = const { Cell::new((0.0, 1)) };
}

/// Runs something with roundings of up to this size in every operation on [`Noisy`] numbers.
pub fn with_noise<T>(size: f64, seed: u64, run: impl FnOnce() -> T) -> T {
    NOISE.set((size, 0x9e37_79b9_7f4a_7c15 ^ (seed << 8 | 1)));
    let result = run();
    NOISE.set((0.0, 1));
    result
}

/// Uniform between -size and size (Marsaglia's xorshift).
pub fn noise() -> f64 {
    let (size, mut state) = NOISE.get();
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    NOISE.set((size, state));
    size * ((state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
}

/// A number whose every operation errs by a random relative amount, as that of a device may.
#[derive(Clone, Copy)]
pub struct Noisy(pub f64);

/// The errors of a device's exp, tanh and share of the normal distribution, in roundings.
const ELEMENTARY: f64 = 8.0;

fn rounded(x: f64) -> Noisy {
    Noisy(x * (1.0 + noise()))
}

impl From<f64> for Noisy {
    fn from(x: f64) -> Self {
        Noisy(x)
    }
}

impl Add for Noisy {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        rounded(self.0 + other.0)
    }
}

impl Sub for Noisy {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        rounded(self.0 - other.0)
    }
}

impl Neg for Noisy {
    type Output = Self;
    fn neg(self) -> Self {
        Noisy(-self.0)
    }
}

impl Mul for Noisy {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        rounded(self.0 * other.0)
    }
}

impl Div for Noisy {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        rounded(self.0 / other.0)
    }
}

impl Number for Noisy {
    fn value(self) -> f64 {
        self.0
    }

    fn exp(self) -> Self {
        Noisy(self.0.exp() * (1.0 + ELEMENTARY * noise()))
    }

    fn sqrt(self) -> Self {
        rounded(self.0.sqrt())
    }

    fn tanh(self) -> Self {
        Noisy(self.0.tanh() * (1.0 + ELEMENTARY * noise()))
    }

    fn normal_share(self) -> Self {
        Noisy(self.0.normal_share() + ELEMENTARY * noise())
    }
}
