//! A Parquet table that grows by row groups, so that memory stays bounded however many rows come.

use super::file::Pending;
use super::file::Record;
use super::{Column, dictionary};
use crate::error::{Error, Result};
use crate::results::remedies::ROOM;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A row group is written when this many rows are waiting, or
const GROUP_ROWS: usize = 1 << 16;
/// this many bytes.
const GROUP_BYTES: usize = 32 << 20;

/// A table that is being written. Dropped before [`super::Dataset::finish_table`], it leaves no file.
pub struct TableWriter {
    name: String,
    stage: Stage,
    notes: Vec<(String, String)>,
    waiting: Vec<(String, Column)>,
    rows: u64,
}

/// The first rows decide the schema; until then there is only an empty file.
enum Stage {
    Begun(Box<Pending>),
    Writing { writer: Box<SerializedFileWriter<Slot>>, path: PathBuf, schema: TypePtr },
    Failed,
}

/// Holds the file while Parquet writes to it. `SerializedFileWriter::into_inner` would turn a full disk into a text.
struct Slot(Option<Pending>);

impl Write for Slot {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |pending| Write::write(pending, content))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl TableWriter {
    pub(in crate::results) fn new(pending: Pending, notes: Vec<(String, String)>) -> Self {
        let name = pending.name().to_string();
        TableWriter { name, stage: Stage::Begun(Box::new(pending)), notes, waiting: Vec::new(), rows: 0 }
    }

    /// Appends rows: columns of equal length, with the same names and kinds every time. The first call may bring no rows.
    ///
    /// # Errors
    /// [`Error::Io`] if a row group cannot be written; [`Error::Bug`] if the columns do not fit or hold NaN.
    pub fn append<N: AsRef<str>>(&mut self, columns: &[(N, Column)]) -> Result<()> {
        check_columns(columns)?;
        if let Stage::Begun(_) = self.stage {
            self.begin(columns)?;
        } else {
            self.extend(columns)?;
        }
        let rows = self.waiting[0].1.rows();
        let bytes: usize = self.waiting.iter().map(|(_, column)| column.bytes()).sum();
        if rows >= GROUP_ROWS || bytes >= GROUP_BYTES { self.write_group() } else { Ok(()) }
    }

    fn begin<N: AsRef<str>>(&mut self, columns: &[(N, Column)]) -> Result<()> {
        let fields = columns
            .iter()
            .map(|(name, column)| column.parquet_type(name.as_ref()))
            .collect::<parquet::errors::Result<_>>();
        let schema = fields.and_then(|fields| Type::group_type_builder("table").with_fields(fields).build());
        let schema = Arc::new(schema.map_err(|error| Error::Bug(format!("no Parquet schema: {error}")))?);
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_ref()).collect();
        let described = dictionary::metadata(self.name.trim_end_matches(".parquet"), &names);
        let notes = self.notes.iter().cloned().chain(described).map(|(key, value)| KeyValue::new(key, value)).collect();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("eulerscope {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(notes));
        // Numbers of lists hardly repeat: to look for those that do took most of the time of the parts of a sweep.
        for path in columns.iter().filter_map(|(name, column)| column.elements(name.as_ref())) {
            properties = properties.set_column_dictionary_enabled(path, false);
        }
        let properties = properties.build();
        let Stage::Begun(pending) = std::mem::replace(&mut self.stage, Stage::Failed) else {
            return Err(Error::Bug("a table is begun twice".into()));
        };
        let path = pending.target().to_path_buf();
        let writer = SerializedFileWriter::new(Slot(Some(*pending)), schema.clone(), Arc::new(properties));
        let writer = Box::new(writer.map_err(|error| failure(&path, error))?);
        self.stage = Stage::Writing { writer, path, schema };
        self.waiting = columns.iter().map(|(name, column)| (name.as_ref().to_string(), column.clone())).collect();
        Ok(())
    }

