//! The rows of a bench: what one job took on one device, and how two devices compare at it.

use super::job::Job;
use super::measure::{Measured, median};
use super::peak::Peak;
use crate::device::profile::Profile;
use serde::Serialize;

/// What one job took on one device. Seconds are wall-clock seconds unless the name says otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The kernel or the workload.
    pub name: String,
    /// `gpu`, `software`, `cpu` or `reference`.
    pub device: &'static str,
    /// `kernel` or `workload`.
    pub kind: &'static str,
    /// The sizes.
    pub shape: String,
    /// Members of the ensemble, matrices.
    pub members: usize,
    /// Median of the repetitions; for a kernel, of the time in the kernel.
    pub seconds: f64,
    /// The fastest repetition.
    pub seconds_min: f64,
    /// The slowest repetition.
    pub seconds_max: f64,
    /// How many repetitions.
    pub repetitions: usize,
    /// Floating-point operations, counted from the plan; a fused multiply-add counts as two.
    pub flops: Option<f64>,
    /// 10^9 operations a second, from the median.
    pub gflops: Option<f64>,
    /// Bytes that must move at least once, counted from the plan.
    pub bytes: Option<f64>,
    /// 10^9 bytes a second, from the median.
    pub gigabytes_per_second: Option<f64>,
    /// Of the arithmetic ceiling, from the median; at most 1.
    pub share_of_peak: Option<f64>,
    /// Of the memory ceiling, from the median; missing where `in_cache`.
    pub share_of_bandwidth: Option<f64>,
    /// More bytes a second than memory gives: the data stay in a cache.
    pub in_cache: bool,
    /// In kernels: by timestamp queries on a GPU that has them, else from the first dispatch to the end of the last.
    pub device_seconds: Option<f64>,
    /// Inputs on their way to the device.
    pub upload_seconds: Option<f64>,
    /// Outputs on their way back.
    pub download_seconds: Option<f64>,
    /// Processor time of this process, all threads, median of the repetitions.
    pub cpu_seconds: Option<f64>,
    /// Seconds of each kernel in one profiled repetition of a workload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kernels: Vec<(&'static str, f64)>,
}

/// How much faster one device is than another at the same work.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// The kernel or the workload.
    pub name: String,
    /// The device that is so many times as fast: `gpu`, or `software`, which is no GPU.
    pub device: &'static str,
    /// The device it is compared with.
    pub over: &'static str,
    /// Median seconds of the other over median seconds of this one.
    pub speedup: f64,
    /// The smallest batch, in members, at which it is at least as fast; none if there was none up to this row's, or if
    /// the bench was stopped before it was found.
    pub break_even_members: Option<usize>,
}

impl Row {
    /// The row of a job on the device that has this label, if it was measured there; without shares of ceilings.
    pub(super) fn of(job: &Job, device: &'static str, measured: &Measured) -> Option<Self> {
        let all = || measured.samples.iter().map(|sample| sample.seconds);
        let seconds = median(all());
        if seconds.is_nan() {
            return None;
        }
        let a_second = |amount: f64| amount / seconds / 1e9;
        let total = |part: f64| (part > 0.0).then_some(part * job.members as f64);
        let (flops, bytes) = (job.cost.and_then(|cost| total(cost.flops)), job.cost.and_then(|cost| total(cost.bytes)));
        let profile = measured.profile.as_ref().filter(|profile| profile.compute > 0.0 || !profile.kernels.is_empty());
        let cpu: Vec<f64> = measured.samples.iter().filter_map(|sample| sample.cpu_seconds).collect();
        let in_kernels = |profile: &Profile| {
            let sum: f64 = profile.kernels.values().sum();
            if sum > 0.0 { sum } else { profile.compute }
        };
        Some(Row {
            name: job.name.clone(),
            device,
            kind: job.kind(),
            shape: job.shape.clone(),
            members: job.members,
            seconds,
            seconds_min: all().fold(f64::INFINITY, f64::min),
            seconds_max: all().fold(0.0, f64::max),
            repetitions: measured.samples.len(),
            flops,
            gflops: flops.map(a_second),
            bytes,
            gigabytes_per_second: bytes.map(a_second),
            share_of_peak: None,
            share_of_bandwidth: None,
            in_cache: false,
            device_seconds: if job.kernel.is_some() { Some(seconds) } else { profile.map(in_kernels) },
            upload_seconds: profile.map(|profile| profile.upload),
            download_seconds: profile.map(|profile| profile.download),
            cpu_seconds: (!cpu.is_empty()).then(|| median(cpu.into_iter())),
            kernels: profile.map_or(Vec::new(), |p| p.kernels.iter().map(|(kernel, s)| (*kernel, *s)).collect()),
        })
    }

    /// Holds the row against the ceilings of its device.
    pub(super) fn judge(&mut self, peak: &Peak) {
        let of_memory = self.gigabytes_per_second.map(|speed| speed / peak.gigabytes_per_second);
        self.share_of_peak = self.gflops.map(|gflops| gflops / peak.gflops);
        self.share_of_bandwidth = of_memory.filter(|&share| share <= 1.0);
        self.in_cache = of_memory.is_some_and(|share| share > 1.0);
    }
}
