//! A plan on an adapter: its buffers, its bind groups, its dispatches in bites that no watchdog minds, its readback.

use crate::device::gpu::Gpu;
use crate::device::gpu::clock::Clock;
use crate::device::gpu::pace::Pace;
use crate::device::gpu::upload::to_bytes;
use crate::device::profile::Profile;
use crate::error::{Error, Result};
use crate::plan::{BufferId, Content, Data, Extent, Inputs, Plan, Repeat, Words};
use crate::spec::Precision;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

/// A skip that leads past every member.
const NOBODY: u32 = 1 << 31;

/// What a readback callback is told.
type Mapped = std::result::Result<(), wgpu::BufferAsyncError>;

/// One plan, ready to run on chunks of up to `capacity` members.
pub struct Session<'a> {
    gpu: &'a Gpu,
    plan: &'a Plan,
    capacity: usize,
    buffers: Vec<wgpu::Buffer>,
    dispatches: Vec<Dispatch>,
    pace: Pace,
    /// Buffers for readbacks that are over.
    idle: Vec<wgpu::Buffer>,
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

/// A chunk whose outputs are on their way back.
pub struct Pending {
    staging: Vec<(wgpu::Buffer, Receiver<Mapped>)>,
    last: wgpu::SubmissionIndex,
    /// When it was asked for; in a profile, when all kernels had run.
    start: Instant,
}

impl<'a> Session<'a> {
    /// Makes buffers, pipelines and bind groups.
    pub fn new(gpu: &'a Gpu, plan: &'a Plan, capacity: usize) -> Result<Self> {
        let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffers = plan.buffers.iter().map(|buffer| create_buffer(gpu, buffer, capacity)).collect::<Vec<_>>();
        let (params, offsets) = create_params(gpu, plan);
        if let Some(error) = pollster::block_on(memory.pop()) {
            return Err(Error::Device(format!("{error}; try --chunk {}", (capacity / 2).max(1))));
        }
        let dispatches = create_dispatches(gpu, plan, &buffers, &params, &offsets)?;
        gpu.check_failure()?;
        let pace = Pace::new(gpu.description.software);
        let clock = if gpu.recorder.is_on() { Clock::new(gpu, plan.runs.len()) } else { None };
        Ok(Session { gpu, plan, capacity, buffers, dispatches, pace, idle: Vec::new(), clock })
    }

