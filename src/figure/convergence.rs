//! Estimates that settle as more steps are taken, with their error bands.

use super::axis::{Axis, Interval, Scale, extent};
use super::canvas::{Canvas, Point, Sample};
use super::color::{LINES, Theme};
use super::{Figure, Picture};
use crate::error::{Error, Result};

const WIDTH: f64 = 860.0;
const PLOT_HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;

/// One line: an estimate over x.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it is, such as "λ₁".
    pub label: String,
    /// Increasing, such as the number of steps.
    pub x: Vec<f64>,
    /// The estimate; `None` or NaN breaks the line.
    pub mean: Vec<Option<f64>>,
    /// Its standard error; `None` draws no band there.
    pub standard_error: Vec<Option<f64>>,
    /// Is it dashed, as what is expected and not measured?
    pub dashed: bool,
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct ConvergenceFigure {
    /// The lines, in the order of the legend.
    pub series: Vec<Series>,
    /// What x is, with its unit.
    pub x_label: String,
    /// What the estimates are, with their unit.
    pub y_label: String,
    /// Whether x is logarithmic; x that are not positive are then left out.
    pub log_x: bool,
    /// A level to draw across, such as the exact value, with its name; left out unless finite.
    pub reference: Option<(f64, String)>,
    /// One line.
    pub title: String,
    /// Adapter, layers, width.
    pub caption: String,
}

/// A point of a line: x, the estimate, and its standard error or 0.
type Estimate = (f64, f64, f64);

impl Figure for ConvergenceFigure {
    /// Draws the lines over their bands.
    fn draw(&self, theme: Theme) -> Result<Picture> {
        let lines: Vec<Vec<Vec<Estimate>>> =
            self.series.iter().map(|series| self.runs(series)).collect::<Result<_>>()?;
        let mut canvas = Canvas::new(WIDTH, theme);
        let top = canvas.heading(&self.title, &self.caption);
        let (x, y) = self.axes(lines.iter().flatten().flatten().copied(), top);
        canvas.grid(&x, &y);
        for (index, runs) in lines.iter().enumerate() {
            let color = theme.line(index, lines.len());
            for run in runs {
                let edge = |side: f64| run.iter().map(move |&(at, mean, error)| (at, mean + side * error));
                let place = |(at, value): Point| (x.position(at), y.place(value));
                let band: Vec<Point> = edge(1.0).chain(edge(-1.0).rev()).map(place).collect();
                canvas.area(&band, color, 0.22);
                let line: Vec<Point> = edge(0.0).map(place).collect();
                match self.series[index].dashed {
                    true => canvas.dashes(&line, color),
                    false => canvas.polyline(line, color, 2.0),
                }
            }
        }
        if let Some((level, _)) = self.reference() {
            canvas.dashes(&[(x.page.from, y.place(*level)), (x.page.to, y.place(*level))], theme.ink());
        }
        canvas.frame(&x, &y);
        canvas.legend(LEFT, top + PLOT_HEIGHT + 74.0, &self.legend(theme));
        canvas.picture()
    }
}

impl ConvergenceFigure {
    fn reference(&self) -> Option<&(f64, String)> {
        self.reference.as_ref().filter(|(level, _)| level.is_finite())
    }

    /// The unbroken pieces of a line.
    fn runs(&self, series: &Series) -> Result<Vec<Vec<Estimate>>> {
        if series.mean.len() != series.x.len() || series.standard_error.len() != series.x.len() {
            return Err(Error::Bug(format!("the series {} has columns of different lengths", series.label)));
        }
        let points = series.x.iter().zip(&series.mean).zip(&series.standard_error).map(|((&x, &mean), &error)| {
            let error = error.filter(|error| error.is_finite()).unwrap_or(0.0);
            let usable = x.is_finite() && (!self.log_x || x > 0.0);
            mean.filter(|mean| mean.is_finite() && usable).map(|mean| (x, mean, error))
        });
        let points: Vec<Option<Estimate>> = points.collect();
        let pieces = points.split(Option::is_none).filter(|piece| !piece.is_empty());
        Ok(pieces.map(|piece| piece.iter().flatten().copied().collect()).collect())
    }

    fn axes(&self, points: impl Iterator<Item = Estimate> + Clone, top: f64) -> (Axis, Axis) {
        let scale = if self.log_x { Scale::Log } else { Scale::Linear };
        let axis =
            |label: &str, scale, range, page| Axis { label: label.into(), scale, range, page, marks: Vec::new() };
        let x = extent(points.clone().map(|point| scale.forward(point.0))).unwrap_or(Interval::UNIT).not_empty();
        let level = self.reference().into_iter().map(|reference| reference.0);
        let values = points.flat_map(|(_, mean, error)| [mean - error, mean + error]).chain(level);
        let y = extent(values).unwrap_or(Interval::UNIT);
        let margin = if y.length() > 0.0 { y.length() * 0.06 } else { y.from.abs().max(1.0) * 0.1 };
        let (across, up) = (Interval::new(LEFT, WIDTH - 34.0), Interval::new(top + PLOT_HEIGHT, top));
        (axis(&self.x_label, scale, x, across), axis(&self.y_label, Scale::Linear, y.widened(margin), up))
    }

    /// Every line, or the first and the last of a ramp.
    fn legend(&self, theme: Theme) -> Vec<(Sample, String)> {
        let count = self.series.len();
        let named = |index: &usize| count <= LINES || *index == 0 || *index + 1 == count;
        let entry = |index: usize| {
            let (series, color) = (&self.series[index], theme.line(index, count));
            (if series.dashed { Sample::Dashes(color) } else { Sample::Line(color) }, series.label.clone())
        };
        let mut entries: Vec<_> = (0..count).filter(named).map(entry).collect();
        entries.extend(self.reference().into_iter().map(|(_, name)| (Sample::Dashes(theme.ink()), name.clone())));
        entries.push((Sample::Patch(theme.band()), "± one standard error".to_string()));
        entries
    }
}
