//! The bench: every kernel and the end-to-end workloads on each device, side by side in one process.
//!
//! Devices take turns within each repetition, so that what else happens on the machine hits all of them alike. Every
//! figure is of the median repetition. The ceilings, arithmetic and memory, are measured by the same program on the same
//! machine in the same minutes, and are the best that was seen: of the probes and of all rows. Kernels
//! come from the list in `kernel` and are timed on their largest parity case, so what is timed is also what is tested;
//! workloads come from [`workload::list`].

mod blocks;
mod checkpoint;
mod job;
mod peak;
mod scaling;
mod soak;
pub mod workload;

pub use blocks::BlockTime;
pub use peak::Peak;
pub use scaling::Scaling;
pub use soak::Soak;

use crate::device::Device;
use crate::error::Result;
use crate::invalid;
use crate::kernel::KERNELS;
use job::{Job, Sample};
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// What to measure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BenchSpec {
    /// Small sizes and few repetitions.
    pub quick: bool,
    /// The rows that are wanted; empty: all.
    pub only: Vec<String>,
    /// The seed of every random number.
    pub seed: u64,
}

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
    /// The smallest batch, in members, at which it is at least as fast; none if there was none up to this row's.
    pub break_even_members: Option<usize>,
}

/// All that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The ceilings of each device.
    pub peaks: Vec<Peak>,
    /// One for each job and device.
    pub rows: Vec<Row>,
    /// For each job that ran on two devices.
    pub ratios: Vec<Ratio>,
    /// Of each device that is no software driver, if asked for by name: it takes minutes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub soak: Vec<Soak>,
    /// The same: ever more members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scaling: Vec<Scaling>,
    /// Layouts of products on each GPU, if asked for by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<BlockTime>,
    /// Was it stopped before its end?
    pub interrupted: bool,
}

/// The name by which the soak is asked for.
const SOAK: &str = "soak";
/// The name by which the scaling is asked for.
const SCALING: &str = "scaling";

/// The name by which the layouts of products are asked for.
const BLOCKS: &str = "blocks";
/// The names by which all rows of a kind are asked for.
const KINDS: [&str; 2] = ["kernels", "workloads"];

/// What a device is called here.
pub fn label(device: &Device) -> &'static str {
    let description = device.description();
    if description.software { "software" } else { description.kind }
}

/// Refuses names that are neither kernels nor workloads.
pub fn check_names(only: &[String]) -> Result<()> {
    let names = names();
    match only.iter().find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(name) => invalid!("only: no row '{name}'; there are {}", names.join(", ")),
    }
}

/// The names of all rows.
pub fn names() -> Vec<String> {
    let workloads = workload::list(&BenchSpec::default()).into_iter().map(|job| job.name);
    KERNELS
        .iter()
        .map(|entry| entry.name.to_string())
        .chain(workloads)
        .chain([SOAK, SCALING, BLOCKS].map(str::to_string))
        .chain(KINDS.map(str::to_string))
        .collect()
}

/// The jobs of a run with their shapes, for `--plan`.
pub fn plan(settings: &BenchSpec, devices: &[Device]) -> Vec<(String, String, usize)> {
    jobs(settings, devices).into_iter().map(|job| (job.name, job.shape, job.members)).collect()
}

fn jobs(settings: &BenchSpec, devices: &[Device]) -> Vec<Job> {
    let hardware = devices.iter().any(|device| label(device) == "gpu");
    let kernels = KERNELS.iter().map(|entry| job::of_kernel(entry, settings.quick, hardware));
    let asked = |job: &Job, name: &String| *name == job.name || name.strip_suffix('s') == Some(job.kind());
    let wanted = |job: &Job| settings.only.is_empty() || settings.only.iter().any(|name| asked(job, name));
    kernels.chain(workload::list(settings)).filter(wanted).collect()
}

