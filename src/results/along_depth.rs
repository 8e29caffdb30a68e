//! What happens along the depth at some grid points of a sweep: trajectories, perturbations, and the radius of Jacobians.

use crate::device::Device;
use crate::error::Result;
use crate::figure::{Spread, SpreadFigure, SpreadLine, evenly};
use crate::numbers::statistics::Summary;
use crate::results::curves::spread;
use crate::results::maps::{caption, is, said};
use crate::spec::{Axis, MapAxis, SweepSpec};
use crate::sweep::work;
use crate::sweep::{self, Cell, Combination, Point};

/// Members whose trajectories are drawn at most.
const MOST_MEMBERS: usize = 128;
/// Their share of the work of the sweep at most, and the operations that they may take in any case.
const SHARE: f64 = 0.03;
const FREE: f64 = 2e9;
/// Steps of a line at most.
const MOST_STEPS: usize = 161;
/// Growth that shows well, in natural logarithms over the whole depth.
const VISIBLE: f64 = 4.0;

/// The figures of one combination, with the names of their files.
pub fn figures(device: &Device, spec: &SweepSpec, result: &Combination) -> Result<Vec<(String, SpreadFigure)>> {
    let own = &result.spec;
    let marked = marked(own, &result.sweep.cells);
    let members = members(own, marked.len());
    let mut figures = Vec::new();
    if members > 0 && !marked.is_empty() {
        let about = About { device, spec, result, marked: &marked };
        for own in followed(device, result, &marked, members)? {
            figures.extend(about.trajectories(&own, members).map(|figure| (own.name.to_string(), figure)));
        }
        figures.extend(about.radius().map(|figure| ("radius_along_depth".to_string(), figure)));
    }
    Ok(figures)
}

/// So many members take a small share of the sweep's own work.
fn members(own: &SweepSpec, points: usize) -> usize {
    let whole = work(own);
    let each = whole * points as f64 / (own.cells() * own.ensemble.members) as f64;
    ((FREE.max(SHARE * whole) / each) as usize).min(MOST_MEMBERS).min(own.ensemble.members)
}

/// The places of some telling cells: the Transformer's, with a radius near 1; that nearest to the predicted boundary; one
/// that decays and one that grows, both so that it shows beside it.
fn marked(own: &SweepSpec, cells: &[Cell]) -> Vec<usize> {
    let nearest = |of: &dyn Fn(&Cell) -> Option<f64>, taken: &[usize]| {
        let known = cells.iter().enumerate().filter(|(place, _)| !taken.contains(place));
        let known = known.filter_map(|(place, cell)| Some((place, of(cell).filter(|x| x.is_finite())?)));
        known.min_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map(|(place, _)| place)
    };
    let depth = own.depth as f64;
    let mut places: Vec<usize> = Vec::new();
    let transformer = |cell: &Cell| (is(cell.step_size, 1.0) && is(cell.damping, 0.0)).then_some(cell.radius - 1.0);
    places.extend(nearest(&transformer, &places));
    let size =
        places.iter().filter_map(|&place| cells[place].observed_rate.median.get()).filter(|rate| rate.is_finite());
    let size = size.fold(VISIBLE / depth, |size, rate| size.max(rate.abs() / 3.0));
    let rate = |cell: &Cell, wanted: f64| cell.observed_rate.median.get().map(|rate| rate - wanted);
    places.extend(nearest(&|cell| rate(cell, size), &places));
    places.extend(nearest(&|cell| cell.predicted_rate.median.get(), &places));
    places.extend(nearest(&|cell| rate(cell, -size), &places));
    places
}

/// What is followed step by step.
struct Followed {
    name: &'static str,
    what: &'static str,
    /// Is it what the eigenvalues promise?
    promised: bool,
    /// Of the members at the marked points, `[members, steps 0..=depth, points]`.
    growth: Vec<f64>,
}

/// States, and perturbations of them where these grow in another way.
fn followed(
    device: &Device,
    Combination { spec: own, sweep }: &Combination,
    marked: &[usize],
    members: usize,
) -> Result<Vec<Followed>> {
    let all = sweep::points(own);
    let points: Vec<Point> = marked.iter().map(|&place| all[place]).collect();
    let history = sweep.histories(device, own, &points, members)?;
    let perturbations = history.observations.map(|seen| Followed {
        name: "perturbations",
        what: "ln |δx_k|/|δx_0|",
        promised: true,
        growth: seen.iter().map(|seen| seen.log_perturbation_growth.unwrap_or(f64::NAN)).collect(),
    });
    let states = Followed {
        name: "trajectories",
        what: "ln |x_k|/|x_0|",
        promised: perturbations.is_none(),
        growth: history.log_growth,
    };
    Ok([Some(states), perturbations].into_iter().flatten().collect())
}

/// How far states have grown, `[members, steps, points]`, the start among the steps.
#[derive(Clone, Copy)]
struct Growth<'a> {
    values: &'a [f64],
    steps: usize,
    points: usize,
}

