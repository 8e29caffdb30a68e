//! Parts as tables, and back: what is written to disk, and what goes from one process to another.

use crate::error::remedy::{Piece::Text, RESUME};
use crate::error::{Error, Remedy};
use crate::results::dataset::Column;
use std::collections::BTreeMap;
use std::path::Path;

/// The columns of a table by their names.
pub type Columns = Vec<(String, Column)>;

/// What is wrong with a table that is read, in words.
pub type Read<T> = std::result::Result<T, String>;

/// A part that can be written as tables.
pub trait Tabled: Sized {
    /// The table that every part has.
    const FIRST: &'static str;

    /// Its tables by their names, those that have rows.
    fn tables(&mut self) -> Vec<(&'static str, Columns)>;

    /// Reads the rows of a table into it.
    ///
    /// # Errors
    /// What is wrong with the table.
    fn read(&mut self, table: &str, rows: &Rows) -> Read<()>;
}

/// The tables of one part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables(pub Vec<(String, Columns)>);

impl Tables {
    /// Those of a part.
    pub fn of<P: Tabled>(part: &mut P) -> Self {
        Tables(part.tables().into_iter().map(|(name, columns)| (name.to_string(), columns)).collect())
    }

    /// The part that they are, read into one of its shape.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn part<P: Tabled>(&self, mut empty: P) -> Read<P> {
        if self.0.first().is_none_or(|(name, _)| name != P::FIRST) {
            return Err(format!("a part without {}", P::FIRST));
        }
        for (name, columns) in &self.0 {
            let count = columns.first().map_or(0, |(_, column)| column.rows());
            empty.read(name, &Rows { columns, first: 0, count })?;
        }
        Ok(empty)
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().flat_map(|(_, columns)| columns).map(|(_, column)| column.bytes() as u64).sum()
    }
}

/// Rows of a table that stand together; their values are asked for by column and row, from 0.
pub struct Rows<'a> {
    columns: &'a Columns,
    first: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    /// The rows of a unit; none of a unit that is not there.
    pub(super) fn of_unit(columns: &'a Columns, places: &Places, unit: usize) -> Self {
        let (first, count) = places.0.get(&unit).copied().unwrap_or_default();
        Rows { columns, first, count }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Is there such a column?
    pub fn has(&self, name: &str) -> bool {
        self.column(name).is_ok()
    }

    /// A column.
    pub(super) fn column(&self, name: &str) -> Read<&'a Column> {
        let found = self.columns.iter().find(|(own, _)| own == name);
        found.map(|(_, column)| column).ok_or_else(|| format!("no column {name}"))
    }

    /// The value in one of these rows, of all that a column has.
    pub(super) fn of<T>(&self, values: &'a [T], row: usize) -> Option<&'a T> {
        values.get(self.first + row)
    }

    fn value<T: Clone>(&self, name: &str, row: usize, values: Option<&[T]>) -> Read<T> {
        let value = values.and_then(|values| self.of(values, row));
        value.cloned().ok_or_else(|| format!("no column {name} of its kind"))
    }

    /// A number.
    pub fn real(&self, name: &str, row: usize) -> Read<f64> {
        let values = if let Column::F64(values) = self.column(name)? { Some(values.as_slice()) } else { None };
        self.value(name, row, values)
    }

    /// A number that may be missing.
    pub fn optional(&self, name: &str, row: usize) -> Read<Option<f64>> {
        let values = if let Column::OptionalF64(values) = self.column(name)? { Some(values.as_slice()) } else { None };
        self.value(name, row, values)
    }

    /// A whole number.
    pub fn whole(&self, name: &str, row: usize) -> Read<i64> {
        let values = if let Column::I64(values) = self.column(name)? { Some(values.as_slice()) } else { None };
        self.value(name, row, values)
    }

    /// A step that may be missing.
    pub fn step(&self, name: &str, row: usize) -> Read<Option<u32>> {
        let values = if let Column::OptionalI64(values) = self.column(name)? { Some(values.as_slice()) } else { None };
        Ok(self.value(name, row, values)?.map(|step| step as u32))
    }

    /// A word.
    pub fn text(&self, name: &str, row: usize) -> Read<String> {
        let values = if let Column::Text(values) = self.column(name)? { Some(values.as_slice()) } else { None };
        self.value(name, row, values)
    }

    /// A list that may be missing.
    pub fn list(&self, name: &str, row: usize) -> Read<Option<Vec<f64>>> {
        let values = if let Column::ListF64(values) = self.column(name)? { Some(values.as_slice()) } else { None };
        self.value(name, row, values)
    }

    /// A list that is there.
    pub fn some_list(&self, name: &str, row: usize) -> Read<Vec<f64>> {
        self.list(name, row)?.ok_or_else(|| format!("no list in column {name}"))
    }
}

/// The column of the numbers of the units, in front of all others of a table on disk.
pub(super) const UNIT: &str = "unit";

/// The columns of a table of one unit, with its number.
pub(super) fn numbered(unit: usize, mut columns: Columns) -> Columns {
    let rows = columns.first().map_or(0, |(_, column)| column.rows());
    columns.insert(0, (UNIT.to_string(), Column::I64(vec![unit as i64; rows])));
    columns
}

/// Where the rows of every unit are in a table, the first of them and how many; they stand together.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<usize, (usize, usize)>);

impl Places {
    pub fn of(table: &Columns) -> Self {
        let mut found = Places::default();
        if let Some((_, Column::I64(units))) = table.iter().find(|(name, _)| name == UNIT) {
            for (row, &unit) in units.iter().enumerate() {
                found.0.entry(unit as usize).or_insert((row, 0)).1 += 1;
            }
        }
        found
    }
}

/// Columns with their names as text.
pub(super) fn named(columns: Vec<(&str, Column)>) -> Columns {
    columns.into_iter().map(|(name, column)| (name.to_string(), column)).collect()
}

/// What a table lacks that should be one of parts.
pub(super) fn damaged(path: &Path, what: &str) -> Error {
    Error::Verification(format!("{}: {what}; the part is damaged", path.display()))
        .remedied(Remedy::of(&[RESUME, Text(" works it out again")]))
}
