//! The stability map: the observed rate of growth over two swept keys, with the boundaries that were predicted and observed
//! across it.

use super::axis::{Axis, Interval, linear_ticks};
use super::canvas::{Canvas, LABEL, Point, SMALL, Sample};
use super::color::{Rgb, Theme};
use super::grid::Grid;
use super::map::StabilityMap;
use super::{Figure, Picture, hatch};
use crate::error::Result;
use kuva::render::render::TextAnchor;
use std::ops::Range;

const WIDTH: f64 = 860.0;
const PLOT_HEIGHT: f64 = 520.0;
const LEFT: f64 = 72.0;
/// The most grid values that are marked one by one.
const MARKED: usize = 8;

/// What all parts of the drawing share.
struct Page<'a> {
    grid: &'a Grid,
    x: Axis,
    y: Axis,
    x_edges: Vec<f64>,
    y_edges: Vec<f64>,
}

impl Figure for StabilityMap {
    fn draw(&self, theme: Theme) -> Result<Picture> {
        let grid = Grid::new(self)?;
        let mut canvas = Canvas::new(WIDTH, theme);
        let top = canvas.heading(&self.title, &self.caption);
        let bottom = top + PLOT_HEIGHT;
        let heights = Interval::new(bottom, top);
        let page = self.page(&grid, heights);
        page.draw_cells(&mut canvas);
        page.draw_hatching(&mut canvas);
        let lines = |rates: &[Option<f64>]| -> Vec<Vec<Point>> {
            let place = |line: &Vec<Point>| line.iter().map(|&(x, y)| (page.x.place(x), page.y.place(y))).collect();
            grid.zero_lines(rates).iter().map(place).collect()
        };
        let (predicted, observed) = (lines(&grid.predicted), lines(&grid.observed));
        canvas.predicted(&predicted);
        canvas.observed(&observed);
        self.draw_mark(&mut canvas, &page);
        canvas.frame(&page.x, &page.y);
        self.draw_color_bar(&mut canvas, &grid, heights);
        let entries = legend(&grid, theme, &predicted, &observed);
        canvas.legend(LEFT, bottom + 74.0, &entries);
        canvas.picture()
    }
}

impl StabilityMap {
    /// The lines on which the predicted rate is 0, in values of the axes.
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if the lengths do not fit.
    pub fn predicted_line(&self) -> Result<Vec<Vec<[f64; 2]>>> {
        let grid = Grid::new(self)?;
        Ok(in_values(&grid, &grid.predicted))
    }

    /// The lines on which the observed rate is 0, in values of the axes.
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if the lengths do not fit.
    pub fn observed_line(&self) -> Result<Vec<Vec<[f64; 2]>>> {
        let grid = Grid::new(self)?;
        Ok(in_values(&grid, &grid.observed))
    }

    /// Are there rates below, and rates above the range of the colours?
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if the lengths do not fit.
    pub fn clipped(&self) -> Result<(bool, bool)> {
        Ok(Grid::new(self)?.clipped())
    }

