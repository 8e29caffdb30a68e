//! What became of each member at one grid point.

use crate::rollout::Outcome;

/// What became of a member at one grid point. Rates are missing where they are infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Course {
    /// The predicted rate of growth a step, as in the cell, in nats.
    pub predicted_rate: Option<f64>,
    /// The observed rate of growth a step, as in the cell, in nats.
    pub observed_rate: Option<f64>,
    /// The slope of ln |x| over the later half.
    pub norm_rate: Option<f64>,
    /// The growth ln |x_L| / |x_0| of the norm, in nats.
    pub log_growth: Option<f64>,
    /// ln |d_L| / |d_0| of a nonlinear layer's tangent.
    pub log_perturbation_growth: Option<f64>,
    /// The step at which its state was frozen.
    pub frozen_step: Option<u32>,
    /// The step at which its state became 0.
    pub collapse_step: Option<u32>,
}

impl Course {
    /// Of a member whose perturbations grow `apart` from its state, or as it does.
    pub(super) fn new(outcome: &Outcome, apart: bool) -> Self {
        let finite = |x: f64| Some(x).filter(|x| x.is_finite());
        Course {
            predicted_rate: None,
            observed_rate: outcome.perturbation.and_then(|growth| finite(growth.rate)),
            norm_rate: finite(outcome.rate),
            log_growth: finite(outcome.log_growth),
            log_perturbation_growth: outcome.perturbation.filter(|_| apart).and_then(|growth| finite(growth.log)),
            frozen_step: outcome.diverged_step,
            collapse_step: outcome.collapse_step,
        }
    }

    /// With the growth factor that eigenvalues predict.
    pub(super) fn predicted(self, factor: Option<f64>) -> Self {
        Course { predicted_rate: factor.map(f64::ln).filter(|rate| rate.is_finite()), ..self }
    }
}
