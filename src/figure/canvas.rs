//! A page to draw on: kuva's primitives with our few strokes, and the frame that all figures share.

use super::Picture;
use super::axis::Axis;
use super::color::{Rgb, Theme};
use crate::error::{Error, Result};
use kuva::backend::svg::SvgBackend;
use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor};

/// A place on the page, from the top left corner.
pub(super) type Point = (f64, f64);

pub(super) const TITLE: u32 = 19;
pub(super) const LABEL: u32 = 15;
pub(super) const SMALL: u32 = 13;

/// The lengths of a dash and of the gap after it, of which the round ends take 2.
const DASH: f64 = 6.0;
const GAP: f64 = 6.0;
/// The dashes of an observed boundary.
const OBSERVED_DASH: f64 = 9.0;
const OBSERVED: Rgb = [255, 212, 64];
/// The same of a dot.
const DOT: Dash = Dash { on: 0.1, off: 5.4 };

pub(super) struct Canvas {
    scene: Scene,
    width: f64,
    pub(super) theme: Theme,
}

fn paint(color: Rgb) -> Color {
    Color::Rgb(color[0], color[1], color[2])
}

/// About how wide a text is: DejaVu Sans is 0.58 of its size on average.
fn text_width(text: &str, size: u32) -> f64 {
    text.chars().count() as f64 * f64::from(size) * 0.58
}

impl Canvas {
    /// A page of this width; its height is known when the legend is drawn.
    pub(super) fn new(width: f64, theme: Theme) -> Self {
        let mut scene = Scene::new(width, width);
        let [red, green, blue] = theme.paper();
        scene.background_color = Some(format!("#{red:02x}{green:02x}{blue:02x}"));
        scene.font_family = Some("DejaVu Sans, Verdana, Helvetica, Arial, sans-serif".into());
        Canvas { scene, width, theme }
    }

    /// Draws a title and a caption, which is wrapped; gives the top of the plot, with room for the axis label above it.
    pub(super) fn heading(&mut self, title: &str, caption: &str) -> f64 {
        let mut y = 16.0;
        for (text, size, color) in [(title, TITLE, self.theme.ink()), (caption, SMALL, self.theme.quiet())] {
            for line in wrapped(text, self.width - 48.0, size) {
                y += f64::from(size) * 1.35;
                self.text(24.0, y, &line, size, TextAnchor::Start, color);
            }
        }
        y + 42.0
    }

    pub(super) fn text(&mut self, x: f64, y: f64, text: &str, size: u32, anchor: TextAnchor, color: Rgb) {
        self.scene.elements.push(Primitive::Text {
            x,
            y,
            content: text.to_string(),
            size,
            anchor,
            rotate: None,
            bold: size == TITLE,
            color: Some(paint(color)),
        });
    }

    pub(super) fn line(&mut self, from: Point, to: Point, color: Rgb, stroke_width: f64) {
        let (stroke, stroke_dasharray) = (paint(color), None);
        let ((x1, y1), (x2, y2)) = (from, to);
        self.scene.elements.push(Primitive::Line { x1, y1, x2, y2, stroke, stroke_width, stroke_dasharray });
    }

    pub(super) fn polyline(&mut self, points: Vec<Point>, color: Rgb, stroke_width: f64) {
        let (stroke, stroke_dasharray) = (paint(color), None);
        self.scene.elements.push(Primitive::PolyLine { points, stroke, stroke_width, stroke_dasharray });
    }

    /// A dashed line.
    pub(super) fn dashes(&mut self, points: &[Point], color: Rgb) {
        self.cut(points, Dash { on: DASH, off: GAP }, color, 2.2);
    }

    /// A dotted line.
    pub(super) fn dots_along(&mut self, points: &[Point], color: Rgb) {
        self.cut(points, DOT, color, 2.4);
    }

