//! A plan: the buffers of a computation and the list of kernel runs on them, recorded once and run on any device.
//!
//! A plan speaks of one member. The GPU runs it breadth-first over all members of a chunk; the CPU runs it member by
//! member, so that a member's data stays in cache. Every buffer starts as zeros unless it is an input.

use crate::kernel::{Access, Arguments, Case, CaseBuffer, Cost, Entry, ErasedParams, Kernel, Row, Signature};
pub use crate::kernel::{BufferId, Content, Id, Ints, Reals, Words};
pub use chunk::{Chunk, Output};
pub use data::{Data, Inputs, Numbers, Slice};
use std::sync::Arc;

mod chunk;
mod data;

/// Who owns a buffer.
#[derive(Clone, Debug)]
pub enum Extent {
    /// Each member has so many elements.
    Member(usize),
    /// All members read these.
    Shared(Data),
    /// All members read these, which others keep too: the weights of a trained layer.
    Kept(Arc<Vec<f32>>),
}

/// A buffer of a plan.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// For error messages and debuggers.
    pub label: &'static str,
    /// What it stores.
    pub content: Content,
    /// Who owns it, and its size.
    pub extent: Extent,
}

impl Buffer {
    /// Elements of one member, or all of a shared buffer.
    pub fn len(&self) -> usize {
        match &self.extent {
            Extent::Member(n) => *n,
            Extent::Shared(data) => data.len(),
            Extent::Kept(values) => values.len(),
        }
    }

    /// Bytes of one member, or all of a shared buffer, with `real` bytes a number.
    pub fn bytes(&self, real: usize) -> u64 {
        self.len() as u64 * if self.content == Content::Real { real as u64 } else { 4 }
    }

    /// Has it no elements?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Do all members share it?
    pub fn is_shared(&self) -> bool {
        self.shared().is_some()
    }

    /// What all members read of it.
    pub fn shared(&self) -> Option<Slice<'_>> {
        match &self.extent {
            Extent::Member(_) => None,
            Extent::Shared(data) => Some(data.as_slice()),
            Extent::Kept(values) => Some(Slice::F32(values)),
        }
    }
}

/// One run of a kernel.
pub struct Run {
    /// The kernel that runs.
    pub entry: &'static Entry,
    /// Its parameters, without their type.
    pub params: ErasedParams,
    /// Its buffers, in the order of the kernel's bindings.
    pub buffers: Vec<BufferId>,
}

/// Runs that are repeated until every member is finished: an iteration whose length only the data know.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// The runs of the plan that are repeated, by index.
    pub runs: std::ops::Range<usize>,
    /// A buffer of one word a member: not 0 when that member is finished. Its runs must then leave it as it is.
    pub finished: Words,
    /// A buffer of one word a member, by which a GPU leaves out what is finished: its runs are launched for fewer and
    /// fewer members, and number i of them is to work on member i plus word i, if there is such a member.
    ///
    /// Without one all members stay in the round until the last is finished.
    pub skips: Option<Words>,
    /// At most so many rounds.
    pub most: usize,
}

/// Buffers, runs on them, and what goes in and comes out.
#[derive(Default)]
pub struct Plan {
    /// All buffers.
    pub buffers: Vec<Buffer>,
    /// All runs, in order.
    pub runs: Vec<Run>,
    /// Those of them that are repeated.
    pub repeat: Option<Repeat>,
    /// Buffers that the caller fills for every member.
    pub inputs: Vec<BufferId>,
    /// Buffers that come back.
    pub outputs: Vec<BufferId>,
}

impl Plan {
    /// An empty plan.
    pub fn new() -> Self {
        Self::default()
    }

