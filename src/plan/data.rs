//! Contents of buffers on the host.

use super::{BufferId, Id};

/// The content of a buffer on the host.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Numbers from an f32 device.
    F32(Vec<f32>),
    /// Numbers from the reference, or for any device.
    F64(Vec<f64>),
    /// u32 words.
    Word(Vec<u32>),
    /// i32 integers.
    Int(Vec<i32>),
}

impl Data {
    /// Numbers of f32 or f64, whichever T is.
    pub fn of<T: bytemuck::Pod>(values: Vec<T>) -> Self {
        match size_of::<T>() {
            4 => Data::F32(bytemuck::cast_vec(values)),
            _ => Data::F64(bytemuck::cast_vec(values)),
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::F64(v) => v.len(),
            Data::Word(v) => v.len(),
            Data::Int(v) => v.len(),
        }
    }

    /// Has it no elements?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element `i` as a number.
    pub fn real(&self, i: usize) -> f64 {
        match self {
            Data::F32(v) => v[i] as f64,
            Data::F64(v) => v[i],
            Data::Word(v) => v[i] as f64,
            Data::Int(v) => v[i] as f64,
        }
    }

    /// The elements, lent.
    pub fn as_slice(&self) -> Slice<'_> {
        match self {
            Data::F32(v) => Slice::F32(v),
            Data::F64(v) => Slice::F64(v),
            Data::Word(v) => Slice::Word(v),
            Data::Int(v) => Slice::Int(v),
        }
    }

    /// All elements as numbers.
    pub fn reals(&self) -> Vec<f64> {
        (0..self.len()).map(|i| self.real(i)).collect()
    }

    /// Numbers of f32 or f64, if these are such.
    pub fn numbers(&self) -> Option<Numbers<'_>> {
        match self {
            Data::F32(v) => Some(Numbers::F32(v)),
            Data::F64(v) => Some(Numbers::F64(v)),
            Data::Word(_) | Data::Int(_) => None,
        }
    }
}

/// The content of a buffer on the host, lent by whoever has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slice<'a> {
    /// Numbers for any device; they are those of an f32 device as they are.
    F32(&'a [f32]),
    /// Numbers for any device; they are those of the reference as they are.
    F64(&'a [f64]),
    /// u32 words.
    Word(&'a [u32]),
    /// i32 integers.
    Int(&'a [i32]),
}

impl<'a> Slice<'a> {
    /// Numbers of f32 or f64, whichever T is.
    pub fn of<T: bytemuck::Pod>(values: &'a [T]) -> Self {
        match size_of::<T>() {
            4 => Slice::F32(bytemuck::cast_slice(values)),
            _ => Slice::F64(bytemuck::cast_slice(values)),
        }
    }
}

/// Numbers that came back from a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers<'a> {
    /// From an f32 device.
    F32(&'a [f32]),
    /// From the reference, or from a GPU in f64.
    F64(&'a [f64]),
}

impl Numbers<'_> {
    /// Number `i`.
    pub fn at(self, i: usize) -> f64 {
        match self {
            Numbers::F32(v) => f64::from(v[i]),
            Numbers::F64(v) => v[i],
        }
    }

    /// The number of them.
    pub fn len(self) -> usize {
        match self {
            Numbers::F32(v) => v.len(),
            Numbers::F64(v) => v.len(),
        }
    }

    /// Are there none?
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// All of them.
    pub fn to_vec(self) -> Vec<f64> {
        (0..self.len()).map(|i| self.at(i)).collect()
    }
}

/// Values for the inputs of a plan, for all members of a call: `members * length` elements each. Some may be lent by the
/// caller, for they can be many.
#[derive(Clone, Default)]
pub struct Inputs<'a>(Vec<(BufferId, Values<'a>)>);

#[derive(Clone)]
enum Values<'a> {
    Own(Data),
    Lent(Slice<'a>),
}

impl FromIterator<(BufferId, Data)> for Inputs<'_> {
    fn from_iter<I: IntoIterator<Item = (BufferId, Data)>>(each: I) -> Self {
        Inputs(each.into_iter().map(|(id, data)| (id, Values::Own(data))).collect())
    }
}

impl<'a> Inputs<'a> {
    /// No values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// These and the values of one more input.
    pub fn with(mut self, id: impl Id, data: Data) -> Self {
        self.0.push((id.into(), Values::Own(data)));
        self
    }

    /// These and the values of one more input, which stay where they are.
    pub fn with_lent(mut self, id: impl Id, values: Slice<'a>) -> Self {
        self.0.push((id.into(), Values::Lent(values)));
        self
    }

    /// The values of one input.
    pub fn get(&self, id: BufferId) -> Slice<'_> {
        let values = self.0.iter().find(|(other, _)| *other == id).map(|(_, values)| values);
        match values.expect("every input of the plan is given") {
            Values::Own(data) => data.as_slice(),
            Values::Lent(slice) => *slice,
        }
    }
}
