//! The CPU device: each member's plan runs from start to end on one core, so that the member stays in its cache.
//!
//! # Tried and rejected
//!
//! Taking a member through all its steps panel by panel of its columns, so that hidden units never leave the cache: a
//! Transformer sweep (width 64, 16 tokens; two cores of a Zen 4, fastest of 20) takes 52 ms with 16, 8 or 4 grid points
//! at once and 53 ms with 2. Nothing there waits for memory; what is not in the tiles is arithmetic around them.

use crate::device::pace::members_of_half_a_second;
use crate::device::profile::{Profile, Recorder};
use crate::device::{Description, Kind, chunks, host_budget};
use crate::error::Result;
use crate::kernel::{Access, Element, Entry, View};
use crate::machine::Processor;
use crate::numbers::cores::alone;
use crate::numbers::real::Real;
use crate::plan::{BufferId, Chunk, Content, Data, Extent, Inputs, Plan, Slice, Words};
use rayon::prelude::*;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Ref, RefCell, RefMut};
use std::marker::PhantomData;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// All cores, in f32 or f64.
pub struct Cpu<T> {
    pub(super) recorder: Recorder,
    number: PhantomData<T>,
}

impl<T> Default for Cpu<T> {
    fn default() -> Self {
        Cpu { recorder: Recorder::default(), number: PhantomData }
    }
}

/// The processor, its vector instructions and the number of threads.
pub fn description(kind: Kind) -> Description {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Description {
        kind,
        name: model.map_or(std::env::consts::ARCH.to_string(), |(_, name)| name.to_string()),
        driver: format!("{}, {} threads", crate::numbers::simd::level().name(), rayon::current_num_threads()),
        backend: "host".to_string(),
        software: false,
    }
}

/// The part of one member of a buffer, or a shared buffer.
enum Store<T> {
    Real(Vec<T>),
    Word(Vec<u32>),
}

impl<T: Real> Store<T> {
    fn zeros(content: Content, length: usize) -> Self {
        match content {
            Content::Real => Store::Real(vec![T::ZERO; length]),
            Content::Word | Content::Int => Store::Word(vec![0; length]),
        }
    }

    /// Fills itself from `values[start..]`.
    fn load(&mut self, values: Slice<'_>, start: usize) {
        match (self, values) {
            (Store::Real(to), Slice::F32(from)) => convert(to, &from[start..], |x| T::from_f64(x as f64)),
            (Store::Real(to), Slice::F64(from)) => convert(to, &from[start..], T::from_f64),
            (Store::Word(to), Slice::Word(from)) => convert(to, &from[start..], |x| x),
            (Store::Word(to), Slice::Int(from)) => convert(to, &from[start..], |x| x as u32),
            _ => unreachable!("the content of an input fits its buffer"),
        }
    }

    fn clear(&mut self) {
        match self {
            Store::Real(values) => values.fill(T::ZERO),
            Store::Word(values) => values.fill(0),
        }
    }
}

/// What all members read: as the plan has it where that is the device's number type, for it can be large.
enum Shared<'a, T: Clone> {
    Real(Cow<'a, [T]>),
    Word(&'a [u32]),
}

impl<'a, T: Real> Shared<'a, T> {
    fn of(data: Slice<'a>) -> Self {
        match data {
            Slice::F32(values) => Shared::Real(as_they_are(values, |x| T::from_f64(f64::from(x)))),
            Slice::F64(values) => Shared::Real(as_they_are(values, T::from_f64)),
            Slice::Word(values) => Shared::Word(values),
            Slice::Int(values) => Shared::Word(bytemuck::cast_slice(values)),
        }
    }
}

/// These numbers, converted if they are of another type.
fn as_they_are<A: bytemuck::Pod, B: bytemuck::Pod>(values: &[A], f: impl Fn(A) -> B) -> Cow<'_, [B]> {
    // Floating-point numbers of one size are of one type.
    match size_of::<A>() == size_of::<B>() {
        true => Cow::Borrowed(bytemuck::cast_slice(values)),
        false => Cow::Owned(values.iter().map(|&x| f(x)).collect()),
    }
}

fn convert<A: Copy, B>(to: &mut [B], from: &[A], f: impl Fn(A) -> B) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = f(from);
    }
}

/// The twin of a kernel in the number type of the device.
trait TwinOf: Real {
    fn twin(entry: &Entry, params: &(dyn Any + Send + Sync), views: &mut [View<Self>]);
    fn data(values: Vec<Self>) -> Data;
}

