//! Text that fits the terminal, whatever its width.

use comfy_table::{CellAlignment, Table, presets};

/// Columns where nobody says how many there are.
const USUAL: usize = 80;
/// Below this nothing is legible any more, and text is as wide as this.
const NARROWEST: usize = 20;
/// Behind these a word that is too long is broken.
const SEAMS: &str = "/,:;=_-";

/// Columns of standard output: what `COLUMNS` says, or those of the terminal, or 80 where it is none.
pub fn columns() -> usize {
    said().or_else(|| of(std::io::stdout())).unwrap_or(USUAL).max(NARROWEST)
}

/// Columns of standard error: what `COLUMNS` says, or those of the terminal; where it is none, such as in the log of a
/// job, lines stay whole.
pub fn columns_of_remarks() -> Option<usize> {
    said().or_else(|| of(std::io::stderr())).map(|columns| columns.max(NARROWEST))
}

fn said() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|&columns| columns > 0)
}

#[cfg(any(unix, windows))]
fn of(stream: impl Stream) -> Option<usize> {
    terminal_size::terminal_size_of(stream).map(|(terminal_size::Width(columns), _)| columns.into())
}

#[cfg(unix)]
use std::os::fd::AsFd as Stream;
#[cfg(windows)]
use std::os::windows::io::AsHandle as Stream;

/// Breaks lines that are longer than `columns` between words, and words that are longer still; what follows is indented
/// as the line is, and a little more.
pub fn wrapped(text: &str, columns: usize) -> String {
    text.split_inclusive('\n').map(|line| wrapped_line(line, columns)).collect()
}

fn wrapped_line(line: &str, columns: usize) -> String {
    let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
    if width(body) <= columns {
        return line.to_owned();
    }
    let indent = (body.len() - body.trim_start_matches(' ').len()).min(columns / 2);
    let further = (indent + 2).min(columns / 2);
    let mut text = " ".repeat(indent);
    let (mut used, mut empty) = (indent, true);
    for word in body.split_ascii_whitespace() {
        if !empty && used + 1 + width(word) <= columns {
            text.push(' ');
            used += 1;
        } else if !empty {
            text.push('\n');
            text.push_str(&" ".repeat(further));
            used = further;
        }
        for piece in pieces(word, columns - used, columns - further) {
            if !piece.first {
                text.push('\n');
                text.push_str(&" ".repeat(further));
                used = further;
            }
            text.push_str(piece.text);
            used += width(piece.text);
        }
        empty = false;
    }
    text + end
}

/// A part of a word.
struct Piece<'a> {
    text: &'a str,
    first: bool,
}

/// A word in parts of which the first has `room`, the others `more`; broken behind a [`SEAMS`] where one is near.
fn pieces(word: &str, room: usize, more: usize) -> Vec<Piece<'_>> {
    let (mut rest, mut room, mut found) = (word, room, Vec::new());
    while width(rest) > room && !rest.contains('\x1b') {
        let fits = rest.char_indices().nth(room.max(1)).map_or(rest.len(), |(end, _)| end);
        let seam = rest[..fits].rfind(|c| SEAMS.contains(c)).map(|seam| seam + 1).filter(|seam| 2 * seam > fits);
        let (text, after) = rest.split_at(seam.unwrap_or(fits));
        found.push(Piece { text, first: found.is_empty() });
        (rest, room) = (after, more);
    }
    found.push(Piece { text: rest, first: found.is_empty() });
    found
}

/// Columns that a text takes: its characters without the escape sequences of colours.
fn width(text: &str) -> usize {
    let mut escaped = false;
    let visible = text.chars().filter(|&character| match character {
        '\x1b' => {
            escaped = true;
            false
        }
        'm' if escaped => {
            escaped = false;
            false
        }
        _ => !escaped,
    });
    visible.count()
}

/// A table of which the first `left` columns are words and the others numbers. Where it is too wide, each row becomes a
/// paragraph that names its values.
pub fn table(header: &[&str], left: usize, rows: &[Vec<String>], columns: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if text.lines().all(|line| width(line) <= columns) {
        return text;
    }
    let paragraph = |row: &Vec<String>| {
        let named = header.iter().zip(row).skip(1).filter(|(_, value)| !value.is_empty());
        let named: Vec<String> = named.map(|(name, value)| format!("{name} {value}")).collect();
        wrapped(&format!("{}: {}\n", row[0], named.join(", ")), columns)
    };
    rows.iter().map(paragraph).collect()
}

#[cfg(test)]
mod tests {
    use super::{table, width, wrapped};

    #[test]
    fn lines_that_fit_stay_as_they_are() {
        for text in ["", "\n", "a  b\n\n  c\n", "\x1b[38;2;1;2;3m12345678\x1b[0m"] {
            assert_eq!(wrapped(text, 8), text);
        }
    }

    #[test]
    fn no_line_is_wider_than_it_may_be_and_no_word_is_lost() {
        let text =
            "    random numbers: yes; a/path/that/is/far/too/long/for/a/line and more\nshort\n      x 1234567890\n";
        for columns in 8..80 {
            let broken = wrapped(text, columns);
            assert!(broken.lines().all(|line| width(line) <= columns), "{columns}: {broken}");
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&broken), letters(text), "{columns}");
        }
        assert_eq!(wrapped("one two three four\n", 10), "one two\n  three\n  four\n");
    }

    #[test]
    fn a_table_that_is_too_wide_becomes_paragraphs() {
        let rows = [vec!["sum".to_string(), "3".to_string(), String::new()]];
        assert_eq!(table(&["name", "count", "rate"], 1, &rows, 40), " name  count  rate\n sum       3\n");
        assert_eq!(table(&["name", "count", "rate"], 1, &rows, 16), "sum: count 3\n");
    }
}
