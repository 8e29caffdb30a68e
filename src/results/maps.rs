//! The stability maps of a sweep over any two of its keys, or curves where a map would have one row.

use crate::device::Device;
use crate::figure::{Mark, StabilityMap, Values};
use crate::numbers::verdict::Band;
use crate::spec::grid::brief;
use crate::spec::{Axis, MapAxes, MapAxis, Model, StepScaling, SweepSpec};
use crate::sweep::{Cell, Combination};
use std::collections::HashMap;

/// Colours of a map saturate here at the latest: growth of the logarithm a step.
const COLOUR_RANGE: f64 = 0.5;
/// The essay's layer.
pub const TRANSFORMER: &str = "Transformer: h = 1, γ = 0";

/// A cell with the sweep that it is of, and its step size before any scaling.
#[derive(Clone, Copy)]
pub struct Placed<'a> {
    /// The plain sweep.
    pub own: &'a SweepSpec,
    /// The cell.
    pub cell: &'a Cell,
    given_step_size: f64,
}

/// All cells of all combinations.
pub fn placed(results: &[Combination]) -> impl Iterator<Item = Placed<'_>> {
    results.iter().flat_map(|Combination { spec, sweep }| {
        let given = spec.step_size.values();
        let of =
            move |(place, cell): (usize, _)| Placed { own: spec, cell, given_step_size: given[place % given.len()] };
        sweep.cells.iter().enumerate().map(of)
    })
}

/// The keys of a figure, and how their values are read.
#[derive(Clone, Copy)]
pub struct Reading {
    /// Over depth a scaled step size would be another at each depth, so the one before the scaling is read.
    before_scaling: bool,
}

impl Reading {
    /// For a figure over these axes.
    pub fn over(spec: &SweepSpec, axes: &[MapAxis]) -> Self {
        let scaled = spec.step_scaling != StepScaling::Constant;
        Reading { before_scaling: scaled && axes.contains(&MapAxis::Outer(Axis::Depth)) }
    }

    /// The value of a key at a cell.
    pub fn value(self, axis: MapAxis, at: &Placed) -> f64 {
        match axis {
            MapAxis::StepSize if self.before_scaling => at.given_step_size,
            MapAxis::StepSize => at.cell.step_size,
            MapAxis::Radius => at.cell.radius,
            MapAxis::Damping => at.cell.damping,
            MapAxis::Outer(axis) => axis.of(at.own),
        }
    }

    /// What the values of a key are.
    pub fn label(self, axis: MapAxis, scaling: StepScaling) -> String {
        match (axis, scaling) {
            (MapAxis::StepSize, _) if self.before_scaling => "step size h before its scaling".to_string(),
            (MapAxis::StepSize, StepScaling::Constant) => "step size h".to_string(),
            (MapAxis::StepSize, StepScaling::InverseSqrtDepth) => "step size h, scaled by 1/sqrt(depth)".to_string(),
            (MapAxis::StepSize, StepScaling::InverseDepth) => "step size h, scaled by 1/depth".to_string(),
            (MapAxis::Radius, _) => "spectral radius ρ".to_string(),
            (MapAxis::Damping, _) => "damping γ".to_string(),
            (MapAxis::Outer(axis), _) => axis.to_string(),
        }
    }
}

/// How many values a key has in a sweep.
pub fn length(spec: &SweepSpec, axis: MapAxis) -> usize {
    match axis {
        MapAxis::StepSize => spec.step_size.len(),
        MapAxis::Radius => spec.radius.len(),
        MapAxis::Damping => spec.damping.len(),
        MapAxis::Outer(axis) => {
            spec.sweep_over.iter().find(|(other, _)| *other == axis).map_or(1, |(_, grid)| grid.len())
        }
    }
}

/// All keys of a sweep, the outer ones first.
pub fn keys(spec: &SweepSpec) -> impl Iterator<Item = MapAxis> {
    spec.sweep_over.keys().into_iter().map(MapAxis::Outer).chain(MapAxis::INNER)
}

/// The axes of the maps; none where there would be a single row or column.
pub fn axes(spec: &SweepSpec) -> Option<MapAxes> {
    let axes = spec.axes.unwrap_or(MapAxes { x: MapAxis::StepSize, y: MapAxis::Radius });
    [axes.x, axes.y].iter().all(|&axis| length(spec, axis) > 1).then_some(axes)
}

