//! Medians with their spread over members, over a swept key or over depth, as a figure and as lines of text.

use super::axis::{Axis, Interval, Scale, extent, short};
use super::canvas::{Canvas, Point, Sample};
use super::clip::within;
use super::color::{LINES, Rgb, Theme};
use super::{Figure, Picture};
use crate::error::{Error, Result};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const PLOT_HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;
/// Columns of the numbers before a bar: the axis, the median, the range.
const NUMBERS: [usize; 3] = [10, 11, 20];
/// The same where there is no room for a bar of [`SHORTEST_BAR`] columns.
const FEWER_NUMBERS: [usize; 3] = [10, 9, 18];
const SHORTEST_BAR: usize = 12;
/// A promise may stretch the axis of what was observed so much, and is cut off beyond.
const STRETCH: f64 = 0.35;
/// Points of a line that are dots too at most.
const DOTTED: usize = 40;
/// Lines and rows of each in a terminal at most.
const SHOWN_LINES: usize = 4;
const SHOWN_ROWS: usize = 16;

/// A median with its 10 % and 90 % quantiles.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// The 10 % quantile.
    pub low: Option<f64>,
    /// The median.
    pub middle: Option<f64>,
    /// The 90 % quantile.
    pub high: Option<f64>,
}

impl Spread {
    /// A value without a spread; one that is not finite is missing.
    pub fn alone(value: Option<f64>) -> Self {
        let value = value.filter(|value| value.is_finite());
        Spread { low: value, middle: value, high: value }
    }
}

/// One line.
#[derive(Debug, Clone)]
pub struct SpreadLine {
    /// What all of its points share, such as "step_size 0.1, radius 1".
    pub label: String,
    /// Increasing, with a value for each.
    pub points: Vec<(f64, Spread)>,
    /// What eigenvalues promise, dotted; empty where they promise nothing.
    pub promise: Vec<(f64, f64)>,
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct SpreadFigure {
    /// The lines, in the order of the legend.
    pub lines: Vec<SpreadLine>,
    /// The swept key.
    pub x_label: String,
    /// What the values are, with their unit.
    pub y_label: String,
    /// The value that is neither growth nor decay, with its name.
    pub neutral: (f64, String),
    /// A place on x with its name; outside of the axis it is left out.
    pub mark: Option<(f64, String)>,
    /// One line.
    pub title: String,
    /// Adapter, layers, width.
    pub caption: String,
}

/// x, low, median, high.
type Known = (f64, [f64; 3]);

impl Figure for SpreadFigure {
    /// Draws the medians over their bands.
    fn draw(&self, theme: Theme) -> Result<Picture> {
        if self.lines.is_empty() {
            return Err(Error::Bug(format!("the figure {} has no line", self.title)));
        }
        let mut canvas = Canvas::new(WIDTH, theme);
        let top = canvas.heading(&self.title, &self.caption);
        let (x, y) = self.axes(top);
        canvas.grid(&x, &y);
        let level = y.place(self.neutral.0);
        canvas.dashes(&[(x.page.from, level), (x.page.to, level)], theme.ink());
        for (index, own) in self.lines.iter().enumerate() {
            self.draw_line(&mut canvas, &x, &y, own, theme.line(index, self.lines.len()));
        }
        if let Some((at, label)) = self.mark.as_ref().filter(|(at, _)| x.holds(*at)) {
            let at = x.position(*at);
            canvas.pinned([(at, y.page.from), (at, y.page.to)]);
            canvas.label((at, y.page.to + 22.0), x.page.to, label);
        }
        canvas.frame(&x, &y);
        canvas.legend(LEFT, top + PLOT_HEIGHT + 74.0, &self.legend(theme));
        canvas.picture()
    }
}

impl SpreadFigure {
    fn draw_line(&self, canvas: &mut Canvas, x: &Axis, y: &Axis, own: &SpreadLine, color: Rgb) {
        // What is infinite reaches the edge.
        let place = |(at, value): Point| (x.position(at), y.place(value.clamp(y.range.from, y.range.to)));
        for run in runs(own) {
            let edge = |side: usize| run.iter().map(move |(at, values)| (*at, values[side]));
            canvas.area(&edge(0).chain(edge(2).rev()).map(place).collect::<Vec<_>>(), color, 0.18);
            let middle: Vec<Point> = edge(1).map(place).collect();
            if own.points.len() <= DOTTED {
                canvas.dots(&middle, 3.5, color, 1.0);
            }
            canvas.polyline(middle, color, 2.0);
        }
        let promise: Vec<Point> = own.promise.iter().map(|&(at, value)| (x.scale.forward(at), value)).collect();
        for piece in within(&promise, y.range) {
            canvas
                .dots_along(&piece.iter().map(|&(at, value)| (x.place(at), y.place(value))).collect::<Vec<_>>(), color);
        }
    }

