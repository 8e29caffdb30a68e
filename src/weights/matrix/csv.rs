//! Numbers in lines: commas, semicolons or blanks between them, `#` before comments. Column names in the first line and
//! row names in front, as pandas and R write them, are recognised and left out.

use super::text::{not_a_number, number};
use super::{Array, MAX_VALUES, MatrixStack, Parsed, check_shape, excerpt};
use std::borrow::Cow;

/// Words for a value that is not there, which are no names of rows or columns.
const MISSING: [&str; 8] = ["na", "n/a", "null", "none", "missing", "-", "?", "."];

/// The longest line, in bytes: a row of the largest matrix has some 300,000 of them.
const LONGEST_LINE: usize = 16 << 20;

/// Rows of the largest matrix and one of names; in longer files of numbers there are no names.
const MOST_NAMED: usize = 11_586;

/// The fields of all lines: numbers, and beside them what the first line and the first fields say in words.
#[derive(Default)]
struct Fields {
    /// `[rows, columns]`; 0 where there is no number.
    values: Vec<f64>,
    rows: usize,
    columns: usize,
    /// The first line, field by field.
    top: Vec<String>,
    /// The first field of every line, as many as can be names.
    left: Vec<String>,
    /// What is wrong if there are no names: the first field that is not a number, or a first line that is too short.
    flaw: Option<String>,
    /// Does the first line name the columns, without a corner above the names of the rows?
    cornerless: bool,
}

/// Parses one square matrix; the first line with numbers decides the separator.
pub(super) fn parse(text: &str) -> Parsed<MatrixStack> {
    fields(text)?.square()
}

/// Parses numbers in rows of equal length, without names.
pub(super) fn parse_array(text: &str) -> Parsed<Array> {
    let Fields { rows, columns, values, flaw, .. } = fields(text)?;
    match flaw {
        Some(flaw) => Err(flaw),
        None => Ok(Array { shape: vec![rows, columns], values }),
    }
}

fn fields(text: &str) -> Parsed<Fields> {
    let mut fields = Fields::default();
    let mut separator = None;
    for (index, line) in text.lines().enumerate() {
        if line.len() > LONGEST_LINE {
            return Err(format!("line {} is longer than 16 MiB; write one matrix row per line", index + 1));
        }
        let line = without_comment(line).trim();
        if !line.is_empty() {
            let separator = *separator.get_or_insert_with(|| separator_of(line));
            let found = split(line, separator).map_err(|error| format!("line {}: {error}", index + 1))?;
            fields.push(index + 1, &found)?;
        }
    }
    if fields.rows == 0 {
        return Err("no numbers: every line is blank or a comment; write one matrix row per line".into());
    }
    Ok(fields)
}

