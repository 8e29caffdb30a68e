//! A cell of the map: the statistics of all members at one grid point.

use crate::rollout::Outcome;
use crate::spec::SweepSpec;
use crate::statistics::{LogMean, Moments, Share, Summary, quantile};
use crate::sweep::Point;
use serde::Serialize;

/// Within this distance of 1 a growth factor 1 + h λ counts as neutral where h rho is 1 or more; the accuracy of f32
/// eigenvalues of width up to 128. For smaller h rho the error, and so the band, is smaller in proportion.
pub const DEAD_BAND: f64 = 2e-5;
/// What f64 arithmetic on the host may add.
const HOST_ERROR: f64 = 1e-12;

/// How far from neutral a number must be to count as decay or growth.
#[derive(Clone, Copy, Debug)]
pub struct Bands {
    /// Of |Φ|.
    predicted: f64,
    /// Of the growth of ln |x| a step.
    observed: f64,
    /// Of ln |x_L| / |x_0|: two sums of squares, each rounded.
    norm: f64,
}

impl Bands {
    /// At a grid point, for states of so many numbers on a device with this epsilon.
    pub fn new(point: &Point, numbers: usize, epsilon: f64) -> Self {
        let predicted = DEAD_BAND * (point.step_size * point.radius).min(1.0) + HOST_ERROR;
        let norm = (numbers + 4) as f64 * epsilon;
        Bands { predicted, observed: predicted + norm, norm }
    }

    /// Where an error of z makes one that is so many times larger in |Φ|.
    pub fn steeper(self, slope: f64) -> Self {
        let predicted = slope * self.predicted;
        Bands { predicted, observed: predicted + self.norm, ..self }
    }
}

/// Shares of members by their fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Fates {
    /// Growth factor below 1.
    pub decays: Option<f64>,
    /// Within the dead band around 1.
    pub neutral: Option<f64>,
    /// Above 1.
    pub explodes: Option<f64>,
}

/// A fraction of members with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StandardErrors {
    /// Of `unstable_fraction`.
    pub unstable_fraction: Option<f64>,
    /// Of `grew_fraction`.
    pub grew_fraction: Option<f64>,
    /// Of `diverged_fraction`.
    pub diverged_fraction: Option<f64>,
}

/// Means of what was seen of nonlinear states after the last step, over the members that were not frozen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Observed {
    /// The cosine of the angle to the initial state.
    pub cosine: Option<f64>,
    /// The mean cosine of two tokens: 1 is rank collapse.
    pub token_similarity: Option<f64>,
    /// The mean entropy of the attention's rows, in nats.
    pub attention_entropy: Option<f64>,
    /// |h f| / |x|.
    pub effective_step: Option<f64>,
    /// 1 - |x_k| / |x_{k+1}|.
    pub effective_damping: Option<f64>,
}

/// The Jacobian M of the step, at one step of the trajectories.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Linearised {
    /// The step, from 1; the base point is the state before it.
    pub step: usize,
    /// Members whose Jacobian has a spectrum.
    pub members: u64,
    /// Of M.
    pub spectral_radius: Summary,
    /// max Re λ of M.
    pub spectral_abscissa: Summary,
    /// Share of members with spectral radius above 1.
    pub unstable_fraction: Option<f64>,
    /// ‖M‖₂.
    pub norm: Summary,
    /// Henrici's departure from normality over the Frobenius norm.
    pub relative_departure: Summary,
}

/// What is reported of a grid point. The names are a contract with readers of the JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// h, as it acts.
    pub step_size: f64,
    /// rho.
    pub radius: f64,
    /// gamma.
    pub damping: f64,
    /// Members that were run.
    pub layers: u64,
    /// Spectral radius of M.
    pub spectral_radius: Summary,
    /// Spectral radius of M above 1.
    pub unstable_fraction: Option<f64>,
    /// By the spectral radius of M.
    pub fates_predicted: Fates,
    /// By the growth of the trajectory a step.
    pub fates_observed: Fates,
    /// |x_L| > |x_0|, beyond the rounding of the two norms.
    pub grew_fraction: Option<f64>,
    /// |x_L| > threshold |x_0|.
    pub diverged_fraction: Option<f64>,
    /// Standard errors of the fractions.
    pub standard_errors: StandardErrors,
    /// ln |x_L| / |x_0| of members that did not collapse to 0.
    pub log_growth: Summary,
    /// Mean of |x_L|² / |x_0|²; missing where it is beyond f64.
    pub mean_square_growth: Option<f64>,
    /// Its natural logarithm.
    pub log_mean_square_growth: Option<f64>,
    /// max_k |x_k| / |x_0|, missing where it is beyond f64.
    pub peak_growth: Summary,
    /// Its natural logarithm.
    pub log_peak_growth: Summary,
    /// The median step of the peak.
    pub overshoot_step: Option<f64>,
    /// The median first step beyond the threshold, if more than half of the members cross it.
    pub crossing_step: Option<f64>,
    /// Members whose state became 0.
    pub collapsed: u64,
    /// Members whose nonlinear state was frozen at 2^48, or whose implicit step does not exist; their growth is infinite in
    /// medians, and not in means.
    pub frozen: u64,
    /// Members whose spectrum is missing.
    pub no_spectrum: u64,
    /// What was seen of nonlinear states after the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observations: Option<Observed>,
    /// Jacobians of the step along nonlinear trajectories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub linearised: Vec<Linearised>,
}

