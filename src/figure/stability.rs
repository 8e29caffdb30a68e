//! The stability map: an observed value over step size and radius, with the predicted boundary across it.

use super::axis::{Axis, linear_ticks};
use super::canvas::{Canvas, LABEL, Point, SMALL, Sample};
use super::color::{INK, MISSING, diverging};
use super::grid::Grid;
use super::{Picture, contour};
use crate::error::Result;
use kuva::render::render::TextAnchor;

const WIDTH: f64 = 860.0;
const PLOT_HEIGHT: f64 = 520.0;
const LEFT: f64 = 72.0;
/// The most grid values that are marked one by one.
const MARKED: usize = 8;

/// What to draw, for one value of damping.
#[derive(Debug, Clone)]
pub struct StabilityMap {
    /// Euler step sizes h, along x, in any order.
    pub step_sizes: Vec<f64>,
    /// What the step sizes are: "step size h", and by what it is scaled.
    pub step_label: String,
    /// Spectral radii ρ, along y, in any order.
    pub radii: Vec<f64>,
    /// The observed value, `[radii, step_sizes]`; `None` or NaN is missing and drawn grey.
    pub values: Vec<Option<f64>>,
    /// What the value is, with its unit, such as "median log growth per layer".
    pub value_label: String,
    /// The value that is neither growth nor decay: 0 for log growth, 0.5 for a fraction.
    pub neutral: f64,
    /// The distance from neutral at which the colours end; by default the largest one in the data.
    pub half_range: Option<f64>,
    /// The predicted share of members with a spectral radius of M above 1, `[radii, step_sizes]`; the boundary is at 0.5.
    pub unstable_fraction: Vec<Option<f64>>,
    /// One line.
    pub title: String,
    /// Adapter, layers, width, depth, damping.
    pub caption: String,
}

impl StabilityMap {
    /// Draws the map.
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if the lengths do not fit.
    pub fn draw(&self) -> Result<Picture> {
        let grid = Grid::new(self)?;
        let mut canvas = Canvas::new(WIDTH);
        let top = canvas.heading(&self.title, &self.caption);
        let bottom = top + PLOT_HEIGHT;
        let x_edges = grid.x_scale.edges(&grid.step_sizes);
        let y_edges = grid.y_scale.edges(&grid.radii);
        let axis = |label: &str, scale, values: &[f64], edges: &[f64], page| Axis {
            label: label.to_string(),
            scale,
            range: (edges[0], edges[edges.len() - 1]),
            page,
            // A coarse grid shows its own values.
            marks: if values.len() <= MARKED { values.to_vec() } else { Vec::new() },
        };
        let x = axis(&self.step_label, grid.x_scale, &grid.step_sizes, &x_edges, (LEFT, WIDTH - 110.0));
        let y = axis("spectral radius ρ", grid.y_scale, &grid.radii, &y_edges, (bottom, top));
        draw_cells(&mut canvas, &grid, (&x, &x_edges), (&y, &y_edges));
        let boundary = boundary(&grid, &x_edges, &y_edges);
        let place = |line: &Vec<Point>| line.iter().map(|&(at_x, at_y)| (x.place(at_x), y.place(at_y))).collect();
        canvas.outlined(&boundary.iter().map(place).collect::<Vec<_>>());
        canvas.frame(&x, &y);
        self.draw_color_bar(&mut canvas, &grid, (WIDTH - 90.0, top, bottom));
        canvas.legend(LEFT, bottom + 74.0, &legend(&grid, boundary.is_empty()));
        canvas.picture()
    }

    fn draw_color_bar(&self, canvas: &mut Canvas, grid: &Grid, (left, top, bottom): (f64, f64, f64)) {
        let (right, strips) = (left + 18.0, 200);
        let level = |share: f64| bottom + (top - bottom) * share;
        for strip in 0..strips {
            let share = |edge: usize| edge as f64 / strips as f64;
            let color = diverging(2.0 * (share(strip) + 0.5 / strips as f64) - 1.0);
            // Each strip reaches under the next one, so that no seam shows.
            let end = share((strip + 2).min(strips));
            canvas.rectangle((left, level(share(strip))), (right, level(end)), Some(color), None);
        }
        canvas.rectangle((left, top), (right, bottom), None, Some(INK));
        let range = (self.neutral - grid.half_range, self.neutral + grid.half_range);
        for (value, text) in linear_ticks(range, 8) {
            let y = level((value - range.0) / (range.1 - range.0));
            canvas.line((right, y), (right + 5.0, y), INK, 1.0);
            canvas.text(right + 9.0, y + 4.5, &text, SMALL, TextAnchor::Start, INK);
        }
        canvas.text(WIDTH - 24.0, top - 11.0, &self.value_label, LABEL, TextAnchor::End, INK);
    }
}

/// The cells, with their edges in scaled units.
fn draw_cells(canvas: &mut Canvas, grid: &Grid, (x, x_edges): (&Axis, &[f64]), (y, y_edges): (&Axis, &[f64])) {
    for row in 0..grid.radii.len() {
        for column in 0..grid.step_sizes.len() {
            let color = grid.position(row, column).map_or(MISSING, diverging);
            let from = (x.place(x_edges[column]), y.place(y_edges[row]));
            let to = (x.place(x_edges[column + 1]), y.place(y_edges[row + 1]));
            // Half a unit of overlap hides the seams between neighbours.
            let overlap = |from: f64, to: f64, end: f64| {
                if (to - end).abs() < 1e-9 { to } else { to + (to - from).signum() * 0.5 }
            };
            let to = (overlap(from.0, to.0, x.page.1), overlap(from.1, to.1, y.page.1));
            canvas.rectangle(from, to, Some(color), None);
        }
    }
}

/// The predicted boundary, in scaled units. The outermost cells are continued to their edges, so that the line reaches the
/// frame and a grid of one row or column has one too.
fn boundary(grid: &Grid, x_edges: &[f64], y_edges: &[f64]) -> Vec<Vec<Point>> {
    let nodes = |edges: &[f64], scaled: Vec<f64>| -> Vec<f64> {
        let ends = (edges[0], edges[edges.len() - 1]);
        std::iter::once(ends.0).chain(scaled).chain(std::iter::once(ends.1)).collect()
    };
    let xs = nodes(x_edges, grid.step_sizes.iter().map(|&value| grid.x_scale.forward(value)).collect());
    let ys = nodes(y_edges, grid.radii.iter().map(|&value| grid.y_scale.forward(value)).collect());
    let inner = |index: usize, count: usize| index.saturating_sub(1).min(count - 1);
    let unstable =
        |row: usize, column: usize| grid.unstable(inner(row, grid.radii.len()), inner(column, grid.step_sizes.len()));
    contour::lines(&xs, &ys, 0.5, unstable)
}

fn legend(grid: &Grid, no_boundary: bool) -> Vec<(Sample, String)> {
    let boundary = match (grid.is_predicted(), no_boundary) {
        (false, _) => "predicted boundary: unknown, nothing was linearised",
        (true, true) => "predicted boundary: none in this range",
        (true, false) => "predicted boundary: half of the layers unstable",
    };
    let mut entries = vec![(Sample::Line(INK), boundary.to_string())];
    if grid.has_missing() {
        entries.push((Sample::Patch(MISSING), "no value".to_string()));
    }
    entries
}
