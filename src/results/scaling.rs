//! How growth and spectral radius scale with an outer axis, from the sweeps of all combinations.

use crate::device::Device;
use crate::figure::{Spread, SpreadFigure, SpreadLine, evenly};
use crate::results::curves::spread;
use crate::spec::grid::brief;
use crate::spec::{Axis, StepScaling, SweepSpec};
use crate::sweep::thinning;
use crate::sweep::{Cell, Combination};

/// Lines of a figure at most.
const MOST_LINES: usize = 8;

/// What is drawn over the axis.
struct Quantity {
    name: &'static str,
    label: &'static str,
    neutral: f64,
    of: fn(&Cell) -> Spread,
    /// What the eigenvalues promise of it.
    promise: fn(&Cell) -> Option<f64>,
}

const RATE: Quantity = Quantity {
    name: "observed_rate",
    label: "observed rate, ln a step",
    neutral: 0.0,
    of: |cell| spread(&cell.observed_rate),
    promise: |cell| cell.predicted_rate.median.get(),
};
const GROWTH: Quantity = Quantity {
    name: "growth",
    label: "growth, ln |x_L|/|x_0|",
    neutral: 0.0,
    of: |cell| spread(&cell.log_growth),
    promise: |_| None,
};
const SPECTRAL_RADIUS: Quantity = Quantity {
    name: "spectral_radius",
    label: "spectral radius of M",
    neutral: 1.0,
    of: |cell| spread(&cell.spectral_radius),
    promise: |_| None,
};

/// The figures over the outermost axis with several values, with the names of their files; none without outer axes.
pub fn figures(device: &Device, spec: &SweepSpec, results: &[Combination]) -> Vec<(String, SpreadFigure)> {
    let outermost = spec.sweep_over.iter().find(|(_, grid)| grid.len() > 1).or(spec.sweep_over.iter().next());
    let Some((axis, _)) = outermost else { return Vec::new() };
    // Over depth, growth a step and all of it are two different stories.
    let quantities = [Some(RATE), (axis == Axis::Depth).then_some(GROWTH), Some(SPECTRAL_RADIUS)];
    let chosen = chosen(spec, axis, results);
    let figure = |quantity: Quantity| {
        let lines: Vec<SpreadLine> = chosen.lines.iter().map(|line| line.draw(axis, &quantity)).collect();
        let known = lines.iter().flat_map(|line| &line.points).any(|(_, spread)| spread.middle.is_some());
        let figure = SpreadFigure {
            lines,
            x_label: axis.to_string(),
            y_label: quantity.label.to_string(),
            neutral: (quantity.neutral, format!("neutral: {}", quantity.neutral)),
            mark: None,
            title: format!("{} over {axis}", quantity.name.replace('_', " ")),
            caption: caption(device, spec, results, &chosen),
        };
        known.then(|| (format!("{}_over_{axis}", quantity.name), figure))
    };
    quantities.into_iter().flatten().filter_map(figure).collect()
}

/// A line before it is drawn: the cells of one grid point at rising values of the axis.
struct Line<'a> {
    label: String,
    cells: Vec<(&'a SweepSpec, &'a Cell)>,
}

impl Line<'_> {
    fn draw(&self, axis: Axis, quantity: &Quantity) -> SpreadLine {
        let points = self.cells.iter().map(|(own, cell)| (axis.of(own), (quantity.of)(cell)));
        let promise = self.cells.iter().filter_map(|(own, cell)| Some((axis.of(own), (quantity.promise)(cell)?)));
        SpreadLine { label: self.label.clone(), points: points.collect(), promise: promise.collect() }
    }
}

/// The lines of the figures, and how many there would be.
struct Chosen<'a> {
    lines: Vec<Line<'a>>,
    all: usize,
}

/// Grid points times values of the other outer axes, evenly thinned to what a figure can hold.
fn chosen<'a>(spec: &SweepSpec, axis: Axis, results: &'a [Combination]) -> Chosen<'a> {
    let others: Vec<Axis> = spec.sweep_over.keys().into_iter().filter(|&other| other != axis).collect();
    let place = |own: &SweepSpec| -> Vec<f64> { others.iter().map(|other| other.of(own)).collect() };
    let mut groups: Vec<(Vec<f64>, Vec<&Combination>)> = Vec::new();
    for combination in results {
        let own = place(&combination.spec);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, group)) => group.push(combination),
            None => groups.push((own, vec![combination])),
        }
    }
    let points = thinning::places(spec, (MOST_LINES / groups.len().max(1)).max(1));
    let mut lines = Vec::new();
    for index in evenly(groups.len(), MOST_LINES) {
        let (values, group) = &groups[index];
        for &point in &points {
            let outer = others.iter().zip(values).map(|(other, value)| format!("{other} {}", brief(*value)));
            let label = outer.chain(inner_label(spec, point)).collect::<Vec<_>>().join(", ");
            lines.push(Line { label, cells: group.iter().map(|c| (&c.spec, &c.sweep.cells[point])).collect() });
        }
    }
    Chosen { lines, all: groups.len() * spec.cells() }
}

/// The values of a grid point on those axes of the map that have several.
fn inner_label(spec: &SweepSpec, place: usize) -> impl Iterator<Item = String> {
    let (steps, radii) = (spec.step_size.len(), spec.radius.len());
    let axes = [
        ("step_size", &spec.step_size, place % steps),
        ("radius", &spec.radius, place / steps % radii),
        ("damping", &spec.damping, place / steps / radii),
    ];
    let several = axes.into_iter().filter(|(_, grid, _)| grid.len() > 1);
    several.map(|(key, grid, index)| format!("{key} {}", brief(grid.values()[index]))).collect::<Vec<_>>().into_iter()
}

fn caption(device: &Device, spec: &SweepSpec, results: &[Combination], chosen: &Chosen) -> String {
    let scaling = match spec.step_scaling {
        StepScaling::Constant => "",
        StepScaling::InverseSqrtDepth => ", step size scaled by 1/sqrt(depth)",
        StepScaling::InverseDepth => ", step size scaled by 1/depth",
    };
    let thinned = match chosen.lines.len() {
        drawn if drawn < chosen.all => format!("; {drawn} of {} lines", chosen.all),
        _ => String::new(),
    };
    format!(
        "{} {} {} layers, {} combinations of {}{scaling}, seed {}; {}{thinned}",
        spec.ensemble.members,
        spec.layer.weights,
        spec.layer.model,
        results.len(),
        spec.sweep_over,
        spec.ensemble.seed,
        device.description().caption()
    )
}
