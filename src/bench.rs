//! The bench: every kernel and the end-to-end workloads on each device, side by side in one process.
//!
//! Devices take turns within each repetition, so that what else happens on the machine hits all of them alike. Every
//! figure is of the median repetition. The ceilings, arithmetic and memory, are measured by the same program on the same
//! machine in the same minutes, and are the best that was seen: of the probes and of all rows. Kernels
//! come from the list in `kernel` and are timed on their largest parity case, so what is timed is also what is tested;
//! workloads come from [`workload::list`]. An [`Audience`] hears of each row as soon as it is measured; only the shares of
//! ceilings wait for the end, because later rows may raise those.

mod blocks;
mod checkpoint;
mod job;
mod measure;
mod peak;
mod row;
mod scaling;
mod soak;
mod watch;
pub mod workload;

pub use blocks::BlockTime;
pub use peak::Peak;
pub use row::{Ratio, Row};
pub use scaling::Scaling;
pub use soak::Soak;
pub use watch::{Audience, News};

use crate::device::Device;
use crate::error::Result;
use crate::invalid;
use crate::kernel::KERNELS;
use job::Job;
use measure::median;
use serde::Serialize;
use watch::Watch;

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
    if description.software { "software" } else { description.kind.word() }
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
    let workloads = workload::list(&BenchSpec::default(), false).into_iter().map(|job| job.name);
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

/// The jobs that are wanted. Where hardware takes part they have as many members as fill a card, on all devices.
fn jobs(settings: &BenchSpec, devices: &[Device]) -> Vec<Job> {
    let hardware = devices.iter().any(|device| label(device) == "gpu");
    let asked = |own: &str, kind: &str, name: &String| *name == own || name.strip_suffix('s') == Some(kind);
    let wanted =
        |own: &str, kind: &str| settings.only.is_empty() || settings.only.iter().any(|name| asked(own, kind, name));
    let kernels = KERNELS.iter().filter(|entry| wanted(entry.name, "kernel"));
    let workloads = workload::list(settings, hardware).into_iter().filter(|job| wanted(&job.name, job.kind()));
    kernels.map(|entry| job::of_kernel(entry, settings.quick, hardware)).chain(workloads).collect()
}

/// Measures on all `devices`; the audience hears of what is measured and may ask to stop. Then nothing more is measured,
/// and the report has what there is.
///
/// # Errors
/// [`Error::Invalid`](crate::error::Error::Invalid) for names that are no rows, and whatever a device fails with.
pub fn run(devices: &[Device], settings: &BenchSpec, audience: &mut dyn Audience) -> Result<Report> {
    check_names(&settings.only)?;
    let mut watch = Watch::new(audience);
    let mut report = Report::default();
    let jobs = jobs(settings, devices);
    if !jobs.is_empty() {
        measure_jobs(&mut report, jobs, devices, settings.quick, &mut watch)?;
    }
    let asked_for = |name: &str| settings.only.iter().any(|other| other == name);
    let (seed, quick) = (settings.seed, settings.quick);
    for device in devices.iter().filter(|_| asked_for(BLOCKS)) {
        report.blocks.extend(blocks::blocks(device, label(device), quick, &mut watch)?);
    }
    for device in devices.iter().filter(|device| label(device) != "software") {
        if asked_for(SOAK) {
            report.soak.extend(soak::soak(device, label(device), seed, quick, &mut watch)?);
        }
        if asked_for(SCALING) {
            report.scaling.extend(scaling::scaling(device, label(device), seed, quick, &mut watch)?);
        }
    }
    report.interrupted = watch.is_stopped();
    Ok(report)
}

/// Ceilings, and the rows and ratios of some jobs. Each job is gone with its data when it is done.
fn measure_jobs(
    report: &mut Report,
    jobs: Vec<Job>,
    devices: &[Device],
    quick: bool,
    watch: &mut Watch<'_>,
) -> Result<()> {
    report.peaks = peak::measure_all(devices, quick, watch)?;
    if !watch.is_stopped() {
        watch.tell(News::Peaks(&report.peaks));
    }
    let count = jobs.len();
    for (i, job) in jobs.into_iter().enumerate() {
        if !watch.at(i as f64 / count as f64, &job.name) {
            break;
        }
        let measured = measure::measure(&job, devices, quick, watch)?;
        let mut rows = Vec::new();
        for ((device, measured), peak) in devices.iter().zip(&measured).zip(&mut report.peaks) {
            if let Some(row) = Row::of(&job, label(device), measured) {
                watch.tell(News::Row(&row));
                peak.raise(&row);
                rows.push(row);
            }
        }
        if let [first, second] = &rows[..] {
            report.ratios.push(ratio(&job, first, second, devices, quick, watch)?);
        }
        report.rows.extend(rows);
        if (i == count / 2 || i + 1 == count) && watch.goes_on() {
            peak::raise_all(&mut report.peaks, devices, quick, watch)?;
        }
    }
    for row in &mut report.rows {
        if let Some(peak) = report.peaks.iter().find(|peak| peak.device == row.device) {
            row.judge(peak);
        }
    }
    Ok(())
}

fn ratio(
    job: &Job,
    first: &Row,
    second: &Row,
    devices: &[Device],
    quick: bool,
    watch: &mut Watch<'_>,
) -> Result<Ratio> {
    let break_even_members = match quick || job.kernel.is_some() || first.device == "software" {
        true => None,
        false => measure::break_even(job, devices, [first.seconds, second.seconds], watch)?,
    };
    let speedup = second.seconds / first.seconds;
    Ok(Ratio { name: job.name.clone(), device: first.device, over: second.device, speedup, break_even_members })
}
