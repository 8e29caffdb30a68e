//! A stability map's data in the order of its axes.

use super::axis::{Scale, extent};
use super::stability::StabilityMap;
use crate::error::{Error, Result};

/// The map with increasing axes and checked lengths.
pub(super) struct Grid {
    pub(super) step_sizes: Vec<f64>,
    pub(super) radii: Vec<f64>,
    pub(super) x_scale: Scale,
    pub(super) y_scale: Scale,
    /// `[radii, step_sizes]`
    values: Vec<Option<f64>>,
    /// `[radii, step_sizes]`
    unstable: Vec<Option<f64>>,
    neutral: f64,
    /// The distance from neutral at which the colours end.
    pub(super) half_range: f64,
}

impl Grid {
    /// # Errors
    /// [`Error::Bug`] if the lengths do not fit or an axis is empty or not finite.
    pub(super) fn new(map: &StabilityMap) -> Result<Self> {
        let cells = map.step_sizes.len() * map.radii.len();
        let axes_are_finite = map.step_sizes.iter().chain(&map.radii).all(|value| value.is_finite());
        if cells == 0 || map.values.len() != cells || map.unstable_fraction.len() != cells || !axes_are_finite {
            return Err(Error::Bug(format!(
                "a stability map of {} step sizes and {} radii got {} values and {} fractions",
                map.step_sizes.len(),
                map.radii.len(),
                map.values.len(),
                map.unstable_fraction.len()
            )));
        }
        let columns = order(&map.step_sizes);
        let rows = order(&map.radii);
        let pick = |source: &[Option<f64>]| -> Vec<Option<f64>> {
            let places =
                rows.iter().flat_map(|row| columns.iter().map(move |column| row * map.step_sizes.len() + column));
            places.map(|place| source[place].filter(|value| !value.is_nan())).collect()
        };
        let values = pick(&map.values);
        let step_sizes: Vec<f64> = columns.iter().map(|&index| map.step_sizes[index]).collect();
        let radii: Vec<f64> = rows.iter().map(|&index| map.radii[index]).collect();
        let widest = extent(values.iter().flatten().map(|value| (value - map.neutral).abs()));
        let widest = widest.map(|(_, high)| high);
        Ok(Grid {
            x_scale: Scale::of(&step_sizes),
            y_scale: Scale::of(&radii),
            unstable: pick(&map.unstable_fraction),
            half_range: map.half_range.or(widest).filter(|&range| range > 0.0).unwrap_or(1.0),
            neutral: map.neutral,
            values,
            step_sizes,
            radii,
        })
    }

    /// The value of a cell in colour units: −1 to 1, 0 is neutral; values beyond `half_range` lie outside.
    pub(super) fn position(&self, row: usize, column: usize) -> Option<f64> {
        self.values[row * self.step_sizes.len() + column].map(|value| (value - self.neutral) / self.half_range)
    }

    /// The predicted share of unstable members in a cell.
    pub(super) fn unstable(&self, row: usize, column: usize) -> Option<f64> {
        self.unstable[row * self.step_sizes.len() + column]
    }

    /// Is there a prediction for any cell?
    pub(super) fn is_predicted(&self) -> bool {
        self.unstable.iter().any(Option::is_some)
    }

    pub(super) fn has_missing(&self) -> bool {
        self.values.iter().any(Option::is_none)
    }
}

/// The indices that put the values in increasing order, the first of equal ones only.
fn order(values: &[f64]) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..values.len()).collect();
    indices.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    indices.dedup_by(|a, b| values[*a] == values[*b]);
    indices
}
