//! Lines: rates over a key, growth along depth, exponents over steps.

use super::{COLOURS, Case, at, hold, linear, neutral, of_row};
use crate::definitions::combinations::swept;
use crate::definitions::lyapunov::lyapunov;
use crate::definitions::program::run;
use crate::definitions::setting::{Run, Setting};
use crate::definitions::statistics::quantile;
use crate::definitions::sweep::sweep;
use crate::definitions::table::Row;
use crate::definitions::trajectory::Trajectory;
use crate::svg::{Drawing, PIXEL, Place, distance, unlike};

/// Medians as dots on a line, 10 % to 90 % as an area, and a promise dotted.
fn spread(drawing: &Drawing, colour: &str, points: &[(f64, [f64; 3])], promise: &[(f64, f64)]) -> Vec<String> {
    let [across, up] = drawing.axes();
    let place = |x: f64, y: f64| [across.place(x), up.place(y)];
    let middle: Vec<Place> = points.iter().map(|(x, [_, middle, _])| place(*x, *middle)).collect();
    let mut complaints = unlike("medians", &drawing.dots(colour), &middle);
    let lines: Vec<Place> = drawing.lines(colour, 2.0).iter().flat_map(|line| line.points.clone()).collect();
    complaints.extend(unlike("the line of medians", &lines, &middle));
    let ends = points.iter().flat_map(|(x, [low, _, high])| [place(*x, *low), place(*x, *high)]);
    let area: Vec<Place> = drawing.areas(colour).iter().flat_map(|area| area.points.clone()).collect();
    complaints.extend(unlike("10 % to 90 %", &area, &ends.collect::<Vec<_>>()));
    let promised: Vec<Place> = promise.iter().map(|(x, y)| place(*x, *y)).collect();
    let pieces: Vec<[Place; 2]> = promised.windows(2).map(|pair| [pair[0], pair[1]]).collect();
    let dotted = drawing.lines(colour, 2.4);
    if dotted.is_empty() != promise.is_empty() {
        complaints.push(format!("a promise has {} dots", dotted.len()));
    }
    for dot in dotted.iter().flat_map(|path| &path.points) {
        let apart = pieces.iter().map(|piece| distance(*dot, *piece)).fold(f64::INFINITY, f64::min);
        if apart > 2.0 * PIXEL {
            complaints.push(format!("a dot of the promise at {dot:?} is {apart} beside it"));
        }
    }
    complaints
}

fn three(row: &Row, name: &str) -> [f64; 3] {
    ["q10", "median", "q90"].map(|part| of_row(row, &format!("{name}_{part}")))
}

#[test]
fn curves_over_one_key() {
    let case = Case::of(Setting { radii: vec![0.7], ..linear() }, "");
    let drawing = case.results.figure("observed_rate_over_step_size");
    hold(neutral(&drawing, 0.0));
    for damping in ["γ = 0", "γ = 0.1", "γ = 0.3"] {
        let first = case.cell(damping);
        let cells = &case.exact.cells[first..first + 4];
        let points: Vec<_> = cells.iter().map(|row| (of_row(row, "step_size"), three(row, "observed_rate"))).collect();
        let promise: Vec<_> =
            cells.iter().map(|row| (of_row(row, "step_size"), of_row(row, "predicted_rate_median"))).collect();
        hold(spread(&drawing, &drawing.colour_of(damping), &points, &promise));
    }
    // The Transformer's step size, for one of the lines is without friction.
    let pins = drawing.lines("#ffffff", 3.4);
    hold(
        pins.iter()
            .flat_map(|pin| &pin.points)
            .filter_map(|p| at("the mark", p[0], drawing.axes()[0].place(1.0)))
            .collect(),
    );
    assert_eq!(pins.len(), 1);
}

/// Quantiles over the members at every step, of the lines that the legend names.
fn along_depth(case: &Case, name: &str, of: impl Fn(usize, usize) -> Vec<f64>, promised: bool) {
    let drawing = case.results.figure(name);
    hold(neutral(&drawing, 0.0));
    let depth = case.setting.depth;
    let labels: Vec<&str> = drawing.legend().into_iter().filter(|label| label.starts_with("h = ")).collect();
    assert!(!labels.is_empty(), "{name} has lines");
    for label in labels {
        let cell = case.cell(label);
        let at = |step: usize| {
            let values = of(cell, step);
            (step as f64, [0.1, 0.5, 0.9].map(|p| quantile(&values, p).expect("members")))
        };
        let points: Vec<_> = (0..=depth).map(at).collect();
        let rate = of_row(&case.exact.cells[cell], "predicted_rate_median") * depth as f64;
        let promise = if promised { vec![(0.0, 0.0), (depth as f64, rate)] } else { vec![] };
        hold(spread(&drawing, &drawing.colour_of(label), &points, &promise));
    }
}

