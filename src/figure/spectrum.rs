//! Eigenvalues in the complex plane, with the unit circle and the level lines of a pseudospectrum.

use super::Picture;
use super::axis::{Axis, Scale, extent};
use super::canvas::{Canvas, Point, Sample};
use super::color::{INK, PALETTE, Rgb, line as line_color};
use super::contour::lines;
use crate::error::Result;

/// The most points that are drawn; more are thinned out evenly. An SVG spends about 60 bytes on each.
const PNG_POINTS: usize = 100_000;
const SVG_POINTS: usize = 20_000;

const SIDE: f64 = 600.0;
/// Decades of level lines.
const LEVELS: usize = 5;
const INSIDE: Rgb = PALETTE[0];
const OUTSIDE: Rgb = PALETTE[1];
const DISC: Rgb = PALETTE[2];

/// Where the circular law expects the eigenvalues.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disc {
    /// The centre on the real axis: 1 − γ − h μ for M.
    pub center: f64,
    /// The radius: h ρ for M.
    pub radius: f64,
}

/// Level lines around the eigenvalues of one matrix.
#[derive(Debug, Clone)]
pub struct LevelLines {
    /// Real parts of the grid.
    pub re: Vec<f64>,
    /// Imaginary parts of the grid.
    pub im: Vec<f64>,
    /// `[im, re]`: the decimal logarithm of the smallest singular value of z I - A.
    pub log10: Vec<Option<f64>>,
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct SpectrumScatter {
    /// Real and imaginary parts; those that are not finite are left out and counted in the caption.
    pub eigenvalues: Vec<[f64; 2]>,
    /// The disc that theory predicts; one that is not finite is left out.
    pub disc: Option<Disc>,
    /// The pseudospectrum, for one matrix.
    pub levels: Option<LevelLines>,
    /// One line.
    pub title: String,
    /// Adapter, layers, width.
    pub caption: String,
}

impl SpectrumScatter {
    /// Draws the eigenvalues on axes of equal scale.
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if kuva refuses the drawing.
    pub fn draw(&self) -> Result<Picture> {
        let svg = self.page(SVG_POINTS).svg();
        Ok(Picture { svg, png: self.page(PNG_POINTS).png()? })
    }

    fn page(&self, limit: usize) -> Canvas {
        let finite: Vec<Point> = self
            .eigenvalues
            .iter()
            .map(|&[re, im]| (re, im))
            .filter(|(re, im)| re.is_finite() && im.is_finite())
            .collect();
        let drawn = thinned(&finite, limit);
        let mut canvas = Canvas::new(SIDE + 110.0);
        let top = canvas.heading(&self.title, &self.caption_with(drawn.len(), finite.len()));
        let (x, y) = self.axes(&finite, top);
        canvas.grid(&x, &y);
        let place = |point: &Point| (x.place(point.0), y.place(point.1));
        for (index, level) in self.level_values().into_iter().enumerate() {
            for line in self.level_lines(level) {
                canvas.polyline(line.iter().map(place).collect(), line_color(index, LEVELS), 1.2);
            }
        }
        let is_outside = |point: &&Point| point.0.hypot(point.1) > 1.0;
        let (outside, inside): (Vec<&Point>, Vec<&Point>) = drawn.iter().partition(is_outside);
        let radius = (160.0 / (drawn.len() as f64).sqrt()).clamp(0.7, 3.5);
        let opacity = if drawn.len() > 2_000 { 0.5 } else { 0.8 };
        for (points, color) in [(inside, INSIDE), (outside, OUTSIDE)] {
            let points: Vec<Point> = points.into_iter().map(place).collect();
            canvas.dots(&points, radius, color, opacity);
        }
        canvas.polyline(circle(0.0, 1.0).iter().map(place).collect(), INK, 1.8);
        if let Some(disc) = self.disc() {
            let edge: Vec<Point> = circle(disc.center, disc.radius).iter().map(place).collect();
            canvas.dashes(&edge, DISC);
        }
        canvas.frame(&x, &y);
        canvas.legend(72.0, top + SIDE + 74.0, &self.legend(&finite));
        canvas
    }

