//! Closed forms against published numbers, and against sums and integrals made another way.

use super::*;
use crate::spec::{Activation, Integrator};

fn near(found: f64, truth: f64, tolerance: f64) {
    assert!((found - truth).abs() <= tolerance, "{found} is not {truth} within {tolerance}");
}

/// ψ(1) = -γ, ψ(1/2) = -γ - 2 ln 2, and ψ(x + 1) = ψ(x) + 1/x on both sides of the change of formula.
#[test]
fn digamma_has_its_special_values() {
    const EULER: f64 = 0.577_215_664_901_532_9;
    near(digamma(1.0), -EULER, 1e-14);
    near(digamma(0.5), -EULER - 2.0 * std::f64::consts::LN_2, 1e-14);
    for x in [0.3, 11.5, 12.0, 80.25] {
        near(digamma(x + 1.0) - digamma(x), 1.0 / x, 1e-14);
    }
}

/// Growth factors of h λ = -5 as the essay's readers know them.
#[test]
fn growth_factors_are_those_of_the_stability_functions() {
    let found = |integrator| factor(integrator, -5.0).expect("it has one");
    near(found(Integrator::Euler), -4.0, 0.0);
    near(found(Integrator::Heun), 8.5, 1e-14);
    near(found(Integrator::Rk4), 13.708_333_333_333_334, 1e-13);
    near(found(Integrator::BackwardEuler), 1.0 / 6.0, 1e-16);
    near(found(Integrator::ExponentialEuler), 0.006_737_946_999_085_467, 1e-17);
    assert_eq!(factor(Integrator::Strang, -5.0), None);
}

/// 1.1^72 < 1000 < 1.1^73, and 2^10 is the first power of 2 beyond 1000, not beyond 1024.
#[test]
fn crossings_are_the_first_steps_beyond() {
    near(crossing_time(0.1, 1.0, 1000.0), 73.0, 0.0);
    near(crossing_time(1.0, 1.0, 1000.0), 10.0, 0.0);
    near(crossing_time(0.1, 0.5, 1000.0), 71.0, 0.0);
}

/// Values of the noncentral chi-squared formula and of Newman's, to all digits that were published.
#[test]
fn exponents_of_fresh_layers_are_the_tabulated_ones() {
    for (n, a, b, truth) in [
        (64, 1.0, 0.1, 0.004_821),
        (64, 1.0, 1.0, 0.340_671),
        (64, 0.9, 0.3, -0.054_169),
        (64, 0.5, 0.8, -0.065_511),
        (16, 1.0, 0.2, 0.017_242),
        (64, 0.0, 1.0, -0.007_853),
    ] {
        near(iid_exponent(n, a, b), truth, 6e-7);
    }
}

/// The share of a disc outside of the unit circle against a count on a fine grid.
#[test]
fn the_share_outside_is_an_area() {
    for radius in [0.25, 0.5, 1.0, 1.5, 2.0, 3.0] {
        let (mut inside, mut all) = (0.0, 0.0);
        for i in -500..=500 {
            for j in -500..=500 {
                let (re, im) = (radius * f64::from(i) / 500.0, radius * f64::from(j) / 500.0);
                if re.hypot(im) <= radius {
                    all += 1.0;
                    inside += f64::from((1.0 + re).hypot(im) <= 1.0);
                }
            }
        }
        near(disc_outside_circle(radius), 1.0 - inside / all, 3e-3);
    }
    near(disc_outside_circle(0.0), 0.0, 0.0);
}

#[test]
fn the_largest_stable_step_is_that_of_the_disc() {
    near(largest_stable_step(1.0, 0.5, 0.0), 4.0 / 3.0, 1e-15);
    near(largest_stable_step(0.0, 1.0, 0.0), 0.0, 0.0);
    near(largest_stable_step(0.0, 1.0, 0.1), 0.1, 1e-15);
}

/// s² and χ: closed forms of ReLU and GELU, tabulated values of tanh.
#[test]
fn averages_over_normal_numbers_are_the_tabulated_ones() {
    let root = 3.0_f64.sqrt() * std::f64::consts::PI;
    for (activation, gain, written, stretch, tolerance) in [
        (Activation::Relu, 1.0, 0.5, 0.5, 2e-4),
        (Activation::Gelu, 1.0, 1.0 / 3.0 + 1.0 / (2.0 * root), 0.455_850_9, 1e-7),
        (Activation::Gelu, 2.0, 1.929_865, 2.024_179, 1e-6),
        (Activation::Tanh, 1.0, 0.394_294, 0.464_403, 1e-6),
        (Activation::Tanh, 2.0, 0.635_261, 1.023_802, 1e-6),
        (Activation::Tanh, 4.0, 0.805_399, 2.106_630, 1e-6),
    ] {
        let found = MeanField::of(activation, gain);
        near(found.written, written, tolerance);
        near(found.stretch, stretch, tolerance);
    }
}

