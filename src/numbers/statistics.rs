//! Statistics of samples, in f64 and in the order of the members, so that chunking cannot change a bit; those of parts of a
//! sample merge into those of the whole.

mod log_mean;
mod maybe;

pub use log_mean::LogMean;
pub use maybe::Maybe;

use serde::Serialize;

/// A number, or several, that statistics consist of.
#[derive(Debug)]
pub enum Field<'a> {
    /// A real number.
    Real(&'a mut f64),
    /// A count.
    Count(&'a mut u64),
    /// The values behind quantiles.
    Values(&'a mut Vec<f64>),
}

/// The name of a field in its parts, which are put together where somebody asks: a sweep has millions of fields, and a hundred
/// names.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    before: Option<&'a Name<'a>>,
    own: &'a str,
}

impl Name<'static> {
    /// What all names begin with: nothing.
    pub const START: Name<'static> = Name { before: None, own: "" };
}

impl Name<'_> {
    /// The same with something behind it.
    pub fn and<'a>(&'a self, own: &'a str) -> Name<'a> {
        Name { before: Some(self), own }
    }
}

impl std::fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.before.map_or(Ok(()), |before| before.fmt(f))?;
        f.write_str(self.own)
    }
}

/// Statistics as the numbers that they consist of, to be kept somewhere and brought back to the last bit.
pub trait Fields {
    /// Shows every number with its name, which begins with `name`; always in the same order.
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field));
}

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

    /// Adds the values of another part of the sample (Chan, Golub and LeVeque, Am. Stat. 37, 1983). Merging with an empty
    /// part changes no bit.
    pub fn merge(&mut self, other: &Moments) {
        if self.count == 0 || other.count == 0 {
            *self = if self.count == 0 { *other } else { *self };
            return;
        }
        let (own, its) = (self.count as f64, other.count as f64);
        let delta = other.mean - self.mean;
        self.count += other.count;
        let share = its / self.count as f64;
        self.mean += delta * share;
        self.squares += other.squares + delta * delta * own * share;
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

impl Fields for Moments {
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field)) {
        see(name.and("_count"), Field::Count(&mut self.count));
        see(name.and("_mean"), Field::Real(&mut self.mean));
        see(name.and("_squares"), Field::Real(&mut self.squares));
    }
}

/// An interval with a confidence of 95 %. An end may be infinite; JSON, which has no infinity, then has null.
pub type Interval = [f64; 2];

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Mean, spread and quantiles. What a sample is too small for is missing, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The mean.
    pub mean: Maybe,
    /// The standard deviation.
    pub sd: Maybe,
    /// The standard error of the mean.
    pub standard_error: Maybe,
    /// The 10 % quantile.
    pub q10: Maybe,
    /// The median.
    pub median: Maybe,
    /// The 90 % quantile.
    pub q90: Maybe,
    /// Where the median of the population lies with 95 % confidence, whatever the distribution; from six values on.
    pub median_interval: Maybe<Interval>,
}

impl Summary {
    /// From moments and a sample for the quantiles, which may be shorter. The sample is sorted.
    pub fn new(moments: &Moments, sample: &mut [f64]) -> Self {
        sample.sort_unstable_by(f64::total_cmp);
        Summary::of_sorted(moments, sample)
    }

    /// The same of a sample that is sorted already.
    pub fn of_sorted(moments: &Moments, sample: &[f64]) -> Self {
        Summary {
            mean: moments.mean().into(),
            sd: moments.sd().into(),
            standard_error: moments.standard_error().into(),
            q10: quantile(sample, 0.1).into(),
            median: quantile(sample, 0.5).into(),
            q90: quantile(sample, 0.9).into(),
            median_interval: median_interval(sample).into(),
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

/// The median's interval in a sorted sample: from the r-th smallest value to the r-th largest, with the largest r for
/// which at least 95 % of samples hold the population's median in between. None of fewer than six values, where the
/// smallest and the largest hold it less often.
///
/// The number of values below the median is binomial (Conover, Practical Nonparametric Statistics, section 3.2).
pub fn median_interval(sorted: &[f64]) -> Option<Interval> {
    let rank = median_rank(sorted.len())?;
    Some([sorted[rank - 1], sorted[sorted.len() - rank]])
}

/// The largest r with P(B < r) <= 2.5 % for a binomial B of n throws of a coin, if it is not 0.
///
/// From 60 values on it is that of the normal distribution with its correction for continuity, floor((n + 1 - z √n) / 2):
/// of the lengths up to 3,000 one in 130 has it one below the binomial's, none above.
fn median_rank(n: usize) -> Option<usize> {
    let rank = if n < 60 {
        let mut share = 0.5_f64.powi(n as i32);
        let (mut tail, mut rank) = (share, 0);
        while tail <= 0.025 && rank < n {
            share *= (n - rank) as f64 / (rank + 1) as f64;
            tail += share;
            rank += 1;
        }
        rank
    } else {
        let n = n as f64;
        (0.5 * (n + 1.0 - Z * n.sqrt())).floor() as usize
    };
    (rank > 0).then_some(rank)
}

/// A share of members.
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

    /// Adds the members of another part.
    pub fn merge(&mut self, other: &Share) {
        self.count += other.count;
        self.of += other.of;
    }

    /// The fraction, if there are members.
    pub fn fraction(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    /// Where the fraction of the population lies with 95 % confidence: Wilson's interval (J. Am. Stat. Assoc. 22, 1927),
    /// which is never a single point, not even where the fraction is 0 or 1.
    pub fn interval(&self) -> Option<Interval> {
        let (p, n) = (self.fraction()?, self.of as f64);
        let center = p + Z * Z / (2.0 * n);
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let end = |x: f64| x / (1.0 + Z * Z / n);
        // At a fraction of 0 or 1 that end is exact.
        let low = if self.count == 0 { 0.0 } else { end(center - spread) };
        let high = if self.count == self.of { 1.0 } else { end(center + spread) };
        Some([low, high])
    }
}

impl Fields for Share {
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field)) {
        see(name.and("_count"), Field::Count(&mut self.count));
        see(name.and("_of"), Field::Count(&mut self.of));
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
