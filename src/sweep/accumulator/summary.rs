//! What is reported of a cell.

use super::super::cell::{Cell, Fates, Intervals, Remark};
use super::Accumulator;
use super::sample::{Apart, Radii};
use crate::numbers::statistics::{Maybe, Moments, Share, Summary};
use crate::sweep::Point;

impl Accumulator {
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
            norm_rate: self.apart.as_mut().map(|apart| Box::new(apart.norm_rate.summary())),
            log_perturbation_growth: self.apart.as_mut().and_then(Apart::perturbation).map(Box::new),
            grew_fraction: self.grew.fraction().into(),
            diverged_fraction: self.diverged.fraction().into(),
            intervals: Intervals {
                unstable_fraction: self.predicted[2].interval().into(),
                grew_fraction: self.grew.interval().into(),
                diverged_fraction: self.diverged.interval().into(),
            },
            bands: self.bands,
            log_growth: self.growth.summary(),
            mean_square_growth: square.into(),
            mean_square_growth_standard_error: error.into(),
            log_mean_square_growth: log_square.filter(|log| log.is_finite()).into(),
            peak_growth,
            log_peak_growth,
            overshoot_step: self.peak_step.median().into(),
            crossing_step: self.crossing_step.median().into(),
            collapsed: self.collapsed,
            frozen: self.frozen,
            no_spectrum: self.no_spectrum,
            remarks: Vec::new(),
            observations: self.apart.as_ref().filter(|_| self.grew.of > 0).map(|apart| Box::new(apart.observed())),
            linearised: std::mem::take(&mut self.linearised).into_iter().filter_map(Radii::summary).collect(),
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
        if [summary.mean, summary.sd, summary.standard_error].into_iter().filter_map(Maybe::get).all(f64::is_finite) {
            return (summary, logs);
        }
        // Squares have left f64: the moments of peaks over the largest one tell what does so itself.
        let finite = || self.log_peak.values.iter().copied().filter(|log| log.is_finite());
        let largest = finite().fold(f64::NEG_INFINITY, f64::max);
        let scaled = Moments::of(finite().map(|log| (log - largest).exp()));
        let half = (0.5 * largest).exp();
        let known = |x: Option<f64>| x.filter(|x| x.is_finite());
        let whole = |plain: Maybe, scaled: Option<f64>| known(plain.get()).or(known(scaled.map(|x| x * half * half)));
        let mean = whole(summary.mean, scaled.mean());
        let sd = whole(summary.sd, scaled.sd());
        let standard_error = whole(summary.standard_error, scaled.standard_error());
        (Summary { mean: mean.into(), sd: sd.into(), standard_error: standard_error.into(), ..summary }, logs)
    }

    fn remarks(&self, cell: &Cell) -> Vec<Remark> {
        let mut remarks = Vec::new();
        match (cell.mean_square_growth.get(), self.square.log()) {
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
            fields(a).into_iter().zip(fields(b)).any(|(own, log)| own.get().is_none() && log.get().is_some())
        };
        if pairs(&cell.peak_growth, &cell.log_peak_growth) {
            remarks.push(Remark::PeakGrowthBeyondF64);
        }
        remarks
    }
}

fn fates([decays, neutral, explodes]: &[Share; 3]) -> Fates {
    let share = |share: &Share| share.fraction().into();
    Fates { decays: share(decays), neutral: share(neutral), explodes: share(explodes) }
}
