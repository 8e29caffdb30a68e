//! Axes: linear or logarithmic, their ticks, and the cells around grid values.

/// How values become places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

impl Scale {
    /// The scale on which the increasing `values` are evenly spaced: logarithmic only if that fits better.
    pub(super) fn of(values: &[f64]) -> Self {
        let positive = values.first().is_some_and(|&first| first > 0.0);
        if values.len() < 3 || !positive {
            return Scale::Linear;
        }
        let unevenness = |scale: Scale| {
            let gaps: Vec<f64> =
                values.windows(2).map(|pair| scale.forward(pair[1]) - scale.forward(pair[0])).collect();
            let gaps = extent(gaps.iter().copied()).unwrap_or(Interval::new(1.0, 1.0));
            gaps.to / gaps.from
        };
        if unevenness(Scale::Log) < unevenness(Scale::Linear) { Scale::Log } else { Scale::Linear }
    }

    pub(super) fn forward(self, value: f64) -> f64 {
        match self {
            Scale::Linear => value,
            Scale::Log => value.log10(),
        }
    }

    pub(super) fn inverse(self, scaled: f64) -> f64 {
        match self {
            Scale::Linear => scaled,
            Scale::Log => 10f64.powf(scaled),
        }
    }

    /// The edges of the cells around increasing `values`, in scaled units: one more than values.
    pub(super) fn edges(self, values: &[f64]) -> Vec<f64> {
        let places: Vec<f64> = values.iter().map(|&value| self.forward(value)).collect();
        let Some((&first, &last)) = places.first().zip(places.last()) else {
            return Vec::new();
        };
        if places.len() == 1 {
            let half = if first == 0.0 { 0.5 } else { first.abs() / 2.0 };
            return vec![first - half, first + half];
        }
        let middles: Vec<f64> = places.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
        let mut edges = vec![2.0 * first - middles[0]];
        edges.extend(&middles);
        edges.push(2.0 * last - middles[middles.len() - 1]);
        edges
    }
}

/// From one number to another, which may be below it: the page's heights run downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Interval {
    pub(super) fn new(from: f64, to: f64) -> Self {
        Interval { from, to }
    }

    pub(super) const UNIT: Self = Interval { from: 0.0, to: 1.0 };

    pub(super) fn length(self) -> f64 {
        self.to - self.from
    }

    /// So much longer at both ends.
    pub(super) fn widened(self, by: f64) -> Self {
        Interval::new(self.from - by, self.to + by)
    }

    /// One around its only number, where it has no others.
    pub(super) fn not_empty(self) -> Self {
        if self.to > self.from { self } else { self.widened(0.5) }
    }
}

/// One axis of a figure.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) scale: Scale,
    /// The ends, in scaled units.
    pub(super) range: Interval,
    /// The ends, in units of the page.
    pub(super) page: Interval,
    /// The values to mark; none leaves the choice to the axis.
    pub(super) marks: Vec<f64>,
}

impl Axis {
    /// The place on the page of a scaled value.
    pub(super) fn place(&self, scaled: f64) -> f64 {
        let share = (scaled - self.range.from) / self.range.length();
        self.page.from + share * self.page.length()
    }

    /// The place on the page of a value.
    pub(super) fn position(&self, value: f64) -> f64 {
        self.place(self.scale.forward(value))
    }

    /// Is a value between the ends?
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.range.from..=self.range.to).contains(&self.scale.forward(value))
    }

    /// Values with their texts, about `wanted` of them.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        if !self.marks.is_empty() {
            return self.marks.iter().map(|&value| (value, short(value))).collect();
        }
        match self.scale {
            Scale::Linear => linear_ticks(self.range, wanted),
            Scale::Log => log_ticks(self.range, wanted),
        }
    }
}

