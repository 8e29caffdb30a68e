//! The grid grammar: `0.5` · `0.1,0.5,1` · `lin(0.01,2,64)` · `log(1e-3,2,64)` · `log(0.01,1,28),1.5,2`.
//!
//! `a:b:n` is refused, for Matlab reads it as start:step:stop and numpy's users as start:stop:count.

use crate::error::Result;
use crate::invalid;
use serde::{Deserialize, Serialize};

/// The largest number of points of one grid, and of all grids of a sweep together.
pub const MOST_POINTS: u64 = 1 << 20;

/// The points of one swept axis: finite, strictly ascending, never empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Grid {
    source: String,
    values: Vec<f64>,
    logarithmic: bool,
}

impl Grid {
    /// Reads a grid; errors name the offending part of `text`.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid), which names the offending part.
    pub fn parse(text: &str) -> Result<Grid> {
        let source = text.trim();
        let parts = parts(source);
        let (values, logarithmic) = match call(source) {
            Some(_) if parts.len() > 1 => joined(source, &parts)?,
            Some((name, arguments)) => spaced(source, name, arguments)?,
            None => (listed(source)?, false),
        };
        ascending(source, &values)?;
        Ok(Grid { source: source.to_owned(), values, logarithmic })
    }

    /// A grid of one point. `value` must be finite.
    pub fn single(value: f64) -> Grid {
        Grid { source: plain(value), values: vec![value], logarithmic: false }
    }

    /// A grid of these points.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) if they are none, not finite or not ascending.
    pub fn of(values: &[f64]) -> Result<Grid> {
        Grid::parse(&values.iter().map(|&value| plain(value)).collect::<Vec<_>>().join(","))
    }

    /// The same grid with its points without rounding errors; equal ones are left out.
    pub(super) fn with_values(self, mut values: Vec<f64>) -> Grid {
        values.dedup();
        Grid { values, ..self }
    }

    /// The text it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The points, ascending.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The number of points, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a grid is never empty")]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the points were asked for by `log(..)`.
    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }
}

impl std::fmt::Display for Grid {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(&self.source)
    }
}

impl From<Grid> for String {
    fn from(grid: Grid) -> String {
        grid.source
    }
}

impl TryFrom<String> for Grid {
    type Error = crate::error::Error;

    fn try_from(text: String) -> Result<Grid> {
        Grid::parse(&text)
    }
}

/// The parts of a list: commas inside of `(..)` separate nothing.
fn parts(source: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let separates = |character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    };
    source.split(separates).map(str::trim).collect()
}

/// `log(a,b,n),c,lin(d,e,m)`; logarithmic if all of its grids are.
fn joined(source: &str, parts: &[&str]) -> Result<(Vec<f64>, bool)> {
    let (mut values, mut logarithmic) = (Vec::new(), true);
    for (index, part) in parts.iter().enumerate() {
        match call(part) {
            Some((name, arguments)) => {
                let (more, own) = spaced(part, name, arguments)?;
                values.extend(more);
                logarithmic &= own;
            }
            None => values.push(number(source, part, &format!("item {}", index + 1))?),
        }
        if values.len() as u64 > MOST_POINTS {
            return invalid!("{}: more than {MOST_POINTS} points; write fewer", quoted(source));
        }
    }
    Ok((values, logarithmic))
}

/// `name(arguments)` taken apart; a missing `)` is left for `spaced` to name.
fn call(source: &str) -> Option<(&str, &str)> {
    source.split_once('(').map(|(name, arguments)| (name.trim(), arguments))
}

/// `a,b,c`
fn listed(source: &str) -> Result<Vec<f64>> {
    if source.is_empty() {
        return invalid!("the grid is empty; write a number, `0.1,0.5,1`, `lin(0.01,2,64)` or `log(0.01,2,64)`");
    }
    if source.contains(':') {
        return colons(source);
    }
    let mut values = Vec::new();
    for (index, item) in source.split(',').enumerate() {
        if index as u64 >= MOST_POINTS {
            return invalid!("the list has more than {MOST_POINTS} points; write fewer");
        }
        values.push(number(source, item, &format!("item {}", index + 1))?);
    }
    Ok(values)
}

