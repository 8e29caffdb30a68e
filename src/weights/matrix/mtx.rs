//! MatrixMarket files: coordinate or array; real, integer or pattern; general, symmetric or skew-symmetric.

use super::text::{not_a_number, number};
use super::{MatrixStack, Parsed, check_shape, excerpt};

#[derive(Clone, Copy, PartialEq)]
enum Symmetry {
    General,
    Symmetric,
    Skew,
}

struct Banner {
    coordinate: bool,
    pattern: bool,
    symmetry: Symmetry,
}

/// One stored value with its place, counted from 0, and the line that holds it.
struct Entry {
    row: usize,
    column: usize,
    value: f64,
    line: usize,
}

/// Parses one square matrix. Lines are numbered from 1; comments and blank lines carry no data.
pub(super) fn parse(text: &str) -> Parsed<MatrixStack> {
    let banner = parse_banner(text.lines().next().unwrap_or(""))?;
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let mut lines = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('%'));
    if banner.coordinate { parse_coordinate(&banner, &mut lines) } else { parse_array(&banner, &mut lines) }
}

fn parse_banner(line: &str) -> Parsed<Banner> {
    let words: Vec<String> = line.split_whitespace().map(str::to_lowercase).collect();
    let [banner, object, layout, field, symmetry] = words.as_slice() else {
        return Err(format!(
            "line 1 is {}; a MatrixMarket file starts with \"%%MatrixMarket matrix coordinate real general\" or the like",
            excerpt(line)
        ));
    };
    if banner != "%%matrixmarket" || object != "matrix" {
        return Err("line 1 does not start with \"%%MatrixMarket matrix\"; is this a MatrixMarket file?".into());
    }
    let coordinate = match layout.as_str() {
        "coordinate" => true,
        "array" => false,
        other => return Err(format!("line 1: layout {} is not known; use coordinate or array", excerpt(other))),
    };
    let pattern = match field.as_str() {
        "real" | "double" | "integer" => false,
        "pattern" if coordinate => true,
        "pattern" => return Err("line 1: an array cannot be a pattern; use coordinate or give the values".into()),
        "complex" => return Err("line 1: complex matrices are not supported; give a real one".into()),
        other => return Err(format!("line 1: field {} is not known; use real, integer or pattern", excerpt(other))),
    };
    let symmetry = match symmetry.as_str() {
        "general" => Symmetry::General,
        "symmetric" => Symmetry::Symmetric,
        "skew-symmetric" => Symmetry::Skew,
        "hermitian" => return Err("line 1: hermitian matrices are not supported; give a real symmetric one".into()),
        other => {
            return Err(format!(
                "line 1: symmetry {} is not known; use general, symmetric or skew-symmetric",
                excerpt(other)
            ));
        }
    };
    Ok(Banner { coordinate, pattern, symmetry })
}

fn parse_coordinate<'a>(banner: &Banner, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Parsed<MatrixStack> {
    let [rows, columns, count] = parse_sizes(lines)?;
    let (matrices, n, length) = check_shape(1, rows, columns)?;
    let refused = |there: &str| {
        let cause = "the file is cut short or the size line is wrong";
        Err(format!("the size line promises {count} entries and {there} are there; {cause}"))
    };
    if count > length as u64 {
        return Err(format!("the size line promises {count} entries of a matrix that has {length}; correct it"));
    }
    let mut entries = Vec::new();
    for (line, content) in lines {
        // Not read to its end: that many lines may not fit into memory.
        if entries.len() as u64 == count {
            return refused("more");
        }
        entries.push(parse_entry(banner, n, line, content)?);
    }
    if entries.len() as u64 != count {
        return refused(&entries.len().to_string());
    }
    refuse_duplicates(banner.symmetry, &mut entries)?;
    let mut values = vec![0.0; length];
    for entry in entries {
        place(banner.symmetry, n, &entry, &mut values)?;
    }
    Ok(MatrixStack { n, matrices, values })
}

