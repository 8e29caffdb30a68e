//! The GPU device: plans become dispatches, breadth-first over the members of a chunk.

mod adapter;
mod buffers;
mod checksum;
mod clock;
mod hand_in;
mod layout;
mod pace;
mod pool;
mod readback;
mod session;
mod upload;

pub use adapter::{Adapter, DRIVER_HINT, adapters, choose};
#[doc(hidden)]
pub use layout::check;
/// The version of wgpu whose devices and buffers can be handed in.
pub use wgpu;

use crate::device::pace::members_of_half_a_second;
use crate::device::profile::Recorder;
use crate::device::{Description, chunks};
use crate::error::remedy::{CHUNK, CPU, Piece::Text};
use crate::error::{Error, Remedy, Result};
use crate::invalid;
use crate::kernel::{Access, Entry};
use crate::machine::{Blocks, Machine, Processor};
use crate::plan::{BufferId, Chunk, Inputs, Plan, Run};
use crate::spec::Precision;
use pool::Pool;
use readback::Readbacks;
use session::Session;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use upload::Uploads;

/// The name of a kernel and the bits of its `override` constants.
type PipelineKey = (&'static str, Vec<u64>);

/// Flops plus bytes of one dispatch at most: it cannot be taken apart, and half a second is too long for watchdogs. A
/// slow adapter of 200 GFLOP/s needs that long for it, a fast one some milliseconds.
const MOST_WORK: f64 = 1e11;

/// The same for a software driver: a tenth of a second.
const MOST_WORK_OF_SOFTWARE: f64 = 4e8;

/// A submission that takes longer is taken for a hang.
const STALL: Duration = Duration::from_secs(300);

/// Members of a chunk that a GPU is never asked to go below for the sake of progress.
const LEAST_CHUNK: u64 = 16;

/// Bytes of inputs that are taken in at a time, if they are those of [`FILL`] members. The host copies them while the
/// chunk before runs; in one piece nothing would overlap. On an H100 and 16 cores 64 MiB were no slower: there the host needs 2
/// to 3 ms for each chunk of small matrices, whatever its size, while the card waits.
const INPUTS: u64 = 16 << 20;

/// Members that keep the largest cards busy: an H100 holds 16 workgroups on each of its 132 processors where a matrix of
/// width 64 lies in workgroup memory. Matrices of width 32 and 16 are as many as it holds where they have 16 MiB.
const FILL: u64 = 2048;

/// An opened adapter with its compiled kernels.
pub struct Gpu {
    description: Description,
    device: wgpu::Device,
    queue: wgpu::Queue,
    limits: wgpu::Limits,
    memory: u64,
    precision: Precision,
    /// How all products are laid out, if that is not to be decided for each.
    blocks: Mutex<Option<Blocks>>,
    /// Are all kernels compiled with checks, also those that are trusted?
    checked: bool,
    pipelines: Mutex<HashMap<PipelineKey, Arc<wgpu::ComputePipeline>>>,
    /// The shader that sums outputs, compiled on first use.
    checksum: OnceLock<wgpu::ComputePipeline>,
    /// Is the next readback to be a wrong one? For tests of what follows.
    garbled: AtomicBool,
    /// Are the next outputs not to be copied? For the same.
    omitted: AtomicBool,
    /// Chunks whose outputs have been summed.
    summed: AtomicU32,
    /// The first error that no call returned: wgpu's default handler would panic.
    failure: Arc<Mutex<Option<String>>>,
    recorder: Recorder,
    uploads: Uploads,
    readbacks: Readbacks,
    /// Of plans that have run.
    buffers: Pool,
}

impl Gpu {
    /// What it is.
    pub fn description(&self) -> Description {
        self.description.clone()
    }

    pub(super) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Gives the device up while it is in use.
    pub(super) fn lose(&self) {
        self.device.destroy();
    }

    /// Has the words of the next readback come out wrong.
    pub(super) fn garble(&self) {
        self.garbled.store(true, Ordering::SeqCst);
    }

    /// Has the outputs of the next chunk not copied to where the host reads them.
    pub(super) fn omit(&self) {
        self.omitted.store(true, Ordering::SeqCst);
    }

    /// The numbers of its kernels.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes of a number.
    fn real_bytes(&self) -> usize {
        match self.precision {
            Precision::F32 => 4,
            Precision::F64 => 8,
        }
    }

    /// The same with all choices made as on hardware: workgroups, chunks. For tests of them on software drivers.
    pub fn with_choices_for_hardware(mut self) -> Self {
        self.description.software = false;
        self
    }

    /// What `work` returns with all products laid out in one way, to measure and to test it.
    pub fn with_blocks<R>(&self, blocks: Blocks, work: impl FnOnce() -> R) -> R {
        let set = |blocks| *self.blocks.lock().expect("no holder of the lock panics") = blocks;
        set(Some(blocks));
        let result = work();
        set(None);
        result
    }

    /// The same with every kernel compiled with wgpu's checks, for tests of those that are trusted without.
    pub fn with_checks(mut self) -> Self {
        self.checked = true;
        self
    }

    /// As many members as fit the largest binding, the dispatch limit and the memory, as are about half a second's work,
    /// and as have inputs that the host takes in while the chunk before runs; in a profile nothing overlaps.
    pub fn chunk_size(&self, plan: &Plan) -> usize {
        let binding = self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size);
        let real = self.real_bytes();
        let bytes = |ids: &[BufferId]| ids.iter().map(|id| plan.buffers[id.0].bytes(real)).sum::<u64>();
        let largest = plan.buffers.iter().filter(|b| !b.is_shared()).map(|b| b.bytes(real)).max().unwrap_or(4);
        // Outputs are there twice, for the readback of one chunk while the next one runs.
        let memory = self.memory / (plan.bytes_per_member(real) + 2 * bytes(&plan.outputs)).max(1);
        let inputs = match self.recorder.is_on() {
            true => u64::MAX,
            false => (INPUTS / bytes(&plan.inputs).max(1)).max(FILL),
        };
        let processor = self.machine().processor;
        let work = (members_of_half_a_second(processor, plan.cost().work()) as u64).max(LEAST_CHUNK);
        let most = if self.description.software { MOST_WORK_OF_SOFTWARE } else { MOST_WORK };
        let by_run = (most / plan.largest_run().max(1.0)) as u64;
        (binding / largest)
            .min(memory)
            .min(inputs)
            .min(work)
            .min(by_run)
            .min(self.limits.max_compute_workgroups_per_dimension as u64)
            .max(1) as usize
    }

    /// See [`Device::run`](crate::device::Device::run).
    pub fn run(
        &self,
        plan: &Plan,
        members: usize,
        chunk: usize,
        inputs: &Inputs,
        sink: &mut dyn FnMut(Chunk) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        self.guarded(|| self.run_chunks(plan, members, chunk, inputs, sink))
    }

    /// wgpu panics when a device is lost in the middle of a call; that is a device failure, not a bug of ours.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => result,
            Err(panic) => {
                self.check_failure()?;
                resume_unwind(panic)
            }
        }
    }

    fn run_chunks(
        &self,
        plan: &Plan,
        members: usize,
        chunk: usize,
        inputs: &Inputs,
        sink: &mut dyn FnMut(Chunk) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        // Of equal size, or a last one of a few members would take as long as a full one.
        let chunk = members.div_ceil(members.div_ceil(chunk).max(1));
        let mut session = Session::new(self, plan, chunk)?;
        let mut ranges = chunks(members, chunk);
        if self.recorder.is_on() {
            // One after the other, so that the parts of the time can be told.
            for range in ranges {
                let prepared = session.prepare(range, inputs)?;
                let running = session.begin(prepared)?;
                let leaving = session.complete(running)?;
                if sink(session.finish(leaving)?)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        // While a chunk runs, the inputs of the next one are taken in and the outputs of the last one are digested.
        let mut next = ranges.next().map(|range| session.prepare(range, inputs)).transpose()?;
        let mut before = None;
        while let Some(prepared) = next {
            let running = session.begin(prepared)?;
            next = ranges.next().map(|range| session.prepare(range, inputs)).transpose()?;
            if let Some(leaving) = before.take()
                && sink(session.finish(leaving)?)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
            before = Some(session.complete(running)?);
        }
        match before {
            Some(leaving) => sink(session.finish(leaving)?),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    /// What kernels may know of the adapter.
    pub fn machine(&self) -> Machine {
        Machine {
            processor: if self.description.software { Processor::Software } else { Processor::Hardware },
            workgroup_bytes: self.limits.max_compute_workgroup_storage_size,
            real_bytes: self.real_bytes() as u32,
            blocks: *self.blocks.lock().expect("no holder of the lock panics"),
        }
    }

    /// The shader of a kernel. wgpu adds a counter to every loop, in case it does not end, a comparison to every index
    /// into workgroup memory and a guard to every division. On lavapipe the counters cost the linear sweep 12 to 36 %
    /// (three pairs in turns); other drivers have been seen to suffer by much more. In the products' inner loop there is
    /// an index for every 16 multiply-adds.
    fn module(&self, entry: &Entry, source: String) -> wgpu::ShaderModule {
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(entry.name), source: wgpu::ShaderSource::Wgsl(source.into()) };
        if self.checked || !entry.trusted {
            return self.device.create_shader_module(descriptor);
        }
        let checks = wgpu::ShaderRuntimeChecks::unchecked();
        // SAFETY: a trusted kernel has no loops but `for` over ranges from its parameters, which end; it keeps its
        // indices within their arrays and its divisors above 0 by itself. Tests compare it with its checked build bit
        // for bit, on all cases.
        unsafe { self.device.create_shader_module_trusted(descriptor, checks) }
    }

    /// The compiled kernel of a run, made on first use.
    fn pipeline(&self, run: &Run) -> Result<Arc<wgpu::ComputePipeline>> {
        let entry = run.entry;
        let overrides = (entry.overrides)(&*run.params.value, &self.machine());
        let key = (entry.name, overrides.iter().map(|(_, value)| value.to_bits()).collect());
        let mut pipelines = self.pipelines.lock().expect("no holder of the lock panics");
        if let Some(pipeline) = pipelines.get(&key) {
            return Ok(pipeline.clone());
        }
        let source = self.source(entry)?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.module(entry, source);
        let layout = self.pipeline_layout(entry);
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry.name),
            layout: Some(&layout),
            module: &module,
            entry_point: Some(entry.name),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &overrides,
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(Error::Bug(format!("shader {} was rejected: {error}", entry.name)));
        }
        let pipeline = Arc::new(pipeline);
        pipelines.insert(key, pipeline.clone());
        Ok(pipeline)
    }

    /// The shader in the precision of this device.
    fn source(&self, entry: &Entry) -> Result<String> {
        match self.precision {
            Precision::F32 => Ok(entry.source()),
            Precision::F64 => match entry.parts_in_f64() {
                Some(parts) => Ok(parts.iter().map(|part| part.source).collect()),
                None => invalid!("{} runs in f32 only; open the adapter in f32", entry.name),
            },
        }
    }

    /// Parameters at binding 0 with a dynamic offset, then the kernel's buffers.
    fn pipeline_layout(&self, entry: &Entry) -> wgpu::PipelineLayout {
        let kind = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
        let uniform = wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: true,
            min_binding_size: None,
        };
        let storage = entry
            .buffers
            .iter()
            .map(|binding| kind(wgpu::BufferBindingType::Storage { read_only: binding.access == Access::Read }));
        let entries: Vec<_> = std::iter::once(uniform)
            .chain(storage)
            .enumerate()
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty,
                count: None,
            })
            .collect();
        let group = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(entry.name), entries: &entries });
        self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(entry.name),
            bind_group_layouts: &[Some(&group)],
            immediate_size: 0,
        })
    }

    /// Waits for a submission and all before it.
    fn wait(&self, index: &wgpu::SubmissionIndex) -> Result<()> {
        let poll = wgpu::PollType::Wait { submission_index: Some(index.clone()), timeout: Some(STALL) };
        match self.device.poll(poll) {
            Ok(_) => self.check_failure(),
            Err(error) => {
                let silent = Error::Device(format!("adapter {} does not answer: {error}", self.description.name));
                Err(silent.remedied(Remedy::chunk(1)))
            }
        }
    }

    /// Fails if the adapter has failed since the last call.
    fn check_failure(&self) -> Result<()> {
        let failure = self.failure.lock().expect("no holder of the lock panics");
        match &*failure {
            None => Ok(()),
            Some(what) => {
                let remedy = Remedy::of(&[Text("try "), CHUNK, Text(" with fewer members, or "), CPU]);
                Err(Error::Device(format!("adapter {} failed: {what}", self.description.name)).remedied(remedy))
            }
        }
    }
}