/// Measures on all `devices`; `progress` hears the fraction that is done and may ask to stop.
pub fn run(
    devices: &[Device],
    settings: &BenchSpec,
    progress: &mut dyn FnMut(f64, &str) -> ControlFlow<()>,
) -> Result<Report> {
    check_names(&settings.only)?;
    let jobs = jobs(settings, devices);
    let mut report = Report { peaks: peak::measure_all(devices, settings.quick)?, ..Report::default() };
    let mut measured = Vec::new();
    for (i, job) in jobs.iter().enumerate() {
        if progress(i as f64 / jobs.len() as f64, &job.name).is_break() {
            report.interrupted = true;
            break;
        }
        measured.push((job, measure(job, devices, settings.quick)?));
        if i == jobs.len() / 2 || i + 1 == jobs.len() {
            peak::raise_all(&mut report.peaks, devices, settings.quick)?;
        }
    }
    let asked_for = |name: &str| settings.only.iter().any(|other| other == name) && !report.interrupted;
    let (soak, scaling) = (asked_for(SOAK), asked_for(SCALING));
    let mut interrupted = report.interrupted;
    let mut heard = |fraction: f64, name: &str| {
        let flow = progress(fraction, name);
        interrupted |= flow.is_break();
        flow
    };
    if asked_for(BLOCKS) {
        for device in devices {
            report.blocks.extend(blocks::blocks(device, label(device), settings.quick, &mut heard)?);
        }
    }
    for device in devices.iter().filter(|device| label(device) != "software") {
        if soak {
            report.soak.push(soak::soak(device, label(device), settings.seed, settings.quick, &mut heard)?);
        }
        if scaling {
            report.scaling.extend(scaling::scaling(device, label(device), settings.seed, settings.quick)?);
        }
    }
    report.interrupted = interrupted;
    for (job, samples) in &measured {
        for (samples, peak) in samples.iter().zip(&mut report.peaks).filter(|(samples, _)| !samples.is_empty()) {
            let flops = job.cost.map_or(0.0, |cost| cost.flops * job.members as f64);
            peak.raise(&job.name, flops / median(samples.iter().map(|sample| sample.seconds)) / 1e9);
        }
    }
    for (job, samples) in &measured {
        let rows: Vec<Row> = samples
            .iter()
            .zip(devices.iter().zip(&report.peaks))
            .filter(|(samples, _)| !samples.is_empty())
            .map(|(samples, (device, peak))| row(job, label(device), samples, peak))
            .collect();
        if let [first, second] = &rows[..] {
            let break_even_members = break_even(job, devices, settings.quick)?;
            let speedup = second.seconds / first.seconds;
            let (name, device, over) = (job.name.clone(), first.device, second.device);
            report.ratios.push(Ratio { name, device, over, speedup, break_even_members });
        }
        report.rows.extend(rows);
    }
    Ok(report)
}

/// Repetitions of a job on every device that can do it, in turns.
fn measure(job: &Job, devices: &[Device], quick: bool) -> Result<Vec<Vec<Sample>>> {
    let (least, most, budget) = if quick { (3, 3, 0.3) } else { (5, 25, 3.0) };
    let mut samples: Vec<Vec<Sample>> = devices.iter().map(|_| Vec::new()).collect();
    let able = |device: &Device| job.runs_on(label(device));
    for device in devices.iter().filter(|device| able(device)) {
        job.sample(device, job.members)?;
    }
    let start = Instant::now();
    for repetition in 0..most {
        // A device that takes many times the budget has said enough after three.
        let over = start.elapsed() > Duration::from_secs_f64(budget);
        let enough = if start.elapsed() > Duration::from_secs_f64(5.0 * budget) { 3 } else { least };
        if over && repetition >= enough {
            break;
        }
        for (device, samples) in devices.iter().zip(&mut samples).filter(|(device, _)| able(device)) {
            samples.push(job.sample(device, job.members)?);
        }
    }
    for (device, samples) in devices.iter().zip(&mut samples).filter(|(device, _)| able(device)) {
        if let Some(first) = samples.first_mut().filter(|first| first.profile.is_none()) {
            first.profile = Some(job.profile(device)?);
        }
    }
    Ok(samples)
}

