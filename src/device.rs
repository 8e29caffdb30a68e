//! Where plans run: a GPU through wgpu, the fast CPU path in f32, or the f64 reference.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(not(feature = "gpu"))]
#[path = "device/no_gpu.rs"]
pub mod gpu;
mod pace;
#[doc(hidden)]
pub mod parity;
#[doc(hidden)]
pub mod profile;
#[doc(hidden)]
pub mod self_test;

use crate::error::Result;
use crate::kernel::Access;
use crate::machine::{Machine, Processor};
use crate::plan::{BufferId, Chunk, Inputs, Plan, Run};
use crate::spec::Precision;
use cpu::Cpu;
use gpu::Gpu;
use profile::{Profile, Recorder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Is told how far a run is, as a fraction from 0 to 1; may ask it to stop.
pub type Progress<'a> = &'a mut dyn FnMut(f64) -> ControlFlow<()>;

/// A device that runs plans: see the table in the README.
#[non_exhaustive]
pub enum Device {
    /// f32 on an adapter, through WGSL.
    Gpu(Box<Gpu>),
    /// f32 on all cores, through the twins.
    Cpu(Cpu<f32>),
    /// f64 on all cores, through the same twins.
    Reference(Cpu<f64>),
}

/// What kind of device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// f32 on an adapter.
    Gpu,
    /// f32 on all cores.
    Cpu,
    /// f64 on all cores.
    Reference,
}

impl Kind {
    /// The word for it, as on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Gpu => "gpu",
            Kind::Cpu => "cpu",
            Kind::Reference => "reference",
        }
    }
}

/// What a device is, for the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// Its kind.
    pub kind: Kind,
    /// The adapter or the processor.
    pub name: String,
    /// The driver and its version, or the instruction set and the number of threads.
    pub driver: String,
    /// `vulkan`, `metal`, `dx12` or `host`.
    pub backend: String,
    /// Is it a GPU driver that runs on the CPU?
    pub software: bool,
}

impl Description {
    /// The device in the caption of a figure: its kind, its number type and its name.
    pub fn caption(&self) -> String {
        let numbers = if self.kind == Kind::Reference { "f64" } else { "f32" };
        let software = if self.software { ", software" } else { "" };
        format!("{} {numbers}{software}: {}", self.kind.word(), self.name)
    }
}

impl std::fmt::Display for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let software = if self.software { ", software" } else { "" };
        write!(f, "{}: {} ({}, {}{software})", self.kind.word(), self.name, self.backend, self.driver)
    }
}

impl Device {
    /// The device that a word of the command line means: `auto`, `gpu`, `software`, `cpu`, `reference`, or a part of
    /// an adapter's name. Never silently a software
    /// driver: where there is no hardware GPU, `auto` is the processor.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::error::Error::Adapter) where no adapter fits the word;
    /// [`Error::Device`](crate::error::Error::Device) where one cannot be opened.
    pub fn open(word: &str) -> Result<Device> {
        Self::open_in(Precision::F32, word)
    }

    /// [`Device::open`], with kernels in f32 or f64 where it is a GPU. In f64 there are the kernels of
    /// [`spectrum::device`](crate::spectrum::device); an adapter without f64 is refused, and `auto` passes it by.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::error::Error::Adapter) where no adapter fits the word or has f64;
    /// [`Error::Device`](crate::error::Error::Device) where one cannot be opened.
    pub fn open_in(precision: Precision, word: &str) -> Result<Device> {
        let fits = |adapter: &gpu::Adapter| precision == Precision::F32 || adapter.has_f64();
        match word {
            "cpu" => Ok(Device::Cpu(Cpu::default())),
            "reference" => Ok(Device::Reference(Cpu::default())),
            "auto" => {
                match gpu::adapters().into_iter().find(|adapter| !adapter.description.software && fits(adapter)) {
                    Some(adapter) => Ok(Device::Gpu(Box::new(adapter.open_in(precision)?))),
                    None => Ok(Device::Cpu(Cpu::default())),
                }
            }
            word => Ok(Device::Gpu(Box::new(gpu::choose(word)?.open_in(precision)?))),
        }
    }

    /// What the device is, for records and captions.
    pub fn description(&self) -> Description {
        match self {
            Device::Gpu(gpu) => gpu.description(),
            Device::Cpu(_) => cpu::description(Kind::Cpu),
            Device::Reference(_) => cpu::description(Kind::Reference),
        }
    }

    /// Whether it runs every kernel: a GPU opened in f64 has those of the eigenvalues only.
    pub fn has_all_kernels(&self) -> bool {
        !matches!(self, Device::Gpu(gpu) if gpu.precision() == Precision::F64)
    }

    /// Is it the host itself, where solvers of its own can take over? Else it is behind a driver, which builds pipelines
    /// before a first run.
    pub fn is_host(&self) -> bool {
        self.machine().processor == Processor::Host
    }

    /// Does it compute in f32?
    pub fn is_single(&self) -> bool {
        self.epsilon() > f64::EPSILON
    }

    /// The distance from 1 to the next number: 2^-23 or 2^-52.
    pub fn epsilon(&self) -> f64 {
        self.machine().epsilon()
    }

    /// Loses a GPU, as a driver that fails would: for tests of what follows.
    #[doc(hidden)]
    pub fn lose(&self) {
        if let Device::Gpu(gpu) = self {
            gpu.lose();
        }
    }

    /// Has the next readback of a GPU come out wrong: for tests of what follows.
    #[doc(hidden)]
    pub fn garble(&self) {
        if let Device::Gpu(gpu) = self {
            gpu.garble();
        }
    }

    /// Has the next outputs of a GPU stay where they are: for tests of what follows.
    #[doc(hidden)]
    pub fn omit(&self) {
        if let Device::Gpu(gpu) = self {
            gpu.omit();
        }
    }

