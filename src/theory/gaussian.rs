//! Averages over normal numbers: what a wide random FFN does to norms and angles.

use crate::spec::Activation;
use std::f64::consts::{PI, SQRT_2};

/// What the FFN W2 φ(W1 x) does to states of mean square 1 when it is wide, with W1 of variance σ² / n and W2 of variance
/// 1 / m.
///
/// Source: Poole et al., NeurIPS 2016; Schoenholz et al., ICLR 2017.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanField {
    /// s² = E φ(σ z)²: the mean square of what it writes.
    pub written: f64,
    /// χ = σ² E φ'(σ z)²: the mean square stretch of a perturbation.
    pub stretch: f64,
}

impl MeanField {
    /// That of an activation at the gain σ of W1.
    pub fn of(activation: Activation, gain: f64) -> Self {
        let value = |z: f64| phi(activation, gain * z);
        let slope = |z: f64| phi_slope(activation, gain * z);
        MeanField {
            written: normal_mean(|z| value(z).powi(2)),
            stretch: gain * gain * normal_mean(|z| slope(z).powi(2)),
        }
    }

    /// The cosine of what it writes for two states whose own cosine is `cosine`: E φ(u) φ(v) / s².
    pub fn cosine(activation: Activation, gain: f64, cosine: f64) -> f64 {
        let rest = (1.0 - cosine * cosine).max(0.0).sqrt();
        let inner = |u: f64| normal_mean(|v| phi(activation, gain * (cosine * u + rest * v)));
        normal_mean(|u| phi(activation, gain * u) * inner(u)) / MeanField::of(activation, gain).written
    }
}

/// The same for ReLU in closed form: (sin θ + (π - θ) cos θ) / π.
///
/// Source: Cho and Saul, NeurIPS 2009.
pub fn relu_cosine(cosine: f64) -> f64 {
    let c = cosine.clamp(-1.0, 1.0);
    ((1.0 - c * c).sqrt() + (PI - c.acos()) * c) / PI
}

fn phi(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Gelu => x * normal_share(x),
        Activation::Tanh => x.tanh(),
    }
}

fn phi_slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => f64::from(x > 0.0),
        Activation::Gelu => normal_share(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt(),
        Activation::Tanh => 1.0 - x.tanh().powi(2),
    }
}

/// The share of normal numbers below x, by the series about 0 of the error function, or its continued fraction far out.
pub(super) fn normal_share(x: f64) -> f64 {
    let z = x.abs() / SQRT_2;
    let tail = if z < 3.0 {
        // erf z = 2/sqrt π e^(-z²) Σ 2^k z^(2k+1) / (2k+1)!!, all terms positive.
        let (mut term, mut sum, mut k) = (z, z, 0.0);
        while term > 1e-18 * sum {
            k += 1.0;
            term *= 2.0 * z * z / (2.0 * k + 1.0);
            sum += term;
        }
        0.5 - (-z * z).exp() / PI.sqrt() * sum
    } else {
        let fraction = (1..60).rev().fold(0.0, |below, k| 0.5 * f64::from(k) / (z + below));
        0.5 * (-z * z).exp() / PI.sqrt() / (z + fraction)
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// E f(z) over normal z: the midpoint rule to 9 standard deviations, which converges geometrically for smooth f, and has no
/// point at 0, where f may have a kink or a step.
fn normal_mean(f: impl Fn(f64) -> f64) -> f64 {
    const HALF: i32 = 400;
    let step = 9.0 / f64::from(HALF);
    let weight = |z: f64| (-0.5 * z * z).exp() * step / (2.0 * PI).sqrt();
    (-HALF..HALF).map(|i| (f64::from(i) + 0.5) * step).map(|z| weight(z) * f(z)).sum()
}
