//! What `spectrum` does: the eigenvalues of an ensemble, or of matrices from a file.

use super::check::{self, Gain};
use super::ensemble::EnsembleSpec;
use super::words::{Integrator, Precision};
use crate::error::Result;
use crate::invalid;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The finest pseudospectrum, in points a side.
const MOST_POINTS_A_SIDE: usize = 1000;

/// Which quantities are derived of a matrix of a file besides its eigenvalues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantities {
    /// Is the 2-norm ‖A‖₂ wanted?
    pub norm: bool,
    /// The largest eigenvalue of (A + Aᵀ) / 2.
    pub numerical_abscissa: bool,
    /// Henrici's departure from normality.
    pub departure_from_normality: bool,
    /// Is the transient peak max_k ‖A^k‖₂ wanted?
    pub transient_peak: bool,
}

impl Quantities {
    /// All quantities.
    pub const ALL: Self =
        Quantities { norm: true, numerical_abscissa: true, departure_from_normality: true, transient_peak: true };
    /// No quantity.
    pub const NONE: Self =
        Quantities { norm: false, numerical_abscissa: false, departure_from_normality: false, transient_peak: false };

    fn is_all(&self) -> bool {
        *self == Quantities::ALL
    }

    /// Each by its name in the JSON, and whether it is wanted.
    pub fn each(&self) -> [(&'static str, bool); 4] {
        [
            ("norm", self.norm),
            ("numerical_abscissa", self.numerical_abscissa),
            ("departure_from_normality", self.departure_from_normality),
            ("transient_peak", self.transient_peak),
        ]
    }
}

impl FromStr for Quantities {
    type Err = String;

    /// `all`, `none`, or some of the names between commas, with `-` or `_`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.trim() {
            "all" => return Ok(Quantities::ALL),
            "none" => return Ok(Quantities::NONE),
            _ => {}
        }
        let mut wanted = Quantities::NONE;
        for name in text.split(',') {
            let field = match name.trim().replace('_', "-").as_str() {
                "norm" => &mut wanted.norm,
                "numerical-abscissa" => &mut wanted.numerical_abscissa,
                "departure-from-normality" => &mut wanted.departure_from_normality,
                "transient-peak" => &mut wanted.transient_peak,
                other => {
                    return Err(format!(
                        "`{other}` is none of them; give all, none, or some of norm,numerical-abscissa,\
                         departure-from-normality,transient-peak"
                    ));
                }
            };
            *field = true;
        }
        Ok(wanted)
    }
}

impl fmt::Display for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Quantities::ALL => f.write_str("all"),
            Quantities::NONE => f.write_str("none"),
            some => {
                let names =
                    some.each().into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name.replace('_', "-"));
                f.write_str(&names.collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl Serialize for Quantities {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantities {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The eigenvalues of A or, as soon as a step size or a damping is given, of M = (1 - damping) I + step_size A.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpectrumSpec {
    /// Which matrices are drawn; without meaning when there is a matrix file.
    #[serde(flatten)]
    pub ensemble: EnsembleSpec,
    /// Spectral radius rho of the drawn matrices.
    pub radius: f64,
    /// Step size h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_size: Option<f64>,
    /// Friction gamma.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damping: Option<f64>,
    /// Matrices from a file (.npy one or a stack, .mtx, .csv) instead of an ensemble.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "readable")]
    pub matrix: Option<PathBuf>,
    /// Whether the eigenvalues themselves are wanted, not only their statistics.
    pub values: bool,
    /// What the eigenvalues are computed in; by default f32, f64 on the reference and for matrices of a file on a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Points a side of the pseudospectrum of the first matrix of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudospectrum: Option<usize>,
    /// What is derived of the matrices of the file besides; drawn ones have nothing derived.
    #[serde(skip_serializing_if = "Quantities::is_all")]
    pub derived: Quantities,
}

impl Default for SpectrumSpec {
    /// 1,024 Ginibre matrices of width 64 and nominal radius 1; statistics of A.
    fn default() -> Self {
        SpectrumSpec {
            ensemble: EnsembleSpec::default(),
            radius: 1.0,
            step_size: None,
            damping: None,
            matrix: None,
            values: false,
            precision: None,
            pseudospectrum: None,
            derived: Quantities::ALL,
        }
    }
}

impl SpectrumSpec {
    /// Scale and offset that turn an eigenvalue of A into what is asked for: 1 - damping + step_size λ, or λ itself.
    pub fn affine(&self) -> (f64, f64) {
        match (self.step_size, self.damping) {
            (None, None) => (1.0, 0.0),
            (step_size, damping) => (step_size.unwrap_or(1.0), 1.0 - damping.unwrap_or(0.0)),
        }
    }

    /// Whether it speaks of the step M instead of the layer A.
    pub fn is_of_step(&self) -> bool {
        self.step_size.is_some() || self.damping.is_some()
    }

    /// Refuses, in one line, what cannot be computed.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the key to change.
    pub fn validate(&self) -> Result<()> {
        self.ensemble.validate()?;
        if self.pseudospectrum.is_some() && self.matrix.is_none() {
            return invalid!("pseudospectrum: it is that of your own matrix; name its file with matrix");
        }
        if !self.derived.is_all() && self.matrix.is_none() {
            return invalid!("derived: it is of your own matrices; name their file with matrix");
        }
        if let Some(points) = self.pseudospectrum {
            check::count("pseudospectrum", points, MOST_POINTS_A_SIDE)?;
        }
        check::radius(self.radius)?;
        self.step_size.map_or(Ok(()), check::step_size)?;
        self.damping.map_or(Ok(()), check::damping)?;
        let (step_size, damping) = (self.step_size.unwrap_or(1.0), self.damping.unwrap_or(0.0));
        let (radius, shift, correlation) = (self.radius, self.ensemble.shift, self.ensemble.correlation());
        let norm = self.ensemble.largest_norm();
        Gain { step_size, radius, damping, shift, correlation, norm, integrator: Integrator::Euler }.check()
    }
}

/// A path that is not UTF-8 is no reason to fail a record.
fn readable<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&path.as_deref().unwrap_or("".as_ref()).display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_they_are_written() {
        for text in ["all", "none", "norm", "numerical-abscissa,transient-peak", "norm,departure-from-normality"] {
            assert_eq!(text.parse::<Quantities>().expect(text).to_string(), text);
        }
        assert_eq!(
            "transient_peak, norm".parse::<Quantities>().expect("may have either dash").to_string(),
            "norm,transient-peak"
        );
        assert!(
            "peak".parse::<Quantities>().is_err_and(|why| why.contains("`peak`") && why.contains("transient-peak"))
        );
        assert!("".parse::<Quantities>().is_err());
    }
}
