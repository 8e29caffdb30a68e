//! The stability map in a terminal: half blocks in true colour, or plain characters.

use super::axis::{Scale, short};
use super::color::{INK, MISSING, Rgb, diverging};
use super::grid::Grid;
use super::stability::StabilityMap;
use crate::error::Result;
use std::fmt::Write;

/// Columns to the left of the map: a label and the axis.
const GUTTER: usize = 9;
/// The tallest map, in lines.
const LINES: usize = 24;
/// The narrowest map with its gutter, in columns.
const NARROWEST: usize = 40;
/// The widest cell, in columns, when there are few.
const WIDEST_CELL: usize = 12;

/// What one pixel shows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pixel {
    Boundary,
    Missing,
    /// −1 decays, 0 is neutral, 1 grows.
    Value(f64),
}

impl StabilityMap {
    /// The map as lines of text, step size along x and radius along y. What is drawn is no wider than `columns` (at least
    /// 40); the words around it are for the reader of the text to wrap where they are.
    ///
    /// With `color`, two pixels per character in 24-bit colour; without, plain ASCII.
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if the lengths do not fit.
    pub fn terminal(&self, columns: usize, color: bool) -> Result<String> {
        let grid = Grid::new(self)?;
        let columns = columns.max(NARROWEST);
        let width = pixels(grid.step_sizes.len(), columns - GUTTER - 1, WIDEST_CELL);
        let height = if color {
            pixels(grid.radii.len(), 2 * LINES, 8).next_multiple_of(2)
        } else {
            pixels(grid.radii.len(), LINES, 4)
        };
        let picture = Raster { grid: &grid, width, height };
        let mut text = String::new();
        let _ = writeln!(text, "  radius    {}", self.value_label);
        let lines = if color { height / 2 } else { height };
        for line in 0..lines {
            let label = y_label(&grid, line, lines);
            let _ = write!(text, "{label:>7} {}", if color { '│' } else { '|' });
            for column in 0..width {
                if color {
                    picture.push_blocks(&mut text, line, column)
                } else {
                    picture.push_plain(&mut text, line, column)
                }
            }
            text.push_str(if color { "\x1b[0m\n" } else { "\n" });
        }
        text.push_str(&x_axis(&grid, &self.step_label, (width, columns), color));
        text.push_str(&self.legend(&grid, color));
        Ok(text)
    }

    fn legend(&self, grid: &Grid, color: bool) -> String {
        let low = short(self.neutral - grid.half_range);
        let (middle, high) = (short(self.neutral), short(self.neutral + grid.half_range));
        if !color {
            let low = low.replace('−', "-");
            return format!("  = - . + #: {low} to {high}   %: predicted boundary   ?: no value\n");
        }
        let strip = |from: f64, to: f64| -> String {
            let color = |step: u32| diverging(from + (to - from) * (f64::from(step) + 0.5) / 8.0);
            (0..8).map(|step| format!("{}█", foreground(color(step)))).collect::<String>() + "\x1b[0m"
        };
        format!(
            "  {low} {} {middle} {} {high}   {}█\x1b[0m predicted boundary   {}█\x1b[0m no value\n",
            strip(-1.0, 0.0),
            strip(0.0, 1.0),
            foreground(INK),
            foreground(MISSING)
        )
    }
}

/// How many pixels `cells` take: the largest whole number of pixels each, or `room` for all when there are more cells.
fn pixels(cells: usize, room: usize, most: usize) -> usize {
    if cells > room { room } else { cells * (room / cells).clamp(1, most) }
}

struct Raster<'a> {
    grid: &'a Grid,
    width: usize,
    height: usize,
}