    /// A kernel on the contents of a case, with `numbers` to hold what is f64 there; the members of the case are
    /// repeated until there are enough. It runs `runs` times, each time on buffers of its own where it writes: some
    /// kernels have less to do, or nothing, on what they have left. Returns the buffers of the first run in the order
    /// of the kernel's bindings.
    pub fn of_case(
        entry: &'static Entry,
        case: Case<ErasedParams>,
        members: usize,
        numbers: fn(Vec<f64>) -> Data,
        runs: usize,
    ) -> (Plan, Inputs<'static>, Vec<BufferId>) {
        let (mut plan, mut filled) = (Plan::new(), Vec::new());
        // Each binding's buffer, or one for each run.
        let mut bindings = Vec::new();
        for (buffer, binding) in case.buffers.into_iter().zip(entry.buffers) {
            let (content, length, data) = match buffer {
                CaseBuffer::SharedReal(values) => {
                    bindings.push(vec![plan.shared_reals("case", values).into()]);
                    continue;
                }
                CaseBuffer::SharedWord(values) => {
                    bindings.push(vec![plan.shared_words("case", values).into()]);
                    continue;
                }
                CaseBuffer::Real(v) => (Content::Real, v.len(), numbers(v)),
                CaseBuffer::Word(v) => (Content::Word, v.len(), Data::Word(v)),
                CaseBuffer::Int(v) => (Content::Int, v.len(), Data::Int(v)),
            };
            let data = match data {
                Data::F32(v) => Data::F32(repeated(&v, case.members, members)),
                Data::F64(v) => Data::F64(repeated(&v, case.members, members)),
                Data::Word(v) => Data::Word(repeated(&v, case.members, members)),
                Data::Int(v) => Data::Int(repeated(&v, case.members, members)),
            };
            let copies = vec![data; if binding.access == Access::Write { runs } else { 1 }];
            let fill = |data| {
                let id = plan.push("case", content, Extent::Member(length / case.members));
                plan.inputs.push(id);
                filled.push((id, data));
                id
            };
            bindings.push(copies.into_iter().map(fill).collect());
        }
        for run in 0..runs {
            let ids = bindings.iter().map(|ids: &Vec<BufferId>| ids[run % ids.len()]).collect();
            plan.push_run(entry, case.params.clone(), ids);
        }
        let ids = bindings.into_iter().map(|ids| ids[0]).collect();
        (plan, filled.into_iter().collect(), ids)
    }

    fn push(&mut self, label: &'static str, content: Content, extent: Extent) -> BufferId {
        self.buffers.push(Buffer { label, content, extent });
        BufferId(self.buffers.len() - 1)
    }

    /// A buffer of `per_member` numbers a member.
    pub fn reals(&mut self, label: &'static str, per_member: usize) -> Reals {
        self.push(label, Content::Real, Extent::Member(per_member)).into()
    }

    /// A buffer of `per_member` words a member.
    pub fn words(&mut self, label: &'static str, per_member: usize) -> Words {
        self.push(label, Content::Word, Extent::Member(per_member)).into()
    }

    /// A buffer of `per_member` integers a member.
    pub fn ints(&mut self, label: &'static str, per_member: usize) -> Ints {
        self.push(label, Content::Int, Extent::Member(per_member)).into()
    }

    /// Numbers that all members read.
    pub fn shared_reals(&mut self, label: &'static str, values: Vec<f64>) -> Reals {
        self.push(label, Content::Real, Extent::Shared(Data::F64(values))).into()
    }

    /// Numbers that all members read, of f32 or f64.
    pub fn shared(&mut self, label: &'static str, numbers: Data) -> Reals {
        assert!(numbers.numbers().is_some(), "{label}: these are no real numbers");
        self.push(label, Content::Real, Extent::Shared(numbers)).into()
    }

    /// Numbers that all members read, and that somebody else keeps.
    pub fn kept(&mut self, label: &'static str, numbers: Arc<Vec<f32>>) -> Reals {
        self.push(label, Content::Real, Extent::Kept(numbers)).into()
    }

    /// Words that all members read.
    pub fn shared_words(&mut self, label: &'static str, values: Vec<u32>) -> Words {
        self.push(label, Content::Word, Extent::Shared(Data::Word(values))).into()
    }

    /// Declares that the caller fills this buffer.
    pub fn input<I: Id>(&mut self, id: I) -> I {
        assert!(!self.buffers[id.into().0].is_shared(), "a shared buffer has its content already");
        self.inputs.push(id.into());
        id
    }