    fn extend<N: AsRef<str>>(&mut self, columns: &[(N, Column)]) -> Result<()> {
        let same_names =
            columns.iter().map(|(name, _)| name.as_ref()).eq(self.waiting.iter().map(|(name, _)| name.as_str()));
        if !same_names {
            return Err(Error::Bug("the columns of a table change their names between rows".into()));
        }
        for ((name, waiting), (_, more)) in self.waiting.iter_mut().zip(columns) {
            if !waiting.extend(more) {
                return Err(Error::Bug(format!("column {name} of a table changes its kind between rows")));
            }
        }
        Ok(())
    }

    /// Writes the waiting rows. After a failure the writer is done for: the first error is the one that counts.
    fn write_group(&mut self) -> Result<()> {
        let Stage::Writing { mut writer, path, schema } = std::mem::replace(&mut self.stage, Stage::Failed) else {
            return Err(Error::Bug("a table is written to after a failure".into()));
        };
        write_columns(&mut writer, &self.waiting).map_err(|error| failure(&path, error))?;
        self.rows += self.waiting[0].1.rows() as u64;
        self.waiting.iter_mut().for_each(|(_, column)| column.clear());
        self.stage = Stage::Writing { writer, path, schema };
        Ok(())
    }

    /// Writes what is waiting and the footer, and reads the file back.
    pub(in crate::results) fn finish(mut self) -> Result<(String, Record)> {
        if self.waiting.first().is_some_and(|(_, column)| column.rows() > 0) {
            self.write_group()?;
        }
        let Stage::Writing { mut writer, path, schema } = self.stage else {
            return Err(Error::Bug("a table is finished before it has columns".into()));
        };
        writer.finish().map_err(|error| failure(&path, error))?;
        let pending = writer.inner_mut().0.take();
        let mut pending = pending.ok_or_else(|| Error::Bug("a table has lost its file".into()))?;
        let record = pending.check()?;
        check_table(&pending, self.rows, &schema)?;
        Ok((self.name, record))
    }
}

fn check_columns<N: AsRef<str>>(columns: &[(N, Column)]) -> Result<()> {
    let Some((_, first)) = columns.first() else {
        return Err(Error::Bug("a table needs a column".into()));
    };
    for (index, (name, column)) in columns.iter().enumerate() {
        let name = name.as_ref();
        if columns[..index].iter().any(|(other, _)| other.as_ref() == name) {
            return Err(Error::Bug(format!("a table has two columns {name}")));
        }
        if column.rows() != first.rows() {
            return Err(Error::Bug(format!("column {name} has {} rows, others {}", column.rows(), first.rows())));
        }
        if let Some(row) = column.first_nan() {
            return Err(Error::Bug(format!("column {name} is NaN in row {row}; a missing value is None")));
        }
    }
    Ok(())
}

fn write_columns(writer: &mut SerializedFileWriter<Slot>, columns: &[(String, Column)]) -> parquet::errors::Result<()> {
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        let mut chunk = group.next_column()?.ok_or(ParquetError::General("fewer columns than the schema".into()))?;
        column.write(&mut chunk)?;
        chunk.close()?;
    }
    group.close()?;
    Ok(())
}

/// Opens the file as any reader would: the footer parses, the rows and the schema are those that were written.
fn check_table(pending: &Pending, rows: u64, schema: &Type) -> Result<()> {
    let damaged = |what: String| {
        Error::Verification(format!("{}: {what} after writing; check the disk", pending.target().display()))
    };
    let file = File::open(pending.staged()).map_err(|source| pending.failed(source))?;
    let reader = SerializedFileReader::new(file).map_err(|error| damaged(format!("no Parquet file ({error})")))?;
    let metadata = reader.metadata().file_metadata();
    if metadata.num_rows() != rows as i64 {
        return Err(damaged(format!("{} rows instead of {rows}", metadata.num_rows())));
    }
    if metadata.schema() != schema {
        return Err(damaged("another schema".into()));
    }
    Ok(())
}

/// The I/O cause inside a Parquet error, or the error itself: a bug, since the columns have been checked.
fn failure(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(source) => Error::io(path, *source, ROOM),
            Err(cause) => Error::io(path, io::Error::other(cause), ROOM),
        },
        other => Error::Bug(format!("{}: {other}", path.display())),
    }
}
