//! What is brought along instead of being drawn: own matrices, and own initial states.

use crate::error::Result;
use crate::invalid;
use serde::ser::SerializeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The norm of the largest and of the smallest matrix that f32 can work with: products of steps stay within it.
const LARGEST_NORM: f64 = 1e24;
const SMALLEST_NORM: f64 = 1e-24;

/// Where numbers come from: a file, or nowhere but memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// The file, by its path as it was given.
    pub file: Option<PathBuf>,
    /// The BLAKE3 hash of the file, in hexadecimal digits.
    pub blake3: Option<String>,
}

impl Origin {
    /// Writes the file and its hash under these keys.
    pub(super) fn serialize<M: SerializeMap>(
        &self,
        map: &mut M,
        file: &'static str,
        blake3: &'static str,
    ) -> std::result::Result<(), M::Error> {
        map.serialize_entry(file, &self.place())?;
        self.blake3.as_ref().map_or(Ok(()), |hash| map.serialize_entry(blake3, hash))
    }

    /// The file for people and records. A path that is not UTF-8 is no reason to fail one.
    fn place(&self) -> String {
        self.file.as_deref().map_or_else(|| "memory".to_owned(), |path| path.display().to_string())
    }
}

/// Square matrices of one width, finite, whose norms f32 can work with. A clone shares the numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrices {
    width: usize,
    /// `[count, width, width]`, row-major.
    values: Arc<[f64]>,
    smallest_norm: f64,
    largest_norm: f64,
    origin: Origin,
}

impl Matrices {
    /// Takes `values`, `[count, width, width]` in row-major order.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) if these are no matrices of that width, if an entry is not
    /// finite, or if a matrix is so large or so small, without being 0, that f32 cannot work with it.
    pub fn new(width: usize, values: Vec<f64>, origin: Origin) -> Result<Self> {
        if width == 0 || values.is_empty() || !values.len().is_multiple_of(width * width) {
            return invalid!(
                "matrix: {} numbers are no matrices of {width} x {width}; give whole matrices",
                values.len()
            );
        }
        let (mut smallest, mut largest) = (f64::INFINITY, 0.0);
        for (index, matrix) in values.chunks(width * width).enumerate() {
            if let Some(place) = matrix.iter().position(|value| !value.is_finite()) {
                return invalid!(
                    "matrix: the entry in row {}, column {} of matrix {index} (rows from 1, matrices from 0) is {}; replace \
                     it by a finite number",
                    place / width + 1,
                    place % width + 1,
                    matrix[place]
                );
            }
            let bound = NormBound::of(matrix, width);
            let norm = bound.of_scaled * bound.largest;
            if norm != 0.0 && !(SMALLEST_NORM..=LARGEST_NORM).contains(&norm) {
                return invalid!(
                    "matrix: the norm of matrix {index} (from 0) is about {norm:.1e}, and {SMALLEST_NORM:e} to \
                     {LARGEST_NORM:e} can be worked with; scale it by a power of two"
                );
            }
            if norm != 0.0 {
                smallest = f64::min(smallest, norm);
            }
            largest = f64::max(largest, norm);
        }
        let smallest_norm = if largest > 0.0 { smallest } else { 0.0 };
        Ok(Matrices { width, values: values.into(), smallest_norm, largest_norm: largest, origin })
    }

    /// The width n of each matrix.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many matrices there are.
    pub fn count(&self) -> usize {
        self.values.len() / (self.width * self.width)
    }

    /// Matrices `range`, `[range, width, width]`.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn of(&self, range: std::ops::Range<usize>) -> &[f64] {
        let size = self.width * self.width;
        &self.values[range.start * size..range.end * size]
    }

    /// A bound of the 2-norm of all of them.
    pub fn largest_norm(&self) -> f64 {
        self.largest_norm
    }

    /// The smallest bound of the 2-norm of one that is not 0; 0 if all of them are 0.
    pub fn smallest_norm(&self) -> f64 {
        self.smallest_norm
    }

    /// Where they come from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where they come from, for people.
    pub fn place(&self) -> String {
        self.origin.place()
    }
}

/// A bound of the 2-norm of a matrix, as that of the matrix over its largest entry, so that no square leaves f64.
pub(crate) struct NormBound {
    /// min(‖B‖_F, sqrt(‖B‖₁ ‖B‖_∞)) of B = A / `largest`, which ‖B‖₂ does not exceed.
    pub of_scaled: f64,
    /// The largest magnitude of an entry of A.
    pub largest: f64,
}

