//! Parity cases: contents on which a kernel is run on each device, and how far the outcomes may lie apart.

use super::Params;
use crate::kernel::ErasedParams;

/// One input or output of a parity case: `members * length` elements, or `length` where members share it.
#[derive(Clone, Debug)]
pub enum CaseBuffer {
    /// Numbers of every member.
    Real(Vec<f64>),
    /// Numbers shared by all members.
    SharedReal(Vec<f64>),
    /// Words of every member.
    Word(Vec<u32>),
    /// Words shared by all members.
    SharedWord(Vec<u32>),
    /// Integers of every member.
    Int(Vec<i32>),
}

/// A parity case: the kernel is run on each device from these contents, and the outcomes are compared.
pub struct Case<P> {
    /// What is special about it.
    pub name: String,
    /// The number of its members.
    pub members: usize,
    /// The parameters.
    pub params: P,
    /// The contents before the run, one for each binding.
    pub buffers: Vec<CaseBuffer>,
    /// For each written buffer of numbers, in binding order: how far f32 may be from f64, for each element
    /// (of all members, as above), from an error analysis. One value serves all elements.
    pub tolerance: Vec<Vec<f64>>,
}

impl<P: Params> Case<P> {
    /// The same without the type of its parameters.
    pub(in crate::kernel) fn erased(self) -> Case<ErasedParams> {
        Case {
            name: self.name,
            members: self.members,
            params: ErasedParams::new(self.params),
            buffers: self.buffers,
            tolerance: self.tolerance,
        }
    }
}
