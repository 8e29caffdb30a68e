//! The tensors of one or more mapped files, by name.

use super::element::Element;
use crate::error::{Error, Result};
use crate::input;
use crate::invalid;
use memmap2::Mmap;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What an error about a file's content says in the end.
const AGAIN: &str = "fetch or convert the file again";

/// A file, mapped into memory: what is not used is not read.
pub(super) struct MappedFile {
    pub path: PathBuf,
    map: Mmap,
}

impl MappedFile {
    /// Maps a file, which must not be cut short by others before this is dropped.
    pub fn open(path: &Path) -> Result<Self> {
        let remedy = "name the folder of a model, or a .gguf file";
        let unreadable = |source| Error::io(path, source, remedy);
        let file = input::open(path, remedy)?;
        if file.metadata().map_err(unreadable)?.len() == 0 {
            return invalid!("{}: is empty; {AGAIN}", path.display());
        }
        // SAFETY: the map is only read. Bytes that change underneath are numbers like others; a file that is cut short
        // underneath is a signal when the bytes behind its end are read, and the program ends with a line about it.
        let map = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
        Ok(MappedFile { path: path.to_owned(), map })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// An error about the content.
    pub fn refusal(&self, why: impl Display) -> Error {
        Error::Invalid(format!("{}: {why}", self.path.display()))
    }
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    /// A number of the store.
    pub file: usize,
    pub element: Element,
    /// Row-major: the last axis is contiguous.
    pub shape: Vec<usize>,
    /// The first byte in the file. As many follow as element and shape say, which the reader of the file has checked.
    pub start: usize,
}

/// The tensors of a checkpoint.
#[derive(Default)]
pub(super) struct Store {
    pub files: Vec<MappedFile>,
    pub tensors: BTreeMap<String, Tensor>,
}

impl Store {
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The formats of the tensors.
    pub fn elements(&self) -> Vec<&'static str> {
        let mut elements: Vec<_> = self.tensors.values().map(|tensor| tensor.element).collect();
        elements.sort_unstable();
        elements.dedup();
        elements.into_iter().map(Element::name).collect()
    }

    /// Refuses a tensor that is not there, or not of this shape.
    pub fn require(&self, name: &str, shape: &[usize]) -> Result<()> {
        let Some(tensor) = self.tensors.get(name) else {
            let place = self.files.first().map_or_else(String::new, |file| file.path.display().to_string());
            return invalid!("{place}: has no tensor {}, which such a model needs; {AGAIN}", quoted(name));
        };
        match tensor.shape == shape {
            true => Ok(()),
            false => Err(self.files[tensor.file].refusal(format_args!(
                "tensor {} has shape {:?}, and the configuration asks for {shape:?}; {AGAIN}, or correct the configuration",
                quoted(name),
                tensor.shape
            ))),
        }
    }

    /// All numbers of a tensor.
    pub fn read(&self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tensor(name)?;
        self.decode(name, tensor, 0..tensor.shape.iter().product())
    }

    /// Some rows of a matrix.
    pub fn rows(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        let tensor = self.tensor(name)?;
        let columns: usize = tensor.shape[1..].iter().product();
        if rows.start > rows.end || rows.end > tensor.shape[0] {
            return invalid!("rows {}..{} of {}, which has {}", rows.start, rows.end, quoted(name), tensor.shape[0]);
        }
        self.decode(name, tensor, rows.start * columns..rows.end * columns)
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| Error::Bug(format!("tensor {} was not checked", quoted(name))))
    }

    /// Numbers of a tensor that are whole pieces, all of them finite.
    fn decode(&self, name: &str, tensor: &Tensor, numbers: Range<usize>) -> Result<Vec<f32>> {
        let (element, file) = (tensor.element, &self.files[tensor.file]);
        let bytes = |count: usize| count / element.numbers() * element.bytes();
        let values = element.decode(&file.bytes()[tensor.start..][bytes(numbers.start)..bytes(numbers.end)]);
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(place) => Err(file.refusal(format_args!(
                "tensor {} has {} at number {} (from 0); weights are finite: {AGAIN}",
                quoted(name),
                values[place],
                numbers.start + place
            ))),
        }
    }
}

/// A name out of a file, for an error line: short, on one line, without control characters.
pub(super) fn quoted(name: &str) -> String {
    let clean: String = name.chars().map(|c| if c.is_control() { '�' } else { c }).take(80).collect();
    if name.chars().nth(80).is_some() { format!("\"{clean}…\"") } else { format!("\"{clean}\"") }
}
