//! Parts as columns of tables, and back: the statistics, the members, and the spectra of the first of them.

use crate::error::{Error, Result};
use crate::numbers::statistics::Field;
use crate::results::dataset::Column;
use crate::results::tables::{self, word};
use crate::spectrum::{Spectrum, Status};
use crate::sweep::{Course, Member, Part};
use std::collections::BTreeMap;

/// The columns of a table by their names.
pub(super) type Columns = Vec<(String, Column)>;

/// A part and the number of its unit.
pub(super) struct Numbered {
    pub unit: usize,
    pub part: Part,
}

/// One row for each grid point of a part.
pub(super) fn statistics(own: &mut Numbered) -> Columns {
    let points = own.part.points();
    let mut columns = vec![
        ("unit".to_string(), Column::I64(vec![own.unit as i64; points])),
        ("point".to_string(), Column::I64((0..points as i64).collect())),
    ];
    let numbers = columns.len();
    for point in 0..points {
        let mut place = numbers;
        own.part.fields(point, &mut |name, field| {
            if point == 0 {
                columns.push((name, blank(&field)));
            }
            push(&mut columns[place].1, field);
            place += 1;
        });
    }
    columns
}

fn blank(field: &Field) -> Column {
    match field {
        Field::Real(_) => Column::OptionalF64(Vec::new()),
        Field::Count(_) => Column::I64(Vec::new()),
        Field::Values(_) => Column::ListF64(Vec::new()),
    }
}

/// A number that is none, of sums beyond f64, is a missing one in the table.
fn push(column: &mut Column, field: Field) {
    match (column, field) {
        (Column::OptionalF64(rows), Field::Real(number)) => rows.push(Some(*number).filter(|number| !number.is_nan())),
        (Column::I64(rows), Field::Count(count)) => rows.push(*count as i64),
        (Column::ListF64(rows), Field::Values(values)) => rows.push(Some(values.clone())),
        _ => {}
    }
}

/// Reads the statistics of a unit into a part of its shape.
///
/// # Errors
/// A text that says what is wrong with the table.
pub(super) fn read_statistics(table: &Columns, rows: &Rows, part: &mut Part) -> std::result::Result<(), String> {
    let columns: BTreeMap<&str, &Column> = table.iter().map(|(name, column)| (name.as_str(), column)).collect();
    if rows.count != part.points() {
        return Err(format!("{} rows of a unit with {} grid points", rows.count, part.points()));
    }
    for point in 0..part.points() {
        let mut wrong = None;
        let row = rows.first + point;
        part.fields(point, &mut |name, field| {
            let read = match (columns.get(name.as_str()), field) {
                (Some(Column::OptionalF64(rows)), Field::Real(number)) => {
                    rows.get(row).map(|value| *number = value.unwrap_or(f64::NAN))
                }
                (Some(Column::I64(rows)), Field::Count(count)) => rows.get(row).map(|value| *count = *value as u64),
                (Some(Column::ListF64(rows)), Field::Values(values)) => {
                    rows.get(row).cloned().flatten().map(|list| *values = list)
                }
                _ => None,
            };
            if read.is_none() {
                wrong.get_or_insert(name);
            }
        });
        if let Some(name) = wrong {
            return Err(format!("no column {name} of its kind"));
        }
    }
    Ok(())
}

/// Where the rows of a unit are in a table; they stand together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rows {
    first: usize,
    count: usize,
}

/// The rows of every unit of a table.
pub(super) fn rows(table: &Columns) -> BTreeMap<usize, Rows> {
    let mut found: BTreeMap<usize, Rows> = BTreeMap::new();
    if let Some((_, Column::I64(units))) = table.iter().find(|(name, _)| name == "unit") {
        for (row, &unit) in units.iter().enumerate() {
            found.entry(unit as usize).or_insert(Rows { first: row, count: 0 }).count += 1;
        }
    }
    found
}

/// One row for each member of a part, if it has any.
pub(super) fn members(own: &Numbered) -> Option<Columns> {
    let Part { members, courses, .. } = &own.part;
    let count = courses.len();
    let mut columns = vec![("unit", Column::I64(vec![own.unit as i64; count]))];
    columns.extend(tables::courses(count, &|i| courses[i]));
    if members.len() == count {
        columns.extend([
            ("gain", Column::F64(members.iter().map(|m| m.gain).collect())),
            ("spectral_radius", Column::F64(members.iter().map(|m| m.spectral_radius).collect())),
            ("real_eigenvalues", Column::I64(members.iter().map(|m| m.real_eigenvalues as i64).collect())),
            ("status", Column::Text(members.iter().map(|m| word(m.status)).collect())),
        ]);
    }
    (count > 0).then(|| columns.into_iter().map(|(name, column)| (name.to_string(), column)).collect())
}

