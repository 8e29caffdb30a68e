//! The columns of a table and their Parquet types.

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use std::sync::Arc;

/// The values of one column. Missing is `None`, never NaN and never 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Numbers, none missing.
    F64(Vec<f64>),
    /// Numbers, some missing.
    OptionalF64(Vec<Option<f64>>),
    /// Whole numbers.
    I64(Vec<i64>),
    /// Whole numbers, some missing, such as the step at which a member diverged.
    OptionalI64(Vec<Option<i64>>),
    /// Counts and indices.
    U32(Vec<u32>),
    /// Text.
    Text(Vec<String>),
    /// A list of numbers per row; a whole list may be missing.
    ListF64(Vec<Option<Vec<f64>>>),
}

impl Column {
    /// Where the numbers of its lists are in a file, if they are lists.
    pub(super) fn elements(&self, name: &str) -> Option<ColumnPath> {
        let path = [&[name], &LEVELS[..]].concat();
        let is_list = matches!(self, Column::ListF64(_));
        is_list.then(|| ColumnPath::new(path.into_iter().map(str::to_string).collect()))
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Column::F64(values) => values.len(),
            Column::OptionalF64(values) => values.len(),
            Column::I64(values) => values.len(),
            Column::OptionalI64(values) => values.len(),
            Column::U32(values) => values.len(),
            Column::Text(values) => values.len(),
            Column::ListF64(values) => values.len(),
        }
    }

    /// The first rows, at most so many.
    pub fn first(mut self, rows: usize) -> Self {
        match &mut self {
            Column::F64(values) => values.truncate(rows),
            Column::OptionalF64(values) => values.truncate(rows),
            Column::I64(values) => values.truncate(rows),
            Column::OptionalI64(values) => values.truncate(rows),
            Column::U32(values) => values.truncate(rows),
            Column::Text(values) => values.truncate(rows),
            Column::ListF64(values) => values.truncate(rows),
        }
        self
    }

    /// The rows at these places.
    ///
    /// # Panics
    /// For a place that there is not.
    pub fn at(&self, places: &[usize]) -> Self {
        fn of<T: Clone>(values: &[T], places: &[usize]) -> Vec<T> {
            places.iter().map(|&place| values[place].clone()).collect()
        }
        match self {
            Column::F64(values) => Column::F64(of(values, places)),
            Column::OptionalF64(values) => Column::OptionalF64(of(values, places)),
            Column::I64(values) => Column::I64(of(values, places)),
            Column::OptionalI64(values) => Column::OptionalI64(of(values, places)),
            Column::U32(values) => Column::U32(of(values, places)),
            Column::Text(values) => Column::Text(of(values, places)),
            Column::ListF64(values) => Column::ListF64(of(values, places)),
        }
    }

    /// About how many bytes the values take in memory.
    pub(in crate::results) fn bytes(&self) -> usize {
        match self {
            Column::Text(values) => values.iter().map(|text| 24 + text.len()).sum(),
            Column::ListF64(values) => values.iter().map(|list| 24 + 8 * list.as_ref().map_or(0, Vec::len)).sum(),
            other => 16 * other.rows(),
        }
    }

    /// The first row with NaN, which no result may hold.
    pub(super) fn first_nan(&self) -> Option<usize> {
        match self {
            Column::F64(values) => values.iter().position(|value| value.is_nan()),
            Column::OptionalF64(values) => values.iter().position(|value| value.is_some_and(f64::is_nan)),
            Column::ListF64(values) => values.iter().position(|list| list.iter().flatten().any(|value| value.is_nan())),
            _ => None,
        }
    }

    /// Appends the rows of `more`; false if it is of another kind.
    pub(super) fn extend(&mut self, more: &Column) -> bool {
        match (self, more) {
            (Column::F64(values), Column::F64(more)) => values.extend(more),
            (Column::OptionalF64(values), Column::OptionalF64(more)) => values.extend(more),
            (Column::I64(values), Column::I64(more)) => values.extend(more),
            (Column::OptionalI64(values), Column::OptionalI64(more)) => values.extend(more),
            (Column::U32(values), Column::U32(more)) => values.extend(more),
            (Column::Text(values), Column::Text(more)) => values.extend_from_slice(more),
            (Column::ListF64(values), Column::ListF64(more)) => values.extend_from_slice(more),
            _ => return false,
        }
        true
    }

    /// Removes all rows.
    pub(super) fn clear(&mut self) {
        match self {
            Column::F64(values) => values.clear(),
            Column::OptionalF64(values) => values.clear(),
            Column::I64(values) => values.clear(),
            Column::OptionalI64(values) => values.clear(),
            Column::U32(values) => values.clear(),
            Column::Text(values) => values.clear(),
            Column::ListF64(values) => values.clear(),
        }
    }

    /// The Parquet type.
    pub(super) fn parquet_type(&self, name: &str) -> Result<TypePtr> {
        let (physical, logical, repetition) = match self {
            Column::F64(_) => (Physical::DOUBLE, None, Repetition::REQUIRED),
            Column::OptionalF64(_) => (Physical::DOUBLE, None, Repetition::OPTIONAL),
            Column::I64(_) => (Physical::INT64, None, Repetition::REQUIRED),
            Column::OptionalI64(_) => (Physical::INT64, None, Repetition::OPTIONAL),
            Column::U32(_) => (Physical::INT32, Some(LogicalType::integer(32, false)), Repetition::REQUIRED),
            Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
            Column::ListF64(_) => return list_type(name),
        };
        let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        Ok(Arc::new(builder.with_logical_type(logical).build()?))
    }

    /// Writes all rows into a column of a row group.
    pub(super) fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        match self {
            Column::F64(values) => required::<DoubleType>(writer, values),
            Column::OptionalF64(values) => optional::<DoubleType>(writer, values),
            Column::I64(values) => required::<Int64Type>(writer, values),
            Column::OptionalI64(values) => optional::<Int64Type>(writer, values),
            Column::U32(values) => {
                let bits: Vec<i32> = values.iter().map(|&value| value.cast_signed()).collect();
                required::<Int32Type>(writer, &bits)
            }
            Column::Text(values) => {
                let texts: Vec<ByteArray> = values.iter().map(|text| ByteArray::from(text.as_str())).collect();
                required::<ByteArrayType>(writer, &texts)
            }
            Column::ListF64(values) => lists(writer, values),
        }
    }
}