/// The maps, one for each combination of the other keys, with the names of their files.
pub fn maps(device: &Device, spec: &SweepSpec, results: &[Combination]) -> Vec<(String, StabilityMap)> {
    let Some(axes) = axes(spec) else { return Vec::new() };
    let reading = Reading::over(spec, &[axes.x, axes.y]);
    let others: Vec<MapAxis> = keys(spec).filter(|&axis| axis != axes.x && axis != axes.y).collect();
    let groups = grouped(placed(results), |at| others.iter().map(|&axis| reading.value(axis, at)).collect());
    let several: Vec<bool> = others.iter().map(|&axis| length(spec, axis) > 1).collect();
    let place = |values: &[f64]| -> Vec<(&str, f64)> {
        let all = others.iter().map(|axis| axis.key()).zip(values.iter().copied()).zip(&several);
        all.filter(|(_, several)| **several).map(|(place, _)| place).collect()
    };
    let names = names("stability_map", &groups.iter().map(|(values, _)| place(values)).collect::<Vec<_>>());
    let map = |(values, cells): &(Vec<f64>, Vec<Placed>)| {
        let fixed: Vec<(MapAxis, f64)> = others.iter().copied().zip(values.iter().copied()).collect();
        map(device, spec, axes, reading, &fixed, cells)
    };
    names.into_iter().zip(groups.iter().map(map)).collect()
}

/// Cells by what `of` says of them, in the order of their first cells.
pub fn grouped<'a>(
    cells: impl Iterator<Item = Placed<'a>>,
    of: impl Fn(&Placed) -> Vec<f64>,
) -> Vec<(Vec<f64>, Vec<Placed<'a>>)> {
    let mut groups: Vec<(Vec<f64>, Vec<Placed>)> = Vec::new();
    let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
    for cell in cells {
        let values = of(&cell);
        let index = *known.entry(values.iter().map(|value| value.to_bits()).collect()).or_insert(groups.len());
        match groups.get_mut(index) {
            Some((_, group)) => group.push(cell),
            None => groups.push((values, vec![cell])),
        }
    }
    groups
}

/// A rate of a cell, 0 where the band leaves open which side of it it is on.
fn settled(rate: Option<f64>, band: Band) -> Option<f64> {
    rate.map(|rate| if band.within(rate) { 0.0 } else { rate })
}

/// One map, from its cells.
fn map(
    device: &Device,
    spec: &SweepSpec,
    axes: MapAxes,
    reading: Reading,
    fixed: &[(MapAxis, f64)],
    cells: &[Placed],
) -> StabilityMap {
    let values = |axis: MapAxis| {
        let groups = grouped(cells.iter().copied(), |at| vec![reading.value(axis, at)]);
        groups.into_iter().map(|(values, _)| values[0]).collect::<Vec<f64>>()
    };
    let (xs, ys) = (values(axes.x), values(axes.y));
    let column: HashMap<u64, usize> = xs.iter().enumerate().map(|(i, x)| (x.to_bits(), i)).collect();
    let row: HashMap<u64, usize> = ys.iter().enumerate().map(|(i, y)| (y.to_bits(), i)).collect();
    let (mut observed, mut predicted) = (vec![None; xs.len() * ys.len()], vec![None; xs.len() * ys.len()]);
    for at in cells {
        let place = |axis| reading.value(axis, at).to_bits();
        let place = row[&place(axes.y)] * xs.len() + column[&place(axes.x)];
        observed[place] = settled(at.cell.observed_rate.median.get(), at.cell.bands.observed);
        predicted[place] = settled(at.cell.predicted_rate.median.get(), at.cell.bands.predicted);
    }
    let at =
        fixed.iter().map(|(axis, value)| format!("{} {}", axis.key(), brief(*value))).collect::<Vec<_>>().join(", ");
    let axis = |axis, values| Values { label: reading.label(axis, spec.step_scaling), values };
    StabilityMap {
        half_range: colour_range(&observed),
        x: axis(axes.x, xs),
        y: axis(axes.y, ys),
        observed,
        predicted,
        value_label: rate_label(spec).to_string(),
        mark: mark(axes, fixed),
        title: format!("Stability of {} {} layers; {at}", spec.ensemble.members, spec.layer.model),
        at,
        caption: caption(device, spec, &[axes.x, axes.y]),
    }
}

/// What the observed rate is the rate of.
pub fn rate_label(spec: &SweepSpec) -> &'static str {
    match spec.layer.model {
        Model::Linear => "observed rate: d ln |x| a step, median",
        _ => "observed rate: d ln |δx| a step, median",
    }
}

