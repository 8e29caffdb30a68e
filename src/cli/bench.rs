//! `eulerscope bench`: GPU against CPU, kernel by kernel and end to end.

mod words;

use crate::bench::{self, Audience, BenchSpec, News, Peak, Report, Row};
use crate::cli::Invocation;
use crate::cli::console::Console;
use crate::cli::progress::Progress;
use crate::device::gpu::{self, adapters};
use crate::device::{Device, Kind, cpu};
use crate::error::{Error, Result};
use crate::figure::{Roof, RooflineFigure, RooflinePoint};
use crate::results::dataset::{Column, Dataset};
use crate::results::pictures;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &BenchSpec) -> Result<()> {
    bench::check_names(&spec.only)?;
    let dataset = console.dataset(invocation)?;
    let devices = devices(console, &invocation.device, spec.quick)?;
    let header = header(&devices);
    console.show(&words::header(&header))?;
    if invocation.plan {
        let jobs = bench::plan(spec, &devices);
        let line = |(name, shape, members): &(String, String, usize)| format!("{name}: {members} x {shape}\n");
        console.show(&jobs.iter().map(line).collect::<String>())?;
        return console.emit(&json!({ "header": header, "spec": spec, "jobs": jobs }));
    }
    let mut viewer = Viewer { console, progress: console.progress("bench"), shown: Ok(()), is_kept: dataset.is_some() };
    let report = bench::run(&devices, spec, &mut viewer)?;
    let Viewer { shown, .. } = viewer;
    let mut record = json!({ "eulerscope": env!("CARGO_PKG_VERSION"), "command": "bench", "spec": spec });
    merge(&mut record, &header);
    merge(&mut record, &json!(report));
    // First: what is shown may find a full disk or a closed terminal.
    if let Some(dataset) = dataset {
        write(console, dataset, &report, &header, &record)?;
    }
    shown?;
    console.show(&words::summary(&report, console.columns()))?;
    console.emit(&record)?;
    match report.interrupted {
        true => Err(Error::Partial("stopped before the last row was measured".to_string())),
        false => Ok(()),
    }
}

/// Shows what is measured as soon as it is.
struct Viewer<'a> {
    console: &'a Console,
    progress: Progress,
    /// The first failure to show something.
    shown: Result<()>,
    /// Is what is measured kept even if nobody sees it?
    is_kept: bool,
}

impl Audience for Viewer<'_> {
    fn progress(&mut self, fraction: f64, _: &str) -> ControlFlow<()> {
        match self.shown.is_err() && !self.is_kept {
            true => ControlFlow::Break(()),
            false => self.progress.at(fraction),
        }
    }

    fn hear(&mut self, news: News<'_>) {
        if self.shown.is_ok() {
            self.shown = self.progress.aside(|| self.console.show(&words::news(&news)));
        }
    }
}

fn merge(to: &mut Value, from: &Value) {
    if let (Value::Object(to), Value::Object(from)) = (to, from) {
        to.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

/// The device that is asked for, if it is not the CPU path, and the CPU path. A software driver takes part when it is
/// asked for by name, or in a quick run on a machine without a GPU.
fn devices(console: &Console, word: &str, quick: bool) -> Result<Vec<Device>> {
    let mut devices = Vec::new();
    let software = adapters().iter().any(|adapter| adapter.description.software);
    let hardware = adapters().iter().any(|adapter| !adapter.description.software);
    match word {
        "cpu" => {}
        "auto" if hardware => devices.push(Device::open("auto")?),
        "auto" if quick && software => devices.push(Device::open("software")?),
        "auto" => console.note(&format!("no hardware GPU: only the CPU path is measured ({})", gpu::DRIVER_HINT)),
        "gpu" if !hardware => {
            return Err(Error::Adapter(
                "no hardware GPU found; --device software measures a software driver, --device cpu the CPU path"
                    .to_string(),
            ));
        }
        word => devices.push(Device::open(word)?),
    }
    devices.push(Device::open("cpu")?);
    if devices.iter().any(|device| device.description().software) {
        console.note("a software Vulkan driver takes part: its rows say `software`, and are no GPU's speed");
    }
    Ok(devices)
}

/// What is measured and when.
fn header(devices: &[Device]) -> Value {
    let processor = cpu::description(Kind::Cpu);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let described = |device: &Device| {
        let mut value = json!(device.description());
        merge(&mut value, &json!({ "label": bench::label(device) }));
        value
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "date": date(),
        "cpu": processor.name,
        "instructions": processor.driver,
        "cores": cores,
        "devices": devices.iter().map(described).collect::<Vec<_>>(),
    })
}

/// Today in UTC, YYYY-MM-DD: Howard Hinnant's civil calendar from days since 1970.
fn date() -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / 86_400) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    format!("{}-{month:02}-{day:02}", year_of_era + era * 400 + u64::from(month <= 2))
}

