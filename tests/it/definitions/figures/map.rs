//! Stability maps: axes, colours, hatching, and the two boundaries.

use super::{Case, at, hold, linear, of_row};
use crate::definitions::setting::Setting;
use crate::definitions::table::Row;
use crate::svg::{Axis, Drawing, INK, PIXEL, Path, Place, Rectangle, distance, unlike};

const OBSERVED: &str = "#ffd440";

/// A map's axis: its values, rising, and the places of the edges of their cells, half way to the neighbours.
struct Nodes {
    values: Vec<f64>,
    edges: Vec<f64>,
}

impl Nodes {
    /// Of a scale that makes the values more even, and of its ends, which lie as far out as the inner edges lie in.
    fn of(values: &[f64], axis: &Axis, what: &str, complaints: &mut Vec<String>) -> Self {
        let uneven = |f: fn(f64) -> f64| {
            let gaps: Vec<f64> = values.windows(2).map(|pair| f(pair[1]) - f(pair[0])).collect();
            gaps.iter().copied().fold(0.0, f64::max) / gaps.iter().copied().fold(f64::INFINITY, f64::min)
        };
        if values.len() > 2 && (uneven(f64::ln) < uneven(|x| x)) != axis.logarithmic {
            complaints.push(format!("{what}: the scale is not the more even one"));
        }
        let places: Vec<f64> = values.iter().map(|&value| axis.place(value)).collect();
        let last = places.len() - 1;
        let middle = |i: usize| f64::midpoint(places[i], places[i + 1]);
        let edges: Vec<f64> = std::iter::once(2.0 * places[0] - middle(0))
            .chain((0..last).map(middle))
            .chain([2.0 * places[last] - middle(last - 1)])
            .collect();
        complaints.extend(at(&format!("{what} begins"), axis.page[0], edges[0]));
        complaints.extend(at(&format!("{what} ends"), axis.page[1], edges[last + 1]));
        Nodes { values: values.to_vec(), edges }
    }

    /// The places of the values, with the ends of the axis before and behind them.
    fn places(&self, axis: &Axis) -> Vec<f64> {
        let ends = [self.edges[0], self.edges[self.edges.len() - 1]];
        std::iter::once(ends[0]).chain(self.values.iter().map(|&x| axis.place(x))).chain([ends[1]]).collect()
    }
}

/// Between neighbours on either side of 0 a line crosses, where the straight line between them does. `rates` are
/// `[y, x]`; the outermost cells reach to the ends of the axes. The lines in each square join its crossings.
pub fn crossings(xs: &[f64], ys: &[f64], rates: &[Vec<f64>]) -> (Vec<Place>, Vec<[Place; 2]>) {
    let rate = |i: usize, j: usize| {
        let inner = |place: usize, count: usize| place.saturating_sub(1).min(count - 1);
        rates[inner(i, rates.len())][inner(j, rates[0].len())]
    };
    let crossing = |[i, j]: [usize; 2], [k, l]: [usize; 2]| {
        let (a, b) = (rate(i, j), rate(k, l));
        let share = a / (a - b);
        ((a > 0.0) != (b > 0.0)).then(|| [xs[j] + share * (xs[l] - xs[j]), ys[i] + share * (ys[k] - ys[i])])
    };
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    for i in 0..ys.len() {
        for j in 0..xs.len() {
            let right = (j + 1 < xs.len()).then(|| crossing([i, j], [i, j + 1])).flatten();
            let up = (i + 1 < ys.len()).then(|| crossing([i, j], [i + 1, j])).flatten();
            all.extend(right.into_iter().chain(up));
            if i + 1 < ys.len() && j + 1 < xs.len() {
                let far = [crossing([i + 1, j], [i + 1, j + 1]), crossing([i, j + 1], [i + 1, j + 1])];
                let own: Vec<Place> = [right, up].into_iter().chain(far).flatten().collect();
                // Of a saddle any two may be joined.
                lines.extend((0..own.len()).flat_map(|a| (0..a).map(|b| [own[a], own[b]]).collect::<Vec<_>>()));
            }
        }
    }
    (all, lines)
}

