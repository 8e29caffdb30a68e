//! What a layer is made from, and all that depends on its model before it is in a plan.

use super::{Coefficients, Layer, LinearLayer, Point, Threshold, Trajectory};
use crate::error::Result;
use crate::integrator::{self, Scheme};
use crate::kernel::shared::PADDING;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::spec::{EnsembleSpec, Integrator, LayerSpec, Model};
use crate::weights::Source;
use crate::weights::ensemble::{least_size, norm_bound, unit};

/// Grid points of a linear layer that ride through one rollout.
const MOST_POINTS: usize = 1024;
/// Grid points times tokens of a nonlinear layer that do.
const MOST_COLUMNS: usize = 4096;
/// Bytes of the factors of an implicit integrator, of one member.
const FACTOR_BYTES: usize = 64 << 20;

/// Which layer, of which members, at which grid points.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    /// What the weights are.
    pub ensemble: &'a EnsembleSpec,
    /// What the layer computes.
    pub spec: &'a LayerSpec,
    /// The grid points that share the weights of a member.
    pub points: &'a [Point],
}

/// What a layer is used for.
#[derive(Clone, Copy)]
pub struct Setting {
    /// Growth of the norm that counts as diverged.
    pub threshold: Threshold,
    /// How many steps can be observed.
    pub slots: usize,
    /// What the plan is made for.
    pub machine: Machine,
}

impl<'a> Recipe<'a> {
    /// The layer in a plan.
    pub fn layer(&self, plan: &mut Plan, source: &Source, setting: Setting) -> Box<dyn Layer + 'a> {
        match self.spec.model {
            Model::Linear => Box::new(LinearLayer::new(plan, *self, source, setting)),
            Model::Mlp | Model::Attention | Model::Transformer => Box::new(Trajectory::new(plan, *self, setting)),
        }
    }

    /// Is more observed of its steps than norms and events?
    pub fn is_observed(&self) -> bool {
        self.spec.model != Model::Linear
    }

    /// Refuses steps that numbers of this epsilon cannot follow, or that would take too long to make.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) with the keys to change.
    pub fn check(&self, epsilon: f64) -> Result<()> {
        if self.spec.model != Model::Linear {
            return Ok(());
        }
        let scheme = self.scheme(epsilon);
        scheme.check()?;
        self.coefficients().iter().try_for_each(|own| own.check(&scheme, least_size(self.ensemble)))
    }

    /// Grid points that ride through one rollout; more are run in several.
    pub fn points_at_once(&self) -> usize {
        let width = self.ensemble.width;
        match (self.spec.model, self.spec.integrator) {
            // Each has a matrix of its own.
            (Model::Linear, Integrator::BackwardEuler) => {
                (FACTOR_BYTES / (4 * width * width)).clamp(PADDING, MOST_POINTS)
            }
            (Model::Linear, _) => MOST_POINTS,
            _ => (MOST_COLUMNS / self.spec.tokens).max(1),
        }
    }

    /// Places of the points that ride through one rollout: those whose steps are made alike, so that a point with a
    /// small exponent does not take the products of a large one, and its result does not depend on its neighbours.
    pub fn passes(&self, epsilon: f64) -> Vec<Vec<usize>> {
        let groups = match self.spec.integrator {
            Integrator::ExponentialEuler => self.places_by_scheme(epsilon),
            _ => vec![(0..self.points.len()).collect()],
        };
        groups.iter().flat_map(|places| places.chunks(self.points_at_once()).map(<[usize]>::to_vec)).collect()
    }

    fn places_by_scheme(&self, epsilon: f64) -> Vec<Vec<usize>> {
        let mut groups: Vec<(Scheme, Vec<usize>)> = Vec::new();
        for place in 0..self.points.len() {
            let scheme = self.at(place).scheme(epsilon);
            match groups.iter_mut().find(|(other, _)| *other == scheme) {
                Some((_, places)) => places.push(place),
                None => groups.push((scheme, vec![place])),
            }
        }
        groups.into_iter().map(|(_, places)| places).collect()
    }

    /// How often a step evaluates f in f32, on average over the points.
    pub fn evaluations(&self) -> f64 {
        let sublayers = if self.spec.model == Model::Transformer { 2 } else { 1 };
        match integrator::program(self.spec.integrator, sublayers) {
            Some(program) => program.evaluations(),
            None => {
                let products = |place| self.at(place).scheme(f64::from(f32::EPSILON)).products();
                (0..self.points.len()).map(products).sum::<usize>() as f64 / self.points.len() as f64
            }
        }
    }

    /// The same at one of the points.
    fn at(&self, place: usize) -> Self {
        Recipe { points: &self.points[place..=place], ..*self }
    }

    /// What a step of the linear model does at each point.
    pub(super) fn coefficients(&self) -> Vec<Coefficients> {
        let unit = unit(self.ensemble);
        self.points.iter().map(|point| Coefficients::linear(point, self.ensemble.shift, unit)).collect()
    }

    /// How a step of the linear model is made with numbers of this epsilon. Gains of members must be 1 where that is an
    /// exponential, whose length may not depend on other members.
    pub(super) fn scheme(&self, epsilon: f64) -> Scheme {
        let gain = self.coefficients().iter().fold(0.0, |largest: f64, point| largest.max(point.gain.abs()));
        Scheme::new(self.spec.integrator, gain * norm_bound(self.ensemble), epsilon)
    }
}
