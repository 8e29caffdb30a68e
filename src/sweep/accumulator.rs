//! The statistics of a cell while members arrive, in their order.

use super::cell::{Bands, Cell, Fates, Intervals, Linearised, Observed, Remark};
use crate::numbers::statistics::{LogMean, Moments, Share, Summary, quantile};
use crate::numbers::verdict::Band;
use crate::rollout::{Observation, Outcome};
use crate::spec::SweepSpec;
use crate::sweep::Point;

/// Values of the members: quantiles of all that are kept, infinite ones too, means of the finite ones.
#[derive(Default)]
struct Sample {
    finite: Moments,
    values: Vec<f64>,
}

impl Sample {
    fn add(&mut self, value: f64, most: usize) {
        if value.is_finite() {
            self.finite.add(value);
        }
        if self.values.len() < most {
            self.values.push(value);
        }
    }

    fn summary(&mut self) -> Summary {
        Summary::new(&self.finite, &mut self.values)
    }

    fn median(&mut self) -> Option<f64> {
        self.values.sort_unstable_by(f64::total_cmp);
        quantile(&self.values, 0.5)
    }
}

/// How states and perturbations grow, where that is not the same.
#[derive(Default)]
struct Apart {
    norm_rate: Sample,
    perturbation: Sample,
}

impl Apart {
    /// ln |d_L| / |d_0|, if any perturbation was followed.
    fn perturbation(&mut self) -> Option<Summary> {
        (!self.perturbation.values.is_empty()).then(|| self.perturbation.summary())
    }
}

/// What was seen of the last states, in the order of the fields of [`Observed`].
#[derive(Default)]
struct Seen([Moments; 5]);

impl Seen {
    fn add(&mut self, own: &Observation) {
        let Observation { cosine, token_similarity, attention_entropy, effective_step, effective_damping, .. } = *own;
        let values = [cosine, token_similarity, attention_entropy, effective_step, effective_damping];
        self.0.iter_mut().zip(values).for_each(|(moments, value)| value.into_iter().for_each(|x| moments.add(x)));
    }

    fn means(&self) -> Observed {
        let [cosine, token_similarity, attention_entropy, effective_step, effective_damping] =
            self.0.map(|moments| moments.mean());
        Observed { cosine, token_similarity, attention_entropy, effective_step, effective_damping }
    }
}

/// A cell while members arrive, in their order.
#[derive(Default)]
pub struct Accumulator {
    bands: Bands,
    quantile_members: usize,
    radius: Sample,
    predicted_rate: Moments,
    predicted: [Share; 3],
    observed_rate: Sample,
    observed: [Share; 3],
    apart: Option<Apart>,
    seen: Option<Seen>,
    linearised: Vec<Linearised>,
    grew: Share,
    diverged: Share,
    growth: Sample,
    square: LogMean,
    log_peak: Sample,
    peak: Moments,
    peak_step: Sample,
    crossing_step: Sample,
    collapsed: u64,
    frozen: u64,
    no_spectrum: u64,
}

impl Accumulator {
    /// Bytes of the samples of one member whose state is its own perturbation.
    pub const SAMPLE_BYTES: usize = 6 * size_of::<f64>();

    /// An empty cell whose quantiles come from at most so many members.
    pub fn new(quantile_members: usize, bands: Bands) -> Self {
        Accumulator { bands, quantile_members, ..Accumulator::default() }
    }

    /// The same for layers whose states and perturbations grow each in their own way.
    pub fn apart(self) -> Self {
        Accumulator { apart: Some(Apart::default()), ..self }
    }

    /// Do they?
    pub fn is_apart(&self) -> bool {
        self.apart.is_some()
    }

    /// Verdicts on predictions to come are given with this band; they come from Jacobians at these steps.
    pub fn judge_by(&mut self, predicted: Band, linearised: Vec<Linearised>) {
        self.bands.predicted = predicted;
        self.linearised = linearised;
    }

    /// Adds what a member's eigenvalues promise: the growth factor of a step, with its own band if it has one.
    pub fn predict(&mut self, radius: Option<f64>, own: Option<Band>) {
        let Some(radius) = radius else {
            self.no_spectrum += 1;
            return;
        };
        self.radius.add(radius, self.quantile_members);
        if radius > 0.0 {
            self.predicted_rate.add(radius.ln());
        }
        count_fate(&mut self.predicted, radius - 1.0, own.unwrap_or(self.bands.predicted));
    }