    fn page<'a>(&self, grid: &'a Grid, heights: Interval) -> Page<'a> {
        let (x_edges, y_edges) = grid.edges();
        let axis = |label: &str, scale, values: &[f64], edges: &[f64], page| Axis {
            label: label.to_string(),
            scale,
            range: Interval::new(edges[0], edges[edges.len() - 1]),
            page,
            // A coarse grid shows its own values.
            marks: if values.len() <= MARKED { values.to_vec() } else { Vec::new() },
        };
        let x = axis(&self.x.label, grid.x_scale, &grid.xs, &x_edges, Interval::new(LEFT, WIDTH - 110.0));
        let y = axis(&self.y.label, grid.y_scale, &grid.ys, &y_edges, heights);
        Page { grid, x, y, x_edges, y_edges }
    }

    /// A line across the map, or a pin where both coordinates are known.
    fn draw_mark(&self, canvas: &mut Canvas, page: &Page) {
        let Some(mark) = &self.mark else { return };
        let outside = |axis: &Axis, value: Option<f64>| value.is_some_and(|value| !axis.holds(value));
        if outside(&page.x, mark.x) || outside(&page.y, mark.y) {
            return;
        }
        let (ink, end) = (canvas.theme.ink(), page.x.page.to);
        let (x, y) = (mark.x.map(|x| page.x.position(x)), mark.y.map(|y| page.y.position(y)));
        match (x, y) {
            (Some(x), Some(y)) => {
                canvas.dots(&[(x, y)], 8.0, canvas.theme.paper(), 1.0);
                canvas.dots(&[(x, y)], 5.5, ink, 1.0);
                canvas.label((x + 8.0, y - 8.0), end, &mark.label);
            }
            (Some(x), None) => {
                canvas.pinned([(x, page.y.page.from), (x, page.y.page.to)]);
                canvas.label((x, page.y.page.to + 22.0), end, &mark.label);
            }
            (None, Some(y)) => {
                canvas.pinned([(page.x.page.from, y), (page.x.page.to, y)]);
                canvas.label((page.x.page.from + 8.0, y - 10.0), end, &mark.label);
            }
            (None, None) => canvas.label((page.x.page.from + 8.0, page.y.page.to + 22.0), end, &mark.label),
        }
    }

    fn draw_color_bar(&self, canvas: &mut Canvas, grid: &Grid, heights: Interval) {
        let Interval { from: bottom, to: top } = heights;
        let left = WIDTH - 90.0;
        let (right, strips, theme) = (left + 18.0, 200, canvas.theme);
        // The ends are arrows where values lie beyond them.
        let (below, above) = grid.clipped();
        let (low, high) = (bottom - if below { 14.0 } else { 0.0 }, top + if above { 14.0 } else { 0.0 });
        let level = |share: f64| low + (high - low) * share;
        for strip in 0..strips {
            let share = |edge: usize| edge as f64 / strips as f64;
            let color = theme.diverging(2.0 * (share(strip) + 0.5 / strips as f64) - 1.0);
            // Each strip reaches under the next one, so that no seam shows.
            let end = share((strip + 2).min(strips));
            canvas.rectangle((left, level(share(strip))), (right, level(end)), Some(color), None);
        }
        let color_at = |y: f64| theme.diverging(2.0 * (y - low) / (high - low) - 1.0);
        let hatched = |(_, y): Point| (y < level(0.5)).then(|| theme.hatching(color_at(y)));
        for (ends, color) in hatch::lines((left, high), (right, low), hatched) {
            canvas.line(ends[0], ends[1], color, 0.9);
        }
        for (is_clipped, from, tip, end) in [(below, low, bottom, -1.0), (above, high, top, 1.0)] {
            if is_clipped {
                let middle = f64::midpoint(left, right);
                canvas.area(&[(left, from), (middle, tip), (right, from)], theme.diverging(end), 1.0);
                canvas.polyline(vec![(left, from), (middle, tip), (right, from)], theme.ink(), 1.0);
            }
        }
        canvas.rectangle((left, high), (right, low), None, Some(theme.ink()));
        let range = Interval::new(-grid.half_range, grid.half_range);
        for (value, text) in linear_ticks(range, 8) {
            let y = level((value - range.from) / range.length());
            canvas.line((right, y), (right + 5.0, y), theme.ink(), 1.0);
            canvas.text(right + 9.0, y + 4.5, &text, SMALL, TextAnchor::Start, theme.ink());
        }
        canvas.text(WIDTH - 24.0, top - 11.0, &self.value_label, LABEL, TextAnchor::End, theme.ink());
    }
}

/// The lines on which rates are 0, from scaled units to values.
fn in_values(grid: &Grid, rates: &[Option<f64>]) -> Vec<Vec<[f64; 2]>> {
    let value = |&(x, y): &Point| [grid.x_scale.inverse(x), grid.y_scale.inverse(y)];
    grid.zero_lines(rates).iter().map(|line| line.iter().map(value).collect()).collect()
}

