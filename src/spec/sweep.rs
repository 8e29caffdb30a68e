//! What a sweep does: a stability map over step size × radius × damping.

use super::axes::{Axes, Axis};
use super::check;
use super::ensemble::{EnsembleSpec, MOST_MEMBERS};
use super::grid::{Grid, MOST_POINTS};
use super::layer::LayerSpec;
use super::map_axes::MapAxes;
use super::words::*;
use crate::error::{Error, Result};
use crate::invalid;
use serde::Serialize;
use serde::ser::{self, Serializer};

/// The deepest trajectory.
pub const DEEPEST: usize = 1_000_000;
/// Tokens times the width of a head of tangents in sweeps: see the kernel `attend_tangent`.
const MOST_TANGENT_WORK: usize = 1_000_000;
/// The most members that can be recorded step by step.
const MOST_TRAJECTORIES: usize = 4096;

/// 32 step sizes from 0.01 to 2, evenly on a logarithmic axis but for a little, so that the Transformer's 1 is among them.
const STEP_SIZES: &str = "log(0.01,1,28),log(1.2,2,4)";
/// 12 of them.
const FEWER_STEP_SIZES: &str = "log(0.01,1,10),1.4,2";

/// A stability map over step size × radius × damping, or one for each combination of outer axes. It serialises flat,
/// under the names of the flags.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(remote = "Self")]
pub struct SweepSpec {
    /// Which matrices are drawn.
    #[serde(flatten)]
    pub ensemble: EnsembleSpec,
    /// What a layer computes.
    #[serde(flatten)]
    pub layer: LayerSpec,
    /// Steps L of a trajectory.
    pub depth: usize,
    /// Step sizes h, before `step_scaling`.
    pub step_size: Grid,
    /// Spectral radii rho.
    pub radius: Grid,
    /// Frictions gamma.
    pub damping: Grid,
    /// How the step size depends on the depth.
    pub step_scaling: StepScaling,
    /// Growth of the norm, as a factor, that counts as diverged.
    pub threshold: f64,
    /// Nonlinear layers are linearised at every such step, never if 0; none: at the first, the first of the later half and
    /// the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linearise_every: Option<usize>,
    /// Does a random tangent ride along each trajectory of a nonlinear model? The linear model has no use for one.
    #[serde(skip_serializing_if = "is_true")]
    pub perturbations: bool,
    /// Members recorded step by step; never more than there are layers.
    pub trajectories: usize,
    /// Members computed at a time; none: as many as fit. Not part of the record, for it cannot change a result.
    #[serde(skip)]
    pub chunk: Option<usize>,
    /// Keys swept outside of the map; their own fields then mean nothing, and are not part of the record.
    #[serde(skip_serializing_if = "Axes::is_empty")]
    pub sweep_over: Axes,
    /// The axes of the maps; none: step size and radius, or curves where one of the two has one value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axes: Option<MapAxes>,
}

fn is_true(value: &bool) -> bool {
    *value
}

impl Serialize for SweepSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.sweep_over.is_empty() {
            return SweepSpec::serialize(self, serializer);
        }
        let whole = SweepSpec::serialize(self, serde_json::value::Serializer).map_err(ser::Error::custom)?;
        let swept = self.sweep_over.keys();
        let own = |name: &str| !swept.iter().any(|axis| axis.key() == name);
        serializer.collect_map(whole.as_object().into_iter().flatten().filter(|(name, _)| own(name)))
    }
}

impl Default for SweepSpec {
    /// The default sweep: 1,024 tied Ginibre layers of width 64, depth 80, without friction and with 0.1, over 32 step sizes
    /// from 0.01 to 2 and 32 radii from 0.05 to 1.6. The Transformer's own step, size 1 without friction, is among them.
    /// With friction the predicted boundary, step_size × radius = damping, crosses the whole map.
    fn default() -> Self {
        SweepSpec::of(Model::Linear)
    }
}

impl SweepSpec {
    /// The default sweep of a model. Nonlinear layers have a Jacobian of its own at every grid point, so theirs is
    /// smaller: 64 layers of width 16 with 4 tokens, 12 x 12 x 2 grid points.
    pub fn of(model: Model) -> Self {
        let written = |text| Grid::parse(text).expect("the default grids are well written");
        let linear = model == Model::Linear;
        let small = EnsembleSpec { members: 64, width: 16, ..EnsembleSpec::default() };
        SweepSpec {
            ensemble: if linear { EnsembleSpec::default() } else { small },
            layer: LayerSpec::of(model),
            depth: 80,
            step_size: written(if linear { STEP_SIZES } else { FEWER_STEP_SIZES }),
            radius: written(if linear { "lin(0.05,1.6,32)" } else { "lin(0.1,1.6,12)" }),
            damping: written("0,0.1"),
            step_scaling: StepScaling::Constant,
            threshold: 1e3,
            linearise_every: None,
            perturbations: true,
            trajectories: 8,
            chunk: None,
            sweep_over: Axes::default(),
            axes: None,
        }
    }

    /// How many cells one map has: step sizes × radii × dampings.
    pub fn cells(&self) -> usize {
        self.step_size.len() * self.radius.len() * self.damping.len()
    }

