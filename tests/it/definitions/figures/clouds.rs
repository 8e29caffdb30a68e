//! Eigenvalues in the plane: the step's of a sweep, and a matrix's with the level lines of its pseudospectrum.

use super::map::crossings;
use super::{COLOURS, Case, hold, linear, of_row};
use crate::definitions::dense;
use crate::definitions::program::run;
use crate::definitions::setting::Setting;
use crate::definitions::spectra::write;
use crate::definitions::spectrum::{drawn, smallest_singular_value};
use crate::svg::{Axis, Drawing, INK, PIXEL, Place, unlike};

/// Eigenvalues as dots, those outside of the unit circle in their own colour, the circle, and the numbers of both.
fn cloud(drawing: &Drawing, eigenvalues: &[[f64; 2]], band: f64) -> Vec<String> {
    let [across, up] = drawing.axes();
    let place = |z: &[f64; 2]| [across.place(z[0]), up.place(z[1])];
    let (outside, inside): (Vec<&[f64; 2]>, Vec<&[f64; 2]>) =
        eigenvalues.iter().partition(|z| z[0].hypot(z[1]) > 1.0 + band);
    let mut complaints = Vec::new();
    for (what, own, colour) in [("|λ| ≤ 1", inside, COLOURS[0]), ("|λ| > 1", outside, COLOURS[1])] {
        complaints.extend(unlike(what, &drawing.dots(colour), &own.iter().map(|z| place(z)).collect::<Vec<_>>()));
        if !drawing.legend().contains(&format!("{what}: {}", own.len()).as_str()) {
            complaints.push(format!("{what}: the legend does not count {}: {:?}", own.len(), drawing.legend()));
        }
    }
    for [x, y] in drawing.lines(INK, 1.8).iter().flat_map(|line| &line.points) {
        complaints.extend(on_circle("the unit circle", [&across, &up], [*x, *y], (0.0, 1.0)));
    }
    complaints
}

fn on_circle(what: &str, [across, up]: [&Axis; 2], [x, y]: Place, (center, radius): (f64, f64)) -> Option<String> {
    let scale = across.place(1.0) - across.place(0.0);
    let apart = ((across.value(x) - center).hypot(up.value(y)) - radius).abs() * scale;
    // Between corners a chord is inside by 0.02 % of the radius.
    (apart > 2.0 * PIXEL + 2e-4 * radius * scale).then(|| format!("{what}: [{x}, {y}] is {apart} beside it"))
}

#[test]
fn spectra_of_a_step() {
    for (setting, said) in [
        (linear(), "h = 1, ρ = 1.2, γ = 0"),
        (Setting { integrator: "rk4", shift: 0.4, ..linear() }, "h = 1, ρ = 1.2, γ = 0"),
        (
            Setting { model: "mlp", depth: 3, dampings: vec![0.1, 0.2], trajectories: 4, ..linear() },
            "h = 0.1, ρ = 0.3, γ = 0.2",
        ),
    ] {
        let euler = setting.is_linear() && setting.integrator == "euler";
        let case = Case::of(setting, "");
        let drawing = case.results.figure("spectrum");
        assert!(drawing.says(&format!("Eigenvalues of the step M at {said}")), "{:?}", drawing.texts[0]);
        let cell = case.cell(said);
        let recorded = &case.exact.seen[cell][..case.setting.trajectories];
        let all: Vec<[f64; 2]> = recorded.iter().flat_map(|seen| seen.linearised[0].eigenvalues.clone()).collect();
        hold(cloud(&drawing, &all, of_row(&case.exact.cells[cell], "bands_predicted")));
        // The circular law's disc: around 1 - γ - h μ with the radius h ρ.
        let [across, up] = drawing.axes();
        let dashes = drawing.lines(COLOURS[2], 2.2);
        assert_eq!(dashes.is_empty(), !euler);
        let circle = dashes.iter().flat_map(|dash| &dash.points);
        hold(circle.filter_map(|place| on_circle("the disc", [&across, &up], *place, (1.0, 1.2))).collect());
    }
}

/// Level lines of the smallest singular value: every corner lies between two grid points, where its decimal logarithm is
/// that of the level on the straight line between theirs.
#[test]
fn level_lines() {
    let a = drawn(&Setting { width: 5, radii: vec![0.9], ..Setting::default() }, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let results = run(&format!("spectrum --matrix {} --pseudospectrum 12", write(&a, folder.path())), "reference");
    let drawing = results.figure("spectrum");
    hold(cloud(&drawing, &dense::eigenvalues(&a), 1e-14));
    let [across, up] = drawing.axes();
    let rows = results.table("pseudospectrum");
    let line = |name: &str, axis: &Axis, step: usize| -> Vec<f64> {
        (0..12).map(|i| axis.place(of_row(&rows[i * step], name))).collect()
    };
    let (xs, ys) = (line("re", &across, 1), line("im", &up, 12));
    let log =
        |i: usize, j: usize| smallest_singular_value(&a, [of_row(&rows[j], "re"), of_row(&rows[12 * i], "im")]).log10();
    let logs: Vec<Vec<f64>> = (0..12).map(|i| (0..12).map(|j| log(i, j)).collect()).collect();
    let levels: Vec<&str> = drawing.legend().into_iter().filter(|label| label.starts_with("σ = ")).collect();
    assert!(levels.len() > 1, "{levels:?}");
    for label in levels {
        let level: f64 = label.trim_start_matches("σ = ").parse::<f64>().expect("a level").log10();
        let above: Vec<Vec<f64>> = logs.iter().map(|row| row.iter().map(|log| log - level).collect()).collect();
        // Without the continuation of a map's cells: the rows and columns between the outermost ones are their own.
        let (expected, _) = crossings_of_nodes(&xs, &ys, &above);
        let lines = drawing.lines(&drawing.colour_of(label), 1.2);
        let mut found: Vec<Place> = lines.iter().flat_map(|line| line.points.clone()).collect();
        // A closed line ends where it begins.
        for line in lines.iter().filter(|line| line.points.first() == line.points.last()) {
            let last = found.iter().rposition(|place| *place == line.points[0]).expect("it is there");
            found.remove(last);
        }
        hold(unlike(label, &found, &expected));
    }
}

/// [`crossings`] of values at the nodes themselves.
fn crossings_of_nodes(xs: &[f64], ys: &[f64], values: &[Vec<f64>]) -> (Vec<Place>, Vec<[Place; 2]>) {
    let with_ends = |places: &[f64]| -> Vec<f64> {
        let ends = (places[0], places[places.len() - 1]);
        std::iter::once(ends.0).chain(places.iter().copied()).chain([ends.1]).collect()
    };
    let (mut all, lines) = crossings(&with_ends(xs), &with_ends(ys), values);
    // The doubled ends give the same crossings twice.
    all.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    all.dedup_by(|a, b| (a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9);
    (all, lines)
}
