//! The roofline: speed over arithmetic intensity, under the ceilings of each device.

use super::axis::{Axis, Interval, Scale, extent};
use super::canvas::{Canvas, SMALL, Sample};
use super::color::Theme;
use super::{Figure, Picture};
use crate::error::Result;
use kuva::render::render::TextAnchor;

const WIDTH: f64 = 860.0;
const PLOT_HEIGHT: f64 = 480.0;
const LEFT: f64 = 72.0;

/// The ceilings of one device.
#[derive(Debug, Clone)]
pub struct Roof {
    /// What it is.
    pub label: String,
    /// 10^9 operations a second.
    pub gflops: f64,
    /// 10^9 bytes a second.
    pub gigabytes_per_second: f64,
}

/// One measurement.
#[derive(Debug, Clone)]
pub struct RooflinePoint {
    /// What it is.
    pub label: String,
    /// The index of its device's roof.
    pub roof: usize,
    /// Operations for each byte that must move.
    pub intensity: f64,
    /// 10^9 operations a second.
    pub gflops: f64,
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct RooflineFigure {
    /// The devices, in the order of the legend.
    pub roofs: Vec<Roof>,
    /// The measurements.
    pub points: Vec<RooflinePoint>,
    /// One line.
    pub title: String,
    /// Adapter, processor, date.
    pub caption: String,
}

impl Figure for RooflineFigure {
    /// Draws roofs and measurements; what is not positive is left out.
    fn draw(&self, theme: Theme) -> Result<Picture> {
        let mut canvas = Canvas::new(WIDTH, theme);
        let top = canvas.heading(&self.title, &self.caption);
        let (x, y) = self.axes(top);
        canvas.grid(&x, &y);
        for (i, roof) in self.roofs.iter().enumerate() {
            let ridge = (roof.gflops / roof.gigabytes_per_second).log10();
            let height = |at: f64| roof.gflops.log10().min(at + roof.gigabytes_per_second.log10()).max(y.range.from);
            let foot = (y.range.from - roof.gigabytes_per_second.log10()).max(x.range.from);
            let ends = [foot, ridge.clamp(foot, x.range.to), x.range.to];
            canvas.polyline(ends.map(|at| (x.place(at), y.place(height(at)))).to_vec(), theme.palette(i), 2.2);
        }
        let mut taken: Vec<(f64, f64)> = Vec::new();
        for point in self.drawn() {
            let place = (x.position(point.intensity), y.position(point.gflops));
            canvas.dots(&[place], 4.5, theme.palette(point.roof), 0.9);
            // A label goes down until it is free of those before it.
            let mut label = (place.0 + 8.0, place.1 + 4.0);
            while taken.iter().any(|(a, b)| (a - label.0).abs() < 110.0 && (b - label.1).abs() < 12.0) {
                label.1 += 12.0;
            }
            taken.push(label);
            let right = place.0 > WIDTH - 170.0;
            let (at, anchor) = if right { (place.0 - 8.0, TextAnchor::End) } else { (label.0, TextAnchor::Start) };
            canvas.text(at, label.1, &point.label, SMALL - 2, anchor, theme.ink());
        }
        canvas.frame(&x, &y);
        let entry = |(i, roof): (usize, &Roof)| {
            let text = format!("{}: {:.0} GFLOP/s, {:.0} GB/s", roof.label, roof.gflops, roof.gigabytes_per_second);
            (Sample::Line(theme.palette(i)), text)
        };
        canvas.legend(LEFT, top + PLOT_HEIGHT + 74.0, &self.roofs.iter().enumerate().map(entry).collect::<Vec<_>>());
        canvas.picture()
    }
}

impl RooflineFigure {
    fn drawn(&self) -> impl Iterator<Item = &RooflinePoint> + Clone {
        self.points.iter().filter(|point| point.intensity > 0.0 && point.gflops > 0.0)
    }

    fn axes(&self, top: f64) -> (Axis, Axis) {
        let axis =
            |label: &str, range, page| Axis { label: label.into(), scale: Scale::Log, range, page, marks: Vec::new() };
        let ridges = self.roofs.iter().map(|roof| roof.gflops / roof.gigabytes_per_second);
        let intensities = self.drawn().map(|point| point.intensity).chain(ridges);
        let speeds = self.drawn().map(|point| point.gflops).chain(self.roofs.iter().map(|roof| roof.gflops));
        let padded = |values: Option<Interval>| values.unwrap_or(Interval::UNIT).widened(0.2);
        let x = padded(extent(intensities.map(f64::log10)));
        let y = padded(extent(speeds.map(f64::log10)));
        let (across, up) = (Interval::new(LEFT, WIDTH - 34.0), Interval::new(top + PLOT_HEIGHT, top));
        (axis("operations / byte", x, across), axis("GFLOP/s", y, up))
    }
}