fn write(console: &Console, mut dataset: Dataset, report: &Report, header: &Value, record: &Value) -> Result<()> {
    dataset.write_table("bench", &table(&report.rows))?;
    let roof = |peak: &Peak| Roof {
        label: peak.device.to_string(),
        gflops: peak.gflops,
        gigabytes_per_second: peak.gigabytes_per_second,
    };
    let point = |row: &Row| {
        let roof = report.peaks.iter().position(|peak| peak.device == row.device)?;
        let intensity = row.flops? / row.bytes?;
        Some(RooflinePoint { label: row.name.clone(), roof, intensity, gflops: row.gflops? })
    };
    let names: Vec<&str> =
        header["devices"].as_array().into_iter().flatten().filter_map(|device| device["name"].as_str()).collect();
    let figure = RooflineFigure {
        roofs: report.peaks.iter().map(roof).collect(),
        points: report.rows.iter().filter_map(point).collect(),
        title: "What is reached of what can be reached".to_string(),
        caption: format!(
            "{}; {}; medians; above a slope: in cache",
            names.join(" and "),
            header["date"].as_str().unwrap_or_default()
        ),
    };
    if !figure.roofs.is_empty() {
        pictures::write(&mut dataset, "roofline", &figure)?;
    }
    console.landed(&dataset.finish(record.clone())?);
    Ok(())
}

fn table(rows: &[Row]) -> Vec<(&'static str, Column)> {
    let text = |f: fn(&Row) -> String| Column::Text(rows.iter().map(f).collect());
    let number = |f: fn(&Row) -> f64| Column::F64(rows.iter().map(f).collect());
    let optional = |f: fn(&Row) -> Option<f64>| Column::OptionalF64(rows.iter().map(f).collect());
    vec![
        ("name", text(|row| row.name.clone())),
        ("device", text(|row| row.device.to_string())),
        ("kind", text(|row| row.kind.to_string())),
        ("shape", text(|row| row.shape.clone())),
        ("members", Column::I64(rows.iter().map(|row| row.members as i64).collect())),
        ("seconds", number(|row| row.seconds)),
        ("seconds_min", number(|row| row.seconds_min)),
        ("seconds_max", number(|row| row.seconds_max)),
        ("flops", optional(|row| row.flops)),
        ("gflops", optional(|row| row.gflops)),
        ("bytes", optional(|row| row.bytes)),
        ("share_of_peak", optional(|row| row.share_of_peak)),
        ("gigabytes_per_second", optional(|row| row.gigabytes_per_second)),
        ("share_of_bandwidth", optional(|row| row.share_of_bandwidth)),
        ("in_cache", Column::U32(rows.iter().map(|row| row.in_cache.into()).collect())),
        ("device_seconds", optional(|row| row.device_seconds)),
        ("upload_seconds", optional(|row| row.upload_seconds)),
        ("download_seconds", optional(|row| row.download_seconds)),
    ]
}
