//! What `lyapunov` does: the exponents of long products of layers.

use super::check;
use super::ensemble::EnsembleSpec;
use super::layer::LayerSpec;
use super::words::{Model, Weights};
use crate::error::Result;
use crate::invalid;
use serde::Serialize;

/// The most steps of one product.
const MOST_STEPS: usize = 1_000_000;

/// The Lyapunov exponents of x ← (1 - damping) x + step_size f(x), in natural logarithms per step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LyapunovSpec {
    /// Which matrices are drawn.
    #[serde(flatten)]
    pub ensemble: EnsembleSpec,
    /// What a layer computes.
    #[serde(flatten)]
    pub layer: LayerSpec,
    /// Spectral radius rho.
    pub radius: f64,
    /// Step size h.
    pub step_size: f64,
    /// Friction gamma.
    pub damping: f64,
    /// Steps that are averaged over.
    pub depth: usize,
    /// Steps before the average begins, for the frame to turn into its place.
    pub transient_steps: usize,
    /// How many exponents, from the largest; none: all width × tokens of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<usize>,
    /// Points of the convergence series.
    pub blocks: usize,
}

impl Default for LyapunovSpec {
    /// 64 members of width 32 with a fresh Ginibre layer at each of 1,000 steps, after 100 steps of transient;
    /// step size 1 and no friction, which is the Transformer's step, radius 1, all exponents, 20 blocks.
    fn default() -> Self {
        LyapunovSpec::of(Model::Linear)
    }
}

impl LyapunovSpec {
    /// The default of a model.
    pub fn of(model: Model) -> Self {
        LyapunovSpec {
            ensemble: EnsembleSpec { members: 64, width: 32, ..EnsembleSpec::default() },
            layer: LayerSpec { weights: Weights::Iid, ..LayerSpec::of(model) },
            radius: 1.0,
            step_size: 1.0,
            damping: 0.0,
            depth: 1000,
            transient_steps: 100,
            top: None,
            blocks: 20,
        }
    }

    /// How many exponents are computed.
    pub fn exponents(&self) -> usize {
        self.top.unwrap_or(self.dimension())
    }

    /// The number of exponents there are: width × tokens.
    pub fn dimension(&self) -> usize {
        self.ensemble.width * self.layer.tokens
    }

    /// Refuses, in one line, what cannot be computed or would mean nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self) -> Result<()> {
        self.ensemble.validate()?;
        self.layer.validate(&self.ensemble)?;
        check::radius(self.radius)?;
        check::step_size(self.step_size)?;
        check::damping(self.damping)?;
        self.validate_counts()?;
        let all = self.depth.saturating_add(self.transient_steps);
        self.ensemble.validate_weights(self.layer.weights, "depth", all)?;
        self.validate_initial()?;
        self.layer.gain(&self.ensemble, self.step_size, self.radius, self.damping).check()
    }

    fn validate_initial(&self) -> Result<()> {
        let Some(initial) = &self.ensemble.initial else { return Ok(()) };
        if self.layer.model == Model::Linear {
            return invalid!("initial: exponents of the linear model do not depend on a state; remove it");
        }
        initial.count(self.ensemble.members, self.layer.tokens, self.ensemble.width).map(|_| ())
    }

    fn validate_counts(&self) -> Result<()> {
        check::count("depth", self.depth, MOST_STEPS)?;
        check::count("blocks", self.blocks, MOST_STEPS)?;
        if let Some(top) = self.top {
            check::count("top", top, self.dimension())?;
        }
        check::tangents("top: the tangents", self.dimension(), self.exponents(), "ask for fewer exponents, with top")?;
        self.layer.validate_tangents(self.ensemble.width)?;
        if self.transient_steps > MOST_STEPS {
            return invalid!("transient_steps: {} is too large; the most is {MOST_STEPS}", self.transient_steps);
        }
        if self.blocks > self.depth {
            return invalid!(
                "blocks: {} blocks do not fit into a depth of {}; lower blocks or raise depth",
                self.blocks,
                self.depth
            );
        }
        Ok(())
    }
}