    /// The step size that the kernels see for `step_size`.
    pub fn effective_step_size(&self, step_size: f64) -> f64 {
        step_size * self.step_scaling.factor(self.depth)
    }

    /// Refuses, in one line, what cannot be computed or would mean nothing, at any combination of the outer axes.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change and the combination.
    pub fn validate(&self) -> Result<()> {
        self.axes.map_or(Ok(()), |axes| axes.check(self))?;
        if self.sweep_over.is_empty() {
            return self.validate_plain();
        }
        if self.ensemble.matrices.is_some() && self.sweep_over.keys().contains(&Axis::Width) {
            return invalid!("sweep_over: width: own matrices have one width; remove it or `matrix`");
        }
        self.sweep_over.check(self)?;
        self.combinations().try_for_each(|plain| {
            let said = self.said_of(&plain);
            plain.validate_plain().map_err(|error| Error::Invalid(format!("sweep_over: at {said}: {error}")))
        })
    }

    fn validate_plain(&self) -> Result<()> {
        self.ensemble.validate()?;
        self.layer.validate(&self.ensemble)?;
        check::count("depth", self.depth, DEEPEST)?;
        self.ensemble.validate_weights(self.layer.weights, "depth", self.depth)?;
        self.validate_initial()?;
        check::factor("threshold", self.threshold)?;
        self.validate_counts()?;
        if self.layer.model != Model::Linear && self.linearise_every != Some(0) {
            let dimension = self.ensemble.width * self.layer.tokens;
            check::tangents("tokens: the Jacobian", dimension, dimension, "linearise never, with linearise_every 0")?;
        }
        if self.ensemble.radius_kind == RadiusKind::Exact && self.layer.weights != Weights::Tied {
            return invalid!(
                "radius_kind: with {} weights one exact radius would be that of the first layer only; use {}, or tied \
                 weights",
                self.layer.weights,
                self.ensemble.plain_radius_kind()
            );
        }
        if self.ensemble.radius_kind == RadiusKind::Exact && self.layer.integrator == Integrator::ExponentialEuler {
            return invalid!(
                "radius_kind: with exact radii exponential-euler would need longer series for some members than for others; \
                 use {}",
                self.ensemble.plain_radius_kind()
            );
        }
        self.validate_grids()?;
        self.validate_gain()
    }

    fn validate_initial(&self) -> Result<()> {
        let Some(initial) = &self.ensemble.initial else { return Ok(()) };
        initial.count(self.ensemble.members, self.layer.tokens, self.ensemble.width).map(|_| ())
    }

    fn validate_counts(&self) -> Result<()> {
        if self.linearise_every.is_some_and(|every| every > DEEPEST) {
            return invalid!("linearise_every: more than {DEEPEST} steps do not exist; give 0 for never");
        }
        if self.linearise_every.is_some() && self.layer.model == Model::Linear {
            return invalid!("linearise_every: the linear model is its own linearisation; remove it");
        }
        if !self.perturbations && self.layer.model == Model::Linear {
            return invalid!("perturbations: the linear model is its own linearisation; remove it");
        }
        if self.perturbations && self.layer.model.attends() {
            let (tokens, heads, width) = (self.layer.tokens, self.layer.heads, self.ensemble.width);
            if tokens * width / heads.max(1) > MOST_TANGENT_WORK {
                return invalid!(
                    "perturbations: tangents of attention take tokens x width / heads of {MOST_TANGENT_WORK} at most; give \
                     more heads, or perturbations false"
                );
            }
        }
        if let Some(chunk) = self.chunk {
            check::count("chunk", chunk, MOST_MEMBERS)?;
        }
        if self.trajectories > MOST_TRAJECTORIES {
            return invalid!("trajectories: {} is too large; the most is {MOST_TRAJECTORIES}", self.trajectories);
        }
        Ok(())
    }

    fn validate_grids(&self) -> Result<()> {
        let (steps, radii, dampings) = (self.step_size.len(), self.radius.len(), self.damping.len());
        let points = steps as u128 * radii as u128 * dampings as u128;
        if points > MOST_POINTS as u128 {
            let fitting = (MOST_POINTS as usize / (radii * dampings).max(1)).max(1);
            return invalid!(
                "step_size: {steps} step sizes x {radii} radii x {dampings} dampings make {points} points, at most {MOST_POINTS} \
                 fit; lower a count, such as that of step_size to {fitting}"
            );
        }
        for &value in self.step_size.values() {
            check::step_size(value)?;
            check::step_size(self.effective_step_size(value))?;
        }
        self.radius.values().iter().try_for_each(|&value| check::radius(value))?;
        self.damping.values().iter().try_for_each(|&value| check::damping(value))
    }

    /// The gain is convex in step size and damping and grows with the radius, so the ends of the grids decide.
    fn validate_gain(&self) -> Result<()> {
        let ends = |grid: &Grid| [grid.values()[0], grid.values()[grid.len() - 1]];
        let radius = ends(&self.radius)[1];
        for step_size in ends(&self.step_size) {
            for damping in ends(&self.damping) {
                let step_size = self.effective_step_size(step_size);
                self.layer.gain(&self.ensemble, step_size, radius, damping).check()?;
            }
        }
        Ok(())
    }
}
