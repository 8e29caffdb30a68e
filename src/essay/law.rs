//! By which law something grows with depth: candidates are fitted and compared by what they leave unexplained.

/// How x grows with the layer k, up to a constant factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Law {
    /// e^(r k).
    Exponential,
    /// e^(r √k).
    Stretched,
    /// 1 + r k.
    Linear,
    /// √(1 + r k).
    Root,
}

/// What an exponential competes with.
const OTHERS: [Law; 3] = [Law::Stretched, Law::Linear, Law::Root];

/// The rates r >= 0 of Linear and Root that are looked through before the best is narrowed down, as powers of 2.
const RATES: std::ops::Range<i32> = -20..12;

impl Law {
    /// ln x at layer k, but for a constant.
    fn log(self, rate: f64, k: usize) -> f64 {
        let k = k as f64;
        match self {
            Law::Exponential => rate * k,
            Law::Stretched => rate * k.sqrt(),
            Law::Linear => (rate * k).ln_1p(),
            Law::Root => 0.5 * (rate * k).ln_1p(),
        }
    }

    /// The least sum of squares that it leaves of ln x at layers 0, 1, .., over both of its numbers.
    fn residual(self, logs: &[f64]) -> f64 {
        match self {
            Law::Exponential | Law::Stretched => self.left(logs, self.slope(logs)),
            Law::Linear | Law::Root => {
                let at = |power: f64| self.left(logs, power.exp2());
                let best = RATES.map(f64::from).min_by(|&a, &b| at(a).total_cmp(&at(b))).unwrap_or_default();
                // Between its neighbours there is one minimum. No growth at all is among the candidates.
                narrowed(at, best - 1.0, best + 1.0).min(self.left(logs, 0.0))
            }
        }
    }

    /// What is left at a rate, with the constant that fits best.
    fn left(self, logs: &[f64], rate: f64) -> f64 {
        let differences = || logs.iter().enumerate().map(|(k, log)| log - self.log(rate, k));
        let mean = differences().sum::<f64>() / logs.len() as f64;
        differences().map(|difference| (difference - mean).powi(2)).sum()
    }

    /// The rate of a law that is linear in it; none is below 0, for these are laws of growth.
    fn slope(self, logs: &[f64]) -> f64 {
        let n = logs.len() as f64;
        let shape = || (0..logs.len()).map(|k| self.log(1.0, k));
        let (mean, level) = (shape().sum::<f64>() / n, logs.iter().sum::<f64>() / n);
        let along: f64 = shape().zip(logs).map(|(x, y)| (x - mean) * (y - level)).sum();
        let squares: f64 = shape().map(|x| (x - mean).powi(2)).sum();
        (along / squares).max(0.0)
    }
}

/// The minimum of a function with one of them between two points, by golden sections.
fn narrowed(of: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let section = 0.5 * (5.0_f64.sqrt() - 1.0);
    for _ in 0..40 {
        let [left, right] = [high - section * (high - low), low + section * (high - low)];
        if of(left) < of(right) { high = right } else { low = left }
    }
    of(f64::midpoint(low, high))
}

/// Akaike's criterion of an exponential less that of the best other law, of ln x behind layers 0, 1, ..: below 0 the
/// exponential explains more (Akaike, IEEE Trans. Automat. Contr. 19, 1974, with normal residuals; each law has two numbers).
/// Layers are taken as independent, so its scatter among members is the measure of its error.
pub(super) fn excess_of_exponential(logs: &[f64]) -> f64 {
    // What the rounding of states in f32 leaves of a perfect fit is no reason to prefer one law.
    let floor = (16.0 * f64::from(f32::EPSILON)).powi(2) * logs.len() as f64;
    let left = |law: Law| law.residual(logs).max(floor);
    let best = OTHERS.into_iter().map(left).fold(f64::INFINITY, f64::min);
    logs.len() as f64 * (left(Law::Exponential) / best).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..100).map(|k| of(f64::from(k)).ln()).collect()
    }

    #[test]
    fn every_law_finds_itself() {
        let exact = [
            (Law::Exponential, series(|k| 3.0 * (0.07 * k).exp())),
            (Law::Stretched, series(|k| 0.2 * (0.9 * k.sqrt()).exp())),
            (Law::Linear, series(|k| 5.0 + 0.3 * k)),
            (Law::Root, series(|k| (2.0 + 0.7 * k).sqrt())),
        ];
        for (own, logs) in &exact {
            for law in [Law::Exponential, Law::Stretched, Law::Linear, Law::Root] {
                let left = law.residual(logs);
                assert_eq!(left < 1e-10, law == *own, "{law:?} leaves {left} of {own:?}");
            }
            let excess = excess_of_exponential(logs);
            assert_eq!(excess < 0.0, *own == Law::Exponential, "{own:?}: {excess}");
            assert!(excess.abs() > 100.0, "{own:?}: {excess}");
        }
    }

    /// With a unit of noise at 4 layers and two laws by hand: a line through (0, 1, 2, 3) leaves nothing; a constant leaves 5.
    #[test]
    fn what_is_left_is_the_least_sum_of_squares() {
        let line = [0.0, 1.0, 2.0, 3.0];
        assert!(Law::Exponential.residual(&line) < 1e-24);
        assert!((Law::Exponential.left(&line, 0.0) - 5.0).abs() < 1e-12);
        let falling = [3.0, 2.0, 1.0, 0.0];
        for law in [Law::Exponential, Law::Stretched, Law::Linear, Law::Root] {
            assert!((law.residual(&falling) - 5.0).abs() < 1e-9, "{law:?} does not shrink");
        }
        assert_eq!(excess_of_exponential(&[1.0; 20]), 0.0, "what does not grow prefers none");
    }
}
