//! The statistics of a cell while members arrive, in their order; those of blocks of members merge, in their order too.

mod sample;
mod summary;

pub use sample::Radii;

use super::cell::Bands;
use crate::numbers::statistics::{Field, Fields, LogMean, Moments, Name, Share};
use crate::numbers::verdict::Band;
use crate::rollout::{Observation, Outcome};
use crate::spec::SweepSpec;
use sample::{Apart, Sample};

/// A cell while members arrive, in their order.
#[derive(Clone, Default)]
pub struct Accumulator {
    bands: Bands,
    /// Quantiles come from so many members of this block.
    most: usize,
    radius: Sample,
    predicted_rate: Moments,
    predicted: [Share; 3],
    observed_rate: Sample,
    observed: [Share; 3],
    apart: Option<Apart>,
    linearised: Vec<Radii>,
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

/// What decays, stays and explodes, in the order of the counts.
const FATES: [&str; 3] = ["decays", "neutral", "explodes"];

impl Accumulator {
    /// Bytes of the samples of one member whose state is its own perturbation.
    pub const SAMPLE_BYTES: usize = 6 * size_of::<f64>();

    /// An empty cell.
    pub fn new(bands: Bands) -> Self {
        Accumulator { bands, ..Accumulator::default() }
    }

    /// The same for layers whose states and perturbations grow each in their own way, and whose Jacobians are made at
    /// these steps.
    pub fn apart(self, steps: &[usize]) -> Self {
        let linearised = steps.iter().map(|&step| Radii::at(step)).collect();
        Accumulator { apart: Some(Apart::default()), linearised, ..self }
    }

    /// The same whose quantiles come from at most so many members.
    pub fn keeping(self, most: usize) -> Self {
        Accumulator { most, ..self }
    }

    /// Do states and perturbations grow each in their own way?
    pub fn is_apart(&self) -> bool {
        self.apart.is_some()
    }

    /// The Jacobians of a step, and of how many members quantiles are.
    pub fn radii(&mut self, step: usize) -> Option<(&mut Radii, usize)> {
        let most = self.most;
        self.linearised.iter_mut().find(|radii| radii.step() == step).map(|radii| (radii, most))
    }

    /// Adds what a member's eigenvalues promise: the growth factor of a step, with its own band if it has one.
    pub fn predict(&mut self, radius: Option<f64>, own: Option<Band>) {
        self.bands.predicted = own.map_or(self.bands.predicted, |own| own.max(self.bands.predicted));
        let Some(radius) = radius else {
            self.no_spectrum += 1;
            return;
        };
        self.radius.add(radius, self.most);
        if radius > 0.0 {
            self.predicted_rate.add(radius.ln());
        }
        count_fate(&mut self.predicted, radius - 1.0, own.unwrap_or(self.bands.predicted));
    }

