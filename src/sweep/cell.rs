//! A cell of the map: the statistics of all members at one grid point.

use crate::numbers::statistics::{Interval, Maybe, Summary};
use crate::numbers::verdict::Band;
use serde::Serialize;

/// How far from neutral a number must be to count as decay or growth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bands {
    /// Of |Φ| and of its logarithm, the predicted rate; of a nonlinear layer, whose members have one each, the widest.
    pub predicted: Band,
    /// How far an observed rate must be from 0, in nats a step.
    pub observed: Band,
    /// How far ln |x_L| / |x_0| must be from 0, in nats.
    pub norm: Band,
}

impl Bands {
    /// Of states of so many numbers on a device with this epsilon, where |Φ| is known to `predicted`. An observed rate
    /// rests on the same numbers and on the rounding of each step, which is that of a sum of so many terms at most.
    pub fn new(predicted: Band, numbers: usize, epsilon: f64) -> Self {
        let norm = Band::of_norms(numbers, epsilon);
        Bands { predicted, observed: predicted.plus(norm), norm }
    }
}

/// Shares of members by their fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Fates {
    /// Share of members with a growth factor below 1.
    pub decays: Maybe,
    /// Share of members with a growth factor within the band around 1.
    pub neutral: Maybe,
    /// Share of members with a growth factor above 1.
    pub explodes: Maybe,
}

/// Where fractions of members lie with 95 % confidence (Wilson's intervals).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Intervals {
    /// The interval of `unstable_fraction`.
    pub unstable_fraction: Maybe<Interval>,
    /// The interval of `grew_fraction`.
    pub grew_fraction: Maybe<Interval>,
    /// The interval of `diverged_fraction`.
    pub diverged_fraction: Maybe<Interval>,
}

/// Why a number of a cell is missing, or is to be taken with care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// `mean_square_growth` is missing because it is too large for f64; its logarithm is there.
    MeanSquareGrowthBeyondF64,
    /// `mean_square_growth` is missing because it is too small for f64; its logarithm is there.
    MeanSquareGrowthBelowF64,
    /// Both are missing because frozen members make the mean infinite.
    MeanSquareGrowthInfinite,
    /// A few members make `mean_square_growth`, so its standard error says little: see [`LogMean::is_tail`].
    ///
    /// [`LogMean::is_tail`]: crate::numbers::statistics::LogMean::is_tail
    MeanSquareGrowthOfFewMembers,
    /// A number of `peak_growth` is missing because it is too large for f64; `log_peak_growth` has its logarithm.
    PeakGrowthBeyondF64,
}

impl Remark {
    /// The word for it in JSON and tables.
    pub fn word(self) -> &'static str {
        match self {
            Remark::MeanSquareGrowthBeyondF64 => "mean_square_growth_beyond_f64",
            Remark::MeanSquareGrowthBelowF64 => "mean_square_growth_below_f64",
            Remark::MeanSquareGrowthInfinite => "mean_square_growth_infinite",
            Remark::MeanSquareGrowthOfFewMembers => "mean_square_growth_of_few_members",
            Remark::PeakGrowthBeyondF64 => "peak_growth_beyond_f64",
        }
    }
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
    /// The effective step |h f| / |x| of the last step.
    pub effective_step: Option<f64>,
    /// The effective damping 1 - |x_k| / |x_{k+1}| of the last step.
    pub effective_damping: Option<f64>,
}

/// The Jacobian M of the step, at one step of the trajectories.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Linearised {
    /// The step, from 1; the base point is the state before it.
    pub step: usize,
    /// Members whose Jacobian has a spectrum.
    pub members: u64,
    /// The spectral radius of the Jacobians M of the step.
    pub spectral_radius: Summary,
    /// The spectral abscissa max Re λ of M.
    pub spectral_abscissa: Summary,
    /// Share of members with spectral radius above 1.
    pub unstable_fraction: Maybe,
    /// The 2-norm ‖M‖₂.
    pub norm: Summary,
    /// Henrici's departure from normality over the Frobenius norm.
    pub relative_departure: Summary,
}

/// What is reported of a grid point. The names are a contract with readers of the JSON.
///
/// Rates are natural logarithms a step. What is predicted and what is observed is the same thing: of linear layers the
/// growth of states, of nonlinear layers, whose Jacobians say nothing of the states themselves, that of perturbations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The step size h, after its scaling with the depth.
    pub step_size: f64,
    /// The spectral radius ρ of the grid point.
    pub radius: f64,
    /// The friction γ.
    pub damping: f64,
    /// Members that were run.
    pub members: u64,
    /// Spectral radius of M: of the tied layer, or of the first one of a stack. Of a nonlinear layer the geometric mean of
    /// those of the Jacobians at the linearised steps of the later half, floor(L/2) + 1 to L; of a member that was frozen
    /// before, at the last linearised step that it came to.
    pub spectral_radius: Summary,
    /// Its natural logarithm: the growth a step that eigenvalues predict.
    pub predicted_rate: Summary,
    /// Share of members with a spectral radius above 1, beyond the band.
    pub unstable_fraction: Maybe,
    /// The fates that eigenvalues predict.
    pub fates_predicted: Fates,
    /// The slope of ln |x| over the later half, (ln |x_L| - ln |x_m|) / (L - m) with m = floor(L/2); of a nonlinear layer
    /// that of ln |d|, where d is a random tangent along the trajectory. Minus infinity for a state that became 0 and
    /// infinity for a frozen one: in quantiles, and not in means.
    pub observed_rate: Summary,
    /// The fates that trajectories have.
    pub fates_observed: Fates,
    /// The same slope of ln |x| of a nonlinear layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm_rate: Option<Box<Summary>>,
    /// ln |d_L| / |d_0| of the tangents of a nonlinear layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_perturbation_growth: Option<Box<Summary>>,
    /// |x_L| > |x_0|, beyond the rounding of the two norms.
    pub grew_fraction: Maybe,
    /// Share of members with |x_L| > threshold |x_0|.
    pub diverged_fraction: Maybe,
    /// Intervals of the fractions.
    pub intervals: Intervals,
    /// How far from neutral a number must be for a verdict.
    pub bands: Bands,
    /// ln |x_L| / |x_0|; means are those of members that neither collapsed to 0 nor were frozen.
    pub log_growth: Summary,
    /// Mean of |x_L|² / |x_0|²; where it is missing a remark says why.
    pub mean_square_growth: Maybe,
    /// Its standard error.
    pub mean_square_growth_standard_error: Maybe,
    /// The natural logarithm of the mean.
    pub log_mean_square_growth: Maybe,
    /// max_k |x_k| / |x_0| of members that were not frozen in means, infinite for others in quantiles.
    pub peak_growth: Summary,
    /// Its natural logarithm.
    pub log_peak_growth: Summary,
    /// The median step of the peak; of a frozen member the step at which it was frozen.
    pub overshoot_step: Maybe,
    /// The median first step beyond the threshold, if more than half of the members cross it.
    pub crossing_step: Maybe,
    /// Members whose state became 0.
    pub collapsed: u64,
    /// Members whose nonlinear state was frozen at 2^48, or whose implicit step does not exist.
    pub frozen: u64,
    /// Members whose spectrum is missing.
    pub no_spectrum: u64,
    /// What is missing or doubtful here, and why.
    pub remarks: Vec<Remark>,
    /// What was seen of nonlinear states after the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observations: Option<Box<Observed>>,
    /// Jacobians of the step along nonlinear trajectories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub linearised: Vec<Linearised>,
}