    /// What kernels may know of it.
    pub fn machine(&self) -> Machine {
        match self {
            Device::Gpu(gpu) => gpu.machine(),
            Device::Cpu(_) => Machine::of(Processor::Host),
            Device::Reference(_) => Machine { real_bytes: 8, ..Machine::of(Processor::Host) },
        }
    }

    /// Members of so much work each, flops plus bytes, that are about half a second of it: so progress is seen, and a
    /// run can be stopped soon. At least one, and as many as it works on at a time.
    pub fn members_of_half_a_second(&self, work: f64) -> usize {
        pace::members_of_half_a_second(self.machine().processor, work)
    }

    /// Flops of a trial that is over in about half a second.
    pub fn flops_of_a_trial(&self) -> f64 {
        pace::flops_of_a_trial(self.machine().processor)
    }

    /// The members of a plan that it takes at once.
    pub fn chunk_size(&self, plan: &Plan) -> usize {
        match self {
            Device::Gpu(gpu) => gpu.chunk_size(plan),
            Device::Cpu(cpu) => cpu.chunk_size(plan),
            Device::Reference(cpu) => cpu.chunk_size(plan),
        }
    }

    /// Runs `plan` for members `0..members` in chunks of at most `chunk` members (0: as many as fit), handing each
    /// chunk's outputs to `sink` in order.
    ///
    /// # Errors
    /// Whatever the device fails with, and the first error of `sink`, which ends the run.
    pub fn run(
        &self,
        plan: &Plan,
        members: usize,
        chunk: usize,
        inputs: &Inputs,
        sink: &mut dyn FnMut(Chunk) -> Result<()>,
    ) -> Result<()> {
        let _ = self.run_until(plan, members, chunk, inputs, &mut |chunk| sink(chunk).map(ControlFlow::Continue))?;
        Ok(())
    }

    /// [`Device::run`] with a sink that may end the run early, after any chunk. Returns whether it did: chunks behind
    /// the one that it breaks at are dropped.
    ///
    /// # Errors
    /// As for [`Device::run`].
    pub fn run_until(
        &self,
        plan: &Plan,
        members: usize,
        chunk: usize,
        inputs: &Inputs,
        sink: &mut dyn FnMut(Chunk) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let fits = self.chunk_size(plan);
        let chunk = if chunk == 0 { fits } else { chunk.min(fits) };
        match self {
            Device::Gpu(gpu) => gpu.run(plan, members, chunk, inputs, sink),
            Device::Cpu(cpu) => cpu.run(plan, members, chunk, inputs, sink),
            Device::Reference(cpu) => cpu.run(plan, members, chunk, inputs, sink),
        }
    }

    /// Runs the first `at` runs of a plan for its only member, once. Returns the plan of the runs behind them, for as often as
    /// they are wanted, with what they read of the first ones: inputs, beside those of the plan itself that they read.
    ///
    /// # Errors
    /// As for [`Device::run`].
    ///
    /// # Panics
    /// For a plan with runs that are repeated.
    pub fn begin(&self, mut plan: Plan, at: usize, inputs: &Inputs) -> Result<(Plan, Inputs<'static>)> {
        assert!(plan.repeat.is_none(), "an iteration is not divided");
        let rest = plan.runs.split_off(at);
        let (outputs, given) = (std::mem::take(&mut plan.outputs), std::mem::take(&mut plan.inputs));
        let is_read = |id: &BufferId| rest.iter().any(|run| run.buffers.contains(id));
        let written = |run: &Run| -> Vec<BufferId> {
            let buffers = run.buffers.iter().zip(run.entry.buffers);
            buffers.filter(|(_, binding)| binding.access == Access::Write).map(|(&id, _)| id).collect()
        };
        plan.outputs =
            plan.runs.iter().flat_map(written).collect::<BTreeSet<_>>().into_iter().filter(is_read).collect();
        let first = |id: &BufferId| plan.runs.iter().any(|run| run.buffers.contains(id));
        plan.inputs = given.iter().copied().filter(first).collect();
        let mut left = Vec::new();
        self.run(&plan, 1, 0, inputs, &mut |chunk| {
            left = chunk.into_outputs();
            Ok(())
        })?;
        let own = given.into_iter().filter(|id| is_read(id) && !plan.outputs.contains(id)).collect();
        let kept = std::mem::replace(&mut plan.outputs, outputs);
        plan.inputs = [own, kept.clone()].concat();
        plan.runs = rest;
        Ok((plan, kept.into_iter().zip(left).collect()))
    }

    /// What `work` returns, and where the time of the runs that it made on this device went. They are slower than
    /// others, because transfers and kernels do not overlap.
    pub fn profiled<R>(&self, work: impl FnOnce() -> R) -> (R, Profile) {
        self.recorder().begin();
        let result = work();
        (result, self.recorder().end())
    }

    fn recorder(&self) -> &Recorder {
        match self {
            Device::Gpu(gpu) => gpu.recorder(),
            Device::Cpu(cpu) => &cpu.recorder,
            Device::Reference(cpu) => &cpu.recorder,
        }
    }
}

/// The ranges of at most `chunk` members that make up `members`.
fn chunks(members: usize, chunk: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let chunk = chunk.max(1);
    (0..members).step_by(chunk).map(move |start| start..members.min(start + chunk))
}

/// Bytes of memory that a run may take on the host: a quarter of what is free, between 64 and 512 MiB.
fn host_budget() -> u64 {
    const MIB: u64 = 1 << 20;
    let free = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .map_or(2048 * MIB, |kib| kib * 1024);
    (free / 4).clamp(64 * MIB, 512 * MIB)
}