    fn axes(&self, top: f64) -> (Axis, Axis) {
        let scale = self.scale();
        let all = || self.lines.iter().flat_map(|line| line.points.iter().map(|point| scale.forward(point.0)));
        let range = extent(all()).unwrap_or(Interval::UNIT).not_empty();
        let stretched = self.stretched();
        let marks = self.lines[0].points.iter().map(|point| point.0);
        let x = Axis {
            label: self.x_label.clone(),
            scale,
            range,
            page: Interval::new(LEFT, WIDTH - 34.0),
            // A coarse grid shows its own values.
            marks: if self.lines[0].points.len() <= 8 { marks.collect() } else { Vec::new() },
        };
        let margin = stretched.length() * 0.06;
        let y = Axis {
            label: self.y_label.clone(),
            scale: Scale::Linear,
            range: stretched.widened(margin),
            page: Interval::new(top + PLOT_HEIGHT, top),
            marks: Vec::new(),
        };
        (x, y)
    }

    fn scale(&self) -> Scale {
        let xs: Vec<f64> = self.lines.iter().flat_map(|line| &line.points).map(|point| point.0).collect();
        let longest = self.lines.iter().max_by_key(|line| line.points.len());
        match (xs.iter().all(|&x| x > 0.0), longest) {
            (true, Some(line)) => Scale::of(&line.points.iter().map(|point| point.0).collect::<Vec<_>>()),
            _ => Scale::Linear,
        }
    }

    /// From the smallest to the largest value, with the neutral one, and never empty.
    fn range(&self) -> Interval {
        let values = self.lines.iter().flat_map(|line| &line.points).flat_map(|(_, s)| [s.low, s.middle, s.high]);
        extent(values.flatten().chain([self.neutral.0])).unwrap_or(Interval::UNIT).not_empty()
    }

    /// That range with the promises, as far as they may stretch it.
    fn stretched(&self) -> Interval {
        let own = self.range();
        let most = STRETCH * own.length();
        let promises = self.lines.iter().flat_map(|line| &line.promise).map(|promise| promise.1);
        let Interval { from: least, to: largest } = extent(promises).unwrap_or(own);
        Interval::new(least.clamp(own.from - most, own.from), largest.clamp(own.to, own.to + most))
    }

    fn legend(&self, theme: Theme) -> Vec<(Sample, String)> {
        let count = self.lines.len();
        let named = |index: &usize| count <= LINES || *index == 0 || *index + 1 == count;
        let entry = |index: usize| (Sample::Line(theme.line(index, count)), self.lines[index].label.clone());
        let labelled = |(_, label): &(Sample, String)| !label.is_empty();
        let mut entries: Vec<_> = (0..count).filter(named).map(entry).filter(labelled).collect();
        if self.lines.iter().any(|line| !line.promise.is_empty()) {
            entries.push((Sample::Dots(theme.ink()), "promise of the eigenvalues".to_string()));
        }
        entries.push((Sample::Dashes(theme.ink()), self.neutral.1.clone()));
        entries.push((Sample::Patch(theme.band()), "10 % to 90 %".to_string()));
        entries
    }

