//! The axes of the maps: `--axes X,Y`, any two swept keys.

use super::axes::Axis;
use super::grid::shown;
use super::sweep::SweepSpec;
use crate::error::Result;
use crate::invalid;
use serde::{Serialize, Serializer};
use std::fmt;

/// A key that can be an axis of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapAxis {
    /// The step size h, after its scaling with the depth.
    StepSize,
    /// The spectral radius ρ.
    Radius,
    /// The friction γ.
    Damping,
    /// A key that is swept outside.
    Outer(Axis),
}

impl MapAxis {
    /// The axes that every sweep has.
    pub const INNER: [MapAxis; 3] = [MapAxis::StepSize, MapAxis::Radius, MapAxis::Damping];

    /// The key in specifications, tables and names of files.
    pub fn key(self) -> &'static str {
        match self {
            MapAxis::StepSize => "step_size",
            MapAxis::Radius => "radius",
            MapAxis::Damping => "damping",
            MapAxis::Outer(axis) => axis.key(),
        }
    }

    /// The symbol of an inner axis, the key of an outer one.
    pub fn symbol(self) -> &'static str {
        match self {
            MapAxis::StepSize => "h",
            MapAxis::Radius => "ρ",
            MapAxis::Damping => "γ",
            MapAxis::Outer(axis) => axis.key(),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let key = text.trim().replace('-', "_");
        let inner = MapAxis::INNER.into_iter().zip(["h", "rho", "gamma"]);
        let found = inner.into_iter().find(|(axis, word)| key == axis.key() || key == *word).map(|(axis, _)| axis);
        let outer = || Axis::ALL.into_iter().find(|axis| axis.key() == key).map(MapAxis::Outer);
        found.or_else(outer).map_or_else(
            || {
                let outer = Axis::ALL.map(Axis::key).join(", ");
                invalid!("axes: `{}` is no swept key; write two of step_size, radius, damping, {outer}", shown(&key))
            },
            Ok,
        )
    }
}

/// The two axes of the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapAxes {
    /// The key along x.
    pub x: MapAxis,
    /// The key along y.
    pub y: MapAxis,
}

impl MapAxes {
    /// Reads `X,Y`.
    ///
    /// # Errors
    /// [`crate::error::Error::Invalid`] unless there are two different swept keys.
    pub fn parse(text: &str) -> Result<Self> {
        let [x, y] = text.split(',').collect::<Vec<_>>()[..] else {
            return invalid!("axes: `{}` are not two keys; write X,Y, such as step_size,damping", shown(text));
        };
        let (x, y) = (MapAxis::parse(x)?, MapAxis::parse(y)?);
        if x == y {
            return invalid!("axes: {} is given twice; write two different keys", x.key());
        }
        Ok(MapAxes { x, y })
    }

    /// Refuses a key that this sweep does not sweep.
    pub(super) fn check(self, spec: &SweepSpec) -> Result<()> {
        let swept = spec.sweep_over.keys();
        for axis in [self.x, self.y] {
            if let MapAxis::Outer(axis) = axis
                && !swept.contains(&axis)
            {
                return invalid!("axes: {axis} is not swept; add sweep_over {axis}=GRID or name another key");
            }
        }
        Ok(())
    }
}

impl fmt::Display for MapAxes {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{},{}", self.x.key(), self.y.key())
    }
}

impl Serialize for MapAxes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, MapAxes, MapAxis};

    #[test]
    fn two_swept_keys_are_axes() {
        let axes = |text| MapAxes::parse(text).map_err(|error| error.to_string());
        let h_gamma = MapAxes { x: MapAxis::StepSize, y: MapAxis::Damping };
        for text in ["step_size,damping", "step-size, damping", "h,gamma"] {
            assert_eq!(axes(text), Ok(h_gamma));
        }
        assert_eq!(axes("depth,rho"), Ok(MapAxes { x: MapAxis::Outer(Axis::Depth), y: MapAxis::Radius }));
        assert_eq!(h_gamma.to_string(), "step_size,damping");
        for (text, why) in [
            ("h", "not two keys"),
            ("h,rho,gamma", "not two keys"),
            ("h,step_size", "given twice"),
            ("h,seed", "`seed` is no swept key"),
        ] {
            assert!(axes(text).unwrap_err().contains(why), "{text}");
        }
    }
}