#[test]
fn trajectories_along_depth() {
    let case = Case::of(linear(), "");
    let logs =
        |cell: usize, step: usize| case.exact.seen[cell].iter().map(|seen| seen.trajectory.log_growth[step]).collect();
    along_depth(&case, "trajectories", logs, true);
}

#[test]
fn perturbations_and_radii_along_depth() {
    let setting = Setting { model: "mlp", dampings: vec![0.0, 0.2], depth: 6, linearise_every: Some(2), ..linear() };
    let case = Case::of(setting, "");
    let of = |pick: fn(&Trajectory) -> &Vec<f64>| {
        let seen = &case.exact.seen;
        move |cell: usize, step: usize| seen[cell].iter().map(|seen| pick(&seen.trajectory)[step]).collect::<Vec<f64>>()
    };
    along_depth(&case, "trajectories", of(|trajectory| &trajectory.log_growth), false);
    along_depth(&case, "perturbations", of(|trajectory| &trajectory.log_perturbation), true);
    let drawing = case.results.figure("radius_along_depth");
    hold(neutral(&drawing, 1.0));
    for label in drawing.legend().into_iter().filter(|label| label.starts_with("h = ")) {
        let point = &case.setting.points()[case.cell(label)];
        let is = |row: &&Row| {
            [("step_size", point.step_size), ("radius", point.radius), ("damping", point.damping)]
                .iter()
                .all(|(name, value)| row[*name] == Some(*value))
        };
        let rows = case.exact.linearised.iter().filter(is);
        let points: Vec<_> = rows.map(|row| (of_row(row, "step"), three(row, "spectral_radius"))).collect();
        assert_eq!(points.len(), 3, "steps 1, 3 and 5");
        hold(spread(&drawing, &drawing.colour_of(label), &points, &[]));
    }
}

/// A line for each exponent over the steps, within a standard error on either side.
#[test]
fn exponents_converge() {
    let setting = Setting { members: 5, width: 3, ..Setting::default() };
    let own = Run { steps: 24, transient_steps: 3, blocks: 4, top: 3 };
    let results = run(&setting.lyapunov(&own), "reference");
    let exact = lyapunov::<f64>(&setting, &own);
    let drawing = results.figure("convergence");
    let [across, up] = drawing.axes();
    for (exponent, colour) in COLOURS.iter().enumerate() {
        let rows: Vec<&Row> = exact.convergence.iter().filter(|row| row["exponent"] == Some(exponent as f64)).collect();
        assert_eq!(rows.len(), 4);
        let place = |row: &Row, side: f64| {
            let value = of_row(row, "mean") + side * of_row(row, "standard_error");
            [across.place(of_row(row, "steps")), up.place(value)]
        };
        let line: Vec<Place> = drawing.lines(colour, 2.0).iter().flat_map(|line| line.points.clone()).collect();
        hold(unlike("the estimate", &line, &rows.iter().map(|row| place(row, 0.0)).collect::<Vec<_>>()));
        let area: Vec<Place> = drawing.areas(colour).iter().flat_map(|area| area.points.clone()).collect();
        let ends: Vec<Place> = rows.iter().flat_map(|row| [place(row, -1.0), place(row, 1.0)]).collect();
        hold(unlike("its standard error", &area, &ends));
    }
}

/// Over a swept key: rate, growth and radius, each combination a point of every line.
#[test]
fn lines_over_a_swept_key() {
    let base =
        Setting { radii: vec![0.8], step_sizes: vec![0.5, 1.0], weights: "iid", dampings: vec![0.1], ..linear() };
    let results = run(&swept(&base.sweep(), &["depth=2,8,32".to_string()]), "reference");
    let sweeps = [2.0, 8.0, 32.0]
        .map(|depth| (depth, sweep::<f64>(&Setting { depth: depth as usize, ..base.clone() }, f64::EPSILON)));
    for (name, of, level) in [
        ("observed_rate", "observed_rate", 0.0),
        ("growth", "log_growth", 0.0),
        ("spectral_radius", "spectral_radius", 1.0),
    ] {
        let drawing = results.figure(&format!("{name}_over_depth"));
        hold(neutral(&drawing, level));
        assert!(drawing.axes()[0].logarithmic);
        for (place, label) in ["step_size 0.5", "step_size 1"].into_iter().enumerate() {
            let points: Vec<_> = sweeps.iter().map(|(depth, own)| (*depth, three(&own.cells[place], of))).collect();
            let rates = sweeps.iter().map(|(depth, own)| (*depth, of_row(&own.cells[place], "predicted_rate_median")));
            let promise = if name == "observed_rate" { rates.collect() } else { vec![] };
            hold(spread(&drawing, &drawing.colour_of(label), &points, &promise));
        }
    }
}
