//! The mean of e^x over values x that may be far beyond the range of e^x.

use super::{Field, Fields, Name};

/// The mean of e^x over values x that may be far beyond the range of e^x.
#[derive(Clone, Copy, Debug)]
pub struct LogMean {
    count: u64,
    largest: f64,
    /// Sum of the weights e^(x - largest), of their squares, and of their squared distances from their mean. The last
    /// follows Welford, Technometrics 4 (1962): a difference of the first two would be rounding where weights are alike.
    sum: f64,
    squares: f64,
    deviations: f64,
}

impl Default for LogMean {
    fn default() -> Self {
        LogMean { count: 0, largest: f64::NEG_INFINITY, sum: 0.0, squares: 0.0, deviations: 0.0 }
    }
}

impl LogMean {
    /// Adds e^x.
    pub fn add(&mut self, x: f64) {
        self.count += 1;
        if self.largest == f64::INFINITY || x == f64::INFINITY {
            // A single infinite value makes the mean infinite.
            (self.largest, self.sum) = (f64::INFINITY, 1.0);
            return;
        }
        if x > self.largest {
            let scale = if self.sum > 0.0 { (self.largest - x).exp() } else { 0.0 };
            self.sum *= scale;
            self.squares *= scale * scale;
            self.deviations *= scale * scale;
            self.largest = x;
        }
        let weight = if x > f64::NEG_INFINITY { (x - self.largest).exp() } else { 0.0 };
        let (before, after) = ((self.count - 1) as f64, self.count as f64);
        if before > 0.0 {
            let distance = weight - self.sum / before;
            self.deviations += distance * distance * (before / after);
        }
        self.sum += weight;
        self.squares += weight * weight;
    }

    /// Adds the values of another part of the sample. Merging with an empty part changes no bit.
    pub fn merge(&mut self, other: &LogMean) {
        if self.count == 0 || other.count == 0 {
            *self = if self.count == 0 { *other } else { *self };
            return;
        }
        let (own, its) = (self.count as f64, other.count as f64);
        self.count += other.count;
        if self.largest == f64::INFINITY || other.largest == f64::INFINITY {
            (self.largest, self.sum) = (f64::INFINITY, 1.0);
            return;
        }
        let largest = self.largest.max(other.largest);
        let scaled = |part: &LogMean| part.scaled_to(largest);
        let (before, other) = (scaled(self), scaled(other));
        let distance = other.sum / its - before.sum / own;
        self.largest = largest;
        self.sum = before.sum + other.sum;
        self.squares = before.squares + other.squares;
        self.deviations = before.deviations + other.deviations + distance * distance * own * (its / self.count as f64);
    }

    /// The same values over e^largest, which is no less than their own.
    fn scaled_to(&self, largest: f64) -> LogMean {
        let scale = if self.sum > 0.0 { (self.largest - largest).exp() } else { 0.0 };
        let square = scale * scale;
        LogMean { sum: self.sum * scale, squares: self.squares * square, deviations: self.deviations * square, ..*self }
    }

    /// The natural logarithm of the mean: minus infinity when all values are 0, infinity when one is infinite; none
    /// without values.
    pub fn log(&self) -> Option<f64> {
        (self.count > 0).then(|| self.largest + (self.sum / self.count as f64).ln())
    }

    /// The standard error of the mean over the mean, if there are two values and the mean is neither 0 nor infinite.
    pub fn relative_error(&self) -> Option<f64> {
        let n = self.count as f64;
        let known = self.count > 1 && self.sum > 0.0 && self.largest.is_finite();
        // The variance of n weights is their deviations over n - 1, and their mean has an n-th of it.
        known.then(|| (self.deviations / (n - 1.0) * n).sqrt() / self.sum)
    }

    /// Kish's effective number of values, (Σ w)² / Σ w²: as many equal ones have a mean as good as that of these. It is
    /// the number of values where all are equal, and 1 where a single one makes the sum.
    pub fn effective_count(&self) -> f64 {
        self.sum * self.sum / self.squares
    }

    /// Do so few values make the mean that its standard error says little? They do where the effective number is below a
    /// tenth of all: the standard deviation is more than three times the mean then. It cannot be seen with fewer than ten
    /// values.
    pub fn is_tail(&self) -> bool {
        self.largest.is_finite() && 10.0 * self.effective_count() < self.count as f64
    }
}

impl Fields for LogMean {
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field)) {
        see(name.and("_count"), Field::Count(&mut self.count));
        see(name.and("_largest"), Field::Real(&mut self.largest));
        see(name.and("_sum"), Field::Real(&mut self.sum));
        see(name.and("_squares"), Field::Real(&mut self.squares));
        see(name.and("_deviations"), Field::Real(&mut self.deviations));
    }
}
