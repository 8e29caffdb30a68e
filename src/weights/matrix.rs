//! Matrices that a user brings along: `.npy` (one matrix or a stack), MatrixMarket `.mtx` or `.mm`, and `.csv`; each of
//! them also compressed as `.gz`.
//!
//! A file is read whole into memory and then parsed; nothing is mapped, so a file that changes underneath cannot crash the
//! run. A header is believed only as far as the bytes behind it go: no shape, however large, allocates before it is checked.
//!
//! `.npy` has its own reader: the `npyz` crate allocates whatever header length the file claims (up to 4 GiB).

mod csv;
mod mtx;
mod npy;
mod text;

use crate::error::{Error, Result};
use crate::input;
use crate::invalid;
use flate2::read::MultiGzDecoder;
use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most values a matrix file may hold (1 GiB as f64).
pub const MAX_VALUES: u64 = 1 << 27;

/// The longest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 4 << 30;

/// The most bytes that a compressed file may hold: the largest matrix as f64, and its header. A few megabytes of zeros, well
/// compressed, are more.
const MAX_DECOMPRESSED: u64 = 8 * MAX_VALUES + (1 << 16);

/// What is said of a file that is none.
const REMEDY: &str = "name a matrix file (.npy, .mtx or .csv), or split one that is too long";

/// The first bytes of a gzip file.
const GZIP: &[u8] = b"\x1f\x8b";

/// Square matrices of one width, one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixStack {
    /// Rows and columns of each matrix.
    pub n: usize,
    /// How many matrices there are.
    pub matrices: usize,
    /// `[matrices, n, n]`, row-major.
    pub values: Vec<f64>,
}

/// Numbers in an array, the last axis running fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The lengths of the axes.
    pub shape: Vec<usize>,
    /// As many numbers as the product of the axes.
    pub values: Vec<f64>,
}

/// The file formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// NumPy's `.npy`, versions 1 to 3.
    Npy,
    /// MatrixMarket (`.mtx`, `.mm`), coordinate or array.
    MatrixMarket,
    /// Numbers between commas, semicolons or blanks.
    Csv,
}

/// Why a file's content is refused: what, where in the file, what to change. The path is added by [`read`].
type Parsed<T> = std::result::Result<T, String>;

/// A file of numbers in memory, as it is on disk; its ending decides the format.
pub struct Content {
    path: PathBuf,
    format: Format,
    bytes: Vec<u8>,
}

impl Content {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a format that is not known or a file that is none, [`Error::Io`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        input::refuse_unnamed(path, REMEDY)?;
        Ok(Content { format: format_of(path)?, bytes: read_bytes(path)?, path: path.to_owned() })
    }

    /// The bytes of the file, not decompressed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The square matrices in it.
    ///
    /// NaN and infinity are refused in a single matrix (the first one is named) and kept in a stack, where the solver
    /// refuses the matrix by its index.
    ///
    /// # Errors
    /// [`Error::Invalid`] for everything that is wrong with the content.
    pub fn matrices(&self) -> Result<MatrixStack> {
        parse(self.format, &decompressed(&self.path, &self.bytes)?).map_err(|error| self.refusal(error.to_string()))
    }

    /// The array of any shape in it, from text one of rows and columns. Its numbers need not be finite.
    ///
    /// # Errors
    /// As for [`Content::matrices`].
    pub fn array(&self) -> Result<Array> {
        let bytes = decompressed(&self.path, &self.bytes)?;
        let array = match self.format {
            Format::Npy => npy::parse_array(&bytes),
            Format::Csv => text::decode(&bytes).and_then(|text| csv::parse_array(&text)),
            Format::MatrixMarket => Err("this format is for matrices; save the array as .npy or .csv".to_string()),
        };
        array.map_err(|why| self.refusal(why))
    }

    fn refusal(&self, why: String) -> Error {
        Error::Invalid(format!("{}: {why}", self.path.display()))
    }
}

/// Reads the square matrices in `path`.
///
/// # Errors
/// As for [`Content::read`] and [`Content::matrices`].
pub fn read(path: &Path) -> Result<MatrixStack> {
    Content::read(path)?.matrices()
}

/// Parses the content of a matrix file. Never panics, whatever the bytes.
///
/// # Errors
/// [`Error::Invalid`] with one line: what, where, what to change.
pub fn parse(format: Format, bytes: &[u8]) -> Result<MatrixStack> {
    let stack = match format {
        Format::Npy => npy::parse(bytes),
        Format::MatrixMarket => text::decode(bytes).and_then(|text| mtx::parse(&text)),
        Format::Csv => text::decode(bytes).and_then(|text| csv::parse(&text)),
    };
    stack.and_then(check_finite).map_err(Error::Invalid)
}