fn parse_array<'a>(banner: &Banner, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Parsed<MatrixStack> {
    let [rows, columns] = parse_sizes(lines)?;
    let (matrices, n, length) = check_shape(1, rows, columns)?;
    let first_row = |column: usize| match banner.symmetry {
        Symmetry::General => 0,
        Symmetry::Symmetric => column,
        Symmetry::Skew => column + 1,
    };
    let needed: usize = (0..n).map(|column| n - first_row(column)).sum();
    let refused = |there: &str| {
        let cause = "the file is cut short or the size line is wrong";
        Err(format!("{needed} values are needed and {there} are there; {cause}"))
    };
    let mut stored = Vec::new();
    for (line, content) in lines {
        for word in content.split_whitespace() {
            if stored.len() == needed {
                return refused("more");
            }
            stored.push((line, parse_number(line, word)?));
        }
    }
    if stored.len() != needed {
        return refused(&stored.len().to_string());
    }
    let places = (0..n).flat_map(|column| (first_row(column)..n).map(move |row| (row, column)));
    let mut values = vec![0.0; length];
    for ((row, column), (line, value)) in places.zip(stored) {
        place(banner.symmetry, n, &Entry { row, column, value, line }, &mut values)?;
    }
    Ok(MatrixStack { n, matrices, values })
}

fn parse_sizes<'a, const COUNT: usize>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Parsed<[u64; COUNT]> {
    let (line, content) = lines.next().ok_or("the size line is missing; the file is cut short")?;
    let sizes: Option<Vec<u64>> = content.split_whitespace().map(|word| word.parse().ok()).collect();
    sizes
        .and_then(|sizes| sizes.try_into().ok())
        .ok_or_else(|| format!("line {line}: {} must be {COUNT} whole numbers, the sizes", excerpt(content)))
}

fn parse_entry(banner: &Banner, n: usize, line: usize, content: &str) -> Parsed<Entry> {
    let words: Vec<&str> = content.split_whitespace().collect();
    let (row, column, value) = match (words.as_slice(), banner.pattern) {
        ([row, column], true) => (row, column, 1.0),
        ([row, column, value], false) => (row, column, parse_number(line, value)?),
        (_, pattern) => {
            let wanted = if pattern { "row and column" } else { "row, column and value" };
            return Err(format!("line {line}: {} must be {wanted}", excerpt(content)));
        }
    };
    Ok(Entry { row: parse_index(line, row, n)?, column: parse_index(line, column, n)?, value, line })
}

fn parse_index(line: usize, word: &str, n: usize) -> Parsed<usize> {
    match word.parse::<usize>() {
        Ok(index) if (1..=n).contains(&index) => Ok(index - 1),
        _ => Err(format!("line {line}: index {} is not in 1 to {n}; indices count from 1", excerpt(word))),
    }
}

fn parse_number(line: usize, word: &str) -> Parsed<f64> {
    let value = number(word).map_err(|error| format!("line {line}: {error}"))?;
    value.ok_or_else(|| format!("line {line}: {}", not_a_number(word, "write one such as -1.5e-3")))
}

/// The place of an entry, the same for both halves of a symmetric pair.
fn place_of(symmetry: Symmetry, entry: &Entry) -> (usize, usize) {
    match symmetry {
        Symmetry::General => (entry.row, entry.column),
        _ => (entry.row.max(entry.column), entry.row.min(entry.column)),
    }
}

fn refuse_duplicates(symmetry: Symmetry, entries: &mut [Entry]) -> Parsed<()> {
    entries.sort_by_key(|entry| (place_of(symmetry, entry), entry.line));
    match entries.windows(2).find(|pair| place_of(symmetry, &pair[0]) == place_of(symmetry, &pair[1])) {
        None => Ok(()),
        Some(pair) => Err(format!(
            "lines {} and {} give the same entry (row {}, column {}); keep one of them",
            pair[0].line,
            pair[1].line,
            pair[1].row + 1,
            pair[1].column + 1
        )),
    }
}

fn place(symmetry: Symmetry, n: usize, entry: &Entry, values: &mut [f64]) -> Parsed<()> {
    let Entry { row, column, value, line } = *entry;
    if symmetry == Symmetry::Skew && row == column && value != 0.0 {
        return Err(format!("line {line}: a skew-symmetric matrix has zeros on its diagonal, not {value}"));
    }
    values[row * n + column] = value;
    match symmetry {
        Symmetry::General => {}
        Symmetry::Symmetric => values[column * n + row] = value,
        Symmetry::Skew => values[column * n + row] = if row == column { 0.0 } else { -value },
    }
    Ok(())
}