/// A cell while members arrive, in their order.
pub struct Accumulator {
    bands: Bands,
    quantile_members: usize,
    radius: Moments,
    radii: Vec<f64>,
    unstable: Share,
    predicted: [Share; 3],
    observed: [Share; 3],
    grew: Share,
    diverged: Share,
    growth: Moments,
    growths: Vec<f64>,
    square: LogMean,
    log_peak: Moments,
    log_peaks: Vec<f64>,
    peak_steps: Vec<f64>,
    crossing_steps: Vec<f64>,
    collapsed: u64,
    frozen: u64,
    no_spectrum: u64,
}

impl Accumulator {
    /// Bytes of the samples of one member.
    pub const SAMPLE_BYTES: usize = 5 * size_of::<f64>();

    /// An empty cell whose quantiles come from at most so many members.
    pub fn new(quantile_members: usize, bands: Bands) -> Self {
        Accumulator {
            bands,
            quantile_members,
            radius: Moments::default(),
            radii: Vec::new(),
            unstable: Share::default(),
            predicted: Default::default(),
            observed: Default::default(),
            grew: Share::default(),
            diverged: Share::default(),
            growth: Moments::default(),
            growths: Vec::new(),
            square: LogMean::default(),
            log_peak: Moments::default(),
            log_peaks: Vec::new(),
            peak_steps: Vec::new(),
            crossing_steps: Vec::new(),
            collapsed: 0,
            frozen: 0,
            no_spectrum: 0,
        }
    }

    /// Adds what a member's eigenvalues promise.
    pub fn predict(&mut self, radius: Option<f64>) {
        let Some(radius) = radius else {
            self.no_spectrum += 1;
            return;
        };
        self.radius.add(radius);
        if self.radii.len() < self.quantile_members {
            self.radii.push(radius);
        }
        self.unstable.add(radius > 1.0 + HOST_ERROR);
        count_fate(&mut self.predicted, radius - 1.0, self.bands.predicted);
    }

    /// Adds what a member's trajectory did.
    pub fn observe(&mut self, outcome: &Outcome, spec: &SweepSpec) {
        let growth = outcome.log_growth;
        self.grew.add(growth > self.bands.norm);
        self.diverged.add(growth > spec.threshold.ln());
        count_fate(&mut self.observed, growth / spec.depth as f64, self.bands.observed);
        self.square.add(2.0 * growth);
        // A state drawn as 0 has no growth at all.
        if outcome.log_peak.is_finite() {
            self.log_peak.add(outcome.log_peak);
        }
        self.collapsed += u64::from(outcome.collapse_step.is_some());
        self.frozen += u64::from(outcome.diverged_step.is_some());
        if growth.is_finite() {
            self.growth.add(growth);
        }
        if self.growths.len() < self.quantile_members {
            self.growths.push(growth);
            self.log_peaks.push(outcome.log_peak);
            self.peak_steps.push(outcome.peak_step as f64);
            self.crossing_steps.push(outcome.crossing_step.map_or(f64::INFINITY, f64::from));
        }
    }

    /// The statistics.
    pub fn cell(mut self, point: &Point) -> Cell {
        let log_peak_growth = Summary::new(&self.log_peak, &mut self.log_peaks);
        let mut peaks: Vec<f64> = self.log_peaks.iter().map(|log| log.exp()).collect();
        let peak_moments = Moments::of(peaks.iter().copied());
        let log_square = self.square.log();
        let standard_errors = StandardErrors {
            unstable_fraction: self.unstable.standard_error(),
            grew_fraction: self.grew.standard_error(),
            diverged_fraction: self.diverged.standard_error(),
        };
        Cell {
            step_size: point.step_size,
            radius: point.radius,
            damping: point.damping,
            layers: self.grew.of,
            spectral_radius: Summary::new(&self.radius, &mut self.radii),
            unstable_fraction: self.unstable.fraction(),
            fates_predicted: fates(&self.predicted),
            fates_observed: fates(&self.observed),
            grew_fraction: self.grew.fraction(),
            diverged_fraction: self.diverged.fraction(),
            standard_errors,
            log_growth: Summary::new(&self.growth, &mut self.growths),
            mean_square_growth: log_square.map(f64::exp).filter(|square| square.is_finite()),
            log_mean_square_growth: log_square,
            peak_growth: finite(Summary::new(&peak_moments, &mut peaks)),
            log_peak_growth,
            overshoot_step: median(&mut self.peak_steps),
            crossing_step: median(&mut self.crossing_steps),
            observations: None,
            linearised: Vec::new(),
            collapsed: self.collapsed,
            frozen: self.frozen,
            no_spectrum: self.no_spectrum,
        }
    }
}

/// Counts a member by how far its growth a step is from neutral.
fn count_fate(shares: &mut [Share; 3], excess: f64, band: f64) {
    shares[0].add(excess < -band);
    shares[1].add(excess.abs() <= band);
    shares[2].add(excess > band);
}

fn fates([decays, neutral, explodes]: &[Share; 3]) -> Fates {
    Fates { decays: decays.fraction(), neutral: neutral.fraction(), explodes: explodes.fraction() }
}

fn median(sample: &mut [f64]) -> Option<f64> {
    sample.sort_by(f64::total_cmp);
    quantile(sample, 0.5)
}

/// Leaves out what is beyond f64.
fn finite(summary: Summary) -> Summary {
    let keep = |x: Option<f64>| x.filter(|x| x.is_finite());
    Summary { mean: keep(summary.mean), sd: keep(summary.sd), standard_error: keep(summary.standard_error), ..summary }
}