impl Page<'_> {
    /// Patches of the same colour beside each other are one rectangle.
    fn draw_cells(&self, canvas: &mut Canvas) {
        let theme = canvas.theme;
        let [columns, rows] = self.grid.patches();
        for rows in &rows {
            let color = |columns: &Range<usize>| {
                self.grid.patch(rows.clone(), columns.clone()).map_or(theme.missing(), |at| theme.diverging(at))
            };
            let colors: Vec<Rgb> = columns.iter().map(color).collect();
            let mut next = 0;
            for same in colors.chunk_by(|one, other| one == other) {
                let (first, last) = (&columns[next], &columns[next + same.len() - 1]);
                self.draw_patch(canvas, rows, &(first.start..last.end), same[0]);
                next += same.len();
            }
        }
    }

    fn draw_patch(&self, canvas: &mut Canvas, rows: &Range<usize>, columns: &Range<usize>, color: Rgb) {
        let from = (self.x.place(self.x_edges[columns.start]), self.y.place(self.y_edges[rows.start]));
        let to = (self.x.place(self.x_edges[columns.end]), self.y.place(self.y_edges[rows.end]));
        // Half a unit of overlap hides the seams between neighbours.
        let overlap = |from: f64, to: f64, end: f64| {
            if (to - end).abs() < 1e-9 { to } else { to + (to - from).signum() * 0.5 }
        };
        let to = (overlap(from.0, to.0, self.x.page.to), overlap(from.1, to.1, self.y.page.to));
        canvas.rectangle(from, to, Some(color), None);
    }

    /// Hatches the cells that grow.
    fn draw_hatching(&self, canvas: &mut Canvas) {
        let theme = canvas.theme;
        let places = |axis: &Axis, edges: &[f64]| -> Vec<f64> { edges.iter().map(|&edge| axis.place(edge)).collect() };
        let (xs, ys) = (places(&self.x, &self.x_edges), places(&self.y, &self.y_edges));
        // Along y the page runs downwards.
        let column = |x: f64| xs.partition_point(|&edge| edge <= x).clamp(1, xs.len() - 1) - 1;
        let row = |y: f64| ys.partition_point(|&edge| edge >= y).clamp(1, ys.len() - 1) - 1;
        let growing = |(x, y): Point| {
            let position = self.grid.position(row(y), column(x)).filter(|&position| position > 0.0)?;
            Some(theme.hatching(theme.diverging(position)))
        };
        let (x, y) = (self.x.page, self.y.page);
        for (ends, color) in hatch::lines((x.from, y.to), (x.to, y.from), growing) {
            canvas.line(ends[0], ends[1], color, 0.9);
        }
    }
}

/// The lines are those that were drawn.
fn legend(grid: &Grid, theme: Theme, predicted: &[Vec<Point>], observed: &[Vec<Point>]) -> Vec<(Sample, String)> {
    let predicted = match (grid.is_predicted(), predicted.is_empty()) {
        (false, _) => "predicted boundary: unknown, nothing was linearised",
        (true, true) => "predicted boundary: none in this range",
        (true, false) => "predicted boundary: median rate of the eigenvalues 0",
    };
    let observed = if observed.is_empty() { "observed: none in this range" } else { "observed: median rate 0" };
    let [columns, rows] = grid.patches().map(|along| along[0].len());
    let hatched = match columns * rows {
        1 => "hatched: grew".to_string(),
        _ => format!("hatched: grew; colours are means of {columns} x {rows} points"),
    };
    let mut entries = vec![
        (Sample::Predicted, predicted.to_string()),
        (Sample::Observed, observed.to_string()),
        (Sample::Hatched(theme.diverging(0.5)), hatched),
    ];
    if grid.has_missing() {
        entries.push((Sample::Patch(theme.missing()), "no value".to_string()));
    }
    entries
}
