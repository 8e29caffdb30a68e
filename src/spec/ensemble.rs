//! The members of a run, which the specifications share: random matrices, or own ones.

use super::check;
use super::given::{InitialStates, Matrices};
use super::words::*;
use crate::error::Result;
use crate::invalid;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The widest state.
pub const WIDEST: usize = 4096;
/// The most members of an ensemble.
pub const MOST_MEMBERS: usize = 1 << 31;
/// The most own matrices that one member takes in turn: each is an input of the plan.
const MOST_GIVEN: usize = 10_000;
/// What ‖A‖₂ of a random matrix of nominal radius 1 stays below: 2, but for rare draws.
const NORM_OF_RANDOM: f64 = 4.0;

/// Which members there are. Their matrices are A = -shift I + radius G / sqrt(width) with random G, or
/// A = -shift I + radius B with own matrices B.
#[derive(Debug, Clone, PartialEq)]
pub struct EnsembleSpec {
    /// The family of the random G; the key is `ensemble`. Own matrices have none.
    pub family: Ensemble,
    /// Correlation of A_ij with A_ji, for the elliptic family only.
    pub tau: Option<f64>,
    /// What the radius is the radius of.
    pub radius_kind: RadiusKind,
    /// The restoring force mu.
    pub shift: f64,
    /// How many members there are; the key is `members`.
    pub members: usize,
    /// The width n of a state.
    pub width: usize,
    /// The seed of every random number.
    pub seed: u64,
    /// Own matrices in place of random ones: of one width, one for each member, or one for each step of a single one.
    pub matrices: Option<Matrices>,
    /// Where the members start; none: at independent standard normal numbers.
    pub initial: Option<InitialStates>,
}

impl Default for EnsembleSpec {
    /// 1,024 Ginibre matrices of width 64, unshifted, nominal radius, seed 0.
    fn default() -> Self {
        EnsembleSpec {
            family: Ensemble::Ginibre,
            tau: None,
            radius_kind: RadiusKind::Nominal,
            shift: 0.0,
            members: 1024,
            width: 64,
            seed: 0,
            matrices: None,
            initial: None,
        }
    }
}

impl EnsembleSpec {
    /// Own matrices: a member for each of them, or with `weights` given a single one that takes them in turn.
    pub fn given(matrices: Matrices, weights: Weights) -> Self {
        EnsembleSpec {
            radius_kind: RadiusKind::Factor,
            members: if weights == Weights::Given { 1 } else { matrices.count() },
            width: matrices.width(),
            matrices: Some(matrices),
            ..EnsembleSpec::default()
        }
    }

    /// The correlation of A_ij with A_ji: 0 for Ginibre and own matrices, 1 symmetric, -1 antisymmetric, else `tau`.
    pub fn correlation(&self) -> f64 {
        match self.family {
            _ if self.matrices.is_some() => 0.0,
            Ensemble::Ginibre => 0.0,
            Ensemble::Symmetric => 1.0,
            Ensemble::Antisymmetric => -1.0,
            Ensemble::Elliptic => self.tau.unwrap_or(0.0),
        }
    }

    /// A bound of ‖A‖₂ at radius 1 and shift 0, for all members but rare ones.
    pub(super) fn largest_norm(&self) -> f64 {
        self.matrices.as_ref().map_or(NORM_OF_RANDOM, Matrices::largest_norm)
    }

    /// The radius that needs no measuring: a factor on own matrices, a nominal one of random ones.
    pub(super) fn plain_radius_kind(&self) -> RadiusKind {
        if self.matrices.is_some() { RadiusKind::Factor } else { RadiusKind::Nominal }
    }

    /// What the matrices are, for captions: the family, or the file.
    pub fn title(&self) -> String {
        self.matrices.as_ref().map_or_else(|| self.family.to_string(), |own| format!("matrices of {}", own.place()))
    }