    /// Declares that this buffer comes back. The handle reads it from a [`Chunk`].
    pub fn output<I: Id>(&mut self, id: I) -> Output<I> {
        assert!(!self.buffers[id.into().0].is_shared(), "a shared buffer is the caller's own");
        self.outputs.push(id.into());
        Output::new(self.outputs.len() - 1)
    }

    /// Appends a run of the kernel whose buffers these are. A buffer that is written appears once among them.
    pub fn run<B: Arguments>(&mut self, params: <B::Kernel as Signature>::Params, buffers: B)
    where
        B::Kernel: Kernel,
    {
        self.push_run(B::Kernel::ENTRY, ErasedParams::new(params), buffers.ids());
    }

    /// [`Plan::run`] for a kernel without its types.
    pub fn push_run(&mut self, entry: &'static Entry, params: ErasedParams, buffers: Vec<BufferId>) {
        assert_eq!(buffers.len(), entry.buffers.len(), "{}: one buffer for each binding", entry.name);
        for (&id, binding) in buffers.iter().zip(entry.buffers) {
            let (buffer, name) = (&self.buffers[id.0], binding.name);
            assert_eq!(buffer.content, binding.element.content(), "{}: content of {name}", entry.name);
            assert!(!buffer.is_empty(), "{}: {name} is empty", entry.name);
            if binding.access == Access::Write {
                assert!(!buffer.is_shared(), "{}: {name} is written, so it is not shared", entry.name);
                let uses = buffers.iter().filter(|&&other| other == id).count();
                assert_eq!(uses, 1, "{}: {name} is written, so it is bound once", entry.name);
            }
        }
        self.runs.push(Run { entry, params, buffers });
    }

    /// Declares that the runs from number `first` to the last one so far are repeated, at most `most` times, until
    /// the word of every member in `finished` is not 0. For `skips` see [`Repeat`].
    pub fn repeat_from(&mut self, first: usize, finished: Words, skips: Option<Words>, most: usize) {
        for buffer in [finished].into_iter().chain(skips).map(|id| &self.buffers[BufferId::from(id).0]) {
            assert!(buffer.len() == 1 && !buffer.is_shared(), "a word for each member");
        }
        assert!(self.repeat.is_none(), "a plan has one iteration");
        self.repeat = Some(Repeat { runs: first..self.runs.len(), finished, skips, most });
    }

    /// Bytes that one member needs, with `real` bytes a number.
    pub fn bytes_per_member(&self, real: usize) -> u64 {
        self.buffers.iter().filter(|b| !b.is_shared()).map(|b| b.bytes(real)).sum()
    }

    /// The work of the run with most of it, for one member.
    pub fn largest_run(&self) -> f64 {
        let work = |run: &Run| (run.entry.cost)(&*run.params.value).work();
        self.runs.iter().map(work).fold(0.0, f64::max)
    }

    /// The work for one member; of runs that are repeated, of all rounds that there may be.
    pub fn cost(&self) -> Cost {
        let rounds = |index: usize| match &self.repeat {
            Some(repeat) if repeat.runs.contains(&index) => repeat.most as f64,
            _ => 1.0,
        };
        self.runs.iter().enumerate().fold(Cost::default(), |sum, (index, run)| {
            let (cost, rounds) = ((run.entry.cost)(&*run.params.value), rounds(index));
            Cost { flops: sum.flops + rounds * cost.flops, bytes: sum.bytes + rounds * cost.bytes }
        })
    }
}

/// The elements of `from` members again and again, until they are those of `to`.
fn repeated<T: Copy>(values: &[T], from: usize, to: usize) -> Vec<T> {
    let mut all = values.repeat(to.div_ceil(from));
    all.truncate(values.len() / from * to);
    all
}

/// Seconds that a kernel took, summed over its runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelTime {
    /// Seconds of all runs together.
    pub seconds: f64,
    /// The number of runs.
    pub runs: u64,
}
