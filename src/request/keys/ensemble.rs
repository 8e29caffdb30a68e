//! The keys of an ensemble.

use super::{Seed, first_given, take, word};
use crate::spec::{Ensemble, EnsembleSpec, RadiusKind};

/// Which matrices are drawn.
#[derive(Debug, Clone, Default, clap::Args, serde::Deserialize)]
#[serde(default)]
pub struct EnsembleKeys {
    /// Random matrices [default: ginibre]
    #[arg(long, value_name = "NAME", help_heading = "Ensemble", value_parser = word::<Ensemble>())]
    pub ensemble: Option<Ensemble>,
    /// Correlation of A_ij with A_ji in the elliptic ensemble, -1 to 1
    #[arg(long, value_name = "NUMBER", help_heading = "Ensemble", allow_negative_numbers = true)]
    pub tau: Option<f64>,
    /// What the radius is the radius of [default: nominal]
    #[arg(long, value_name = "KIND", help_heading = "Ensemble", value_parser = word::<RadiusKind>())]
    pub radius_kind: Option<RadiusKind>,
    /// Restoring force mu: A = -mu I + rho G / sqrt(n) [default: 0]
    #[arg(long, visible_alias = "mu", value_name = "MU", help_heading = "Ensemble", allow_negative_numbers = true)]
    #[serde(alias = "mu")]
    pub shift: Option<f64>,
    /// How many random layers (or stacks of them) are drawn [default: 1024; 64 for lyapunov and nonlinear sweeps]
    #[arg(
        long,
        visible_alias = "layers",
        value_name = "COUNT",
        help_heading = "Ensemble",
        allow_negative_numbers = true
    )]
    #[serde(alias = "layers")]
    pub members: Option<usize>,
    /// Width n of the state, 1 to 4096 [default: 64; 16 for nonlinear sweeps, 32 for lyapunov]
    #[arg(long, value_name = "N", help_heading = "Ensemble", allow_negative_numbers = true)]
    pub width: Option<usize>,
    /// The seed of every random number; on the command line it is a global option.
    #[arg(skip)]
    pub seed: Option<Seed>,
}

impl EnsembleKeys {
    /// The first key that was given, but for the seed, which means something without an ensemble too.
    pub(super) fn first(&self) -> Option<&'static str> {
        let given = [("radius_kind", self.radius_kind.is_some()), ("shift", self.shift.is_some())];
        self.first_drawn().or(first_given(given))
    }

    /// The first key that was given of those that own matrices make meaningless.
    pub(super) fn first_drawn(&self) -> Option<&'static str> {
        let given = [
            ("ensemble", self.ensemble.is_some()),
            ("tau", self.tau.is_some()),
            ("members", self.members.is_some()),
            ("width", self.width.is_some()),
        ];
        first_given(given)
    }

    /// Takes over the keys that were given.
    pub(super) fn apply(&self, spec: &mut EnsembleSpec) {
        take!(self=> spec; radius_kind, shift, width);
        spec.members = self.members.unwrap_or(spec.members);
        spec.family = self.ensemble.unwrap_or(spec.family);
        spec.tau = self.tau.or(spec.tau);
        spec.seed = self.seed.map_or(spec.seed, |seed| seed.0);
    }
}