    /// Sends the inputs and all dispatches of one chunk, and asks for its outputs.
    pub fn start(&mut self, range: Range<usize>, inputs: &Inputs) -> Result<Pending> {
        let members = range.len();
        assert!(members <= self.capacity, "a chunk fits its session");
        let start = Instant::now();
        let mut encoder = self.encoder();
        for (id, buffer) in self.plan.buffers.iter().enumerate() {
            if self.plan.inputs.contains(&BufferId(id)) {
                let length = buffer.len();
                let own = range.start * length..range.end * length;
                let bytes = to_bytes(inputs.get(BufferId(id)), own, self.gpu.precision);
                self.gpu.uploads.write(&self.gpu.queue, &mut encoder, &self.buffers[id], &bytes);
            } else if !buffer.is_shared() {
                encoder.clear_buffer(&self.buffers[id], 0, None);
            }
        }
        self.gpu.uploads.leave_with(&encoder);
        let start = self.phase(start, &mut encoder, |profile, seconds| profile.upload += seconds)?;
        let all = self.plan.runs.len();
        let repeated = self.plan.repeat.as_ref().map_or(all..all, |repeat| repeat.runs.clone());
        let mut work = self.encode(&mut encoder, 0..repeated.start, members)?;
        if let Some(repeat) = &self.plan.repeat {
            self.pace.submit(self.gpu, encoder, work)?;
            self.read_clock(0..repeated.start)?;
            self.repeat(repeat, members)?;
            encoder = self.encoder();
        }
        work = self.encode(&mut encoder, repeated.end..all, members)?;
        let start = self.phase(start, &mut encoder, |profile, seconds| profile.compute += seconds)?;
        let unread = if self.plan.repeat.is_some() { repeated.end } else { 0 };
        self.read_clock(unread..all)?;
        let staging = self.copy_outputs(&mut encoder, members);
        let last = self.pace.submit(self.gpu, encoder, work)?;
        let staging = staging.into_iter().map(|buffer| (map(&buffer), buffer)).map(|(r, b)| (b, r)).collect();
        Ok(Pending { staging, last, start })
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

    /// Submits rounds of the repeated runs until all members are finished. The next round is under way while the
    /// words of the last one come back: what is finished leaves it at once, and is not in the round after it.
    fn repeat(&mut self, repeat: &Repeat, members: usize) -> Result<()> {
        let mut before: Option<Pending> = None;
        let mut unfinished = members;
        for _ in 0..repeat.most {
            let mut encoder = self.encoder();
            let work = self.encode(&mut encoder, repeat.runs.clone(), unfinished)?;
            let staging = self.copy(&mut encoder, repeat.finished.into(), members);
            let last = self.pace.submit(self.gpu, encoder, work)?;
            // The next round writes the same timestamps again.
            self.read_clock(repeat.runs.clone())?;
            let pending = Pending { staging: vec![(staging.clone(), map(&staging))], last, start: Instant::now() };
            if let Some(before) = before.replace(pending) {
                let words = self.receive(before, &[repeat.finished.into()])?;
                let left = unfinished_members(&words[0]);
                if left.is_empty() {
                    break;
                }
                if let Some(skips) = repeat.skips {
                    self.leave_out(skips, unfinished, &left);
                    unfinished = left.len();
                }
            }
        }
        Ok(())
    }

    /// Writes the skips that lead to the members `left`; the rest of the last ones, `before` in number, lead to nobody.
    fn leave_out(&self, skips: Words, before: usize, left: &[u32]) {
        let skip = |i: usize| left.get(i).map_or(NOBODY, |member| member - i as u32);
        let words: Vec<u32> = (0..before).map(skip).collect();
        self.gpu.queue.write_buffer(&self.buffers[BufferId::from(skips).0], 0, bytemuck::cast_slice(&words));
    }

    /// Waits for the outputs of a chunk.
    pub fn finish(&mut self, pending: Pending) -> Result<Vec<Data>> {
        let start = pending.start;
        let outputs = self.receive(pending, &self.plan.outputs)?;
        let profile = Profile { download: start.elapsed().as_secs_f64(), ..Profile::default() };
        self.gpu.recorder.add(&profile, 1.0);
        Ok(outputs)
    }

    /// Waits for copies of the buffers `ids`.
    fn receive(&mut self, pending: Pending, ids: &[BufferId]) -> Result<Vec<Data>> {
        self.gpu.wait(&pending.last)?;
        let mut outputs = Vec::new();
        for ((buffer, mapped), id) in pending.staging.into_iter().zip(ids) {
            mapped
                .recv()
                .map_err(|_| Error::Device("the adapter dropped a readback".to_string()))?
                .map_err(|error| Error::Device(format!("readback failed: {error}")))?;
            let view =
                buffer.get_mapped_range(..).map_err(|error| Error::Device(format!("readback failed: {error}")))?;
            outputs.push(match (self.plan.buffers[id.0].content, self.gpu.precision) {
                (Content::Real, Precision::F32) => Data::F32(bytemuck::pod_collect_to_vec(&view)),
                (Content::Real, Precision::F64) => Data::F64(bytemuck::pod_collect_to_vec(&view)),
                (Content::Word, _) => Data::Word(bytemuck::pod_collect_to_vec(&view)),
                (Content::Int, _) => Data::Int(bytemuck::pod_collect_to_vec(&view)),
            });
            drop(view);
            buffer.unmap();
            self.idle.push(buffer);
        }
        self.gpu.check_failure()?;
        Ok(outputs)
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

    fn copy_outputs(&mut self, encoder: &mut wgpu::CommandEncoder, members: usize) -> Vec<wgpu::Buffer> {
        let plan = self.plan;
        plan.outputs.iter().map(|&id| self.copy(encoder, id, members)).collect()
    }

    /// Copies a buffer to one that can be read.
    fn copy(&mut self, encoder: &mut wgpu::CommandEncoder, id: BufferId, members: usize) -> wgpu::Buffer {
        let size = self.plan.buffers[id.0].bytes(self.gpu.real_bytes()) * members as u64;
        let used_before = self.idle.iter().position(|buffer| buffer.size() == size);
        let create = || {
            self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("readback"),
                size,
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            })
        };
        let staging = used_before.map_or_else(create, |i| self.idle.swap_remove(i));
        encoder.copy_buffer_to_buffer(&self.buffers[id.0], 0, &staging, 0, size);
        staging
    }
}

/// The members whose word in `finished` is 0.
fn unfinished_members(finished: &Data) -> Vec<u32> {
    (0..finished.len()).filter(|&member| finished.real(member) == 0.0).map(|member| member as u32).collect()
}

fn map(buffer: &wgpu::Buffer) -> Receiver<Mapped> {
    let (sender, receiver) = channel();
    // The receiver may be gone when an earlier error ended the run.
    buffer.map_async(wgpu::MapMode::Read, .., move |result| drop(sender.send(result)));
    receiver
}

fn create_buffer(gpu: &Gpu, buffer: &crate::plan::Buffer, capacity: usize) -> wgpu::Buffer {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
    let copies = if buffer.is_shared() { 1 } else { capacity as u64 };
    let created = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(buffer.label),
        size: buffer.bytes(gpu.real_bytes()) * copies,
        usage,
        mapped_at_creation: false,
    });
    if let Extent::Shared(data) = &buffer.extent {
        gpu.queue.write_buffer(&created, 0, &to_bytes(data, 0..data.len(), gpu.precision));
    }
    created
}

/// One uniform buffer for the parameters of all runs, and the offset of each; equal parameters share a place.
fn create_params(gpu: &Gpu, plan: &Plan) -> (wgpu::Buffer, Vec<u32>) {
    let alignment = gpu.limits.min_uniform_buffer_offset_alignment as usize;
    let mut bytes = Vec::new();
    let mut places: HashMap<&[u8], u32> = HashMap::new();
    let mut offsets = Vec::new();
    for run in &plan.runs {
        let offset = *places.entry(&run.params.bytes).or_insert_with(|| {
            let offset = bytes.len() as u32;
            bytes.extend_from_slice(&run.params.bytes);
            bytes.resize(bytes.len().next_multiple_of(alignment), 0);
            offset
        });
        offsets.push(offset);
    }
    bytes.resize(bytes.len().max(alignment), 0);
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("params"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 0, &bytes);
    (buffer, offsets)
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