    /// Refuses what cannot be drawn, and own matrices that are not those of the members.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) with the key to change.
    pub fn validate(&self) -> Result<()> {
        check::count("members", self.members, MOST_MEMBERS)?;
        check::count("width", self.width, WIDEST)?;
        check::finite("shift", self.shift)?;
        if let Some(own) = &self.matrices {
            return self.validate_given(own);
        }
        self.validate_tau()?;
        if self.radius_kind == RadiusKind::Factor {
            return invalid!(
                "radius_kind: factor is for own matrices; use nominal or exact, or name a file with matrix"
            );
        }
        if self.radius_kind == RadiusKind::Exact && self.correlation() == -1.0 && self.width == 1 {
            return invalid!(
                "radius_kind: an antisymmetric matrix of width 1 is 0 and has no radius; use width 2 or nominal"
            );
        }
        Ok(())
    }

    fn validate_given(&self, own: &Matrices) -> Result<()> {
        if self.radius_kind == RadiusKind::Nominal {
            return invalid!("radius_kind: own matrices follow no law with a nominal radius; use factor or exact");
        }
        if self.width != own.width() {
            return invalid!("width: {} is not that of the matrices, {}; leave it out", self.width, own.width());
        }
        if self.members != 1 && self.members != own.count() {
            return invalid!(
                "members: {} are not one for each of {} matrices; leave it out",
                self.members,
                own.count()
            );
        }
        Ok(())
    }

    /// Refuses members whose weights are not there as `weights` says, for this many steps, which
    /// `key` asks for.
    pub(super) fn validate_weights(&self, weights: Weights, key: &str, steps: usize) -> Result<()> {
        match (&self.matrices, weights) {
            (None, Weights::Given) => {
                invalid!("weights: given are own matrices, one after the other; name their file with matrix")
            }
            (Some(_), Weights::Iid) => {
                invalid!("weights: own matrices are not drawn; use tied, or given for one after the other")
            }
            (Some(_), Weights::Given) if steps > MOST_GIVEN => {
                invalid!("{key}: {steps} given matrices are too many for one run; the most is {MOST_GIVEN}")
            }
            (Some(own), Weights::Given) if steps > own.count() => {
                invalid!(
                    "{key}: {steps} steps need as many matrices, and there are {} in {}; lower {key} or use weights tied",
                    own.count(),
                    own.place()
                )
            }
            _ => Ok(()),
        }
    }

    fn validate_tau(&self) -> Result<()> {
        match (self.family, self.tau) {
            (Ensemble::Elliptic, None) => invalid!("tau: the elliptic ensemble needs one; give a number from -1 to 1"),
            (Ensemble::Elliptic, Some(tau)) if !(-1.0..=1.0).contains(&tau) => {
                invalid!("tau: {tau} is outside -1 to 1, and so no correlation; give a number from -1 to 1")
            }
            (Ensemble::Elliptic, Some(_)) | (_, None) => Ok(()),
            (other, Some(_)) => invalid!("tau: the {other} ensemble has none; remove it or use the elliptic ensemble"),
        }
    }
}

impl Serialize for EnsembleSpec {
    /// Only what means something: of own matrices the file, which says how many there are and how wide.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.matrices {
            Some(own) => own.origin().serialize(&mut map, "matrix", "matrix_blake3")?,
            None => {
                map.serialize_entry("ensemble", &self.family)?;
                if let Some(tau) = self.tau {
                    map.serialize_entry("tau", &tau)?;
                }
            }
        }
        map.serialize_entry("radius_kind", &self.radius_kind)?;
        map.serialize_entry("shift", &self.shift)?;
        if self.matrices.is_none() {
            map.serialize_entry("members", &self.members)?;
            map.serialize_entry("width", &self.width)?;
        }
        if let Some(initial) = &self.initial {
            initial.origin().serialize(&mut map, "initial", "initial_blake3")?;
        }
        map.serialize_entry("seed", &WrittenSeed(self.seed))?;
        map.end()
    }
}

/// A seed as a number, or as hexadecimal text where TOML and JSON readers would lose digits.
struct WrittenSeed(u64);

impl Serialize for WrittenSeed {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        const EXACT_IN_F64: u64 = 1 << 53;
        match self.0 {
            seed @ ..=EXACT_IN_F64 => serializer.serialize_u64(seed),
            seed => serializer.serialize_str(&format!("{seed:#x}")),
        }
    }
}
