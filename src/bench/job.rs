//! One thing to time: a kernel on its largest parity case, or an end-to-end workload.

use crate::device::Device;
use crate::device::profile::Profile;
use crate::error::Result;
use crate::kernel::{Case, Cost, Entry, ErasedParams};
use crate::plan::{Data, Inputs, Plan};
use std::sync::OnceLock;
use std::time::Instant;

/// Runs of a kernel in the plan that times it.
const RUNS: usize = 4;

/// Does the work for so many members.
type Work = Box<dyn Fn(&Device, usize) -> Result<()> + Send + Sync>;

/// One thing to time.
pub struct Job {
    /// The row.
    pub name: String,
    /// The sizes of a member's work.
    pub shape: String,
    /// How many members.
    pub members: usize,
    /// Work of one member, if it is counted.
    pub cost: Option<Cost>,
    /// What it runs on.
    pub reach: Reach,
    /// The kernel, if it is one.
    pub kernel: Option<&'static str>,
    /// The work.
    pub work: Work,
}

/// Which devices have a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Not a software driver, for which it is too much.
    NotSoftware,
    /// The host only: nothing of it runs on a GPU.
    Host,
}

/// One repetition.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Wall clock; for a kernel, seconds in it for all members once.
    pub seconds: f64,
    /// Processor time of this process, where the system tells; workloads only.
    pub cpu_seconds: Option<f64>,
}

impl Job {
    /// `kernel` or `workload`.
    pub fn kind(&self) -> &'static str {
        if self.kernel.is_some() { "kernel" } else { "workload" }
    }

    /// Is it for a device of this label?
    pub fn runs_on(&self, label: &str) -> bool {
        match self.reach {
            Reach::All => true,
            Reach::NotSoftware => label != "software",
            Reach::Host => !matches!(label, "gpu" | "software"),
        }
    }

    /// Has a device compile and allocate what the job needs: a kernel for one member, all of a workload.
    pub fn warm_up(&self, device: &Device) -> Result<()> {
        (self.work)(device, if self.kernel.is_some() { 1 } else { self.members })
    }

    /// Runs it for `members` members: a workload once, a kernel some times, as the plan has it.
    pub fn samples(&self, device: &Device, members: usize) -> Result<Vec<Sample>> {
        if let Some(kernel) = self.kernel {
            let (result, profile) = device.profiled(|| (self.work)(device, members));
            result?;
            return Ok(in_kernel(kernel, &profile));
        }
        let (start, before) = (Instant::now(), processor_seconds());
        (self.work)(device, members)?;
        let seconds = start.elapsed().as_secs_f64();
        let cpu_seconds = processor_seconds().zip(before).map(|(after, before)| after - before);
        Ok(vec![Sample { seconds, cpu_seconds }])
    }

    /// Where the time of one more repetition goes.
    pub fn profile(&self, device: &Device) -> Result<Profile> {
        let (result, profile) = device.profiled(|| (self.work)(device, self.members));
        result.map(|()| profile)
    }
}

/// The runs of a kernel's plan; their mean where there are no timestamps.
fn in_kernel(kernel: &str, profile: &Profile) -> Vec<Sample> {
    let runs = match profile.kernels.contains_key(kernel) {
        true => profile.runs.clone(),
        false => vec![profile.compute / RUNS as f64],
    };
    runs.into_iter().map(|seconds| Sample { seconds, cpu_seconds: None }).collect()
}

/// Seconds that all threads of this process have had a processor, on Linux.
fn processor_seconds() -> Option<f64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    Some(threads.filter_map(nanoseconds).sum::<f64>() / 1e9)
}

/// The job of a kernel: its parity case with the most work, for as many members as make a measurable time.
pub fn of_kernel(entry: &'static Entry, quick: bool, hardware: bool) -> Job {
    let work_of = |case: &Case<ErasedParams>| {
        let cost = (entry.cost)(&*case.params.value);
        cost.flops + cost.bytes
    };
    let case = largest(entry, work_of);
    // Of a copy a run sees two fifths of the memory: more than the caches of a card hold.
    let (work, memory) = match (quick, hardware) {
        (true, _) => (2e6, 20 << 20),
        (false, false) => (1e8, 80 << 20),
        (false, true) => (1e10, 192 << 20),
    };
    let by_work = (work / work_of(&case)) as usize;
    let shape = case.name.split(", ").next().unwrap_or_default().to_string();
    let cost = (entry.cost)(&*case.params.value);
    let bytes = plan_of(entry, case, 1).0.bytes_per_member(size_of::<f32>()) as usize;
    let members = by_work.min(memory / bytes.max(1)).clamp(2, 1 << 15);
    // Made when it is first needed, and gone with the job.
    let made = OnceLock::new();
    Job {
        name: entry.name.to_string(),
        shape,
        members,
        cost: Some(cost),
        reach: Reach::All,
        kernel: Some(entry.name),
        work: Box::new(move |device, count| {
            let (plan, inputs) = made.get_or_init(|| plan_of(entry, largest(entry, work_of), members));
            device.run(plan, count, 0, inputs, &mut |_| Ok(()))
        }),
    }
}

fn largest(entry: &Entry, work_of: impl Fn(&Case<ErasedParams>) -> f64) -> Case<ErasedParams> {
    let by_work = |a: &Case<ErasedParams>, b: &Case<ErasedParams>| work_of(a).total_cmp(&work_of(b));
    // The first of equals: cases go from the plain to the special.
    (entry.cases)().into_iter().rev().max_by(by_work).expect("every kernel has a case")
}

/// The kernel some times on the contents of a case. Nothing comes back: that would take longer than the kernel.
fn plan_of(entry: &'static Entry, case: Case<ErasedParams>, members: usize) -> (Plan, Inputs<'static>) {
    let numbers = |values: Vec<f64>| Data::F32(values.into_iter().map(|x| x as f32).collect());
    let (plan, inputs, _) = Plan::of_case(entry, case, members, numbers, RUNS);
    (plan, inputs)
}
