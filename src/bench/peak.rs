//! The ceilings of a device: how fast it can multiply and add, and how fast it can copy what no cache holds.

use super::watch::Watch;
use super::{Row, label};
use crate::device::Device;
use crate::error::Result;
use crate::kernel::probe_copy::{self, ProbeCopy};
use crate::kernel::probe_fma::{self, ProbeFma};
use crate::kernel::{Kernel, Signature};
use crate::numbers::random::Tensor;
use crate::plan::Plan;
use crate::weights::{Size, Source};
use rayon::ThreadPool;
use rayon::prelude::*;
use serde::Serialize;
use std::time::Instant;

/// The ceilings of a device, the best of all probes.
#[derive(Clone, Debug, Serialize)]
pub struct Peak {
    /// `gpu`, `software`, `cpu` or `reference`.
    pub device: &'static str,
    /// Fused multiply-adds from registers, 10^9 operations a second, two for each; or a row that did more in its median
    /// repetition than the probe in its best one.
    pub gflops: f64,
    /// That row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The same with one thread; none on a GPU.
    pub gflops_of_one_thread: Option<f64>,
    /// Reading and writing large arrays, 10^9 bytes a second, both directions counted.
    pub gigabytes_per_second: f64,
}

/// Bytes of each of the two arrays of the host's copy: more than most caches hold.
const COPY_BYTES: usize = 256 << 20;
/// The same of a quick run.
const QUICK_COPY_BYTES: usize = 64 << 20;
/// Numbers that a thread copies at a time.
const COPY_PIECE: usize = 1 << 18;
/// Runs of a probe in its plan.
const RUNS: usize = 4;
/// Times that a plan is run; the best run counts.
const REPETITIONS: usize = 6;
/// Rows and columns of what a member of the copying probe has: 512 KiB.
const COPIED: Size = Size { rows: 256, columns: 512 };
/// Numbers of a member of the multiplying probe: whole blocks of every device.
const MULTIPLIED: usize = 3072;
/// Its loop trips, 25 million operations for a member.
const TRIPS: u32 = 1024;

impl Peak {
    /// A ceiling is no lower than what a row reached.
    pub(super) fn raise(&mut self, row: &Row) {
        if let Some(gflops) = row.gflops.filter(|&gflops| gflops > self.gflops) {
            self.gflops = gflops;
            self.row = Some(row.name.clone());
        }
    }
}

/// The ceilings of all devices, or of those that are measured before `watch` stops.
pub(super) fn measure_all(devices: &[Device], quick: bool, watch: &mut Watch<'_>) -> Result<Vec<Peak>> {
    let mut peaks = Vec::new();
    for device in devices {
        peaks.extend(measure(device, quick, watch)?);
    }
    Ok(peaks)
}

/// Measures again and keeps the better.
pub(super) fn raise_all(peaks: &mut [Peak], devices: &[Device], quick: bool, watch: &mut Watch<'_>) -> Result<()> {
    for (peak, again) in peaks.iter_mut().zip(measure_all(devices, quick, watch)?) {
        if again.gflops > peak.gflops {
            (peak.gflops, peak.row) = (again.gflops, None);
        }
        peak.gigabytes_per_second = peak.gigabytes_per_second.max(again.gigabytes_per_second);
        peak.gflops_of_one_thread = peak.gflops_of_one_thread.zip(again.gflops_of_one_thread).map(|(a, b)| a.max(b));
    }
    Ok(())
}

/// The ceilings of a device, if `watch` does not stop before they are measured.
fn measure(device: &Device, quick: bool, watch: &mut Watch<'_>) -> Result<Option<Peak>> {
    let (multiply, copy) = members(device, quick);
    let fma = Probe::multiplying();
    let Some(gflops) = fma.best(device, multiply, None, watch)? else { return Ok(None) };
    let mut peak =
        Peak { device: label(device), gflops, row: None, gflops_of_one_thread: None, gigabytes_per_second: 0.0 };
    if device.is_host() {
        // Where the system has no thread to give, there is no speed of one.
        if let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() {
            let members = multiply / rayon::current_num_threads();
            peak.gflops_of_one_thread = fma.best(device, members, Some(&pool), watch)?;
        }
        if watch.goes_on() {
            peak.gigabytes_per_second = host_copy(if quick { QUICK_COPY_BYTES } else { COPY_BYTES });
        }
    } else if let Some(speed) = Probe::copying().best(device, copy, None, watch)? {
        peak.gigabytes_per_second = speed;
    }
    Ok((!watch.is_stopped()).then_some(peak))
}

