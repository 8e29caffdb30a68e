//! Spectra of one random step, and exponents of products of them.

use super::digamma;
use std::f64::consts::PI;

/// The largest Lyapunov exponent of products of independent steps a I + b G / sqrt n, with independent normal entries of G:
/// exact for every n, for |M x| / |x| has the same law whatever x is.
///
/// ½ [ln(2 b² / n) + Σ_j e^(-d/2) (d/2)^j / j! ψ(n/2 + j)] with d = n a² / b²: E ln of a noncentral χ²_n. With a = 0 it is
/// that of Newman, Commun. Math. Phys. 103 (1986).
pub fn iid_exponent(n: usize, a: f64, b: f64) -> f64 {
    let half = n as f64 / 2.0;
    let mean = half * (a / b).powi(2);
    // Poisson weights, from the largest outwards, until they no longer count.
    let top = mean.floor();
    let log_top = if mean > 0.0 { top * mean.ln() - mean - log_factorial(top as u64) } else { 0.0 };
    let (mut sum, mut total) = (0.0, 0.0);
    let mut take = |j: f64, weight: f64| {
        sum += weight * digamma(half + j);
        total += weight;
    };
    take(top, log_top.exp());
    let (mut weight, mut j) = (log_top.exp(), top);
    while mean > 0.0 && weight > 1e-18 {
        j += 1.0;
        weight *= mean / j;
        take(j, weight);
    }
    (weight, j) = (log_top.exp(), top);
    while j >= 1.0 && weight > 1e-18 {
        weight *= j / mean;
        j -= 1.0;
        take(j, weight);
    }
    0.5 * ((2.0 * b * b / n as f64).ln() + sum / total)
}

fn log_factorial(n: u64) -> f64 {
    (2..=n).map(|k| (k as f64).ln()).sum()
}

/// The largest h at which (1 - γ) I + h (-μ I + ρ G / sqrt n) is stable for large n, where its eigenvalues fill the disc
/// about 1 - γ - h μ with radius h ρ: (2 - γ) / (μ + ρ), if a small h is stable at all. With ρ > μ it is not unless
/// h (ρ - μ) < γ.
///
/// Source: the circular law, Ginibre, J. Math. Phys. 6 (1965).
pub fn largest_stable_step(shift: f64, radius: f64, damping: f64) -> f64 {
    let step = (2.0 - damping) / (shift + radius);
    match radius > shift {
        true => step.min(damping / (radius - shift)),
        false => step,
    }
}

/// The share of a disc about 1 with radius r, evenly filled, that is outside of the unit circle: what part of the spectrum of
/// I + r G / sqrt n is unstable for large n.
pub fn disc_outside_circle(radius: f64) -> f64 {
    if radius == 0.0 {
        return 0.0;
    }
    // The lens of two circles at distance 1: the sum of two segments.
    let r = radius.min(2.0);
    let segment = |r: f64, half_angle: f64| r * r * (half_angle - half_angle.sin() * half_angle.cos());
    let own = ((1.0 + r * r - 1.0) / (2.0 * r)).clamp(-1.0, 1.0).acos();
    let unit = ((1.0 + 1.0 - r * r) / 2.0).clamp(-1.0, 1.0).acos();
    let lens = if radius >= 2.0 { PI } else { segment(r, own) + segment(1.0, unit) };
    1.0 - lens / (PI * radius * radius)
}