fn channels(colour: &str) -> [i32; 3] {
    [1, 3, 5].map(|at| i32::from_str_radix(&colour[at..at + 2], 16).expect("a colour"))
}

/// Is a cell's colour that of its value on the colour bar, but for the height of a strip, which moves it by 3 at most?
fn is_coloured(drawing: &Drawing, fill: &str, value: f64) -> bool {
    let bar = drawing.frames()[1].corners;
    let axis = drawing.colours();
    let [top, bottom] = [bar[0][1], bar[1][1]];
    let height = axis.place(value).clamp(top, bottom);
    let is_strip = |own: &&Rectangle| {
        own.fill != "none"
            && (own.corners[0][0] - bar[0][0]).abs() < PIXEL
            && (own.corners[1][0] - bar[1][0]).abs() < PIXEL
    };
    let strips = drawing.rectangles.iter().filter(is_strip);
    let strip = (bottom - top) / 200.0;
    let near =
        |own: &&Rectangle| own.corners[0][1] <= height + 2.0 * strip && own.corners[1][1] >= height - 2.0 * strip;
    let near: Vec<[i32; 3]> = strips.filter(near).map(|own| channels(&own.fill)).collect();
    let own = channels(fill);
    !near.is_empty()
        && (0..3).all(|i| {
            let ends = |pick: fn(i32, i32) -> i32| near.iter().map(|colour| colour[i]).reduce(pick).expect("one");
            (ends(i32::min) - 3..=ends(i32::max) + 3).contains(&own[i])
        })
}

