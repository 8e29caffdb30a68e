//! Statistics of samples, in f64 and in the order of the members, so that chunking cannot change a bit.

use serde::Serialize;

/// Count, mean and variance, by Welford's recurrence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    /// The moments of some values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        values.into_iter().fold(Moments::default(), |mut moments, value| {
            moments.add(value);
            moments
        })
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean, if there are values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The standard deviation of the sample, if there are two values.
    pub fn sd(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    /// The standard error of the mean, if there are two values.
    pub fn standard_error(&self) -> Option<f64> {
        self.sd().map(|sd| sd / (self.count as f64).sqrt())
    }
}

/// The mean of e^x over values x that may be far beyond the range of e^x.
#[derive(Clone, Copy, Debug)]
pub struct LogMean {
    count: u64,
    largest: f64,
    sum: f64,
}

impl Default for LogMean {
    fn default() -> Self {
        LogMean { count: 0, largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogMean {
    /// Adds e^x.
    pub fn add(&mut self, x: f64) {
        self.count += 1;
        if self.largest == f64::INFINITY || x == f64::INFINITY {
            // A single infinite value makes the mean infinite.
            (self.largest, self.sum) = (f64::INFINITY, 1.0);
        } else if x > self.largest {
            self.sum = if self.sum > 0.0 { self.sum * (self.largest - x).exp() } else { 0.0 } + 1.0;
            self.largest = x;
        } else if x > f64::NEG_INFINITY {
            self.sum += (x - self.largest).exp();
        }
    }

    /// The natural logarithm of the mean; none without values, when all are 0 or one is infinite.
    pub fn log(&self) -> Option<f64> {
        (self.sum > 0.0 && self.largest.is_finite()).then(|| self.largest + (self.sum / self.count as f64).ln())
    }
}

/// Mean, spread and quantiles. What a sample is too small for is missing, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The mean.
    pub mean: Option<f64>,
    /// The standard deviation.
    pub sd: Option<f64>,
    /// The standard error of the mean.
    pub standard_error: Option<f64>,
    /// The 10 % quantile.
    pub q10: Option<f64>,
    /// The median.
    pub q50: Option<f64>,
    /// The 90 % quantile.
    pub q90: Option<f64>,
    /// The median again, under its own name.
    pub median: Option<f64>,
}

impl Summary {
    /// From moments and a sample for the quantiles, which may be shorter. The sample is sorted.
    pub fn new(moments: &Moments, sample: &mut [f64]) -> Self {
        sample.sort_by(f64::total_cmp);
        let q = |p| quantile(sample, p);
        Summary {
            mean: moments.mean(),
            sd: moments.sd(),
            standard_error: moments.standard_error(),
            q10: q(0.1),
            q50: q(0.5),
            q90: q(0.9),
            median: q(0.5),
        }
    }

    /// Of all values.
    pub fn of(values: &[f64]) -> Self {
        Summary::new(&Moments::of(values.iter().copied()), &mut values.to_vec())
    }
}

/// The quantile of a sorted sample, linear between its values (type 7 of Hyndman and Fan 1996); none if it is not
/// finite or the sample is empty.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = p * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    let value = if low == high { low } else { low + (place - place.floor()) * (high - low) };
    value.is_finite().then_some(value)
}

/// A share of members, with the standard error of a binomial share.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// Counts one member.
    pub fn add(&mut self, is: bool) {
        self.of += 1;
        self.count += u64::from(is);
    }

    /// The fraction, if there are members.
    pub fn fraction(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    /// The standard error of the fraction.
    pub fn standard_error(&self) -> Option<f64> {
        self.fraction().map(|p| (p * (1.0 - p) / self.of as f64).sqrt())
    }
}

/// The corners of the convex hull of points in the plane: all that decides which point is farthest from anywhere.
///
/// Andrew's monotone chain, n log n.
pub fn convex_hull(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let mut hull: Vec<[f64; 2]> = Vec::new();
    let mut chain = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let start = hull.len();
        for &p in points {
            while hull.len() >= start + 2 && !turns_left(hull[hull.len() - 2], hull[hull.len() - 1], p) {
                hull.pop();
            }
            hull.push(p);
        }
        hull.pop();
    };
    chain(&mut sorted.iter());
    chain(&mut sorted.iter().rev());
    hull
}

fn turns_left(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> bool {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0.0
}