/// Reads the members of a unit.
pub(super) fn read_members(table: &Columns, rows: &Rows, part: &mut Part) -> Option<()> {
    let table = Table(table);
    for row in rows.first..rows.first + rows.count {
        let rate = |name| table.optional(name, row);
        let step = |name| table.step(name, row);
        part.courses.push(Course {
            predicted_rate: rate("predicted_rate")?,
            observed_rate: rate("observed_rate")?,
            norm_rate: rate("norm_rate")?,
            log_growth: rate("log_growth")?,
            log_perturbation_growth: rate("log_perturbation_growth")?,
            frozen_step: step("frozen_step")?,
            collapse_step: step("collapse_step")?,
        });
        if table.column("gain").is_some() {
            part.members.push(Member {
                gain: table.real("gain", row)?,
                spectral_radius: table.real("spectral_radius", row)?,
                real_eigenvalues: table.whole("real_eigenvalues", row)? as usize,
                status: table.status("status", row)?,
            });
        }
    }
    Some(())
}

/// One row for each spectrum of a part, if it has any.
pub(super) fn spectra(own: &Numbered) -> Option<Columns> {
    let spectra = &own.part.spectra;
    let numbers = |part: usize| {
        let of = |spectrum: &Spectrum| Some(spectrum.eigenvalues.iter().map(|z| z[part]).collect());
        Column::ListF64(spectra.iter().map(of).collect())
    };
    let columns = vec![
        ("unit", Column::I64(vec![own.unit as i64; spectra.len()])),
        ("status", Column::Text(spectra.iter().map(|s| word(s.status)).collect())),
        ("real_eigenvalues", Column::I64(spectra.iter().map(|s| s.real as i64).collect())),
        ("solved_again", Column::I64(spectra.iter().map(|s| i64::from(s.solved_again)).collect())),
        ("epsilon", Column::F64(spectra.iter().map(|s| s.epsilon).collect())),
        ("re", numbers(0)),
        ("im", numbers(1)),
    ];
    (!spectra.is_empty()).then(|| columns.into_iter().map(|(name, column)| (name.to_string(), column)).collect())
}

/// Reads the spectra of a unit.
pub(super) fn read_spectra(table: &Columns, rows: &Rows, part: &mut Part) -> Option<()> {
    let table = Table(table);
    for row in rows.first..rows.first + rows.count {
        let (re, im) = (table.list("re", row)?, table.list("im", row)?);
        part.spectra.push(Spectrum {
            eigenvalues: re.iter().zip(im).map(|(&re, &im)| [re, im]).collect(),
            status: table.status("status", row)?,
            real: table.whole("real_eigenvalues", row)? as usize,
            solved_again: table.whole("solved_again", row)? != 0,
            epsilon: table.real("epsilon", row)?,
        });
    }
    Some(())
}

/// A table whose values are asked for by name and row.
struct Table<'a>(&'a Columns);

impl Table<'_> {
    fn column(&self, name: &str) -> Option<&Column> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, column)| column)
    }

    fn real(&self, name: &str, row: usize) -> Option<f64> {
        if let Column::F64(rows) = self.column(name)? { rows.get(row).copied() } else { None }
    }

    fn optional(&self, name: &str, row: usize) -> Option<Option<f64>> {
        if let Column::OptionalF64(rows) = self.column(name)? { rows.get(row).copied() } else { None }
    }

    fn step(&self, name: &str, row: usize) -> Option<Option<u32>> {
        let Column::OptionalI64(rows) = self.column(name)? else { return None };
        rows.get(row).map(|step| step.map(|step| step as u32))
    }

    fn whole(&self, name: &str, row: usize) -> Option<i64> {
        if let Column::I64(rows) = self.column(name)? { rows.get(row).copied() } else { None }
    }

    fn list(&self, name: &str, row: usize) -> Option<&Vec<f64>> {
        if let Column::ListF64(rows) = self.column(name)? { rows.get(row)?.as_ref() } else { None }
    }

    fn status(&self, name: &str, row: usize) -> Option<Status> {
        let Column::Text(rows) = self.column(name)? else { return None };
        let all = [Status::Ok, Status::NoConvergence, Status::Refused, Status::Overflow];
        all.into_iter().find(|&status| rows.get(row).is_some_and(|text| *text == word(status)))
    }
}

/// What a table lacks that should be one of parts.
pub(super) fn damaged(path: &std::path::Path, what: &str) -> Error {
    Error::Verification(format!("{}: {what}; the part is damaged, --resume works it out again", path.display()))
}

/// A result of reading, with the file named.
pub(super) fn read<T>(path: &std::path::Path, found: Option<T>) -> Result<T> {
    found.ok_or_else(|| damaged(path, "a column is missing or of another kind"))
}