impl TwinOf for f32 {
    fn twin(entry: &Entry, params: &(dyn Any + Send + Sync), views: &mut [View<f32>]) {
        (entry.twin_f32)(params, views);
    }
    fn data(values: Vec<f32>) -> Data {
        Data::F32(values)
    }
}

impl TwinOf for f64 {
    fn twin(entry: &Entry, params: &(dyn Any + Send + Sync), views: &mut [View<f64>]) {
        (entry.twin_f64)(params, views);
    }
    fn data(values: Vec<f64>) -> Data {
        Data::F64(values)
    }
}

#[expect(private_bounds, reason = "TwinOf only chooses between the two columns of `Entry`")]
impl<T: TwinOf> Cpu<T> {
    /// As many members as the outputs of a chunk leave room for, and as about half a second is enough for, so that
    /// progress is seen and a run can be stopped. More would not run faster.
    pub fn chunk_size(&self, plan: &Plan) -> usize {
        let outputs: usize = plan.outputs.iter().map(|id| plan.buffers[id.0].len() * size_of::<T>()).sum();
        let memory = (host_budget() / (2 * outputs.max(64) as u64)).clamp(1, 1 << 16) as usize;
        memory.min(members_of_half_a_second(Processor::Host, plan.cost().work()))
    }

    /// See [`Device::run_until`](crate::device::Device::run_until).
    pub fn run(
        &self,
        plan: &Plan,
        members: usize,
        chunk: usize,
        inputs: &Inputs,
        sink: &mut dyn FnMut(Chunk) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let shared: Vec<Option<Shared<T>>> =
            plan.buffers.iter().map(|buffer| buffer.shared().map(Shared::of)).collect();
        for range in chunks(members, chunk) {
            let mut outputs = self.run_members(plan, &shared, inputs, range.clone());
            outputs.sort_unstable_by_key(|(member, _)| *member);
            let outputs = (0..plan.outputs.len()).map(|i| concatenate(plan, i, &outputs)).collect();
            if sink(Chunk::new(range, outputs))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The outputs of some members, in any order. Each thread keeps one arena and takes the next member when it is
    /// done with one: with `into_par_iter().map_init()` arenas are made anew for every split, and their pages with
    /// them.
    fn run_members(
        &self,
        plan: &Plan,
        shared: &[Option<Shared<T>>],
        inputs: &Inputs,
        members: Range<usize>,
    ) -> Vec<(usize, Vec<Store<T>>)> {
        let next = AtomicUsize::new(members.start);
        let threads = rayon::current_num_threads().min(members.len());
        let all_busy = threads == rayon::current_num_threads();
        let worker = |_| {
            let mut arena = Arena::new(plan, shared);
            arena.profile = self.recorder.is_on().then(Profile::default);
            let mut done = Vec::new();
            loop {
                let member = next.fetch_add(1, Ordering::Relaxed);
                if member >= members.end {
                    break;
                }
                let mut run = || arena.run(plan, inputs, member);
                done.push((member, if all_busy { alone(run) } else { run() }));
            }
            if let Some(profile) = &arena.profile {
                self.recorder.add(profile, 1.0 / threads as f64);
            }
            done
        };
        (0..threads).into_par_iter().with_max_len(1).flat_map_iter(worker).collect()
    }
}

/// Output `i` of all members, one after the other.
fn concatenate<T: TwinOf>(plan: &Plan, i: usize, members: &[(usize, Vec<Store<T>>)]) -> Data {
    let buffer = &plan.buffers[plan.outputs[i].0];
    let mut reals = Vec::new();
    let mut words = Vec::new();
    for (_, outputs) in members {
        match &outputs[i] {
            Store::Real(values) => reals.extend_from_slice(values),
            Store::Word(values) => words.extend_from_slice(values),
        }
    }
    match buffer.content {
        Content::Real => T::data(reals),
        Content::Word => Data::Word(words),
        Content::Int => Data::Int(bytemuck::cast_vec(words)),
    }
}

/// One thread's buffers, used again for every member.
struct Arena<'a, T: Clone> {
    own: Vec<RefCell<Store<T>>>,
    shared: &'a [Option<Shared<'a, T>>],
    /// Where the time goes, if somebody wants to know.
    profile: Option<Profile>,
}

