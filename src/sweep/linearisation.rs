//! Where the nonlinear models are linearised: at which steps, and for how many members.

use crate::rollout::middle;
use crate::spec::{Model, SweepSpec};

/// Arithmetic that may go into Jacobians and their spectra; it decides how many members are linearised.
const LINEARISE_FLOPS: f64 = 3e12;

/// The steps whose Jacobians are made: every so many, or the first, the first of the later half and the last; none for 0,
/// and none of the linear model, whose Jacobian is the same everywhere.
pub fn linearised_steps(spec: &SweepSpec) -> Vec<usize> {
    let mut steps = match spec.linearise_every {
        _ if spec.layer.model == Model::Linear => Vec::new(),
        Some(0) => Vec::new(),
        Some(every) => (1..=spec.depth).step_by(every).collect(),
        None => vec![1, middle(spec.depth) + 1, spec.depth],
    };
    steps.dedup();
    steps
}

/// How many members are linearised within a budget of arithmetic: 12 order³ for a Jacobian with its spectrum.
pub fn linearised_members(spec: &SweepSpec, points: usize, steps: usize) -> usize {
    let order = (spec.ensemble.width * spec.layer.tokens) as f64;
    let each = 12.0 * order.powi(3) * points as f64 * steps as f64;
    if steps == 0 { 0 } else { ((LINEARISE_FLOPS / each) as usize).min(spec.ensemble.members) }
}