impl NormBound {
    /// That of a matrix `[n, n]`, row-major and finite.
    pub fn of(matrix: &[f64], n: usize) -> Self {
        let largest = matrix.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        if largest == 0.0 {
            return NormBound { of_scaled: 0.0, largest };
        }
        let unit = |x: &f64| x.abs() / largest;
        let (mut rows, mut columns, mut squares) = (0.0, vec![0.0; n], 0.0);
        for row in matrix.chunks(n) {
            rows = f64::max(rows, row.iter().map(unit).sum());
            columns.iter_mut().zip(row).for_each(|(sum, x)| *sum += unit(x));
            squares += row.iter().map(|x| unit(x).powi(2)).sum::<f64>();
        }
        let of_scaled = f64::min(squares, rows * columns.into_iter().fold(0.0, f64::max)).sqrt();
        NormBound { of_scaled, largest }
    }
}

/// Initial states: one for all members, or one for each. A clone shares the numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialStates {
    /// Axes of the array as it was given.
    shape: Vec<usize>,
    values: Arc<[f64]>,
    origin: Origin,
}

/// The largest magnitude of an initial state: nonlinear states are frozen at 2^48.
const LARGEST_STATE: f64 = (1_u64 << 40) as f64;
/// The smallest magnitude of the largest number of a state.
const SMALLEST_STATE: f64 = 1.0 / LARGEST_STATE;

impl InitialStates {
    /// Takes an array of `shape`, the last axis running fastest: a state `[width]` or `[tokens, width]` that all members
    /// start at, or one for each of them, `[members, width]` where there is one token, or `[members, tokens, width]`.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) if the numbers do not fill the shape, or one is not finite or
    /// larger than 2^40. Whether the shape is that of a run is for [`InitialStates::count`] to say.
    pub fn new(shape: Vec<usize>, values: Vec<f64>, origin: Origin) -> Result<Self> {
        if values.is_empty() || shape.iter().product::<usize>() != values.len() {
            return invalid!("initial: {} numbers do not fill {}; give a whole array", values.len(), written(&shape));
        }
        if let Some(place) = values.iter().position(|value| !(-LARGEST_STATE..=LARGEST_STATE).contains(value)) {
            return invalid!(
                "initial: number {} (from 1) is {}; states begin with finite numbers of at most 2^40",
                place + 1,
                values[place]
            );
        }
        Ok(InitialStates { shape, values: values.into(), origin })
    }

    /// How many states there are for this many members of this many tokens: 1 for all, or one for each.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::error::Error::Invalid) if the shape is none that fits, or a state is 0 or so small that
    /// the square of its norm leaves f32.
    pub fn count(&self, members: usize, tokens: usize, width: usize) -> Result<usize> {
        let count = self.fit(members, tokens, width)?;
        let size = |state: &[f64]| state.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        match self.values.chunks(tokens * width).position(|state| size(state) < SMALLEST_STATE) {
            None => Ok(count),
            Some(state) => invalid!(
                "initial: no number of state {state} (from 0) reaches 2^-40, and growth is told relative to the start; \
                 give a larger one"
            ),
        }
    }

    fn fit(&self, members: usize, tokens: usize, width: usize) -> Result<usize> {
        let per_state = tokens * width;
        match self.shape[..] {
            [n] if tokens == 1 && n == width => Ok(1),
            // A column, as a text file has it.
            [n, 1] if tokens == 1 && n == width && width > 1 => Ok(1),
            [t, n] if t == tokens && n == width && (tokens > 1 || members == 1) => Ok(1),
            [1, n] if tokens == 1 && n == width => Ok(1),
            [m, n] if tokens == 1 && n == width && m == members => Ok(m),
            [m, t, n] if [m, t, n] == [members, tokens, width] => Ok(m),
            _ => {
                let one = if tokens == 1 { format!("{width}") } else { format!("{tokens} x {width}") };
                invalid!(
                    "initial: an array of {} is no state of {per_state} numbers; give {one}, or {members} x {one} for one a \
                     member (the last axis is the width)",
                    written(&self.shape)
                )
            }
        }
    }

    /// The numbers, state after state, token after token.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Where they come from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn written(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}
