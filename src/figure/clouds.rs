//! Eigenvalues of many matrices side by side: small multiples on one scale, each with the unit circle.

use super::axis::{Interval, extent};
use super::canvas::{Canvas, Point, SMALL, Sample};
use super::color::Theme;
use super::{Figure, Picture};
use crate::error::Result;
use kuva::render::render::TextAnchor;
use std::f64::consts::TAU;

const PANEL: f64 = 150.0;
const GAP: f64 = 12.0;
/// Room above a panel for its name.
const NAME: f64 = 20.0;
const COLUMNS: usize = 6;
const LEFT: f64 = 24.0;
/// Places in the palette.
const INSIDE: usize = 0;
const OUTSIDE: usize = 1;
/// So many of the panels show all of their eigenvalues; the widest ones would squeeze all others.
const WHOLE: f64 = 0.9;
/// Straight pieces of a circle.
const CHORDS: u32 = 120;

/// The eigenvalues of one matrix.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Its name, such as "layer 3".
    pub name: String,
    /// Real and imaginary parts.
    pub eigenvalues: Vec<[f64; 2]>,
    /// Beyond 1 by more than this a magnitude counts as above 1.
    pub band: f64,
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct CloudFigure {
    /// The panels, row by row.
    pub clouds: Vec<Cloud>,
    /// One line.
    pub title: String,
    /// Model, text, adapter.
    pub caption: String,
}

/// The square of the complex plane that all panels show.
#[derive(Debug, Clone, Copy)]
struct Window {
    re: Interval,
    half: f64,
}

impl Window {
    fn holds(&self, [re, im]: [f64; 2]) -> bool {
        (self.re.from..=self.re.to).contains(&re) && im.abs() <= self.half
    }
}

impl Cloud {
    fn is_outside(&self, [re, im]: [f64; 2]) -> bool {
        re.hypot(im) > 1.0 + self.band
    }

    fn outside(&self) -> usize {
        self.eigenvalues.iter().filter(|&&value| self.is_outside(value)).count()
    }
}

impl Figure for CloudFigure {
    fn draw(&self, theme: Theme) -> Result<Picture> {
        let columns = self.clouds.len().clamp(1, COLUMNS);
        let mut canvas = Canvas::new(2.0 * LEFT + columns as f64 * (PANEL + GAP) - GAP, theme);
        let window = self.window();
        let beyond: usize = self.clouds.iter().map(|cloud| beyond(cloud, window)).sum();
        let note = if beyond > 0 { format!(" · {beyond} eigenvalues lie beyond the panels") } else { String::new() };
        let top = canvas.heading(&self.title, &format!("{}{note}", self.caption)) - 24.0;
        for (place, cloud) in self.clouds.iter().enumerate() {
            let (row, column) = (place / columns, place % columns);
            let corner = (LEFT + column as f64 * (PANEL + GAP), top + row as f64 * (PANEL + NAME + GAP) + NAME);
            panel(&mut canvas, cloud, window, corner);
        }
        let rows = self.clouds.len().div_ceil(columns) as f64;
        let outside: usize = self.clouds.iter().map(Cloud::outside).sum();
        let all: usize = self.clouds.iter().map(|cloud| cloud.eigenvalues.len()).sum();
        let legend = [
            (Sample::Dot(theme.palette(INSIDE)), format!("|λ| ≤ 1: {}", all - outside)),
            (Sample::Dot(theme.palette(OUTSIDE)), format!("|λ| > 1: {outside}")),
            (Sample::Line(theme.ink()), "unit circle".to_string()),
        ];
        canvas.legend(LEFT, top + rows * (PANEL + NAME + GAP) + 18.0, &legend);
        canvas.picture()
    }
}

impl CloudFigure {
    /// The unit circle and nine tenths of the panels whole.
    fn window(&self) -> Window {
        let quantile = |mut reach: Vec<f64>| {
            reach.sort_by(f64::total_cmp);
            reach.get((WHOLE * reach.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(1.0).max(1.0)
        };
        let ends = |f: fn(&[f64; 2]) -> f64| {
            let of = move |cloud: &Cloud| extent(cloud.eigenvalues.iter().map(f)).unwrap_or(Interval::new(-1.0, 1.0));
            self.clouds.iter().map(of)
        };
        let (across, up) = (ends(|value| value[0]), ends(|value| value[1].abs()));
        let low = -quantile(across.clone().map(|own| -own.from).collect());
        let high = quantile(across.map(|own| own.to).collect());
        let half = 1.04 * quantile(up.map(|own| own.to).collect()).max((high - low) / 2.0);
        let middle = f64::midpoint(low, high);
        Window { re: Interval::new(middle - half, middle + half), half }
    }
}

fn beyond(cloud: &Cloud, window: Window) -> usize {
    cloud.eigenvalues.iter().filter(|&&value| !window.holds(value)).count()
}

/// One panel with its top left corner here.
fn panel(canvas: &mut Canvas, cloud: &Cloud, window: Window, (left, top): Point) {
    let theme = canvas.theme;
    let scale = PANEL / (2.0 * window.half);
    let place = |re: f64, im: f64| (left + (re - window.re.from) * scale, top + (window.half - im) * scale);
    let [origin, right, below] = [place(0.0, 0.0), (left + PANEL, 0.0), (0.0, top + PANEL)];
    canvas.line((left, origin.1), (right.0, origin.1), theme.grid(), 1.0);
    canvas.line((origin.0, top), (origin.0, below.1), theme.grid(), 1.0);
    let (outside, inside): (Vec<[f64; 2]>, Vec<[f64; 2]>) =
        cloud.eigenvalues.iter().copied().filter(|&value| window.holds(value)).partition(|&v| cloud.is_outside(v));
    let radius = (30.0 / (cloud.eigenvalues.len().max(1) as f64).sqrt()).clamp(0.6, 2.5);
    for (points, color) in [(inside, INSIDE), (outside, OUTSIDE)] {
        let points: Vec<Point> = points.into_iter().map(|[re, im]| place(re, im)).collect();
        canvas.dots(&points, radius, theme.palette(color), 0.7);
    }
    let turn = |step: u32| TAU * f64::from(step) / f64::from(CHORDS);
    let circle = (0..=CHORDS).map(|step| place(turn(step).cos(), turn(step).sin())).collect();
    canvas.polyline(circle, theme.ink(), 1.1);
    canvas.rectangle((left, top), (left + PANEL, top + PANEL), None, Some(theme.quiet()));
    canvas.text(left, top - 6.0, &cloud.name, SMALL, TextAnchor::Start, theme.ink());
    let share = format!("{} / {}", cloud.outside(), cloud.eigenvalues.len());
    canvas.text(left + PANEL, top - 6.0, &share, SMALL, TextAnchor::End, theme.quiet());
}
