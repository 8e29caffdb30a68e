//! The stability map in a terminal: half blocks in true colour, or plain characters.

use super::axis::{Scale, short};
use super::color::{Rgb, Theme};
use super::grid::Grid;
use super::map::StabilityMap;
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
/// Terminals are dark as often as light; a map fills its cells, so one ramp does for both.
const THEME: Theme = Theme::Light;

/// What one pixel shows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pixel {
    Boundary,
    Missing,
    /// −1 decays, 0 is neutral, 1 grows.
    Value(f64),
}

/// What the map is printed on.
#[derive(Debug, Clone, Copy)]
struct Paper {
    /// Characters of a line.
    columns: usize,
    color: bool,
}

/// Where the mark is, as far as it has a column or a line.
#[derive(Debug, Clone, Copy, Default)]
struct Marked {
    column: Option<usize>,
    line: Option<usize>,
}

impl StabilityMap {
    /// The map as lines of text no wider than `columns` (at least 40).
    ///
    /// With `color`, two pixels per character in 24-bit colour; without, plain ASCII.
    ///
    /// # Errors
    /// [`crate::error::Error::Bug`] if the lengths do not fit.
    pub fn terminal(&self, columns: usize, color: bool) -> Result<String> {
        let grid = Grid::new(self)?;
        let columns = columns.max(NARROWEST);
        let width = pixels(grid.xs.len(), columns - GUTTER - 1, WIDEST_CELL);
        let height = if color {
            pixels(grid.ys.len(), 2 * LINES, 8).next_multiple_of(2)
        } else {
            pixels(grid.ys.len(), LINES, 4)
        };
        let picture = Raster { grid: &grid, width, height };
        let mut text = self.heading(color);
        let _ = writeln!(text, "  {}    {}", ascii_if(&self.y.label, color), ascii_if(&self.value_label, color));
        let lines = if color { height / 2 } else { height };
        let marked = self.marked(&grid, width, lines);
        let paper = Paper { columns, color };
        for line in 0..lines {
            let label = y_label(&grid, line, lines);
            let axis = match (marked.line == Some(line), color) {
                (true, true) => '▶',
                (true, false) => '>',
                (false, true) => '│',
                (false, false) => '|',
            };
            let _ = write!(text, "{label:>7} {axis}");
            for column in 0..width {
                if color {
                    picture.push_blocks(&mut text, line, column)
                } else {
                    picture.push_plain(&mut text, line, column)
                }
            }
            text.push_str(if color { "\x1b[0m\n" } else { "\n" });
        }
        text.push_str(&x_axis(&grid, &ascii_if(&self.x.label, color), width, paper, marked.column));
        text.push_str(&self.legend(&grid, paper, marked));
        Ok(text)
    }

    /// What the map is at, on a line of its own.
    fn heading(&self, color: bool) -> String {
        if self.at.is_empty() { String::new() } else { ascii_if(&self.at, color) + "\n" }
    }

    /// The column and the line of the mark, as far as it has them and they are on the map.
    fn marked(&self, grid: &Grid, width: usize, lines: usize) -> Marked {
        let Some(mark) = &self.mark else { return Marked::default() };
        let (x_edges, y_edges) = grid.edges();
        // Cells are equally wide here, so the place within the nearest cell is its middle.
        let cell = |scale: Scale, edges: &[f64], value: f64| {
            let at = edges.partition_point(|&edge| edge <= scale.forward(value));
            (1..edges.len()).contains(&at).then(|| at - 1)
        };
        let middle = |cell: usize, cells: usize, pixels: usize| ((2 * cell + 1) * pixels / (2 * cells)).min(pixels - 1);
        let column = mark.x.map(|x| cell(grid.x_scale, &x_edges, x).map(|c| middle(c, grid.xs.len(), width)));
        let line = mark.y.map(|y| cell(grid.y_scale, &y_edges, y).map(|r| lines - 1 - middle(r, grid.ys.len(), lines)));
        // Off the map along one axis, it is off the map.
        match column == Some(None) || line == Some(None) {
            true => Marked::default(),
            false => Marked { column: column.flatten(), line: line.flatten() },
        }
    }

