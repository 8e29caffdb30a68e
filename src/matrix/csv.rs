//! Numbers in lines: commas, semicolons or blanks between them, `#` before comments.

use super::{MatrixStack, Parsed, check_shape, excerpt};

/// Parses one square matrix; the first line with numbers decides the separator.
pub(super) fn parse(text: &str) -> Parsed<MatrixStack> {
    let mut values = Vec::new();
    let mut separator = None;
    let mut rows = 0;
    let mut columns = 0;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or("").trim();
        if line.is_empty() {
            continue;
        }
        let separator = *separator.get_or_insert_with(|| separator_of(line));
        let before = values.len();
        push_row(line, separator, index + 1, rows == 0, &mut values)?;
        let found = values.len() - before;
        if rows == 0 {
            columns = found;
        } else if found != columns {
            return Err(format!(
                "line {} has {found} values and the first row {columns}; make the rows equally long",
                index + 1
            ));
        }
        rows += 1;
    }
    if rows == 0 {
        return Err("no numbers: every line is blank or a comment; write one matrix row per line".into());
    }
    let (matrices, n, _) = check_shape(1, rows as u64, columns as u64)?;
    Ok(MatrixStack { n, matrices, values })
}

/// `;` if the line has one, else `,`, else blanks (`None` stands for any run of white space).
fn separator_of(line: &str) -> Option<char> {
    [';', ','].into_iter().find(|&separator| line.contains(separator))
}

fn push_row(line: &str, separator: Option<char>, number: usize, first: bool, values: &mut Vec<f64>) -> Parsed<()> {
    match separator {
        Some(separator) => push_fields(line.split(separator), number, first, values),
        None => push_fields(line.split_whitespace(), number, first, values),
    }
}

fn push_fields<'a>(
    fields: impl Iterator<Item = &'a str>,
    number: usize,
    first: bool,
    values: &mut Vec<f64>,
) -> Parsed<()> {
    for (column, field) in fields.enumerate() {
        let field = field.trim();
        let place = format_args!("line {number}, value {}", column + 1);
        match field.parse() {
            Ok(value) => values.push(value),
            Err(_) if field.is_empty() => {
                return Err(format!("{place} is empty; write a number between the separators"));
            }
            Err(_) => return Err(format!("{place}: {} is not a number; {}", excerpt(field), advice(field, first))),
        }
    }
    Ok(())
}

fn advice(field: &str, first: bool) -> &'static str {
    let decimal_comma = field.contains(',') && field.chars().all(|c| c.is_ascii_digit() || ",+-eE".contains(c));
    match (decimal_comma, first) {
        (true, _) => "write the decimal sign as a point",
        (_, true) => "if this line is a header, delete it or put # in front",
        _ => "write plain numbers such as -1.5e-3",
    }
}