impl<'a, T: TwinOf> Arena<'a, T> {
    fn new(plan: &Plan, shared: &'a [Option<Shared<'a, T>>]) -> Self {
        let length = |extent: &Extent| if let Extent::Member(n) = extent { *n } else { 0 };
        let own = plan.buffers.iter().map(|b| RefCell::new(Store::zeros(b.content, length(&b.extent)))).collect();
        Arena { own, shared, profile: None }
    }

    fn run(&mut self, plan: &Plan, inputs: &Inputs, member: usize) -> Vec<Store<T>> {
        let start = self.now();
        for (id, store) in self.own.iter_mut().enumerate() {
            let length = plan.buffers[id].len();
            if plan.inputs.contains(&BufferId(id)) {
                store.get_mut().load(inputs.get(BufferId(id)), member * length);
            } else {
                store.get_mut().clear();
            }
        }
        self.spent(start, |profile, seconds| profile.upload += seconds);
        let mut rounds = 0;
        let mut next = 0;
        while next < plan.runs.len() {
            let run = &plan.runs[next];
            let start = self.now();
            self.run_kernel(run.entry, &*run.params.value, &run.buffers);
            self.spent(start, |profile, seconds| {
                profile.run(next, run.entry.name, seconds);
                profile.compute += seconds;
            });
            next += 1;
            if let Some(repeat) = plan.repeat.as_ref().filter(|repeat| repeat.runs.end == next) {
                rounds += 1;
                if rounds < repeat.most && !self.is_finished(repeat.finished) {
                    next = repeat.runs.start;
                }
            }
        }
        let start = self.now();
        let copy = |id: &BufferId| match &*self.own[id.0].borrow() {
            Store::Real(values) => Store::Real(values.clone()),
            Store::Word(values) => Store::Word(values.clone()),
        };
        let outputs = plan.outputs.iter().map(copy).collect();
        self.spent(start, |profile, seconds| profile.download += seconds);
        outputs
    }

    fn now(&self) -> Option<Instant> {
        self.profile.as_ref().map(|_| Instant::now())
    }

    fn spent(&mut self, start: Option<Instant>, count: impl FnOnce(&mut Profile, f64)) {
        if let (Some(profile), Some(start)) = (&mut self.profile, start) {
            count(profile, start.elapsed().as_secs_f64());
        }
    }

    fn is_finished(&self, id: Words) -> bool {
        matches!(&*self.own[BufferId::from(id).0].borrow(), Store::Word(words) if words[0] != 0)
    }

    fn run_kernel(&self, entry: &Entry, params: &(dyn Any + Send + Sync), buffers: &[BufferId]) {
        let mut guards: [Option<Guard<T>>; MAX_BUFFERS] = std::array::from_fn(|_| None);
        for ((guard, &id), binding) in guards.iter_mut().zip(buffers).zip(entry.buffers) {
            *guard = Some(match (&self.shared[id.0], binding.access) {
                (Some(store), _) => Guard::Shared(store),
                (None, Access::Read) => Guard::Read(self.own[id.0].borrow()),
                (None, Access::Write) => Guard::Write(self.own[id.0].borrow_mut()),
            });
        }
        let mut views: [View<T>; MAX_BUFFERS] = std::array::from_fn(|_| View::Word(&[]));
        for ((view, guard), binding) in views.iter_mut().zip(&mut guards).zip(entry.buffers) {
            *view = guard.as_mut().expect("as many guards as buffers").view(binding.element);
        }
        T::twin(entry, params, &mut views[..buffers.len()]);
    }
}

/// WebGPU's default limit of storage buffers, which every kernel keeps.
const MAX_BUFFERS: usize = 8;

/// A buffer borrowed for one run.
enum Guard<'a, T: Clone> {
    Shared(&'a Shared<'a, T>),
    Read(Ref<'a, Store<T>>),
    Write(RefMut<'a, Store<T>>),
}

impl<T: Real> Guard<'_, T> {
    fn view(&mut self, element: Element) -> View<'_, T> {
        match self {
            Guard::Shared(Shared::Real(values)) => View::Real(values),
            Guard::Shared(Shared::Word(values)) => words(values, element),
            Guard::Read(store) => match &**store {
                Store::Real(values) => View::Real(values),
                Store::Word(values) => words(values, element),
            },
            Guard::Write(store) => match &mut **store {
                Store::Real(values) => View::RealMut(values),
                Store::Word(values) => match element {
                    Element::Int => View::IntMut(bytemuck::cast_slice_mut(values)),
                    _ => View::WordMut(values),
                },
            },
        }
    }
}

fn words<T>(values: &[u32], element: Element) -> View<'_, T> {
    match element {
        Element::Int => View::Int(bytemuck::cast_slice(values)),
        _ => View::Word(values),
    }
}