fn row(job: &Job, device: &'static str, samples: &[Sample], peak: &Peak) -> Row {
    let all = || samples.iter().map(|sample| sample.seconds);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let seconds = median(all());
    let total = |part: f64| (part > 0.0).then_some(part * job.members as f64);
    let (flops, bytes) = (job.cost.and_then(|cost| total(cost.flops)), job.cost.and_then(|cost| total(cost.bytes)));
    let profile = samples.iter().find_map(|sample| sample.profile.as_ref());
    let profile = profile.filter(|profile| profile.compute > 0.0 || !profile.kernels.is_empty());
    let cpu: Vec<f64> = samples.iter().filter_map(|sample| sample.cpu_seconds).collect();
    let in_kernels = |profile: &crate::device::profile::Profile| {
        let sum: f64 = profile.kernels.values().sum();
        if sum > 0.0 { sum } else { profile.compute }
    };
    let workload = job.kind() == "workload";
    let a_second = |amount: f64| amount / seconds / 1e9;
    let of_memory = bytes.map(|bytes| a_second(bytes) / peak.gigabytes_per_second);
    Row {
        name: job.name.clone(),
        device,
        kind: job.kind(),
        shape: job.shape.clone(),
        members: job.members,
        seconds,
        seconds_min: least,
        seconds_max: most,
        repetitions: samples.len(),
        flops,
        gflops: flops.map(a_second),
        bytes,
        gigabytes_per_second: bytes.map(a_second),
        share_of_peak: flops.map(|flops| a_second(flops) / peak.gflops),
        share_of_bandwidth: of_memory.filter(|&share| share <= 1.0),
        in_cache: of_memory.is_some_and(|share| share > 1.0),
        device_seconds: if workload { profile.map(in_kernels) } else { Some(seconds) },
        upload_seconds: profile.filter(|_| workload).map(|profile| profile.upload),
        download_seconds: profile.filter(|_| workload).map(|profile| profile.download),
        cpu_seconds: (!cpu.is_empty()).then(|| median(cpu.into_iter())),
        kernels: profile.filter(|_| workload).map_or(Vec::new(), |p| p.kernels.iter().map(|(k, s)| (*k, *s)).collect()),
    }
}

/// The median of some values; NaN of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(sorted.len().saturating_sub(1) / 2), at(sorted.len() / 2))
}

/// The smallest batch, a power of 4 or the job's own, at which the first device is at least as fast as the second one.
fn break_even(job: &Job, devices: &[Device], quick: bool) -> Result<Option<usize>> {
    let [first, second] = devices else { return Ok(None) };
    if quick || job.kind() == "kernel" || label(first) == "software" {
        return Ok(None);
    }
    first_at_least_as_fast(job.members, |members| {
        let mut seconds = [[0.0; 3]; 2];
        for repetition in 0..3 {
            for (own, device) in seconds.iter_mut().zip([first, second]) {
                own[repetition] = job.sample(device, members)?.seconds;
            }
        }
        Ok(seconds.map(|own| median(own.into_iter())))
    })
}

/// The smallest of 1, 4, 16, .. and `most` at which the first of two times is not the longer one.
fn first_at_least_as_fast(most: usize, mut seconds: impl FnMut(usize) -> Result<[f64; 2]>) -> Result<Option<usize>> {
    let batches = std::iter::successors(Some(1), |members| Some(4 * members)).take_while(|&members| members < most);
    for members in batches.chain([most]) {
        let [first, second] = seconds(members)?;
        if first <= second {
            return Ok(Some(members));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device with a start-up of 10 that does 4 members in the time in which the other one does 1.
    #[test]
    fn the_break_even_batch_is_the_first_of_its_series() {
        let mut asked = Vec::new();
        let mut seconds = |members: usize| {
            asked.push(members);
            Ok([10.0 + members as f64 / 4.0, members as f64])
        };
        assert_eq!(first_at_least_as_fast(100, &mut seconds).expect("no device fails"), Some(16));
        assert_eq!(first_at_least_as_fast(14, &mut seconds).expect("no device fails"), Some(14));
        assert_eq!(first_at_least_as_fast(13, &mut seconds).expect("no device fails"), None);
        assert_eq!(asked, [1, 4, 16, 1, 4, 14, 1, 4, 13]);
    }
}