impl Raster<'_> {
    /// The cell under a pixel; `y` counts from the top, rows from the bottom.
    fn cell(&self, x: usize, y: usize) -> (usize, usize) {
        let nearest = |pixel: usize, pixels: usize, cells: usize| (2 * pixel + 1) * cells / (2 * pixels);
        let row = nearest(self.height - 1 - y, self.height, self.grid.radii.len());
        (row, nearest(x, self.width, self.grid.step_sizes.len()))
    }

    fn is_unstable(&self, x: usize, y: usize) -> Option<bool> {
        let (row, column) = self.cell(x, y);
        self.grid.unstable(row, column).map(|fraction| fraction >= 0.5)
    }

    fn pixel(&self, x: usize, y: usize) -> Pixel {
        let here = self.is_unstable(x, y);
        let differs = |there: Option<bool>| matches!((here, there), (Some(here), Some(there)) if here != there);
        let right = x + 1 < self.width && differs(self.is_unstable(x + 1, y));
        let below = y + 1 < self.height && differs(self.is_unstable(x, y + 1));
        if right || below {
            return Pixel::Boundary;
        }
        let (row, column) = self.cell(x, y);
        self.grid.position(row, column).map_or(Pixel::Missing, Pixel::Value)
    }

    fn push_blocks(&self, text: &mut String, line: usize, column: usize) {
        let upper = foreground(rgb(self.pixel(column, 2 * line)));
        let lower = rgb(self.pixel(column, 2 * line + 1));
        let _ = write!(text, "{upper}\x1b[48;2;{};{};{}m▀", lower[0], lower[1], lower[2]);
    }

    fn push_plain(&self, text: &mut String, line: usize, column: usize) {
        text.push(match self.pixel(column, line) {
            Pixel::Boundary => '%',
            Pixel::Missing => '?',
            Pixel::Value(position) if position < -0.5 => '=',
            Pixel::Value(position) if position < -0.05 => '-',
            Pixel::Value(position) if position <= 0.05 => '.',
            Pixel::Value(position) if position <= 0.5 => '+',
            Pixel::Value(_) => '#',
        });
    }
}

fn rgb(pixel: Pixel) -> Rgb {
    match pixel {
        Pixel::Boundary => INK,
        Pixel::Missing => MISSING,
        Pixel::Value(position) => diverging(position),
    }
}

fn foreground(color: Rgb) -> String {
    format!("\x1b[38;2;{};{};{}m", color[0], color[1], color[2])
}

/// The first radius at the bottom, the last at the top, and one between.
fn y_label(grid: &Grid, line: usize, lines: usize) -> String {
    let count = grid.radii.len();
    let index = |line: usize| (2 * (lines - 1 - line) + 1) * count / (2 * lines);
    let shown = match line {
        line if count == 1 => (line == lines / 2).then_some(0),
        0 => Some(count - 1),
        line if line + 1 == lines => Some(0),
        line if lines > 4 && count > 2 && line == lines / 2 => Some(index(line)),
        _ => None,
    };
    shown.map(|index| plain(grid.radii[index])).unwrap_or_default()
}

fn x_axis(grid: &Grid, label: &str, (width, columns): (usize, usize), color: bool) -> String {
    let (corner, dash) = if color { ("└", "─") } else { ("+", "-") };
    let mut labels = vec![' '; columns];
    let count = grid.step_sizes.len();
    let mut put = |center: usize, value: f64| {
        let text = plain(value);
        let start = center.saturating_sub(text.len() / 2).min(columns - text.len());
        let free = labels[start.saturating_sub(1)..(start + text.len() + 1).min(columns)].iter().all(|&c| c == ' ');
        if free {
            labels[start..start + text.len()].iter_mut().zip(text.chars()).for_each(|(place, letter)| *place = letter);
        }
    };
    let center = |index: usize| GUTTER + (2 * index + 1) * width / (2 * count);
    for index in [0, count - 1, count / 2, count / 4, count * 3 / 4] {
        put(center(index), grid.step_sizes[index]);
    }
    let indent = (GUTTER + width / 2).saturating_sub(4).max(GUTTER);
    let labels: String = labels.into_iter().collect();
    let log = if grid.x_scale == Scale::Log { " (logarithmic)" } else { "" };
    let named = format!("{:indent$}{label}{log}", "");
    let named = if named.chars().count() > columns { format!("  {label}{log}") } else { named };
    format!("        {corner}{}\n{}\n{named}\n", dash.repeat(width), labels.trim_end())
}

fn plain(value: f64) -> String {
    short(value).replace('−', "-")
}
