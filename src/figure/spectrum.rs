//! Eigenvalues in the complex plane, with the unit circle and the level lines of a pseudospectrum.

use super::axis::{Axis, Interval, Scale, extent};
use super::canvas::{Canvas, Point, Sample};
use super::clip::inside;
use super::color::Theme;
use super::contour::lines;
use super::{Figure, Picture};
use crate::error::Result;

/// The most points that are drawn; more are thinned out evenly. An SVG spends about 60 bytes on each.
const PNG_POINTS: usize = 100_000;
const SVG_POINTS: usize = 20_000;

const SIDE: f64 = 600.0;
/// Decades of level lines.
const LEVELS: usize = 5;
/// Places in the palette.
const INSIDE: usize = 0;
const OUTSIDE: usize = 1;
const DISC: usize = 2;
/// Where the eigenvalues would fill less of the area than this, the figure is of them, and not of the unit circle.
const LEAST_FILLED: f64 = 0.05;
/// Straight pieces of a circle that fills the frame.
const CHORDS: f64 = 180.0;

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
    /// Whose eigenvalues they are, as the axes name them: "A", or "M" for the step.
    pub of: &'static str,
    /// Beyond 1 by more than this a magnitude counts as above 1.
    pub band: f64,
    /// One line.
    pub title: String,
    /// Adapter, layers, width.
    pub caption: String,
}

impl Figure for SpectrumScatter {
    /// Draws the eigenvalues on axes of equal scale.
    fn draw(&self, theme: Theme) -> Result<Picture> {
        let svg = self.page(theme, SVG_POINTS).svg();
        Ok(Picture { svg, png: self.page(theme, PNG_POINTS).png()? })
    }
}

/// What the axes reach over.
struct Frame {
    x: Interval,
    y: Interval,
    /// Is the unit circle larger?
    zoomed: bool,
}

impl SpectrumScatter {
    /// The ends of the axes: around the eigenvalues, the unit circle and what else is drawn; without the unit circle where
    /// the rest would fill less than 5 % of the area.
    pub fn frame(&self) -> [[f64; 2]; 2] {
        let Frame { x, y, .. } = self.framed(&self.finite());
        [[x.from, x.to], [y.from, y.to]]
    }

    /// How many eigenvalues lie inside of the unit circle or on it, and how many outside.
    pub fn counts(&self) -> (usize, usize) {
        let finite = self.finite();
        let outside = finite.iter().filter(|point| self.is_outside(point)).count();
        (finite.len() - outside, outside)
    }

    fn is_outside(&self, point: &Point) -> bool {
        point.0.hypot(point.1) > 1.0 + self.band
    }

    fn finite(&self) -> Vec<Point> {
        let all = self.eigenvalues.iter().map(|&[re, im]| (re, im));
        all.filter(|(re, im)| re.is_finite() && im.is_finite()).collect()
    }

