//! A plan on an adapter: its buffers, its bind groups, its dispatches in bites that no watchdog minds, its readback.

use crate::device::gpu::Gpu;
use crate::device::gpu::buffers::{Allocated, allocate, check_size};
use crate::device::gpu::checksum::Checksums;
use crate::device::gpu::clock::Clock;
use crate::device::gpu::pace::Pace;
use crate::device::gpu::readback::{Copy, Readback, Summed};
use crate::device::gpu::upload::to_bytes;
use crate::device::profile::Profile;
use crate::error::Result;
use crate::plan::{BufferId, Chunk, Content, Data, Inputs, Plan, Repeat, Words};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A skip that leads past every member.
const NOBODY: u32 = 1 << 31;

/// One plan, ready to run on chunks of up to `capacity` members.
pub struct Session<'a> {
    gpu: &'a Gpu,
    plan: &'a Plan,
    capacity: usize,
    buffers: Vec<wgpu::Buffer>,
    dispatches: Vec<Dispatch>,
    pace: Pace,
    checksums: Checksums,
    /// Only when the device's profile is wanted; and then only on adapters with timestamps.
    clock: Option<Clock>,
}

/// One run, ready to be encoded.
struct Dispatch {
    pipeline: Arc<wgpu::ComputePipeline>,
    group: wgpu::BindGroup,
    offset: u32,
    /// Work for one member: flops plus bytes, a measure of time good to a factor of a few.
    work: f64,
}

/// A chunk whose inputs are ready to be sent.
pub struct Prepared {
    members: Range<usize>,
    encoder: wgpu::CommandEncoder,
    /// When it was begun.
    start: Instant,
}

/// A chunk whose runs are under way.
pub enum Running<'a> {
    /// All have been sent.
    Leaving(Leaving),
    /// Those in front of repeated runs, and the first rounds of these.
    Repeating {
        /// What is repeated.
        repeat: &'a Repeat,
        /// Members of the chunk.
        members: Range<usize>,
        /// The words of the rounds that have been sent.
        rounds: VecDeque<Readback>,
        /// When the kernels began.
        start: Instant,
    },
}

/// A chunk whose outputs are on their way back.
pub struct Leaving {
    members: Range<usize>,
    readback: Readback,
    /// When it was asked for; in a profile, when all kernels had run.
    start: Instant,
}

impl<'a> Session<'a> {
    /// Makes buffers, pipelines and bind groups.
    pub fn new(gpu: &'a Gpu, plan: &'a Plan, capacity: usize) -> Result<Self> {
        plan.buffers.iter().try_for_each(|buffer| check_size(gpu, buffer, capacity))?;
        let Allocated { buffers, params, offsets } = allocate(gpu, plan, capacity)?;
        let dispatches = create_dispatches(gpu, plan, &buffers, &params, &offsets)?;
        gpu.check_failure()?;
        let pace = Pace::new(gpu.description.software);
        let clock = if gpu.recorder.is_on() { Clock::new(gpu, plan.runs.len()) } else { None };
        let checksums = Checksums::new(gpu, plan.outputs.len());
        Ok(Session { gpu, plan, capacity, buffers, dispatches, pace, checksums, clock })
    }

    /// Takes in the inputs of one chunk. Nothing is sent yet, so this may be done while the last chunk runs.
    pub fn prepare(&self, members: Range<usize>, inputs: &Inputs) -> Result<Prepared> {
        assert!(members.len() <= self.capacity, "a chunk fits its session");
        let start = Instant::now();
        let mut encoder = self.encoder();
        for (id, buffer) in self.plan.buffers.iter().enumerate() {
            if self.plan.inputs.contains(&BufferId(id)) {
                let length = buffer.len();
                let own = members.start * length..members.end * length;
                let bytes = to_bytes(inputs.get(BufferId(id)), own, self.gpu.precision);
                self.gpu.uploads.write(&mut encoder, &self.buffers[id], &bytes)?;
            } else if !buffer.is_shared() {
                encoder.clear_buffer(&self.buffers[id], 0, None);
            }
        }
        Ok(Prepared { members, encoder, start })
    }