/// ReLU's map of cosines in closed form, and the slope χ / s² at 1 of any.
#[test]
fn cosines_are_mapped_as_kernels_of_cosines() {
    for cosine in [-0.9, 0.0, 0.5, 0.95] {
        near(MeanField::cosine(Activation::Relu, 1.0, cosine), relu_cosine(cosine), 1e-3);
    }
    let (tanh, step) = (MeanField::of(Activation::Tanh, 2.0), 1e-3);
    let slope = (1.0 - MeanField::cosine(Activation::Tanh, 2.0, 1.0 - step)) / step;
    near(slope, tanh.stretch / tanh.written, 5e-3);
}

/// Pre-norm streams: norms, and ln of angle² after 80 layers.
#[test]
fn pre_norm_streams_are_the_tabulated_ones() {
    let (gelu, tanh) = (MeanField::of(Activation::Gelu, 1.0), MeanField::of(Activation::Tanh, 2.0));
    near(norm_squared(gelu, 1.0, 0.0, 80), 35.02, 5e-3);
    near(norm_squared(gelu, 1.0, 0.1, 80), 2.238, 5e-4);
    near(norm_squared(tanh, 1.0, 0.1, 80), 3.3435, 5e-5);
    for (field, damping, truth) in [(gelu, 0.0, 0.2415), (gelu, 0.1, 1.131), (tanh, 0.0, 2.165), (tanh, 0.1, 9.267)] {
        near(2.0 * angular_growth(field, 1.0, damping, 80), truth, 6e-4);
    }
    near(2.0 * angular_growth(tanh, 1.0, 0.5, 80), 30.19, 6e-3);
}

#[test]
fn uniform_attention_is_that_of_the_recursion() {
    let after = |damping, steps| UniformAttention::START.after(16, 1.0, damping, steps);
    near(after(0.0, 80).square, 109.20, 5e-3);
    near(after(0.0, 80).cosine(), 0.944_99, 5e-6);
    near(after(0.0, 12).square, 13.46, 5e-3);
    near(after(0.0, 12).cosine(), 0.7718, 5e-5);
    near(after(0.1, 80).square, 3.81, 5e-3);
    near(after(0.1, 80).cosine(), 1.0, 1e-5);
}

/// Evidence that feeds back on itself, to all published digits.
#[test]
fn log_odds_are_the_tabulated_ones() {
    let own = LogOdds { step_size: 1.0, damping: 0.0, value: 1.0, feedback: 0.2, evidence: 0.0 };
    for (steps, truth) in [(10, 0.025_937), (20, 0.067_275), (40, 0.452_459), (80, 15.004_499)] {
        near(own.after(0.01, steps), truth, 5e-7);
    }
    near(LogOdds { damping: 0.05, ..own }.after(0.01, 80), 0.495_238, 5e-7);
    near(LogOdds { damping: 0.15, ..own }.after(0.01, 80), 1.651_54e-4, 5e-10);
    near(own.critical_damping(), 0.1, 1e-16);
    // tanh(κ y / 2) > 0.9: at step 80 with h = 1, at 76.33 along the equation.
    let level = 10.0 * 0.9_f64.atanh();
    let at = |step_size: f64, steps| commitment(LogOdds { step_size, ..own }, 0.01, level, steps).expect("it commits");
    near(at(1.0, 100).ceil(), 80.0, 0.0);
    near(at(1e-3, 100_000), 76.33, 1e-2);
    assert_eq!(commitment(own, 0.01, level, 50), None);
}

/// The first coordinate of a direction of three dimensions is uniform (Archimedes), and that of many is normal.
#[test]
fn shares_of_the_sphere_are_those_of_archimedes_and_of_gauss() {
    near(beyond(3, 1.0), 1.0 - 1.0 / 3.0_f64.sqrt(), 1e-12);
    near(beyond(1 << 20, 1.959_963_984_540_054), 0.05, 1e-6);
    near(beyond(64, 8.0), 0.0, 1e-12);
}