    fn page(&self, theme: Theme, limit: usize) -> Canvas {
        let finite = self.finite();
        let drawn = thinned(&finite, limit);
        let mut canvas = Canvas::new(SIDE + 110.0, theme);
        let top = canvas.heading(&self.title, &self.caption_with(drawn.len(), &finite));
        let (x, y) = self.axes(&self.framed(&finite), top);
        canvas.grid(&x, &y);
        let place = |point: &Point| (x.place(point.0), y.place(point.1));
        for (index, level) in self.level_values().into_iter().enumerate() {
            for line in self.level_lines(level) {
                canvas.polyline(line.iter().map(place).collect(), theme.line(index, LEVELS), 1.2);
            }
        }
        let (outside, within): (Vec<&Point>, Vec<&Point>) = drawn.iter().partition(|point| self.is_outside(point));
        let radius = (160.0 / (drawn.len() as f64).sqrt()).clamp(0.7, 3.5);
        let opacity = if drawn.len() > 2_000 { 0.5 } else { 0.8 };
        for (points, color) in [(within, INSIDE), (outside, OUTSIDE)] {
            let points: Vec<Point> = points.into_iter().map(place).collect();
            canvas.dots(&points, radius, theme.palette(color), opacity);
        }
        let seen = |circle: Vec<Point>| -> Vec<Vec<Point>> {
            let pieces = inside(&circle, x.range, y.range);
            pieces.iter().map(|piece| piece.iter().map(place).collect()).collect()
        };
        let half = x.range.length() / 2.0;
        for piece in seen(circle(0.0, 1.0, half)) {
            canvas.polyline(piece, theme.ink(), 1.8);
        }
        if let Some(disc) = self.disc() {
            for piece in seen(circle(disc.center, disc.radius, half)) {
                canvas.dashes(&piece, theme.palette(DISC));
            }
        }
        canvas.frame(&x, &y);
        canvas.legend(72.0, top + SIDE + 74.0, &self.legend(theme));
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

    fn caption_with(&self, drawn: usize, finite: &[Point]) -> String {
        let mut caption = self.caption.clone();
        if drawn < finite.len() {
            caption.push_str(&format!(" · {drawn} of {} eigenvalues drawn", finite.len()));
        }
        if finite.len() < self.eigenvalues.len() {
            caption.push_str(&format!(" · missing eigenvalues: {}", self.eigenvalues.len() - finite.len()));
        }
        if self.framed(finite).zoomed {
            caption.push_str(" · zoomed in: most of the unit circle is outside of the frame");
        }
        caption
    }

    fn framed(&self, points: &[Point]) -> Frame {
        let disc = self.disc();
        let disc_x = disc.iter().flat_map(|disc| [disc.center - disc.radius, disc.center + disc.radius]);
        let disc_y = disc.iter().flat_map(|disc| [-disc.radius, disc.radius]);
        let grid = |axis: fn(&LevelLines) -> &Vec<f64>| self.levels.iter().flat_map(move |l| axis(l).iter().copied());
        let own_x = extent(points.iter().map(|point| point.0).chain(disc_x).chain(grid(|levels| &levels.re)));
        let own_y = extent(points.iter().map(|point| point.1).chain(disc_y).chain(grid(|levels| &levels.im)));
        let unit = Interval::new(-1.0, 1.0);
        let with_unit =
            |own: Option<Interval>| own.map_or(unit, |own| Interval::new(own.from.min(-1.0), own.to.max(1.0)));
        let (x, y) = (with_unit(own_x), with_unit(own_y));
        let half = |x: Interval, y: Interval| x.length().max(y.length()) / 2.0;
        let whole = half(x, y);
        // One point, or equal ones, fill nothing at any scale.
        let own = own_x.zip(own_y).filter(|&(x, y)| half(x, y) > 1e-6 * whole);
        match own.filter(|&(x, y)| (half(x, y) / whole).powi(2) < LEAST_FILLED) {
            Some((x, y)) => square(x, y, half(x, y), true),
            None => square(x, y, whole, false),
        }
    }

    /// Axes of equal scale.
    fn axes(&self, frame: &Frame, top: f64) -> (Axis, Axis) {
        let axis = |part: &str, range, page| Axis {
            label: format!("{part} λ({})", self.of),
            scale: Scale::Linear,
            range,
            page,
            marks: Vec::new(),
        };
        let (across, up) = (Interval::new(72.0, 72.0 + SIDE), Interval::new(top + SIDE, top));
        (axis("Re", frame.x, across), axis("Im", frame.y, up))
    }

    fn legend(&self, theme: Theme) -> Vec<(Sample, String)> {
        let (within, outside) = self.counts();
        let mut entries = vec![
            (Sample::Dot(theme.palette(INSIDE)), format!("|λ| ≤ 1: {within}")),
            (Sample::Dot(theme.palette(OUTSIDE)), format!("|λ| > 1: {outside}")),
            (Sample::Line(theme.ink()), "unit circle".to_string()),
        ];
        for (index, level) in self.level_values().into_iter().enumerate() {
            if !self.level_lines(level).is_empty() {
                entries.push((Sample::Line(theme.line(index, LEVELS)), format!("σ = 1e{level:.0}")));
            }
        }
        if self.disc().is_some() {
            entries.push((Sample::Dashes(theme.palette(DISC)), "circular law".to_string()));
        }
        entries
    }
}

/// A square around two intervals with a margin.
fn square(x: Interval, y: Interval, half: f64, zoomed: bool) -> Frame {
    let around = |own: Interval| {
        let (middle, half) = (f64::midpoint(own.from, own.to), 1.06 * half);
        Interval::new(middle - half, middle + half)
    };
    Frame { x: around(x), y: around(y), zoomed }
}

/// At most `limit` points, evenly spaced in their order.
fn thinned(points: &[Point], limit: usize) -> Vec<Point> {
    let count = points.len().min(limit);
    (0..count).map(|index| points[index * points.len() / count]).collect()
}

/// A circle of pieces that look round in a frame of half that width.
fn circle(center: f64, radius: f64, half: f64) -> Vec<Point> {
    let pieces = (CHORDS * radius / half).clamp(CHORDS, 1e6) as u32;
    let angle = |step: u32| std::f64::consts::TAU * f64::from(step) / f64::from(pieces);
    (0..=pieces).map(|step| (center + radius * angle(step).cos(), radius * angle(step).sin())).collect()
}