    /// Adds what a member's trajectory did, and what was seen of its last state.
    pub fn observe(&mut self, outcome: &Outcome, seen: Option<Observation>, spec: &SweepSpec) {
        let (growth, most) = (outcome.log_growth, self.quantile_members);
        self.grew.add(self.bands.norm.above(growth));
        self.diverged.add(growth > spec.threshold.ln());
        if let Some(own) = outcome.perturbation {
            self.observed_rate.add(own.rate, most);
            count_fate(&mut self.observed, own.rate, self.bands.observed);
        }
        if let Some(apart) = &mut self.apart {
            apart.norm_rate.add(outcome.rate, most);
            outcome.perturbation.into_iter().for_each(|own| apart.perturbation.add(own.log, most));
        }
        self.square.add(2.0 * growth);
        self.collapsed += u64::from(outcome.collapse_step.is_some());
        self.frozen += u64::from(outcome.diverged_step.is_some());
        self.growth.add(growth, most);
        self.log_peak.add(outcome.log_peak, most);
        if outcome.log_peak.is_finite() {
            self.peak.add(outcome.log_peak.exp());
        }
        self.peak_step.add(f64::from(outcome.peak_step), most);
        self.crossing_step.add(outcome.crossing_step.map_or(f64::INFINITY, f64::from), most);
        seen.into_iter().for_each(|seen| self.seen.get_or_insert_default().add(&seen));
    }

    /// The statistics.
    pub fn cell(mut self, point: &Point) -> Cell {
        let spectral_radius = self.radius.summary();
        let rates: Vec<f64> = self.radius.values.iter().map(|radius| radius.ln()).collect();
        let (peak_growth, log_peak_growth) = self.peaks();
        let log_square = self.square.log();
        let square =
            log_square.map(f64::exp).filter(|square| square.is_normal() || log_square == Some(f64::NEG_INFINITY));
        let error = square.zip(self.square.relative_error()).map(|(square, error)| square * error);
        let fates_predicted = fates(&self.predicted);
        let mut cell = Cell {
            step_size: point.step_size,
            radius: point.radius,
            damping: point.damping,
            members: self.grew.of,
            spectral_radius,
            predicted_rate: Summary::of_sorted(&self.predicted_rate, &rates),
            unstable_fraction: fates_predicted.explodes,
            fates_predicted,
            observed_rate: self.observed_rate.summary(),
            fates_observed: fates(&self.observed),
            norm_rate: self.apart.as_mut().map(|apart| apart.norm_rate.summary()),
            log_perturbation_growth: self.apart.as_mut().and_then(Apart::perturbation),
            grew_fraction: self.grew.fraction(),
            diverged_fraction: self.diverged.fraction(),
            intervals: Intervals {
                unstable_fraction: self.predicted[2].interval(),
                grew_fraction: self.grew.interval(),
                diverged_fraction: self.diverged.interval(),
            },
            bands: self.bands,
            log_growth: self.growth.summary(),
            mean_square_growth: square,
            mean_square_growth_standard_error: error,
            log_mean_square_growth: log_square.filter(|log| log.is_finite()),
            peak_growth,
            log_peak_growth,
            overshoot_step: self.peak_step.median(),
            crossing_step: self.crossing_step.median(),
            collapsed: self.collapsed,
            frozen: self.frozen,
            no_spectrum: self.no_spectrum,
            remarks: Vec::new(),
            observations: self.seen.as_ref().map(Seen::means),
            linearised: std::mem::take(&mut self.linearised),
        };
        cell.remarks = self.remarks(&cell);
        cell
    }

