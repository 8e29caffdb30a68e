//! A Parquet table read back.

use super::Column;
use crate::error::{Error, Result};
use crate::input;
use parquet::basic::LogicalType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, DoubleType};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Rows that a byte can stand for: a page of the 20,000 that the writer puts into one takes some 30 bytes if all of them are
/// the same.
const MOST_ROWS_A_BYTE: u64 = 4096;
/// Rows that are read at a time.
const ROWS_AT_ONCE: usize = 1 << 16;

/// All columns of a table by their names, in its order; those that hold lists are left out.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened, [`Error::Verification`] if it is no Parquet file or another than the
/// program writes.
pub fn table(path: &Path) -> Result<Vec<(String, Column)>> {
    table_of(path, &|_| true)
}

/// The same of some of the columns.
///
/// # Errors
/// As for [`table`].
pub fn table_of(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Column)>> {
    open(path, &|reader| columns(reader, &|described| described.max_rep_level() == 0 && wanted(described.name())))
}

/// All columns of a table, those that hold lists too.
///
/// # Errors
/// As for [`table`].
pub fn whole_table(path: &Path) -> Result<Vec<(String, Column)>> {
    open(path, &|reader| columns(reader, &|_| true))
}

/// The names of the columns of a table that hold no lists, in its order.
///
/// # Errors
/// As for [`table`].
pub fn names(path: &Path) -> Result<Vec<String>> {
    open(path, &|reader| {
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let columns = (0..schema.num_columns()).map(|place| schema.column(place));
        Ok(columns.filter(|column| column.max_rep_level() == 0).map(|column| column.name().to_string()).collect())
    })
}

/// How large a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub columns: usize,
}

/// The size of a table.
///
/// # Errors
/// As for [`table`].
pub fn size(path: &Path) -> Result<Size> {
    open(path, &|reader| {
        let metadata = reader.metadata().file_metadata();
        Ok(Size { rows: metadata.num_rows() as usize, columns: metadata.schema_descr().num_columns() })
    })
}

/// A Parquet file.
type Reader = SerializedFileReader<File>;

fn open<R>(path: &Path, read: &dyn Fn(&Reader) -> ParquetResult<R>) -> Result<R> {
    let file = input::open(path, "the table is missing or unreadable, run again")?;
    let damaged = |error: ParquetError| {
        Error::Verification(format!("{}: not a table of eulerscope's ({error}); run again", path.display()))
    };
    let checked = || -> ParquetResult<R> {
        let bytes = file.metadata()?.len();
        let reader = SerializedFileReader::new(file)?;
        check_rows(reader.metadata(), bytes)?;
        read(&reader)
    };
    // The crate panics on some files that are damaged.
    match catch_unwind(AssertUnwindSafe(checked)) {
        Ok(read) => read.map_err(damaged),
        Err(_) => Err(damaged(ParquetError::General("what its pages say of themselves is impossible".to_string()))),
    }
}

fn columns(reader: &Reader, wanted: &dyn Fn(&ColumnDescriptor) -> bool) -> ParquetResult<Vec<(String, Column)>> {
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let places: Vec<usize> = (0..schema.num_columns()).filter(|&place| wanted(&schema.column(place))).collect();
    let mut columns = Vec::new();
    for place in places {
        let described = schema.column(place);
        let mut whole: Option<Column> = None;
        for group in 0..reader.num_row_groups() {
            let part = column(&*reader.get_row_group(group)?, place, &described)?;
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => {
                    whole.extend(&part);
                }
            }
        }
        columns.push((described.path().parts()[0].clone(), whole.unwrap_or(Column::F64(Vec::new()))));
    }
    Ok(columns)
}