/// Holds a map over two keys against the cells of a sweep that lie on it.
fn map(drawing: &Drawing, cells: &[&Row], [x, y]: [&str; 2]) -> Vec<String> {
    let [across, up] = drawing.axes();
    let values = |name: &str| {
        let mut values: Vec<f64> = cells.iter().map(|row| of_row(row, name)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    };
    let mut complaints = Vec::new();
    let columns = Nodes::of(&values(x), &across, x, &mut complaints);
    let rows = Nodes::of(&values(y), &up, y, &mut complaints);
    let of = |name: &str, band: &str| -> Vec<Vec<f64>> {
        let cell = |y_value: f64, x_value: f64| {
            let place = cells.iter().position(|row| of_row(row, x) == x_value && of_row(row, y) == y_value);
            let place = place.expect("a cell for all values");
            let rate = of_row(cells[place], name);
            // Neither side of 0 within the band.
            if rate.abs() <= of_row(cells[place], band) { 0.0 } else { rate }
        };
        rows.values.iter().map(|&y| columns.values.iter().map(|&x| cell(y, x)).collect()).collect()
    };
    let observed = of("observed_rate_median", "bands_observed");
    for (i, row) in observed.iter().enumerate() {
        for (j, &rate) in row.iter().enumerate() {
            let place = [across.place(columns.values[j]), up.place(rows.values[i])];
            let holds = |own: &&Rectangle| {
                let [from, to] = own.corners;
                own.fill != "none" && (0..2).all(|axis| from[axis] < place[axis] && place[axis] < to[axis])
            };
            let cell = drawing.rectangles.iter().find(holds);
            if !cell.is_some_and(|cell| is_coloured(drawing, &cell.fill, rate)) {
                complaints.push(format!("the cell {i}, {j} has not the colour of {rate}: {cell:?}"));
            }
        }
    }
    complaints.extend(hatching(drawing, &columns, &rows, &observed));
    let (xs, ys) = (columns.places(&across), rows.places(&up));
    let (expected, _) = crossings(&xs, &ys, &of("predicted_rate_median", "bands_predicted"));
    let found: Vec<Place> = drawing.lines(INK, 3.2).iter().flat_map(|line| line.points.clone()).collect();
    complaints.extend(unlike("the predicted boundary", &found, &expected));
    complaints.extend(dashed("the observed boundary", &drawing.lines(OBSERVED, 2.2), &crossings(&xs, &ys, &observed)));
    complaints
}

/// Hatched are the cells that grow, and no others.
fn hatching(drawing: &Drawing, columns: &Nodes, rows: &Nodes, observed: &[Vec<f64>]) -> Vec<String> {
    let lines = drawing.paths.iter().filter(|path| path.width == 0.9 && path.points.len() == 2);
    let middles = lines.map(|path| [0, 1].map(|i| f64::midpoint(path.points[0][i], path.points[1][i])));
    let middles: Vec<Place> = middles.filter(|&place| drawing.frames_in(place)).collect();
    let within = |[x, y]: Place, i: usize, j: usize| {
        columns.edges[j] <= x && x <= columns.edges[j + 1] && rows.edges[i + 1] <= y && y <= rows.edges[i]
    };
    let mut complaints = Vec::new();
    for (i, row) in observed.iter().enumerate() {
        for (j, &rate) in row.iter().enumerate() {
            // A piece of a line ends within a pixel of the edge.
            let count = middles.iter().filter(|&&place| within(place, i, j)).count();
            if (count > 3) != (rate > 0.0) {
                complaints.push(format!("the cell {i}, {j} with the rate {rate} has {count} lines of hatching"));
            }
        }
    }
    complaints
}

/// Are dashes those of these lines? Every dash lies on them, and none of them is without a dash for longer than a gap.
fn dashed(what: &str, dashes: &[&Path], (crossings, lines): &(Vec<Place>, Vec<[Place; 2]>)) -> Vec<String> {
    let mut complaints = Vec::new();
    for place in dashes.iter().flat_map(|path| &path.points) {
        let apart = lines.iter().map(|line| distance(*place, *line)).fold(f64::INFINITY, f64::min);
        if apart > 2.0 * PIXEL {
            complaints.push(format!("{what}: {place:?} is {apart} beside the line"));
        }
    }
    for &place in crossings {
        let pieces = dashes.iter().flat_map(|path| path.points.windows(2).map(|pair| [pair[0], pair[1]]));
        let apart = pieces.map(|piece| distance(place, piece)).fold(f64::INFINITY, f64::min);
        if apart > 6.5 {
            complaints.push(format!("{what}: there is no dash near {place:?}, which is {apart} away"));
        }
    }
    complaints
}

#[test]
fn stability_maps() {
    let case = Case::of(linear(), "");
    for damping in [0.0, 0.1, 0.3] {
        let drawing = case.results.figure(&format!("stability_map_damping_{damping}"));
        let on_map: Vec<usize> = (0..36).filter(|&i| case.exact.cells[i]["damping"] == Some(damping)).collect();
        let cells: Vec<&Row> = on_map.iter().map(|&i| &case.exact.cells[i]).collect();
        hold(map(&drawing, &cells, ["step_size", "radius"]));
        // The Transformer's h = 1 is a line across the map without friction.
        let pins = drawing.lines("#ffffff", 3.4);
        assert_eq!(
            (pins.len(), drawing.says("Transformer: h = 1, γ = 0")),
            if damping == 0.0 { (1, true) } else { (0, false) }
        );
        for pin in pins {
            hold(
                pin.points.iter().filter_map(|place| at("the mark", place[0], drawing.axes()[0].place(1.0))).collect(),
            );
        }
    }
}

/// Over other keys, of nonlinear layers: what is observed are perturbations.
#[test]
fn maps_over_other_keys() {
    let setting = Setting { model: "mlp", step_sizes: vec![0.7], radii: vec![0.4, 0.8, 1.6], depth: 4, ..linear() };
    let case = Case::of(setting, " --axes damping,radius");
    let cells: Vec<&Row> = case.exact.cells.iter().collect();
    hold(map(&case.results.figure("stability_map"), &cells, ["damping", "radius"]));
}
