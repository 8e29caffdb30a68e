//! Parts of a sweep as tables: the statistics, the members, and the spectra of the first of them.

use super::of_spectra::{read_spectrum, spectra, status};
use super::tabled::{Columns, Read, Rows, Tabled, named};
use crate::numbers::statistics::Field;
use crate::results::dataset::Column;
use crate::results::tables::{self, word};
use crate::sweep::{Course, Member, Part};

const MEMBERS: &str = "members";
const SPECTRA: &str = "spectra";

impl Tabled for Part {
    const FIRST: &'static str = "statistics";

    fn tables(&mut self) -> Vec<(&'static str, Columns)> {
        let mut all = vec![(Self::FIRST, statistics(self))];
        all.extend((!self.courses.is_empty()).then(|| (MEMBERS, members(self))));
        all.extend((!self.spectra.is_empty()).then(|| (SPECTRA, named(spectra(self.spectra.iter())))));
        all
    }

    fn read(&mut self, table: &str, rows: &Rows) -> Read<()> {
        match table {
            MEMBERS => (0..rows.count()).try_for_each(|row| read_member(rows, row, self)),
            SPECTRA => (0..rows.count()).try_for_each(|row| {
                self.spectra.push(read_spectrum(rows, row)?);
                Ok(())
            }),
            _ => read_statistics(rows, self),
        }
    }
}

/// One row for each grid point of a part.
fn statistics(part: &mut Part) -> Columns {
    let points = part.points();
    let mut columns = vec![("point".to_string(), Column::I64((0..points as i64).collect()))];
    let numbers = columns.len();
    for point in 0..points {
        let mut place = numbers;
        part.fields(point, &mut |name, field| {
            if point == 0 {
                columns.push((name.to_string(), blank(&field)));
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

fn read_statistics(rows: &Rows, part: &mut Part) -> Read<()> {
    if rows.count() != part.points() {
        return Err(format!("{} rows of a unit with {} grid points", rows.count(), part.points()));
    }
    // All points have the same fields in the same order.
    let mut columns = Vec::new();
    for point in 0..part.points() {
        let (mut place, mut wrong) = (0, None);
        part.fields(point, &mut |name, field| {
            if columns.len() == place {
                columns.push(rows.column(&name.to_string()));
            }
            let read = columns[place].clone().and_then(|column| {
                read_field(rows, point, column, field).ok_or_else(|| format!("no column {name} of its kind"))
            });
            place += 1;
            if let Err(why) = read {
                wrong.get_or_insert(why);
            }
        });
        wrong.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// Reads a field; none if the column is of another kind.
fn read_field(rows: &Rows, row: usize, column: &Column, field: Field) -> Option<()> {
    match (field, column) {
        (Field::Real(number), Column::OptionalF64(all)) => *number = rows.of(all, row)?.unwrap_or(f64::NAN),
        (Field::Count(count), Column::I64(all)) => *count = *rows.of(all, row)? as u64,
        (Field::Values(values), Column::ListF64(all)) => *values = rows.of(all, row)?.clone()?,
        _ => return None,
    }
    Some(())
}

/// One row for each member of a part.
fn members(part: &Part) -> Columns {
    let Part { members, courses, .. } = part;
    let mut columns = tables::courses(courses.len(), &|i| courses[i]);
    if members.len() == courses.len() {
        columns.extend([
            ("gain", Column::F64(members.iter().map(|m| m.gain).collect())),
            ("spectral_radius", Column::F64(members.iter().map(|m| m.spectral_radius).collect())),
            ("real_eigenvalues", Column::I64(members.iter().map(|m| m.real_eigenvalues as i64).collect())),
            ("status", Column::Text(members.iter().map(|m| word(m.status)).collect())),
        ]);
    }
    named(columns)
}

fn read_member(rows: &Rows, row: usize, part: &mut Part) -> Read<()> {
    part.courses.push(Course {
        predicted_rate: rows.optional("predicted_rate", row)?,
        observed_rate: rows.optional("observed_rate", row)?,
        norm_rate: rows.optional("norm_rate", row)?,
        log_growth: rows.optional("log_growth", row)?,
        log_perturbation_growth: rows.optional("log_perturbation_growth", row)?,
        frozen_step: rows.step("frozen_step", row)?,
        collapse_step: rows.step("collapse_step", row)?,
    });
    if rows.has("gain") {
        part.members.push(Member {
            gain: rows.real("gain", row)?,
            spectral_radius: rows.real("spectral_radius", row)?,
            real_eigenvalues: rows.whole("real_eigenvalues", row)? as usize,
            status: status(rows, row)?,
        });
    }
    Ok(())
}