    fn legend(&self, grid: &Grid, Paper { columns, color }: Paper, marked: Marked) -> String {
        let (below, above) = grid.clipped();
        let low = format!("{}{}", if below { "<" } else { "" }, short(-grid.half_range));
        let high = format!("{}{}", if above { ">" } else { "" }, short(grid.half_range));
        let mut entries: Vec<String> = Vec::new();
        if color {
            let strip = |from: f64, to: f64| -> String {
                let color = |step: u32| THEME.diverging(from + (to - from) * (f64::from(step) + 0.5) / 6.0);
                (0..6).map(|step| format!("{}█", foreground(color(step)))).collect::<String>() + "\x1b[0m"
            };
            entries.push(format!("{low} {} 0 {} {high}", strip(-1.0, 0.0), strip(0.0, 1.0)));
            entries.push(format!("{}█\x1b[0m predicted boundary", foreground(THEME.ink())));
            entries.extend(grid.has_missing().then(|| format!("{}█\x1b[0m no value", foreground(THEME.missing()))));
        } else {
            entries.push(format!("= - . + #: {} to {}", low.replace('−', "-"), high.replace('−', "-")));
            entries.push("%: predicted boundary".to_string());
            entries.extend(grid.has_missing().then(|| "?: no value".to_string()));
        }
        let sign = match ((marked.column, marked.line), color) {
            ((Some(_), Some(_)), true) => Some("▲ ▶"),
            ((Some(_), Some(_)), false) => Some("^ >"),
            ((Some(_), None), true) => Some("▲"),
            ((Some(_), None), false) => Some("^"),
            ((None, Some(_)), true) => Some("▶"),
            ((None, Some(_)), false) => Some(">"),
            ((None, None), _) => None,
        };
        let everywhere = |mark: &&super::Mark| mark.x.is_none() && mark.y.is_none();
        match (sign, &self.mark) {
            (Some(sign), Some(mark)) => entries.push(format!("{sign}: {}", ascii_if(&mark.label, color))),
            (None, Some(mark)) if everywhere(&mark) => entries.push(ascii_if(&mark.label, color)),
            _ => {}
        }
        in_lines(&entries, columns)
    }
}

/// Entries side by side, as many as fit on a line.
fn in_lines(entries: &[String], columns: usize) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for entry in entries {
        let own = visible(entry) + if used == 0 { 2 } else { 3 };
        if used > 0 && used + own > columns {
            text.push('\n');
            used = 0;
        }
        text.push_str(if used == 0 { "  " } else { "   " });
        text.push_str(entry);
        used += visible(entry) + if used == 0 { 2 } else { 3 };
    }
    text + "\n"
}

/// Characters of a text without its colour codes.
fn visible(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().chars().count();
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.chars().count())).sum::<usize>()
}

/// Symbols by their names where only ASCII may be shown.
fn ascii_if(text: &str, color: bool) -> String {
    if color { text.to_string() } else { text.replace('ρ', "rho").replace('γ', "gamma").replace('δ', "d") }
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
        let row = nearest(self.height - 1 - y, self.height, self.grid.ys.len());
        (row, nearest(x, self.width, self.grid.xs.len()))
    }

    fn is_unstable(&self, x: usize, y: usize) -> Option<bool> {
        let (row, column) = self.cell(x, y);
        self.grid.predicted(row, column).map(|rate| rate > 0.0)
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
        Pixel::Boundary => THEME.ink(),
        Pixel::Missing => THEME.missing(),
        Pixel::Value(position) => THEME.diverging(position),
    }
}

fn foreground(color: Rgb) -> String {
    format!("\x1b[38;2;{};{};{}m", color[0], color[1], color[2])
}

/// The first radius at the bottom, the last at the top, and one between.
fn y_label(grid: &Grid, line: usize, lines: usize) -> String {
    let count = grid.ys.len();
    let index = |line: usize| (2 * (lines - 1 - line) + 1) * count / (2 * lines);
    let shown = match line {
        line if count == 1 => (line == lines / 2).then_some(0),
        0 => Some(count - 1),
        line if line + 1 == lines => Some(0),
        line if lines > 4 && count > 2 && line == lines / 2 => Some(index(line)),
        _ => None,
    };
    shown.map(|index| plain(grid.ys[index])).unwrap_or_default()
}

fn x_axis(grid: &Grid, label: &str, width: usize, Paper { columns, color }: Paper, marked: Option<usize>) -> String {
    let (corner, dash, pin) = if color { ('└', '─', '▲') } else { ('+', '-', '^') };
    let axis: String = (0..width).map(|column| if marked == Some(column) { pin } else { dash }).collect();
    let mut labels = vec![' '; columns];
    let count = grid.xs.len();
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
        put(center(index), grid.xs[index]);
    }
    let labels: String = labels.into_iter().collect();
    let log = if grid.x_scale == Scale::Log { " (logarithmic)" } else { "" };
    let named = format!("{label}{log}");
    let middle = GUTTER + width / 2;
    let indent = middle.saturating_sub(named.chars().count() / 2).min(columns.saturating_sub(named.chars().count()));
    format!("        {corner}{axis}\n{}\n{:indent$}{named}\n", labels.trim_end(), "")
}

fn plain(value: f64) -> String {
    short(value).replace('−', "-")
}