    /// Whole decades below the largest value on the grid.
    fn level_values(&self) -> Vec<f64> {
        let values = self.levels.iter().flat_map(|levels| levels.log10.iter().flatten().copied());
        let largest = values.filter(|value| value.is_finite()).fold(f64::NEG_INFINITY, f64::max);
        if !largest.is_finite() {
            return Vec::new();
        }
        (0..LEVELS).map(|index| largest.ceil() - 1.0 - index as f64).collect()
    }

    fn level_lines(&self, level: f64) -> Vec<Vec<Point>> {
        let Some(levels) = &self.levels else { return Vec::new() };
        let value = |row: usize, column: usize| {
            levels.log10.get(row * levels.re.len() + column).copied().flatten().filter(|value| value.is_finite())
        };
        lines(&levels.re, &levels.im, level, value)
    }

    fn disc(&self) -> Option<Disc> {
        self.disc.filter(|disc| disc.center.is_finite() && disc.radius.is_finite())
    }

    fn caption_with(&self, drawn: usize, finite: usize) -> String {
        let mut caption = self.caption.clone();
        if drawn < finite {
            caption.push_str(&format!(" · {drawn} of {finite} eigenvalues drawn"));
        }
        if finite < self.eigenvalues.len() {
            caption.push_str(&format!(" · missing eigenvalues: {}", self.eigenvalues.len() - finite));
        }
        caption
    }

    /// Axes of equal scale around the points, the unit circle and the disc.
    fn axes(&self, points: &[Point], top: f64) -> (Axis, Axis) {
        let disc = self.disc().unwrap_or(Disc { center: 0.0, radius: 1.0 });
        let frame = [-1.0, 1.0];
        let disc_x = [disc.center - disc.radius, disc.center + disc.radius];
        let disc_y = [-disc.radius, disc.radius];
        let grid = |axis: fn(&LevelLines) -> &Vec<f64>| self.levels.iter().flat_map(move |l| axis(l).iter().copied());
        let (grid_x, grid_y) = (grid(|levels| &levels.re), grid(|levels| &levels.im));
        let wide = points.iter().map(|point| point.0).chain(frame).chain(disc_x).chain(grid_x);
        let high = points.iter().map(|point| point.1).chain(frame).chain(disc_y).chain(grid_y);
        let (x, y) = (extent(wide).unwrap_or((-1.0, 1.0)), extent(high).unwrap_or((-1.0, 1.0)));
        let half = (x.1 - x.0).max(y.1 - y.0) / 2.0 * 1.06;
        let axis = |label: &str, (low, high): (f64, f64), page| {
            let middle = f64::midpoint(low, high);
            Axis {
                label: label.into(),
                scale: Scale::Linear,
                range: (middle - half, middle + half),
                page,
                marks: Vec::new(),
            }
        };
        (axis("Re λ", x, (72.0, 72.0 + SIDE)), axis("Im λ", y, (top + SIDE, top)))
    }

    fn legend(&self, points: &[Point]) -> Vec<(Sample, String)> {
        let outside = points.iter().filter(|point| point.0.hypot(point.1) > 1.0).count();
        let mut entries = vec![
            (Sample::Dot(INSIDE), format!("|λ| ≤ 1: {}", points.len() - outside)),
            (Sample::Dot(OUTSIDE), format!("|λ| > 1: {outside}")),
            (Sample::Line(INK), "unit circle".to_string()),
        ];
        for (index, level) in self.level_values().into_iter().enumerate() {
            if !self.level_lines(level).is_empty() {
                entries.push((Sample::Line(line_color(index, LEVELS)), format!("σ = 1e{level:.0}")));
            }
        }
        if self.disc().is_some() {
            entries.push((Sample::Dashes(DISC), "circular law".to_string()));
        }
        entries
    }
}

/// At most `limit` points, evenly spaced in their order.
fn thinned(points: &[Point], limit: usize) -> Vec<Point> {
    let count = points.len().min(limit);
    (0..count).map(|index| points[index * points.len() / count]).collect()
}

fn circle(center: f64, radius: f64) -> Vec<Point> {
    let angle = |step: u32| std::f64::consts::TAU * f64::from(step) / 180.0;
    (0..=180).map(|step| (center + radius * angle(step).cos(), radius * angle(step).sin())).collect()
}