/// Values of keys, such as "ρ = 1, γ = 0.1, depth 10".
pub fn said(values: impl Iterator<Item = (MapAxis, f64)>) -> String {
    let said = |(axis, value): (MapAxis, f64)| match axis {
        MapAxis::Outer(axis) => format!("{axis} {}", brief(value)),
        inner => format!("{} = {}", inner.symbol(), brief(value)),
    };
    values.map(said).collect::<Vec<_>>().join(", ")
}

/// What the layers are and what computed them; without the keys that the figure is over.
pub fn caption(device: &Device, spec: &SweepSpec, over: &[MapAxis]) -> String {
    let ensemble = &spec.ensemble;
    let swept = spec.sweep_over.keys();
    let fixed = |axis: Axis, value: usize| {
        let is_fixed = !swept.contains(&axis) && !over.contains(&MapAxis::Outer(axis));
        if is_fixed { format!(", {axis} {value}") } else { String::new() }
    };
    format!(
        "{} {}{}{}, {} radius, seed {}; {}",
        spec.layer.weights,
        ensemble.title(),
        fixed(Axis::Width, ensemble.width),
        fixed(Axis::Depth, spec.depth),
        ensemble.radius_kind,
        ensemble.seed,
        device.description().caption()
    )
}

/// Where the Transformer's h = 1 and γ = 0 are on a map, if its fixed values allow for it.
fn mark(axes: MapAxes, fixed: &[(MapAxis, f64)]) -> Option<Mark> {
    let wanted = [(MapAxis::StepSize, 1.0), (MapAxis::Damping, 0.0)];
    let value_of = |axis: MapAxis| wanted.iter().find(|(own, _)| *own == axis).map(|(_, value)| *value);
    let agrees = |&(axis, value): &(MapAxis, f64)| value_of(axis).is_none_or(|wanted| is(value, wanted));
    let label = TRANSFORMER.to_string();
    fixed.iter().all(agrees).then(|| Mark { x: value_of(axes.x), y: value_of(axes.y), label })
}

/// Is a value of a grid this one, but for rounding?
pub fn is(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() <= 1e-9
}

/// As far as the values reach, so that small growth shows too, but not beyond [`COLOUR_RANGE`].
fn colour_range(values: &[Option<f64>]) -> Option<f64> {
    let finite = values.iter().flatten().filter(|value| value.is_finite());
    let largest = finite.fold(0.0, |largest, value| f64::max(largest, value.abs()));
    Some(largest.min(COLOUR_RANGE)).filter(|&range| range > 0.0)
}

/// Names for figures of several places: values rounded to 6 significant digits, and none twice.
fn names(of: &str, places: &[Vec<(&str, f64)>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (i, place) in places.iter().enumerate() {
        let mut name = of.to_string();
        for (key, value) in place {
            name += &format!("_{key}_{}", brief(*value));
        }
        let taken = names.contains(&name);
        names.push(if taken { format!("{name}_number_{}", i + 1) } else { name });
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{MapAxes, MapAxis, TRANSFORMER, mark, names};
    use crate::figure::Mark;

    #[test]
    fn names_of_maps_are_short_and_differ() {
        let map = "stability_map";
        assert_eq!(names(map, &[vec![]]), [map]);
        let places = [1.0 / 3.0, 1.0 / 3.0 + 1e-9, 0.5].map(|damping| vec![("depth", 10.0), ("damping", damping)]);
        let ends = ["0.333333", "0.333333_number_2", "0.5"];
        assert_eq!(names(map, &places), ends.map(|end| format!("stability_map_depth_10_damping_{end}")));
    }

    #[test]
    fn the_transformer_is_where_both_of_its_values_are() {
        let (h, rho, gamma) = (MapAxis::StepSize, MapAxis::Radius, MapAxis::Damping);
        let at = |x, y, fixed: &[(MapAxis, f64)]| {
            mark(MapAxes { x, y }, fixed).map(|Mark { x, y, label }| {
                assert_eq!(label, TRANSFORMER);
                (x, y)
            })
        };
        assert_eq!(at(h, rho, &[(gamma, 0.0)]), Some((Some(1.0), None)));
        assert_eq!(at(h, rho, &[(gamma, 0.1)]), None);
        assert_eq!(at(h, gamma, &[(rho, 0.7)]), Some((Some(1.0), Some(0.0))));
        assert_eq!(at(gamma, h, &[(rho, 0.7)]), Some((Some(0.0), Some(1.0))));
        assert_eq!(at(rho, gamma, &[(h, 1.0)]), Some((None, Some(0.0))));
        assert_eq!(at(rho, gamma, &[(h, 0.5)]), None);
    }
}