/// Refuses rows that cannot be in so many bytes, before they are counted on.
fn check_rows(metadata: &ParquetMetaData, bytes: u64) -> ParquetResult<()> {
    let most = bytes.saturating_mul(MOST_ROWS_A_BYTE);
    let rows = |group: &RowGroupMetaData| u64::try_from(group.num_rows()).ok();
    let total = metadata.row_groups().iter().try_fold(0_u64, |sum, group| sum.checked_add(rows(group)?));
    match total {
        Some(total) if total <= most => Ok(()),
        _ => Err(ParquetError::General(format!("{bytes} bytes cannot hold the rows that they claim"))),
    }
}

/// A column of a row group.
fn column(group: &dyn RowGroupReader, place: usize, described: &ColumnDescriptor) -> ParquetResult<Column> {
    let rows = group.metadata().num_rows() as usize;
    let optional = described.max_def_level() > 0;
    Ok(match group.get_column_reader(place)? {
        ColumnReader::DoubleColumnReader(mut reader) if described.max_rep_level() > 0 => {
            Column::ListF64(lists_of(&mut reader, rows)?)
        }
        ColumnReader::DoubleColumnReader(mut reader) if optional => Column::OptionalF64(some(&mut reader, rows)?),
        ColumnReader::DoubleColumnReader(mut reader) => Column::F64(all(&mut reader, rows)?),
        ColumnReader::Int64ColumnReader(mut reader) if optional => Column::OptionalI64(some(&mut reader, rows)?),
        ColumnReader::Int64ColumnReader(mut reader) => Column::I64(all(&mut reader, rows)?),
        ColumnReader::Int32ColumnReader(mut reader) if !optional => {
            Column::U32(all(&mut reader, rows)?.into_iter().map(i32::cast_unsigned).collect())
        }
        ColumnReader::ByteArrayColumnReader(mut reader)
            if !optional && described.logical_type_ref() == Some(&LogicalType::String) =>
        {
            let text = |bytes: ByteArray| String::from_utf8_lossy(bytes.data()).into_owned();
            Column::Text(all(&mut reader, rows)?.into_iter().map(text).collect())
        }
        _ => return Err(ParquetError::General(format!("column {} has a type that no table has", described.name()))),
    })
}

/// The values of a column without missing ones.
fn all<T: DataType>(reader: &mut ColumnReaderImpl<T>, rows: usize) -> ParquetResult<Vec<T::T>> {
    let mut values = Vec::new();
    while values.len() < rows {
        let (records, ..) = reader.read_records(ROWS_AT_ONCE.min(rows - values.len()), None, None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::General(format!("{} of {rows} rows", values.len())));
        }
    }
    Ok(values)
}

/// The values of a column with missing ones.
fn some<T: DataType>(reader: &mut ColumnReaderImpl<T>, rows: usize) -> ParquetResult<Vec<Option<T::T>>> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    while levels.len() < rows {
        let most = ROWS_AT_ONCE.min(rows - levels.len());
        let (records, ..) = reader.read_records(most, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::General(format!("{} of {rows} rows", levels.len())));
        }
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}

/// The lists of a column: a definition level of 0 is a missing list, 1 an empty one, 2 an element; a repetition level of 0
/// begins a row.
fn lists_of(reader: &mut ColumnReaderImpl<DoubleType>, rows: usize) -> ParquetResult<Vec<Option<Vec<f64>>>> {
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, ..) = reader.read_records(
            ROWS_AT_ONCE.min(rows - read),
            Some(&mut definitions),
            Some(&mut repetitions),
            &mut values,
        )?;
        if records == 0 {
            return Err(ParquetError::General(format!("{read} of {rows} rows")));
        }
        read += records;
    }
    let mut values = values.into_iter();
    let mut lists: Vec<Option<Vec<f64>>> = Vec::new();
    for (definition, repetition) in definitions.into_iter().zip(repetitions) {
        if repetition == 0 {
            lists.push((definition > 0).then(Vec::new));
        }
        if definition == 2 {
            let list = lists.last_mut().and_then(Option::as_mut).zip(values.next());
            let (list, value) = list.ok_or_else(|| ParquetError::General("a list begins nowhere".to_string()))?;
            list.push(value);
        }
    }
    Ok(lists)
}