/// What the inner levels of a list are called.
const LEVELS: [&str; 2] = ["list", "element"];

/// The three-level list that every reader of Parquet knows.
fn list_type(name: &str) -> Result<TypePtr> {
    let [list, element] = LEVELS;
    let element = Type::primitive_type_builder(element, Physical::DOUBLE).with_repetition(Repetition::REQUIRED);
    let list = Type::group_type_builder(list)
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element.build()?)]);
    let outer = Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(list.build()?)]);
    Ok(Arc::new(outer.build()?))
}

fn required<T: DataType>(writer: &mut SerializedColumnWriter<'_>, values: &[T::T]) -> Result<()> {
    writer.typed::<T>().write_batch(values, None, None).map(|_| ())
}

fn optional<T: DataType>(writer: &mut SerializedColumnWriter<'_>, values: &[Option<T::T>]) -> Result<()> {
    let present: Vec<T::T> = values.iter().flatten().cloned().collect();
    let definitions: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    writer.typed::<T>().write_batch(&present, Some(&definitions), None).map(|_| ())
}

/// Definition levels: 0 a missing list, 1 an empty one, 2 an element. Repetition levels: 0 begins a row, 1 goes on with it.
fn lists(writer: &mut SerializedColumnWriter<'_>, rows: &[Option<Vec<f64>>]) -> Result<()> {
    let mut elements = Vec::new();
    let mut definitions = Vec::new();
    let mut repetitions = Vec::new();
    for row in rows {
        match row.as_deref() {
            None | Some([]) => {
                definitions.push(i16::from(row.is_some()));
                repetitions.push(0);
            }
            Some(list) => {
                elements.extend_from_slice(list);
                definitions.extend(std::iter::repeat_n(2, list.len()));
                repetitions.extend((0..list.len()).map(|index| i16::from(index > 0)));
            }
        }
    }
    writer.typed::<DoubleType>().write_batch(&elements, Some(&definitions), Some(&repetitions)).map(|_| ())
}