    /// A line in pieces of one length with gaps of another. kuva's rasteriser begins its dashes anew at every point, so
    /// they are cut here.
    fn cut(&mut self, points: &[Point], Dash { on, off }: Dash, color: Rgb, width: f64) {
        let (mut dash, mut left, mut drawing) = (Vec::new(), on, true);
        for pair in points.windows(2) {
            let [mut from, to] = [pair[0], pair[1]];
            dash.push(from);
            let mut length = (to.0 - from.0).hypot(to.1 - from.1);
            while length > left {
                let share = left / length;
                from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
                dash.push(from);
                if drawing {
                    self.polyline(std::mem::take(&mut dash), color, width);
                }
                length -= left;
                drawing = !drawing;
                left = if drawing { on } else { off };
                dash = vec![from];
            }
            left -= length;
            dash.push(to);
        }
        if drawing {
            self.polyline(dash, color, width);
        }
    }

    /// A filled polygon without an outline.
    pub(super) fn area(&mut self, points: &[Point], color: Rgb, opacity: f64) {
        let corners: Vec<String> = points.iter().map(|(x, y)| format!("{x:.2} {y:.2}")).collect();
        self.scene.elements.push(Primitive::Path(Box::new(PathData {
            d: format!("M {} Z", corners.join(" L ")),
            fill: Some(paint(color)),
            stroke: Color::None,
            stroke_width: 0.0,
            opacity: Some(opacity),
            stroke_dasharray: None,
        })));
    }

    /// A rectangle between two corners, filled or outlined.
    pub(super) fn rectangle(&mut self, from: Point, to: Point, fill: Option<Rgb>, outline: Option<Rgb>) {
        self.scene.elements.push(Primitive::Rect {
            x: from.0.min(to.0),
            y: from.1.min(to.1),
            width: (to.0 - from.0).abs(),
            height: (to.1 - from.1).abs(),
            fill: fill.map_or(Color::None, paint),
            stroke: outline.map(paint),
            stroke_width: outline.map(|_| 1.0),
            opacity: None,
        });
    }

    pub(super) fn dots(&mut self, points: &[Point], radius: f64, color: Rgb, opacity: f64) {
        let (cx, cy) = points.iter().copied().unzip();
        let (fill, fill_opacity) = (paint(color), Some(opacity));
        self.scene.elements.push(Primitive::CircleBatch {
            cx,
            cy,
            r: radius,
            fill,
            fill_opacity,
            stroke: None,
            stroke_width: None,
        });
    }

    /// Draws grid lines behind what follows.
    pub(super) fn grid(&mut self, x: &Axis, y: &Axis) {
        let color = self.theme.grid();
        for (value, _) in x.ticks(7) {
            self.line((x.position(value), y.page.from), (x.position(value), y.page.to), color, 1.0);
        }
        for (value, _) in y.ticks(7) {
            self.line((x.page.from, y.position(value)), (x.page.to, y.position(value)), color, 1.0);
        }
    }

    /// Draws the frame, the ticks and the labels of both axes.
    pub(super) fn frame(&mut self, x: &Axis, y: &Axis) {
        let ink = self.theme.ink();
        self.rectangle((x.page.from, y.page.from), (x.page.to, y.page.to), None, Some(ink));
        let bottom = y.page.from.max(y.page.to);
        let mut free = f64::NEG_INFINITY;
        for (value, text) in x.ticks(7) {
            let place = x.position(value);
            self.line((place, bottom), (place, bottom + 5.0), ink, 1.0);
            let half = text_width(&text, SMALL) / 2.0;
            if place - half > free {
                self.text(place, bottom + 21.0, &text, SMALL, TextAnchor::Middle, ink);
                free = place + half + 6.0;
            }
        }
        let mut free = f64::INFINITY;
        for (value, text) in y.ticks(7) {
            let place = y.position(value);
            self.line((x.page.from - 5.0, place), (x.page.from, place), ink, 1.0);
            if place + 6.0 < free {
                self.text(x.page.from - 9.0, place + 4.5, &text, SMALL, TextAnchor::End, ink);
                free = place - 8.0;
            }
        }
        self.text(f64::midpoint(x.page.from, x.page.to), bottom + 46.0, &x.label, LABEL, TextAnchor::Middle, ink);
        let top = y.page.from.min(y.page.to);
        self.text(x.page.from, top - 11.0, &y.label, LABEL, TextAnchor::Start, ink);
    }

