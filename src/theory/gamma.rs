//! Special functions.

/// ψ(x) = d ln Γ(x) / dx for x > 0, by its recurrence up to 12 and the asymptotic series behind it: good to 1e-14.
///
/// Source: Abramowitz and Stegun 6.3.5 and 6.3.18.
pub fn digamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 12.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    sum + x.ln() - 0.5 / x - y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y / 132.0))))
}