/// `lin(a,b,n)` or `log(a,b,n)`
fn spaced(source: &str, name: &str, arguments: &str) -> Result<(Vec<f64>, bool)> {
    let logarithmic = match name {
        "lin" => false,
        "log" => true,
        _ => return invalid!("{}: `{}` is not a kind of grid; write {}", quoted(source), shown(name), nearest(name)),
    };
    let Some((inside, rest)) = arguments.split_once(')') else {
        return invalid!("{}: the closing `)` is missing; write {name}(start,end,count)", quoted(source));
    };
    if !rest.trim().is_empty() {
        return invalid!("{}: `{}` after the `)` is too much; remove it", quoted(source), shown(rest.trim()));
    }
    let parts: Vec<&str> = inside.split(',').collect();
    let [start, end, count] = parts[..] else {
        let found = parts.len();
        return invalid!("{}: {name} takes start,end,count, but {found} of them were given", quoted(source));
    };
    let (start, end) = (number(source, start, "the start")?, number(source, end, "the end")?);
    let count = counted(source, count)?;
    bounds(source, name, start, end, count)?;
    Ok((points(start, end, count, logarithmic), logarithmic))
}

/// Refuses ranges that would give no points, wrong ones or descending ones.
fn bounds(source: &str, name: &str, start: f64, end: f64, count: usize) -> Result<()> {
    let said = plain(start);
    if start > end {
        return invalid!("{}: starts above its end; write {name}({},{said},{count})", quoted(source), plain(end));
    }
    if count == 1 && start < end {
        return invalid!("{}: one point cannot reach from start to end; write {said} or a count of 2", quoted(source));
    }
    if count > 1 && start == end {
        return invalid!("{}: {count} points on one value; write {said}", quoted(source));
    }
    if name == "log" && start <= 0.0 {
        return invalid!("{}: log needs a start above 0, not {said}; raise it or write lin(..)", quoted(source));
    }
    if !(end - start).is_finite() {
        return invalid!("{}: from start to end is further than a number can say; narrow it", quoted(source));
    }
    Ok(())
}

/// The end points come out exactly as they were written.
fn points(start: f64, end: f64, count: usize, logarithmic: bool) -> Vec<f64> {
    let last = count - 1;
    let point = |index: usize| match index {
        0 => start,
        index if index == last => end,
        index => {
            let share = index as f64 / last as f64;
            if logarithmic {
                let (from, to) = (start.ln(), end.ln());
                // A logarithm is off by half a unit of its last digit, so its exponential by its magnitude more.
                let error = 2.0 * f64::EPSILON * (2.0 + from.abs().max(to.abs()));
                rounded((from + share * (to - from)).exp(), error).clamp(start, end)
            } else {
                let value = start + share * (end - start);
                let size = start.abs().max(end.abs());
                rounded(value, 2.0 * f64::EPSILON * size / value.abs().max(f64::MIN_POSITIVE)).clamp(start, end)
            }
        }
    };
    (0..count).map(point).collect()
}

/// The decimal number of 12 digits within a relative `error` of a computed point, if there is one: `log(0.01,100,5)` has
/// 1 and `lin(0,1,11)` 0.3. Else the point itself.
fn rounded(value: f64, error: f64) -> f64 {
    if error >= 1.0 {
        // Rounding is all that there is of what should have been 0.
        return 0.0;
    }
    let round = format!("{value:.11e}").parse().unwrap_or(value);
    if (round - value).abs() <= error * value.abs() { round } else { value }
}

