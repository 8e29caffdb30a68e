//! Observed and predicted rates over one key of a sweep, where it has no second one for a map.

use crate::device::Device;
use crate::figure::{Spread, SpreadFigure, SpreadLine, evenly};
use crate::numbers::statistics::Summary;
use crate::results::maps::{
    Placed, Reading, TRANSFORMER, axes, caption, grouped, is, keys, length, placed, rate_label, said,
};
use crate::spec::{MapAxis, SweepSpec};
use crate::sweep::Combination;

/// Lines of a figure at most: as many as the palette tells apart.
const MOST_LINES: usize = 6;

/// The curves where there is no map, with the name of their files; nothing where lines over an outer axis say it.
pub fn of(device: &Device, spec: &SweepSpec, results: &[Combination]) -> Option<(String, SpreadFigure)> {
    if axes(spec).is_some() || (spec.axes.is_none() && !spec.sweep_over.is_empty()) {
        return None;
    }
    let axes = spec.axes.map_or(MapAxis::INNER.to_vec(), |axes| vec![axes.x, axes.y]);
    let over = axes.iter().copied().find(|&axis| length(spec, axis) > 1).unwrap_or(axes[0]);
    match over {
        MapAxis::Outer(_) => None,
        over => over_inner(device, spec, over, results),
    }
}

/// The curves over one inner key, a line for each combination of the others, with the name of their files.
fn over_inner(
    device: &Device,
    spec: &SweepSpec,
    over: MapAxis,
    results: &[Combination],
) -> Option<(String, SpreadFigure)> {
    let reading = Reading::over(spec, &[over]);
    let others: Vec<MapAxis> = keys(spec).filter(|&axis| axis != over).collect();
    let groups = grouped(placed(results), |at| others.iter().map(|&axis| reading.value(axis, at)).collect());
    let named = |values: &[f64]| {
        let all = others.iter().copied().zip(values.iter().copied());
        said(all.filter(|&(axis, _)| length(spec, axis) > 1))
    };
    let fixed = others.iter().copied().zip(groups.first()?.0.iter().copied());
    let fixed = said(fixed.filter(|&(axis, _)| length(spec, axis) == 1));
    let shown: Vec<_> = evenly(groups.len(), MOST_LINES).into_iter().map(|index| &groups[index]).collect();
    let line = |(values, cells): &&(Vec<f64>, Vec<Placed>)| line(over, reading, named(values), cells);
    let thinned =
        if shown.len() < groups.len() { format!("; {} of {} lines", shown.len(), groups.len()) } else { String::new() };
    let figure = SpreadFigure {
        lines: shown.iter().map(line).collect(),
        x_label: reading.label(over, spec.step_scaling),
        y_label: rate_label(spec).to_string(),
        neutral: (0.0, "neutral: 0".to_string()),
        mark: mark(over, shown.iter().flat_map(|(_, cells)| cells.iter())),
        title: format!("Stability of {} {} layers; {fixed}", spec.ensemble.members, spec.layer.model),
        caption: caption(device, spec, &[over]) + &thinned,
    };
    Some((format!("observed_rate_over_{}", over.key()), figure))
}

fn line(over: MapAxis, reading: Reading, label: String, cells: &[Placed]) -> SpreadLine {
    let mut cells = cells.to_vec();
    cells.sort_by(|a, b| reading.value(over, a).total_cmp(&reading.value(over, b)));
    let points = cells.iter().map(|at| (reading.value(over, at), spread(&at.cell.observed_rate)));
    let promise = cells.iter().filter_map(|at| Some((reading.value(over, at), at.cell.predicted_rate.median.get()?)));
    SpreadLine { label, points: points.collect(), promise: promise.collect() }
}

/// The Transformer's place, where a line comes by it: at h = 1 without friction, or without friction at h = 1.
fn mark<'a>(over: MapAxis, mut cells: impl Iterator<Item = &'a Placed<'a>>) -> Option<(f64, String)> {
    let place = match over {
        MapAxis::StepSize => cells.any(|at| is(at.cell.damping, 0.0)).then_some(1.0),
        MapAxis::Damping => cells.any(|at| is(at.cell.step_size, 1.0)).then_some(0.0),
        _ => None,
    };
    place.map(|place| (place, TRANSFORMER.to_string()))
}

/// The quantiles that figures show.
pub fn spread(summary: &Summary) -> Spread {
    Spread { low: summary.q10.get(), middle: summary.median.get(), high: summary.q90.get() }
}
