//! When a state counts as diverged.

/// Growth of the norm that counts as diverged, squared, as mantissa and exponent: it may be beyond f32.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    pub(crate) mantissa: f64,
    pub(crate) exponent: i32,
}

impl Threshold {
    /// The threshold `factor` on the norm.
    pub fn new(factor: f64) -> Self {
        let exponent = (2.0 * factor.log2()).floor();
        Threshold { mantissa: factor * factor / exponent.exp2(), exponent: exponent as i32 }
    }
}