/// Round values in `range`: steps of 1, 2 or 5 times a power of ten.
pub(super) fn linear_ticks(range: Interval, wanted: usize) -> Vec<(f64, String)> {
    let Interval { from: low, to: high } = range;
    let raw = (high - low) / wanted.max(1) as f64;
    if raw.is_nan() || raw <= 0.0 || !raw.is_finite() {
        return Vec::new();
    }
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|&step| step >= raw * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let slack = step * 1e-6;
    let (first, last) = (((low - slack) / step).ceil() as i64, ((high + slack) / step).floor() as i64);
    let text = |value: f64| {
        let large = low.abs().max(high.abs()) >= 1e5;
        if large || decimals > 4 { short(value) } else { format!("{value:.decimals$}") }
    };
    (first..=last).map(|index| index as f64 * step).map(|value| (value, text(value).replace('-', "−"))).collect()
}

fn log_ticks(range: Interval, wanted: usize) -> Vec<(f64, String)> {
    let (first, last) = (range.from.floor() as i32, range.to.ceil() as i32);
    let decades = range.length();
    let factors: &[f64] = if decades < 1.0 {
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
    } else if decades < 3.0 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let every = (decades / wanted.max(1) as f64).ceil().max(1.0) as usize;
    let powers = (first..=last).step_by(every);
    let values = powers.flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
    let inside = |value: &f64| (range.from - 1e-6..=range.to + 1e-6).contains(&value.log10());
    values.filter(inside).map(|value| (value, short(value))).collect()
}

/// Three significant digits, with an exponent only where it is shorter.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    let text = if value == 0.0 {
        "0".to_string()
    } else if !(1e-3..1e6).contains(&size) {
        let text = format!("{value:.2e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", trimmed(digits))
    } else {
        let decimals = (2.0 - size.log10().floor()).max(0.0) as usize;
        trimmed(&format!("{value:.decimals$}")).to_string()
    };
    text.replace('-', "−")
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// The smallest and the largest finite value.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<Interval> {
    values.filter(|value| value.is_finite()).fold(None, |range, value| match range {
        None => Some(Interval::new(value, value)),
        Some(Interval { from, to }) => Some(Interval::new(value.min(from), value.max(to))),
    })
}

#[cfg(test)]
mod tests {
    use super::{Interval, Scale, linear_ticks, log_ticks, short};

    #[test]
    fn the_scale_follows_the_grid() {
        assert_eq!(Scale::of(&[0.1, 0.2, 0.3, 0.4]), Scale::Linear);
        assert_eq!(Scale::of(&[0.1, 1.0, 10.0, 100.0]), Scale::Log);
        assert_eq!(Scale::of(&[0.0, 1.0, 10.0]), Scale::Linear);
        assert_eq!(Scale::of(&[3.0]), Scale::Linear);
    }

    #[test]
    fn cells_reach_half_way_to_their_neighbours() {
        assert_eq!(Scale::Linear.edges(&[1.0, 2.0, 4.0]), [0.5, 1.5, 3.0, 5.0]);
        assert_eq!(Scale::Log.edges(&[1.0, 100.0]), [-1.0, 1.0, 3.0]);
        assert_eq!(Scale::Linear.edges(&[0.0]), [-0.5, 0.5]);
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let texts = |ticks: Vec<(f64, String)>| ticks.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(linear_ticks(Interval::new(-1.0, 1.0), 4)), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(texts(linear_ticks(Interval::new(0.0, 70.0), 7)), ["0", "10", "20", "30", "40", "50", "60", "70"]);
        assert_eq!(texts(linear_ticks(Interval::new(0.0, 0.02), 4)), ["0.000", "0.005", "0.010", "0.015", "0.020"]);
        assert_eq!(texts(linear_ticks(Interval::new(1.0, 1.0), 4)), [""; 0]);
        assert_eq!(texts(log_ticks(Interval::new(-3.0, 1.0), 7)), ["0.001", "0.01", "0.1", "1", "10"]);
        assert_eq!(texts(log_ticks(Interval::new(0.0, 1.5), 7)), ["1", "2", "5", "10", "20"]);
    }

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 1.0, 0.9677419, -12.0, 123456.0, 1e-5, -2.5e9, 0.001];
        assert_eq!(numbers.map(short), ["0", "1", "0.968", "−12", "123456", "1e−5", "−2.5e9", "0.001"]);
    }
}
