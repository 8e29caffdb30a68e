//! What comes back from a device.

use super::{Data, Ints, Numbers, Reals, Words};
use std::marker::PhantomData;
use std::ops::Range;

/// An output of a plan, by which it is read from a [`Chunk`].
#[derive(Clone, Copy, Debug)]
pub struct Output<I> {
    /// Its place among the outputs.
    place: usize,
    buffer: PhantomData<I>,
}

impl<I> Output<I> {
    pub(super) fn new(place: usize) -> Self {
        Output { place, buffer: PhantomData }
    }
}

/// What came back for some of the members.
pub struct Chunk {
    /// The members of the call, counted from 0, that it holds.
    pub members: Range<usize>,
    /// The outputs of the plan in order, `members.len() * length` elements each.
    outputs: Vec<Data>,
}

/// What a device breaks when it gives back another content than a buffer has.
const MISMATCH: &str = "an output has the content of its buffer";

impl Chunk {
    /// The outputs of a plan for these members, in order.
    pub(crate) fn new(members: Range<usize>, outputs: Vec<Data>) -> Self {
        Chunk { members, outputs }
    }

    /// Numbers, `members.len() * length` of them.
    pub fn reals(&self, output: Output<Reals>) -> Numbers<'_> {
        self.outputs[output.place].numbers().expect(MISMATCH)
    }

    /// Words, `members.len() * length` of them.
    pub fn words(&self, output: Output<Words>) -> &[u32] {
        let Data::Word(words) = &self.outputs[output.place] else { unreachable!("{MISMATCH}") };
        words
    }

    /// Integers, `members.len() * length` of them.
    pub fn ints(&self, output: Output<Ints>) -> &[i32] {
        let Data::Int(ints) = &self.outputs[output.place] else { unreachable!("{MISMATCH}") };
        ints
    }

    /// The numbers of one output, taken out rather than copied; the others are dropped.
    pub fn into_reals(mut self, output: Output<Reals>) -> Data {
        self.outputs.swap_remove(output.place)
    }

    /// All outputs in order, for callers that do not know the kernels that they run.
    pub fn into_outputs(self) -> Vec<Data> {
        self.outputs
    }
}