    /// Sends the inputs of a chunk and its dispatches; those behind repeated runs are [`Session::complete`]'s to send.
    pub fn begin(&mut self, prepared: Prepared) -> Result<Running<'a>> {
        let Prepared { members, mut encoder, start } = prepared;
        let start = self.phase(start, &mut encoder, |profile, seconds| profile.upload += seconds)?;
        let Some(repeat) = &self.plan.repeat else {
            let leaving = self.leave(encoder, 0..self.plan.runs.len(), members, start)?;
            return Ok(Running::Leaving(leaving));
        };
        let (all, mut rounds) = (members.len(), VecDeque::new());
        rounds.push_back(self.round(encoder, 0..repeat.runs.end, repeat.finished, all, all)?);
        if repeat.most > 1 {
            rounds.push_back(self.round(self.encoder(), repeat.runs.clone(), repeat.finished, all, all)?);
        }
        Ok(Running::Repeating { repeat, members, rounds, start })
    }

    /// Sends what is left of a chunk, as soon as its repeated runs are over, and asks for its outputs.
    pub fn complete(&mut self, running: Running<'a>) -> Result<Leaving> {
        match running {
            Running::Leaving(leaving) => Ok(leaving),
            Running::Repeating { repeat, members, rounds, start } => {
                self.repeat(repeat, members.len(), rounds)?;
                self.leave(self.encoder(), repeat.runs.end..self.plan.runs.len(), members, start)
            }
        }
    }

    /// Waits for the outputs of a chunk.
    pub fn finish(&mut self, leaving: Leaving) -> Result<Chunk> {
        let outputs = self.gpu.readbacks.receive(self.gpu, leaving.readback, &self.checksums)?;
        let profile = Profile { download: leaving.start.elapsed().as_secs_f64(), ..Profile::default() };
        self.gpu.recorder.add(&profile, 1.0);
        Ok(Chunk::new(leaving.members, outputs))
    }

    /// Sends the last runs of a chunk and asks for its outputs. `start` is when the kernels began.
    fn leave(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        runs: Range<usize>,
        members: Range<usize>,
        start: Instant,
    ) -> Result<Leaving> {
        let work = self.encode(&mut encoder, runs.clone(), members.len())?;
        let start = self.phase(start, &mut encoder, |profile, seconds| profile.compute += seconds)?;
        self.read_clock(runs)?;
        let plan = self.plan;
        let summed = self.sum(&mut encoder, members.len());
        let copies = plan.outputs.iter().map(|&id| self.copy(&mut encoder, id, members.len())).collect();
        self.gpu.omitted.store(false, Ordering::SeqCst);
        let last = self.pace.submit(self.gpu, encoder, work)?;
        Ok(Leaving { members, readback: Readback::new(copies, last).with(summed), start })
    }

    /// Encodes some of the plan's runs, submitting whenever it is enough; returns the work that is left in `encoder`.
    fn encode(&mut self, encoder: &mut wgpu::CommandEncoder, runs: Range<usize>, members: usize) -> Result<f64> {
        let mut next = runs.start;
        let mut work = 0.0;
        while next < runs.end {
            let pass;
            (next, pass) = self.encode_pass(encoder, next..runs.end, members);
            work += pass;
            if self.pace.is_enough(work) {
                let full = std::mem::replace(encoder, self.encoder());
                self.pace.submit(self.gpu, full, work)?;
                work = 0.0;
            }
        }
        Ok(work)
    }

    /// Encodes the first of these runs as one pass, as many as are enough for a submission: a pass takes as long to
    /// encode as some runs. In a profile each run is a pass of its own, because timestamps stand around passes.
    /// Returns the next run and the work.
    fn encode_pass(&self, encoder: &mut wgpu::CommandEncoder, runs: Range<usize>, members: usize) -> (usize, f64) {
        let machine = self.gpu.machine();
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some(self.plan.runs[runs.start].entry.name),
            timestamp_writes: self.clock.as_ref().map(|clock| clock.around(runs.start)),
        });
        let mut work = 0.0;
        for index in runs.clone() {
            let (run, dispatch) = (&self.plan.runs[index], &self.dispatches[index]);
            let [x, y, z] = (run.entry.grid)(&*run.params.value, members as u32, &machine);
            pass.set_pipeline(&dispatch.pipeline);
            pass.set_bind_group(0, &dispatch.group, &[dispatch.offset]);
            pass.dispatch_workgroups(x, y, z);
            work += dispatch.work * members as f64;
            if self.clock.is_some() || self.pace.is_enough(work) {
                return (index + 1, work);
            }
        }
        (runs.end, work)
    }

    /// Submits further rounds of the repeated runs until all members are finished; the first ones are under way. The
    /// next round is under way while the words of the last one come back: what is finished leaves it at once, and is
    /// not in the round after it.
    fn repeat(&mut self, repeat: &Repeat, members: usize, mut rounds: VecDeque<Readback>) -> Result<()> {
        let (mut submitted, mut unfinished) = (rounds.len(), members);
        while let Some(round) = rounds.pop_front() {
            let words = self.gpu.readbacks.receive(self.gpu, round, &self.checksums)?;
            let left = unfinished_members(&words[0]);
            if left.is_empty() || submitted == repeat.most {
                break;
            }
            if let Some(skips) = repeat.skips {
                self.leave_out(skips, unfinished, &left);
                unfinished = left.len();
            }
            rounds.push_back(self.round(self.encoder(), repeat.runs.clone(), repeat.finished, unfinished, members)?);
            submitted += 1;
        }
        Ok(())
    }

    /// Submits runs that end with a round, for so many members that are unfinished, and asks for the words of all.
    fn round(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        runs: Range<usize>,
        finished: Words,
        unfinished: usize,
        members: usize,
    ) -> Result<Readback> {
        let work = self.encode(&mut encoder, runs.clone(), unfinished)?;
        let copy = self.copy(&mut encoder, finished.into(), members);
        let last = self.pace.submit(self.gpu, encoder, work)?;
        // The next round writes the same timestamps again.
        self.read_clock(runs)?;
        Ok(Readback::new(vec![copy], last))
    }

    /// Writes the skips that lead to the members `left`; the rest of the last ones, `before` in number, lead to nobody.
    fn leave_out(&self, skips: Words, before: usize, left: &[u32]) {
        let skip = |i: usize| left.get(i).map_or(NOBODY, |member| member - i as u32);
        let words: Vec<u32> = (0..before).map(skip).collect();
        self.gpu.queue.write_buffer(&self.buffers[BufferId::from(skips).0], 0, bytemuck::cast_slice(&words));
    }

    /// In a profile: sends what is encoded, waits for it and counts the seconds since `start`. Returns the start of the
    /// next phase.
    fn phase(
        &mut self,
        start: Instant,
        encoder: &mut wgpu::CommandEncoder,
        count: impl FnOnce(&mut Profile, f64),
    ) -> Result<Instant> {
        if self.gpu.recorder.is_on() {
            let full = std::mem::replace(encoder, self.encoder());
            self.gpu.wait(&self.gpu.queue.submit([full.finish()]))?;
            let mut profile = Profile::default();
            count(&mut profile, start.elapsed().as_secs_f64());
            self.gpu.recorder.add(&profile, 1.0);
        }
        Ok(Instant::now())
    }

    /// In a profile: waits for these runs, which have been submitted, and reads their timestamps.
    fn read_clock(&self, runs: Range<usize>) -> Result<()> {
        let Some(clock) = self.clock.as_ref().filter(|_| !runs.is_empty()) else { return Ok(()) };
        let mut encoder = self.encoder();
        clock.resolve(&mut encoder, runs.clone());
        let index = self.gpu.queue.submit([encoder.finish()]);
        clock.map();
        self.gpu.wait(&index)?;
        let mut profile = Profile::default();
        for (place, seconds) in runs.clone().zip(clock.seconds(runs)) {
            profile.run(place, self.plan.runs[place].entry.name, seconds);
        }
        self.gpu.recorder.add(&profile, 1.0);
        Ok(())
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("plan") })
    }

    /// Sums what these members have of all outputs.
    fn sum(&mut self, encoder: &mut wgpu::CommandEncoder, members: usize) -> Summed {
        let real = self.gpu.real_bytes();
        let outputs = self.plan.outputs.iter().map(|id| (&self.buffers[id.0], self.plan.buffers[id.0].bytes(real)));
        let outputs: Vec<_> = outputs.map(|(buffer, bytes)| (buffer, bytes * members as u64)).collect();
        let first = self.checksums.encode(self.gpu, encoder, &outputs);
        let sums = self.checksums.buffer();
        Summed { sums: self.gpu.readbacks.copy(self.gpu, encoder, sums, sums.size(), Content::Word), first }
    }

    /// Copies what these members have of a buffer to one that can be read.
    fn copy(&mut self, encoder: &mut wgpu::CommandEncoder, id: BufferId, members: usize) -> Copy {
        let buffer = &self.plan.buffers[id.0];
        let size = buffer.bytes(self.gpu.real_bytes()) * members as u64;
        self.gpu.readbacks.copy(self.gpu, encoder, &self.buffers[id.0], size, buffer.content)
    }
}