impl Fields {
    fn push(&mut self, line: usize, fields: &[Cow<'_, str>]) -> Parsed<()> {
        if self.rows == 0 {
            self.columns = fields.len();
            self.top = fields.iter().map(|field| field.to_string()).collect();
        } else if fields.len() != self.columns {
            let (found, first) = (fields.len(), self.columns);
            let ragged =
                format!("line {line} has {found} values and the first row {first}; make the rows equally long");
            if self.rows > 1 || found != first + 1 || !are_names(&self.top, is_label) {
                return Err(ragged);
            }
            self.add_corner(ragged);
        }
        for (column, field) in fields.iter().enumerate() {
            let value = self.value(line, column, field)?;
            self.values.push(value);
        }
        if self.rows < MOST_NAMED {
            self.left.push(fields[0].to_string());
        }
        self.rows += 1;
        match self.values.len() as u64 > MAX_VALUES + 2 * MOST_NAMED as u64 {
            true => Err(format!("line {line}: more than {MAX_VALUES} values, the most that are read; split the file")),
            false => Ok(()),
        }
    }

    /// R, and everybody who separates by blanks, leaves out the corner above the names of the rows.
    fn add_corner(&mut self, ragged: String) {
        self.top.insert(0, String::new());
        self.values.insert(0, 0.0);
        self.left[0].clear();
        self.columns += 1;
        self.cornerless = true;
        self.flaw.get_or_insert(ragged);
    }

    /// A number, or 0 for what may be a name.
    fn value(&mut self, line: usize, column: usize, field: &str) -> Parsed<f64> {
        let place = format_args!("line {line}, value {}", column + 1);
        if let Some(value) = number(field).map_err(|error| format!("{place}: {error}"))? {
            return Ok(value);
        }
        let error = match field {
            "" => format!("{place} is empty; write a number between the separators"),
            _ => format!("{place}: {}", not_a_number(field, advice(field))),
        };
        // A name stands in the first line or in front; only the corner between the two may be empty.
        let corner = self.rows == 0 && column == 0;
        if !(corner && field.is_empty() || (self.rows == 0 || column == 0) && is_label(field)) {
            return Err(error);
        }
        self.flaw.get_or_insert(error);
        Ok(0.0)
    }

    /// The matrix without the names around it. Its shape tells which there are.
    fn square(self) -> Parsed<MatrixStack> {
        let (rows, columns) = (self.rows, self.columns);
        let (above, before) = match rows as i128 - columns as i128 {
            0 => (self.flaw.is_some(), self.flaw.is_some()),
            difference => (difference == 1, difference == -1),
        };
        if !(above || before) || !self.is_named(above, before) {
            if let Some(flaw) = self.flaw {
                return Err(flaw);
            }
            let (matrices, n, _) = check_shape(1, rows as u64, columns as u64)?;
            return Ok(MatrixStack { n, matrices, values: self.values });
        }
        let (skipped, front) = (usize::from(above), usize::from(before));
        let (matrices, n, _) = check_shape(1, (rows - skipped) as u64, (columns - front) as u64)?;
        let inner = self.values.chunks(columns).skip(skipped).flat_map(|row| &row[front..]);
        Ok(MatrixStack { n, matrices, values: inner.copied().collect() })
    }

    /// Are there names `above` the columns or `before` the rows, and numbers where there should be none?
    fn is_named(&self, above: bool, before: bool) -> bool {
        let are_numbers = |fields: &[String]| fields.iter().all(|field| matches!(number(field), Ok(Some(_))));
        match (above, before) {
            (true, true) => {
                let corner = &self.top[0];
                // Under an empty corner names are expected; under a word it could be a number gone wrong.
                let is = if corner.is_empty() { is_label } else { is_name };
                (corner.is_empty() || is_name(corner))
                    && are_names(&self.top[1..], is)
                    && are_names(&self.left[1..], is)
            }
            (true, false) => are_names(&self.top, is_name) && are_numbers(&self.left[1..]),
            (false, true) => are_names(&self.left, is_name) && are_numbers(&self.top[1..]),
            (false, false) => false,
        }
    }
}

/// Could this be the name of a row or a column?
fn is_label(field: &str) -> bool {
    let missing = MISSING.contains(&field.to_lowercase().as_str());
    !field.is_empty() && field.parse::<f64>().is_err() && !missing && !has_decimal_comma(field)
}

/// Is this the name of a row or a column, and not a number gone wrong?
fn is_name(field: &str) -> bool {
    is_label(field) && !field.starts_with(|c: char| c.is_ascii_digit() || "+-.,(".contains(c))
}

/// Names, or the numbers that pandas and R give where there are none: 0, 1, 2 .. or 1, 2, 3 ..
fn are_names(fields: &[String], is: fn(&str) -> bool) -> bool {
    let counted = |from: usize| fields.iter().enumerate().all(|(i, field)| *field == (i + from).to_string());
    fields.iter().all(|field| is(field)) || counted(0) || counted(1)
}

/// `;` if the line has one, else `,`, else blanks (`None` stands for any run of white space).
fn separator_of(line: &str) -> Option<char> {
    let mut quoted = false;
    let bare: String = line
        .chars()
        .filter(|&c| {
            quoted ^= c == '"';
            !quoted
        })
        .collect();
    [';', ','].into_iter().find(|&separator| bare.contains(separator))
}

/// The line up to a `#` that is not inside quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let comment = line.char_indices().find(|&(_, c)| {
        quoted ^= c == '"';
        c == '#' && !quoted
    });
    comment.map_or(line, |(at, _)| &line[..at])
}

/// The fields of a line, without white space and quotes around them; `""` inside quotes is a quote.
fn split(line: &str, separator: Option<char>) -> Parsed<Vec<Cow<'_, str>>> {
    if !line.contains('"') {
        return Ok(match separator {
            Some(separator) => line.split(separator).map(|field| field.trim().into()).collect(),
            None => line.split_whitespace().map(Cow::from).collect(),
        });
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(inside) => unquote(inside)?,
            None => {
                let end = rest.find(|c: char| ends(c, separator)).unwrap_or(rest.len());
                (rest[..end].trim().to_string(), rest[end..].trim_start_matches(blank(separator)))
            }
        };
        fields.push(Cow::from(field));
        if after.is_empty() {
            return Ok(fields);
        }
        let next = if separator.is_some() { after.strip_prefix(|c| ends(c, separator)) } else { Some(after) };
        rest = next.ok_or_else(|| format!("{} follows a quote; separate the two", excerpt(after)))?.trim_start();
    }
}

fn ends(c: char, separator: Option<char>) -> bool {
    separator.map_or(c.is_whitespace(), |separator| c == separator)
}

/// White space is skipped where it is no separator of its own meaning.
fn blank(separator: Option<char>) -> impl Fn(char) -> bool {
    move |c| c.is_whitespace() && separator.is_none_or(|separator| c != separator)
}

/// What stands up to the closing quote, and what comes behind it and the blanks after it.
fn unquote(inside: &str) -> Parsed<(String, &str)> {
    let mut field = String::new();
    let mut rest = inside;
    loop {
        let (before, after) = rest.split_once('"').ok_or("a quote is not closed; close it in the same line")?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Ok((field.trim().to_string(), after.trim_start())),
        }
    }
}

fn has_decimal_comma(field: &str) -> bool {
    field.contains(',') && field.chars().all(|c| c.is_ascii_digit() || ",+-eE".contains(c))
}

fn advice(field: &str) -> &'static str {
    match has_decimal_comma(field) {
        true => "write the decimal sign as a point",
        false => "write plain numbers such as -1.5e-3, and names of rows and columns as pandas' to_csv does, or none",
    }
}
