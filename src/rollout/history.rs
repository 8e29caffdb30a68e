//! What some members did at every step.

use super::{Observation, Outcomes, Rollout};

/// What was seen of some members at every step, `[members, steps 0..=depth, points]`.
pub struct History {
    /// ln |x_k| / |x_0|; infinite where there is no finite state any more.
    pub log_growth: Vec<f64>,
    /// What was observed besides; none of a linear layer.
    pub observations: Option<Vec<Observation>>,
    depth: usize,
    points: usize,
}

impl History {
    pub(super) fn new(rollout: &Rollout, members: usize) -> Self {
        let (depth, points) = (rollout.depth, rollout.points.len());
        let count = members * (depth + 1) * points;
        let observations = rollout.recipe().is_observed().then(|| vec![Observation::default(); count]);
        History { log_growth: vec![f64::NAN; count], observations, depth, points }
    }

    /// Takes the outcomes of members at grid points that have these places.
    pub(super) fn take(&mut self, outcomes: &Outcomes, places: &[usize]) {
        for (i, member) in outcomes.members().enumerate() {
            for step in 0..=self.depth {
                let first = (member * (self.depth + 1) + step) * self.points;
                for (point, place) in places.iter().enumerate() {
                    self.log_growth[first + place] = outcomes.log_growth(i, step, point);
                    if let (Some(all), Some(own)) = (&mut self.observations, outcomes.observation(i, step, point)) {
                        all[first + place] = own;
                    }
                }
            }
        }
    }
}