fn format_of(path: &Path) -> Result<Format> {
    let ending = |path: &Path| path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_lowercase();
    let inner = path.file_stem().map(Path::new).filter(|_| ending(path) == "gz");
    match ending(inner.unwrap_or(path)).as_str() {
        "npy" => Ok(Format::Npy),
        "mtx" | "mm" => Ok(Format::MatrixMarket),
        "csv" | "tsv" | "txt" | "dat" => Ok(Format::Csv),
        "npz" => {
            invalid!("{}: a .npz file holds several arrays; save the one you mean with numpy.save", path.display())
        }
        "bz2" | "xz" | "zst" | "zip" | "7z" => {
            invalid!("{}: of compressed files only .gz is read; decompress it first", path.display())
        }
        _ => invalid!(
            "{}: the format is not known by its ending; name it .npy, .mtx or .csv, or such a name with .gz behind",
            path.display()
        ),
    }
}

/// The content of a gzip file, whatever it is called, and of any other one as it is.
fn decompressed<'a>(path: &Path, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    if !bytes.starts_with(GZIP) {
        return match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) {
            true => invalid!("{}: this is not compressed by gzip; rename it to its name without .gz", path.display()),
            false => Ok(bytes.into()),
        };
    }
    let mut content = Vec::new();
    let decoder = MultiGzDecoder::new(bytes);
    if let Err(error) = decoder.take(MAX_DECOMPRESSED + 1).read_to_end(&mut content) {
        return invalid!("{}: {error}; the compressed file is cut short or damaged, write it again", path.display());
    }
    match content.len() as u64 {
        0 => invalid!("{}: the compressed file is empty; write the matrix again", path.display()),
        length if length > MAX_DECOMPRESSED => {
            let limit = size(u128::from(MAX_DECOMPRESSED));
            invalid!("{}: it decompresses to more than the limit of {limit}; decompress or split it", path.display())
        }
        _ => Ok(content.into()),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let bytes = input::read(path, MAX_FILE_BYTES, REMEDY)?;
    if bytes.is_empty() {
        return invalid!("{}: the file is empty; write the matrix again", path.display());
    }
    Ok(bytes)
}

/// Refuses what is not a stack of square matrices, or too large to hold; returns (matrices, n, number of values).
fn check_shape(matrices: u64, rows: u64, columns: u64) -> Parsed<(usize, usize, usize)> {
    if matrices == 0 || rows == 0 || columns == 0 {
        return Err(format!("no values: the shape is {matrices} × {rows} × {columns}; give at least one 1 × 1 matrix"));
    }
    if rows != columns {
        return Err(format!("{rows} rows and {columns} columns are not square; eigenvalues need square matrices"));
    }
    let values = u128::from(matrices).saturating_mul(u128::from(rows)).saturating_mul(u128::from(columns));
    if values > u128::from(MAX_VALUES) {
        let needed = size(values.saturating_mul(8));
        let limit = size(u128::from(MAX_VALUES) * 8);
        return Err(format!(
            "{matrices} matrices of {rows} × {columns} need {needed}, more than the limit of {limit}; split the file"
        ));
    }
    Ok((matrices as usize, rows as usize, values as usize))
}

fn check_finite(stack: MatrixStack) -> Parsed<MatrixStack> {
    if stack.matrices > 1 {
        return Ok(stack);
    }
    match stack.values.iter().position(|value| !value.is_finite()) {
        None => Ok(stack),
        Some(index) => Err(format!(
            "the value in row {}, column {} (counted from 1) is {}; replace it by a finite number",
            index / stack.n + 1,
            index % stack.n + 1,
            stack.values[index]
        )),
    }
}

/// A number of bytes for people.
fn size(bytes: u128) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", units[unit]) }
}

/// What is said of a whole number that is not exact as a float.
fn inexact(number: impl std::fmt::Display) -> String {
    format!(
        "{number} is not exact as a float; scale the matrix, or write it with a point or an exponent if it may be rounded"
    )
}

/// A piece of the user's file for an error line: short, on one line, without control characters.
fn excerpt(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '�' } else { c }).take(32).collect();
    if text.chars().nth(32).is_some() { format!("\"{clean}…\"") } else { format!("\"{clean}\"") }
}