    /// Adds what a member's trajectory did, and what was seen of its last state.
    pub fn observe(&mut self, outcome: &Outcome, seen: Option<Observation>, spec: &SweepSpec) {
        let (growth, most) = (outcome.log_growth, self.most);
        self.grew.add(self.bands.norm.above(growth));
        self.diverged.add(growth > spec.threshold.ln());
        if let Some(own) = outcome.perturbation {
            self.observed_rate.add(own.rate, most);
            count_fate(&mut self.observed, own.rate, self.bands.observed);
        }
        if let Some(apart) = &mut self.apart {
            apart.norm_rate.add(outcome.rate, most);
            outcome.perturbation.into_iter().for_each(|own| apart.perturbation.add(own.log, most));
            seen.iter().for_each(|seen| apart.see(seen));
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
    }

    /// Adds the members behind those that are here.
    pub fn merge(&mut self, later: Accumulator) {
        self.bands.predicted = self.bands.predicted.max(later.bands.predicted);
        self.radius.merge(later.radius);
        self.predicted_rate.merge(&later.predicted_rate);
        self.observed_rate.merge(later.observed_rate);
        for fate in 0..FATES.len() {
            self.predicted[fate].merge(&later.predicted[fate]);
            self.observed[fate].merge(&later.observed[fate]);
        }
        if let (Some(own), Some(later)) = (&mut self.apart, later.apart) {
            own.merge(later);
        }
        self.linearised.iter_mut().zip(later.linearised).for_each(|(own, later)| own.merge(later));
        self.grew.merge(&later.grew);
        self.diverged.merge(&later.diverged);
        self.growth.merge(later.growth);
        self.square.merge(&later.square);
        self.log_peak.merge(later.log_peak);
        self.peak.merge(&later.peak);
        self.peak_step.merge(later.peak_step);
        self.crossing_step.merge(later.crossing_step);
        self.collapsed += later.collapsed;
        self.frozen += later.frozen;
        self.no_spectrum += later.no_spectrum;
    }
}

impl Fields for Accumulator {
    fn fields(&mut self, name: Name, see: &mut dyn FnMut(Name, Field)) {
        see(name.and("band_predicted"), Field::Real(self.bands.predicted.number()));
        see(name.and("band_observed"), Field::Real(self.bands.observed.number()));
        see(name.and("band_norm"), Field::Real(self.bands.norm.number()));
        self.radius.fields(name.and("spectral_radius"), see);
        self.predicted_rate.fields(name.and("predicted_rate"), see);
        self.observed_rate.fields(name.and("observed_rate"), see);
        for (fate, word) in FATES.iter().enumerate() {
            self.predicted[fate].fields(name.and("predicted_").and(word), see);
            self.observed[fate].fields(name.and("observed_").and(word), see);
        }
        self.grew.fields(name.and("grew"), see);
        self.diverged.fields(name.and("diverged"), see);
        self.growth.fields(name.and("log_growth"), see);
        self.square.fields(name.and("square_growth"), see);
        self.log_peak.fields(name.and("log_peak_growth"), see);
        self.peak.fields(name.and("peak_growth"), see);
        self.peak_step.fields(name.and("overshoot_step"), see);
        self.crossing_step.fields(name.and("crossing_step"), see);
        see(name.and("collapsed"), Field::Count(&mut self.collapsed));
        see(name.and("frozen"), Field::Count(&mut self.frozen));
        see(name.and("no_spectrum"), Field::Count(&mut self.no_spectrum));
        self.apart.iter_mut().for_each(|apart| apart.fields(name, see));
        self.linearised.iter_mut().for_each(|radii| radii.fields(name, see));
    }
}

/// Counts a member by how far its growth a step is from neutral.
fn count_fate(shares: &mut [Share; 3], excess: f64, band: Band) {
    shares[0].add(band.below(excess));
    shares[1].add(band.within(excess));
    shares[2].add(band.above(excess));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Growth;
    use crate::sweep::Point;

    #[test]
    fn means_and_fractions_are_of_all_members_and_quantiles_of_the_first() {
        let mut accumulator = Accumulator::new(Bands::new(Band::default(), 4, f64::EPSILON)).keeping(3);
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
        assert_eq!((cell.members, cell.grew_fraction.get()), (5, Some(0.8)));
        near(cell.log_growth.mean.get(), 2.0);
        near(cell.log_growth.median.get(), 2.0);
        near(cell.observed_rate.mean.get(), 0.2);
        near(cell.predicted_rate.mean.get(), 0.2);
        near(cell.predicted_rate.median.get(), 0.2);
        let e = f64::exp;
        near(cell.peak_growth.mean.get(), (e(1.0) + e(3.0) + e(2.0) + e(10.0) + 1.0) / 5.0);
        near(cell.peak_growth.median.get(), e(2.0));
        near(cell.log_peak_growth.mean.get(), 16.0 / 5.0);
        assert_eq!(cell.fates_predicted.explodes, Some(0.8));
    }
}