impl Growth<'_> {
    /// The quantiles over members; one that is not there any more, as the frozen are, is infinite.
    fn over_members(self, step: usize, point: usize) -> Spread {
        let own = self.values.chunks(self.steps * self.points).map(|member| member[step * self.points + point]);
        spread(&Summary::of(&own.map(|x| if x.is_nan() { f64::INFINITY } else { x }).collect::<Vec<_>>()))
    }
}

/// What the figures are of.
struct About<'a> {
    device: &'a Device,
    spec: &'a SweepSpec,
    result: &'a Combination,
    marked: &'a [usize],
}

impl About<'_> {
    fn trajectories(&self, own: &Followed, members: usize) -> Option<SpreadFigure> {
        let depth = self.result.spec.depth;
        let growth = Growth { values: &own.growth, steps: depth + 1, points: self.marked.len() };
        let steps = evenly(depth + 1, MOST_STEPS);
        let lines: Vec<SpreadLine> = (0..self.marked.len())
            .map(|point| {
                let at = |&step: &usize| (step as f64, growth.over_members(step, point));
                let rate = self.cell(point).predicted_rate.median.get().filter(|_| own.promised);
                let promise = rate.map(|rate| vec![(0.0, 0.0), (depth as f64, rate * depth as f64)]);
                SpreadLine {
                    label: self.label(point),
                    points: steps.iter().map(at).collect(),
                    promise: promise.unwrap_or_default(),
                }
            })
            .collect();
        let known = |(_, spread): &(f64, Spread)| spread.middle.is_some_and(f64::is_finite);
        lines.iter().any(|line| line.points.iter().skip(1).any(known)).then(|| SpreadFigure {
            lines,
            x_label: "step k".to_string(),
            y_label: own.what.to_string(),
            neutral: (0.0, "neutral: 0".to_string()),
            mark: None,
            title: format!("{} along depth{}", capital(own.name), self.outer()),
            caption: format!("{members} members; {}", self.caption()),
        })
    }

    /// The spectral radius of the Jacobians along nonlinear trajectories.
    fn radius(&self) -> Option<SpreadFigure> {
        let line = |point: usize| {
            let at = |own: &sweep::Linearised| (own.step as f64, spread(&own.spectral_radius));
            let points = self.cell(point).linearised.iter().map(at).collect();
            SpreadLine { label: self.label(point), points, promise: Vec::new() }
        };
        let lines: Vec<SpreadLine> = (0..self.marked.len()).map(line).collect();
        lines.iter().any(|line| !line.points.is_empty()).then(|| SpreadFigure {
            lines,
            x_label: "step k".to_string(),
            y_label: "spectral radius of the Jacobian of step k".to_string(),
            neutral: (1.0, "neutral: 1".to_string()),
            mark: None,
            title: format!("Spectral radius along depth{}", self.outer()),
            caption: format!("{} members linearised; {}", self.result.sweep.linearised_members, self.caption()),
        })
    }

    fn cell(&self, point: usize) -> &Cell {
        &self.result.sweep.cells[self.marked[point]]
    }

    fn label(&self, point: usize) -> String {
        let cell = self.cell(point);
        let values =
            [(MapAxis::StepSize, cell.step_size), (MapAxis::Radius, cell.radius), (MapAxis::Damping, cell.damping)];
        said(values.into_iter().map(|(axis, value)| (axis, rounded(value))))
    }

    fn outer(&self) -> String {
        let said = self.spec.said_of(&self.result.spec);
        if said.is_empty() { said } else { format!("; {said}") }
    }

    fn caption(&self) -> String {
        format!("{} model, {}", self.spec.layer.model, caption(self.device, self.spec, &[MapAxis::Outer(Axis::Depth)]))
    }
}

/// To three significant digits, for a legend.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::Growth;

    /// Member m at step k and point p grows by (m + 1) (p + 1) k: quantiles over 11 members are those of 1 to 11.
    #[test]
    fn quantiles_are_over_members() {
        let (depth, points) = (3, 2);
        let mut growth = Vec::new();
        for member in 1..=11 {
            for step in 0..=depth {
                growth.extend((1..=points).map(|point| (member * point * step) as f64));
            }
        }
        let at = |values: &[f64], step, point| Growth { values, steps: depth + 1, points }.over_members(step, point);
        let spread = at(&growth, 3, 1);
        assert_eq!((spread.low, spread.middle, spread.high), (Some(12.0), Some(36.0), Some(60.0)));
        let start = at(&growth, 0, 0);
        assert_eq!((start.low, start.high), (Some(0.0), Some(0.0)));
        // Two of 11 gone: the 90 % quantile is one of them, hence not finite and missing; the median is not.
        growth[(depth + 1) * points - 1] = f64::NAN;
        growth[2 * (depth + 1) * points - 1] = f64::NAN;
        let spread = at(&growth, 3, 1);
        assert_eq!((spread.middle, spread.high), (Some(48.0), None));
    }
}