    /// Draws legend entries in a row from `(x, y)`: a sample, then its text. Entries that do not fit go to the next
    /// row. The page ends below.
    pub(super) fn legend(&mut self, x: f64, y: f64, entries: &[(Sample, String)]) {
        let (mut at, mut row) = (x, y);
        for (sample, text) in entries {
            let width = 44.0 + text_width(text, SMALL) + 20.0;
            if at > x && at + width > self.width {
                (at, row) = (x, row + 20.0);
            }
            self.sample(at, row, *sample);
            self.text(at + 38.0, row + 4.5, text, SMALL, TextAnchor::Start, self.theme.ink());
            at += width;
        }
        self.scene.height = row + 28.0;
    }

    fn sample(&mut self, x: f64, y: f64, sample: Sample) {
        let ends = vec![(x, y), (x + 30.0, y)];
        match sample {
            Sample::Line(color) => self.polyline(ends, color, 2.2),
            Sample::Dashes(color) => self.dashes(&ends, color),
            Sample::Dots(color) => self.dots_along(&ends, color),
            Sample::Dot(color) => self.dots(&[(x + 15.0, y)], 4.5, color, 1.0),
            Sample::Patch(color) => {
                self.rectangle((x + 6.0, y - 7.0), (x + 24.0, y + 7.0), Some(color), Some(self.theme.quiet()));
            }
            Sample::Hatched(color) => {
                self.sample(x, y, Sample::Patch(color));
                for from in [x + 6.0, x + 13.0] {
                    self.line((from, y + 7.0), (from + 11.0, y - 7.0), self.theme.hatching(color), 0.9);
                }
            }
            Sample::Predicted => self.predicted(&[ends]),
            Sample::Observed => self.observed(&[ends]),
        }
    }

    /// A boundary that was predicted: a line that stays visible on any colour.
    pub(super) fn predicted(&mut self, lines: &[Vec<Point>]) {
        for (color, width) in [(self.theme.paper(), 6.0), (self.theme.ink(), 3.2)] {
            for points in lines {
                self.polyline(points.clone(), color, width);
            }
        }
    }

    /// A boundary that was observed: outlined dashes, which show on a predicted one too.
    pub(super) fn observed(&mut self, lines: &[Vec<Point>]) {
        for (color, width) in [(self.theme.ink(), 4.4), (OBSERVED, 2.2)] {
            for points in lines {
                self.cut(points, Dash { on: OBSERVED_DASH, off: GAP }, color, width);
            }
        }
    }

    /// A thin dotted line from end to end that stays visible on any colour.
    pub(super) fn pinned(&mut self, ends: [Point; 2]) {
        self.polyline(ends.to_vec(), self.theme.paper(), 3.4);
        self.cut(&ends, Dash { on: 4.0, off: 3.4 }, self.theme.ink(), 1.4);
    }

    /// A text on a piece of paper, so that it is legible on any colour. It begins or ends at `x`, whatever keeps it left
    /// of `end`.
    pub(super) fn label(&mut self, (x, y): Point, end: f64, text: &str) {
        let width = text_width(text, SMALL) + 8.0;
        let left = if x + 4.0 + width <= end { x + 4.0 } else { x - 4.0 - width };
        let height = f64::from(SMALL);
        self.rectangle((left, y - height), (left + width, y + 6.0), Some(self.theme.paper()), Some(self.theme.quiet()));
        self.text(left + 4.0, y, text, SMALL, TextAnchor::Start, self.theme.ink());
    }

    pub(super) fn svg(&self) -> String {
        SvgBackend.render_scene(&self.scene)
    }

    pub(super) fn png(&self) -> Result<Vec<u8>> {
        let backend = kuva::RasterBackend::new().with_scale(2.0);
        backend.render_scene(&self.scene).map_err(|error| Error::Bug(format!("a figure cannot be drawn: {error}")))
    }

    pub(super) fn picture(&self) -> Result<Picture> {
        Ok(Picture { svg: self.svg(), png: self.png()? })
    }
}

/// Pieces of a line: how long each is, and how far it is to the next.
#[derive(Debug, Clone, Copy)]
struct Dash {
    on: f64,
    off: f64,
}

/// What stands before a legend's text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    Line(Rgb),
    Dashes(Rgb),
    Dots(Rgb),
    Dot(Rgb),
    Patch(Rgb),
    Hatched(Rgb),
    Predicted,
    Observed,
}

fn wrapped(text: &str, width: f64, size: u32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(word, size) < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}