/// Members of the multiplying and of the copying probe. A card's copy reads and writes a gibibyte, which no cache holds,
/// and takes much longer than its launch; as many operations as a dispatch may have take a card some milliseconds. All
/// threads of a host have as many members.
fn members(device: &Device, quick: bool) -> (usize, usize) {
    match (label(device), quick) {
        ("gpu", _) => (3900, 1024),
        (_, false) => (16 * rayon::current_num_threads(), 64),
        (_, true) => (2 * rayon::current_num_threads(), 16),
    }
}

/// A kernel that only computes, or only copies, on numbers that are made on the device.
struct Probe {
    plan: Plan,
    source: Source,
    kernel: &'static str,
    /// Operations, or bytes, of a member in one run.
    units: f64,
}

impl Probe {
    fn multiplying() -> Self {
        let mut plan = Plan::new();
        let source = Source::new(&mut plan, 1);
        // Zeros, which run to the fixed point at 1.
        let x = plan.reals("x", MULTIPLIED);
        let params = probe_fma::Params { length: MULTIPLIED as u32, trips: TRIPS, a: 0.75, b: 0.25 };
        let units = ProbeFma::cost(&params).flops;
        (0..RUNS).for_each(|_| plan.run(params, probe_fma::Buffers { x }));
        Probe { plan, source, kernel: ProbeFma::NAME, units }
    }

    fn copying() -> Self {
        let mut plan = Plan::new();
        let source = Source::new(&mut plan, 1);
        let length = COPIED.rows * COPIED.columns;
        let (x, out) = (plan.reals("x", length), plan.reals("out", length));
        source.draw(&mut plan, Tensor::Up, 0, COPIED, x);
        let params = probe_copy::Params { length: length as u32 };
        let units = ProbeCopy::cost(&params).bytes;
        (0..RUNS).for_each(|_| plan.run(params, probe_copy::Buffers { x, out }));
        Probe { plan, source, kernel: ProbeCopy::NAME, units }
    }

    /// 10^9 units a second in the fastest run for so many members, on the threads of `pool` if there is one; none if
    /// `watch` stops before.
    fn best(
        &self,
        device: &Device,
        members: usize,
        pool: Option<&ThreadPool>,
        watch: &mut Watch<'_>,
    ) -> Result<Option<f64>> {
        let inputs = self.source.inputs(0..members);
        let work = || device.profiled(|| device.run(&self.plan, members, 0, &inputs, &mut |_| Ok(())));
        let mut least = f64::INFINITY;
        for _ in 0..REPETITIONS {
            if !watch.goes_on() {
                return Ok(None);
            }
            let (result, profile) = pool.map_or_else(work, |pool| pool.install(work));
            result?;
            let own = self.plan.runs.iter().zip(&profile.runs).filter(|(run, _)| run.entry.name == self.kernel);
            let seconds = own.map(|(_, &seconds)| seconds).fold(f64::INFINITY, f64::min);
            // Without timestamps, all runs together; a little of it is not the kernel's.
            least = least.min(if seconds.is_finite() { seconds } else { profile.compute / RUNS as f64 });
        }
        Ok(Some(self.units * members as f64 / least / 1e9))
    }
}

/// A copy of a large array by all threads, 10^9 bytes a second, read and written.
fn host_copy(bytes: usize) -> f64 {
    let from = vec![1.0_f32; bytes / 4];
    let mut to = vec![0.0_f32; bytes / 4];
    let mut least = f64::INFINITY;
    for _ in 0..4 {
        let start = Instant::now();
        to.par_chunks_mut(COPY_PIECE).zip(from.par_chunks(COPY_PIECE)).for_each(|(to, from)| to.copy_from_slice(from));
        least = least.min(start.elapsed().as_secs_f64());
        std::hint::black_box(&to);
    }
    2.0 * bytes as f64 / least / 1e9
}