    /// The figure as lines of plain text: numbers and, where `columns` leave room for it, a bar from the 10 % to the 90 %
    /// quantile with the median on it. `:` is neutral. Numbers take 40 columns; the words around them are for the reader of
    /// the text to wrap where they are.
    pub fn terminal(&self, columns: usize) -> String {
        // Blanks between the numbers, a blank and two ends around the bar.
        let width = columns.checked_sub(NUMBERS.iter().sum::<usize>() + 5).filter(|&width| width >= SHORTEST_BAR);
        let [first, second, third] = if width.is_some() { NUMBERS } else { FEWER_NUMBERS };
        let mut text = String::new();
        let shown = evenly(self.lines.len(), SHOWN_LINES);
        for &index in &shown {
            let line = &self.lines[index];
            let comma = if line.label.is_empty() { "" } else { ": " };
            let _ = writeln!(text, "{}{comma}{}", plain(&self.y_label), plain(&line.label));
            let _ = writeln!(text, "{:>first$} {:>second$} {:>third$}", plain(&self.x_label), "median", "10 % to 90 %");
            for row in evenly(line.points.len(), SHOWN_ROWS) {
                let (x, spread) = &line.points[row];
                let said = |value: Option<f64>| value.map_or("-".to_string(), ascii);
                let range = format!("{} to {}", said(spread.low), said(spread.high));
                let numbers = format!("{:>first$} {:>second$} {range:>third$}", ascii(*x), said(spread.middle));
                let bar = width.map(|width| format!(" |{}|", self.bar(spread, width))).unwrap_or_default();
                let _ = writeln!(text, "{numbers}{bar}");
            }
        }
        if self.lines.iter().flat_map(|line| &line.points).any(|(_, spread)| spread.middle.is_none()) {
            text.push_str("  -: no value (beyond 2^48, or unknown)\n");
        }
        if shown.len() < self.lines.len() {
            let _ = writeln!(text, "  {} of {} lines; a folder of results has all", shown.len(), self.lines.len());
        }
        text
    }

    fn bar(&self, spread: &Spread, width: usize) -> String {
        let Interval { from: low, to: high } = self.range();
        let place =
            |value: f64| ((value - low) / (high - low) * (width - 1) as f64).round().clamp(0.0, width as f64 - 1.0);
        let mut bar = vec![b' '; width];
        bar[place(self.neutral.0) as usize] = b':';
        if let (Some(from), Some(to)) = (spread.low, spread.high) {
            bar[place(from) as usize..=place(to) as usize].fill(b'-');
        }
        if let Some(middle) = spread.middle {
            bar[place(middle) as usize] = b'o';
        }
        bar.into_iter().map(char::from).collect()
    }
}

/// The unbroken pieces of a line.
fn runs(line: &SpreadLine) -> Vec<Vec<Known>> {
    let number = |value: Option<f64>| value.filter(|value| !value.is_nan());
    let known = |(x, spread): &(f64, Spread)| {
        let middle = number(spread.middle).filter(|middle| middle.is_finite())?;
        Some((*x, [number(spread.low).unwrap_or(middle), middle, number(spread.high).unwrap_or(middle)]))
    };
    let points: Vec<Option<Known>> = line.points.iter().map(known).collect();
    points
        .split(Option::is_none)
        .filter(|run| !run.is_empty())
        .map(|run| run.iter().flatten().copied().collect())
        .collect()
}

/// At most so many of `count` indices, with both ends.
pub fn evenly(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    (0..most).map(|i| i * (count - 1) / (most - 1).max(1)).collect()
}

/// Symbols by their names, for terminals show figures in ASCII.
fn plain(text: &str) -> String {
    text.replace('ρ', "rho").replace('γ', "gamma").replace('δ', "d")
}

fn ascii(value: f64) -> String {
    short(value).replace('−', "-")
}
