//! How attention along a planted direction makes a choice between two words of evidence, without noise and without a norm.

/// The log-odds coordinate y of a state along the planted direction: y' = (1 - γ) y + h θ tanh((κ y + b) / 2).
///
/// A query that sees N planet and M element tokens with values ±θ, whose scores differ by κ y, has
/// θ (N e^(κ y) - M) / (N e^(κ y) + M) added, and that is θ tanh((κ y + b) / 2) with the evidence b = ln(N / M).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogOdds {
    /// The step size h.
    pub step_size: f64,
    /// The friction γ.
    pub damping: f64,
    /// Strength θ of the values.
    pub value: f64,
    /// Strength κ of the feedback: how much the state draws attention to what agrees with it.
    pub feedback: f64,
    /// The evidence b in nats.
    pub evidence: f64,
}

impl LogOdds {
    /// One layer further on.
    pub fn step(&self, y: f64) -> f64 {
        (1.0 - self.damping) * y + self.step_size * self.value * (0.5 * (self.feedback * y + self.evidence)).tanh()
    }

    /// y after so many layers.
    pub fn after(&self, start: f64, steps: usize) -> f64 {
        (0..steps).fold(start, |y, _| self.step(y))
    }

    /// The friction above which nothing is chosen without evidence: γ_c = h θ κ / 2, a pitchfork.
    pub fn critical_damping(&self) -> f64 {
        0.5 * self.step_size * self.value * self.feedback
    }
}

/// The time t = h k at which y first exceeds `level`, interpolated between steps, if it does within so many steps.
pub fn commitment(own: LogOdds, start: f64, level: f64, steps: usize) -> Option<f64> {
    let mut y = start;
    for step in 0..steps {
        let next = own.step(y);
        if next > level {
            return Some(own.step_size * (step as f64 + (level - y) / (next - y)));
        }
        y = next;
    }
    None
}

/// The share of directions of n dimensions that lie farther from the equator than a coordinate `level` of a vector of length
/// √n: P(|√n cos| > level). The density of t = √n cos is (1 - t² / n)^((n - 3) / 2); Simpson's rule.
pub fn beyond(width: usize, level: f64) -> f64 {
    // Nothing to speak of lies beyond 20, where the density of normal numbers is e^-200.
    let (n, pieces) = (width as f64, 2000);
    let end = n.sqrt().min(20.0);
    let density = |t: f64| (1.0 - t * t / n).max(0.0).powf(0.5 * (n - 3.0));
    let integral = |from: f64| {
        let step = (end - from) / f64::from(pieces);
        let weight = |i: i32| if i == 0 || i == pieces { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        (0..=pieces).map(|i| weight(i) * density(from + step * f64::from(i))).sum::<f64>() * step / 3.0
    };
    integral(level) / integral(0.0)
}