fn number(source: &str, item: &str, place: &str) -> Result<f64> {
    let item = item.trim();
    match item.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => invalid!("{}: {place}, `{}`, is not finite; write a finite number", quoted(source), shown(item)),
        Err(_) if item.is_empty() => invalid!("{}: {place} is empty; write a number there", quoted(source)),
        Err(_) => invalid!("{}: {place}, `{}`, is not a number", quoted(source), shown(item)),
    }
}

/// A count of points; refused before anything is allocated.
fn counted(source: &str, item: &str) -> Result<usize> {
    let value = number(source, item, "the count")?;
    if value < 1.0 || value.fract() != 0.0 {
        return invalid!("{}: the count, `{}`, must be a whole number from 1", quoted(source), shown(item.trim()));
    }
    if value > MOST_POINTS as f64 {
        return invalid!("{}: {value:.0} points are too many; at most {MOST_POINTS} fit", quoted(source));
    }
    Ok(value as usize)
}

fn ascending(source: &str, values: &[f64]) -> Result<()> {
    match values.windows(2).find(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let (first, second) = (plain(pair[0]), plain(pair[1]));
            invalid!("{}: points must ascend, but {second} follows {first}; sort them, drop repeats", quoted(source))
        }
    }
}

/// The refusal of `a:b:c`, with the right spelling of both readings where there is one.
fn colons<T>(source: &str) -> Result<T> {
    let readings = "Matlab reads start:step:stop, numpy start,stop,count";
    let parts: Vec<f64> = source.split(':').filter_map(|part| part.trim().parse().ok()).collect();
    let [start, middle, last] = parts[..] else {
        return invalid!("{}: `:` is ambiguous ({readings}); write lin(start,end,count)", quoted(source));
    };
    let steps = ((last - start) / middle + 1e-9).floor();
    let (said, reach) = (plain(start), plain(middle));
    let mut spellings = Vec::new();
    if last >= 2.0 && last.fract() == 0.0 && last <= MOST_POINTS as f64 && start < middle {
        spellings.push(format!("lin({said},{reach},{last}) for {last} points up to {reach}"));
    }
    if middle > 0.0 && steps >= 1.0 && steps < MOST_POINTS as f64 {
        let end = plain(tidy(start + steps * middle));
        spellings.push(format!("lin({said},{end},{}) for steps of {reach}", steps + 1.0));
    }
    if spellings.is_empty() {
        spellings.push("lin(start,end,count)".to_owned());
    }
    invalid!("{}: `a:b:n` is ambiguous ({readings}); write {}", quoted(source), spellings.join(", or "))
}

/// Drops the rounding error of one product and sum, so that a suggestion reads 62.01, not 62.010000000000005.
fn tidy(value: f64) -> f64 {
    format!("{value:.12e}").parse().unwrap_or(value)
}

fn nearest(name: &str) -> &'static str {
    match name.to_lowercase().as_str() {
        "log" | "logspace" | "geomspace" | "geom" | "loguniform" => "log(start,end,count)",
        "lin" | "linspace" | "range" | "arange" | "linear" => "lin(start,end,count)",
        _ => "lin(start,end,count) or log(start,end,count)",
    }
}

fn quoted(source: &str) -> String {
    format!("`{}`", shown(source))
}

/// A number as somebody would write it: 2, not 2.0, and 1e-50, not fifty zeros.
pub(crate) fn plain(value: f64) -> String {
    let moderate = value == 0.0 || (1e-5..1e12).contains(&value.abs());
    if moderate { value.to_string() } else { format!("{value:e}") }
}

/// The same with 6 significant digits at most: what `log(0.1,10,3)` makes of 1 is 1.
pub(crate) fn brief(value: f64) -> String {
    plain(format!("{value:.5e}").parse().unwrap_or(value))
}

/// Text from outside, fit for one line of an error: control characters escaped, no longer than it helps.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 48;
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().count() > LONGEST {
        short.push('…');
    }
    short
}
