//! The ceilings of a device: how fast it can multiply and add, and how fast it can copy what no cache holds.

use super::job::{self, Job};
use super::label;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel::KERNELS;
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

/// Bytes of each of the two arrays of the host's copy: more than caches hold.
const COPY_BYTES: usize = 128 << 20;
/// Numbers that a thread copies at a time.
const COPY_PIECE: usize = 1 << 18;

impl Peak {
    /// A ceiling is no lower than what a row reached.
    pub(super) fn raise(&mut self, row: &str, gflops: f64) {
        if gflops > self.gflops {
            self.gflops = gflops;
            self.row = Some(row.to_string());
        }
    }
}

/// The ceilings of all devices.
pub fn measure_all(devices: &[Device], quick: bool) -> Result<Vec<Peak>> {
    devices.iter().map(|device| measure(device, quick)).collect()
}

/// Measures again and keeps the better.
pub fn raise_all(peaks: &mut [Peak], devices: &[Device], quick: bool) -> Result<()> {
    for (peak, device) in peaks.iter_mut().zip(devices) {
        let again = measure(device, quick)?;
        peak.gflops = peak.gflops.max(again.gflops);
        peak.gigabytes_per_second = peak.gigabytes_per_second.max(again.gigabytes_per_second);
        peak.gflops_of_one_thread = peak.gflops_of_one_thread.zip(again.gflops_of_one_thread).map(|(a, b)| a.max(b));
    }
    Ok(())
}

fn measure(device: &Device, quick: bool) -> Result<Peak> {
    let hardware = label(device) == "gpu";
    let host = device.is_host();
    let probe = |name: &str| {
        let entry = KERNELS.iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| Error::Bug(format!("there is no kernel {name}")))?;
        Ok::<Job, Error>(job::of_kernel(entry, quick, hardware))
    };
    let (fma, copy) = (probe("probe_fma")?, probe("probe_copy")?);
    let gflops = best(&fma, device, |cost| cost.flops)?;
    let one = if host { Some(alone(|| best(&fma, device, |cost| cost.flops))?) } else { None };
    let gigabytes_per_second = if host { host_copy(quick) } else { best(&copy, device, |cost| cost.bytes)? };
    Ok(Peak { device: label(device), gflops, row: None, gflops_of_one_thread: one, gigabytes_per_second })
}

/// 10^9 units a second in the fastest of some repetitions.
fn best(job: &Job, device: &Device, unit: impl Fn(crate::kernel::Cost) -> f64) -> Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..8 {
        least = least.min(job.sample(device, job.members)?.seconds);
    }
    Ok(job.cost.map_or(0.0, unit) * job.members as f64 / least / 1e9)
}

/// Runs `work` with one thread.
fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// A copy of a large array by all threads, 10^9 bytes a second, read and written.
fn host_copy(quick: bool) -> f64 {
    let bytes = if quick { COPY_BYTES / 2 } else { COPY_BYTES };
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