    /// The largest norms and their logarithms. Means that are beyond f64 are missing; those whose squares alone are come
    /// from the members that quantiles come from.
    fn peaks(&mut self) -> (Summary, Summary) {
        let logs = self.log_peak.summary();
        let peaks: Vec<f64> = self.log_peak.values.iter().map(|log| log.exp()).collect();
        let summary = Summary::of_sorted(&self.peak, &peaks);
        if [summary.mean, summary.sd, summary.standard_error].into_iter().flatten().all(f64::is_finite) {
            return (summary, logs);
        }
        // Squares have left f64: the moments of peaks over the largest one tell what does so itself.
        let finite = || self.log_peak.values.iter().copied().filter(|log| log.is_finite());
        let largest = finite().fold(f64::NEG_INFINITY, f64::max);
        let scaled = Moments::of(finite().map(|log| (log - largest).exp()));
        let half = (0.5 * largest).exp();
        let known = |x: Option<f64>| x.filter(|x| x.is_finite());
        let whole = |plain, scaled: Option<f64>| known(plain).or(known(scaled.map(|x| x * half * half)));
        let mean = whole(summary.mean, scaled.mean());
        let sd = whole(summary.sd, scaled.sd());
        let standard_error = whole(summary.standard_error, scaled.standard_error());
        (Summary { mean, sd, standard_error, ..summary }, logs)
    }

    fn remarks(&self, cell: &Cell) -> Vec<Remark> {
        let mut remarks = Vec::new();
        match (cell.mean_square_growth, self.square.log()) {
            (_, None) => {}
            (_, Some(f64::INFINITY)) => remarks.push(Remark::MeanSquareGrowthInfinite),
            (None, Some(log)) if log < 0.0 => remarks.push(Remark::MeanSquareGrowthBelowF64),
            (None, Some(_)) => remarks.push(Remark::MeanSquareGrowthBeyondF64),
            (Some(_), _) => {}
        }
        if self.square.is_tail() {
            remarks.push(Remark::MeanSquareGrowthOfFewMembers);
        }
        let pairs = |a: &Summary, b: &Summary| {
            let fields = |s: &Summary| [s.mean, s.sd, s.standard_error, s.q10, s.median, s.q90];
            fields(a).into_iter().zip(fields(b)).any(|(own, log)| own.is_none() && log.is_some())
        };
        if pairs(&cell.peak_growth, &cell.log_peak_growth) {
            remarks.push(Remark::PeakGrowthBeyondF64);
        }
        remarks
    }
}

/// Counts a member by how far its growth a step is from neutral.
fn count_fate(shares: &mut [Share; 3], excess: f64, band: Band) {
    shares[0].add(band.below(excess));
    shares[1].add(band.within(excess));
    shares[2].add(band.above(excess));
}

fn fates([decays, neutral, explodes]: &[Share; 3]) -> Fates {
    Fates { decays: decays.fraction(), neutral: neutral.fraction(), explodes: explodes.fraction() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Growth;

    #[test]
    fn means_and_fractions_are_of_all_members_and_quantiles_of_the_first() {
        let mut accumulator = Accumulator::new(3, Bands::new(Band::default(), 4, f64::EPSILON));
        for log in [1.0_f64, 3.0, 2.0, 10.0, -6.0] {
            let rate = 0.1 * log;
            let outcome = Outcome {
                log_growth: log,
                rate,
                log_peak: log.max(0.0),
                peak_step: 7,
                crossing_step: None,
                collapse_step: None,
                diverged_step: None,
                perturbation: Some(Growth { log, rate }),
            };
            accumulator.predict(Some(rate.exp()), None);
            accumulator.observe(&outcome, None, &SweepSpec::default());
        }
        let cell = accumulator.cell(&Point { step_size: 1.0, radius: 1.0, damping: 0.0 });
        let near = |found: Option<f64>, wanted: f64| {
            let found = found.expect("a number");
            assert!((found - wanted).abs() <= 1e-12 * wanted.abs(), "{found}, not {wanted}");
        };
        assert_eq!((cell.members, cell.grew_fraction), (5, Some(0.8)));
        near(cell.log_growth.mean, 2.0);
        near(cell.log_growth.median, 2.0);
        near(cell.observed_rate.mean, 0.2);
        near(cell.predicted_rate.mean, 0.2);
        near(cell.predicted_rate.median, 0.2);
        let e = f64::exp;
        near(cell.peak_growth.mean, (e(1.0) + e(3.0) + e(2.0) + e(10.0) + 1.0) / 5.0);
        near(cell.peak_growth.median, e(2.0));
        near(cell.log_peak_growth.mean, 16.0 / 5.0);
        assert_eq!(cell.fates_predicted.explodes, Some(0.8));
    }
}