/// The members whose word in `finished` is 0.
fn unfinished_members(finished: &Data) -> Vec<u32> {
    (0..finished.len()).filter(|&member| finished.real(member) == 0.0).map(|member| member as u32).collect()
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let own = std::mem::take(&mut self.buffers).into_iter();
        own.for_each(|buffer| self.gpu.buffers.give(buffer));
    }
}

fn create_dispatches(
    gpu: &Gpu,
    plan: &Plan,
    buffers: &[wgpu::Buffer],
    params: &wgpu::Buffer,
    offsets: &[u32],
) -> Result<Vec<Dispatch>> {
    let mut groups: HashMap<(&str, &[BufferId]), wgpu::BindGroup> = HashMap::new();
    let mut dispatches = Vec::new();
    for (run, &offset) in plan.runs.iter().zip(offsets) {
        let pipeline = gpu.pipeline(run)?;
        let group = groups.entry((run.entry.name, &run.buffers)).or_insert_with(|| {
            let uniform = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: params,
                offset: 0,
                size: std::num::NonZeroU64::new(run.params.bytes.len() as u64),
            });
            let storage = run.buffers.iter().map(|id| buffers[id.0].as_entire_binding());
            let entries: Vec<_> = std::iter::once(uniform)
                .chain(storage)
                .enumerate()
                .map(|(binding, resource)| wgpu::BindGroupEntry { binding: binding as u32, resource })
                .collect();
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(run.entry.name),
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            })
        });
        let cost = (run.entry.cost)(&*run.params.value);
        dispatches.push(Dispatch { pipeline, group: group.clone(), offset, work: cost.work() });
    }
    Ok(dispatches)
}
