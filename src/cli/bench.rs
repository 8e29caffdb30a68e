//! `eulerscope bench`: GPU against CPU, kernel by kernel and end to end.

use crate::bench::{self, BenchSpec, Peak, Report, Row};
use crate::cli::console::Console;
use crate::cli::{Invocation, fit};
use crate::device::gpu::{self, adapters};
use crate::device::{Device, cpu};
use crate::error::{Error, Result};
use crate::figure::{Roof, RooflineFigure, RooflinePoint};
use crate::results::dataset::{Column, Dataset};
use crate::results::pictures;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Layouts of a product that are shown.
const BEST_LAYOUTS: usize = 4;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &BenchSpec) -> Result<()> {
    bench::check_names(&spec.only)?;
    let dataset = console.dataset(invocation)?;
    let devices = devices(console, &invocation.device, spec.quick)?;
    let header = header(&devices);
    console.show(&shown_header(&header))?;
    if invocation.plan {
        let jobs = bench::plan(spec, &devices);
        let line = |(name, shape, members): &(String, String, usize)| format!("{name}: {members} x {shape}\n");
        console.show(&jobs.iter().map(line).collect::<String>())?;
        return console.emit(&json!({ "header": header, "spec": spec, "jobs": jobs }));
    }
    let mut progress = console.progress("bench");
    let report = bench::run(&devices, spec, &mut |fraction, _| progress.at(fraction))?;
    drop(progress);
    let mut record = json!({ "eulerscope": env!("CARGO_PKG_VERSION"), "command": "bench", "spec": spec });
    merge(&mut record, &header);
    merge(&mut record, &json!(report));
    // First: what is shown may find a full disk or a closed terminal.
    if let Some(dataset) = dataset {
        write(console, dataset, &report, &header, &record)?;
    }
    console.show(&shown(&report, console.columns()))?;
    console.emit(&record)?;
    match report.interrupted {
        true => Err(Error::Partial("stopped before the last row was measured".to_string())),
        false => Ok(()),
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
        "auto" if hardware => devices.push(Device::open("auto")?.0),
        "auto" if quick && software => devices.push(Device::open("software")?.0),
        "auto" => console.note(&format!("no hardware GPU: only the CPU path is measured ({})", gpu::DRIVER_HINT)),
        "gpu" if !hardware => {
            return Err(Error::Adapter(
                "no hardware GPU found; --device software measures a software driver, --device cpu the CPU path"
                    .to_string(),
            ));
        }
        word => devices.push(Device::open(word)?.0),
    }
    devices.push(Device::open("cpu")?.0);
    if devices.iter().any(|device| device.description().software) {
        console.note("a software Vulkan driver takes part: its rows say `software`, and are no GPU's speed");
    }
    Ok(devices)
}

/// What is measured and when.
fn header(devices: &[Device]) -> Value {
    let processor = cpu::description("cpu");
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

fn shown_header(header: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let mut shown = format!(
        "eulerscope {} on {}: {} ({}), {} cores\n",
        text(&header["version"]),
        text(&header["date"]),
        text(&header["cpu"]),
        text(&header["instructions"]),
        header["cores"]
    );
    for device in header["devices"].as_array().into_iter().flatten() {
        shown += &format!(
            "{:>9}: {} ({}, {})\n",
            text(&device["label"]),
            text(&device["name"]),
            text(&device["backend"]),
            text(&device["driver"])
        );
    }
    shown
}

/// Seconds with a unit, three digits.
fn seconds(value: f64) -> String {
    match value {
        value if value >= 1.0 => format!("{value:.2} s"),
        value if value >= 1e-3 => format!("{:.2} ms", 1e3 * value),
        value => format!("{:.2} us", 1e6 * value),
    }
}

fn maybe(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or(String::new(), show)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// The columns of the rows, of which the first are words; speeds and shares are of the median.
const HEADER: [&str; 12] = [
    "row",
    "device",
    "members",
    "shape",
    "median",
    "least",
    "most",
    "GFLOP/s",
    "of peak",
    "GB/s",
    "in kernels",
    "transfers",
];
const WORDS: usize = 4;

fn shown_row(row: &Row) -> Vec<String> {
    let transfers = row.upload_seconds.zip(row.download_seconds).map(|(up, down)| up + down);
    vec![
        row.name.clone(),
        row.device.to_string(),
        row.members.to_string(),
        row.shape.clone(),
        seconds(row.seconds),
        seconds(row.seconds_min),
        seconds(row.seconds_max),
        maybe(row.gflops, |value| format!("{value:.1}")),
        maybe(row.share_of_peak, percent),
        maybe(row.gigabytes_per_second, |value| format!("{value:.1}{}", if row.in_cache { " in cache" } else { "" })),
        maybe(row.device_seconds, seconds),
        maybe(transfers, seconds),
    ]
}

/// The report for people, its table no wider than `columns`.
fn shown(report: &Report, columns: usize) -> String {
    let mut text = String::from("\nCeilings, measured here and now\n");
    for Peak { device, gflops, row, gflops_of_one_thread, gigabytes_per_second } in &report.peaks {
        let one = maybe(*gflops_of_one_thread, |one| format!(" ({one:.1} with one thread)"));
        let what = row.as_ref().map_or("f32 FMA".to_string(), |row| format!("{row}, which beat the probe"));
        text += &format!("{device:>9}: {gflops:.1} GFLOP/s of {what}{one}, {gigabytes_per_second:.1} GB/s copying\n");
    }
    let rows: Vec<Vec<String>> = report.rows.iter().map(shown_row).collect();
    text += &format!("\n{}\n", fit::table(&HEADER, WORDS, &rows, columns));
    for soak in &report.soak {
        text += &format!(
            "\nSoak on {}: {} matrices of 8 families, {} wrong, {} failed, {} solved again in f64, worst trace of A^3 {:.2} \
             of 18 n ulp |A|^3, {:.0} s\n",
            soak.device, soak.matrices, soak.wrong, soak.failed, soak.solved_again, soak.worst, soak.seconds
        );
    }
    for row in &report.scaling {
        let memory = maybe(row.resident_bytes.map(|bytes| bytes as f64), |bytes| {
            format!(", {:.0} MiB", bytes / f64::from(1 << 20))
        });
        text += &format!(
            "{:>9}: {} members in {}, {:.0} ns for a member's step, {:.2} x that of the fewest{memory}\n",
            row.device,
            row.members,
            seconds(row.seconds),
            row.nanoseconds_per_layer_step,
            row.ratio
        );
    }
    text += &shown_blocks(report);
    if !report.ratios.is_empty() {
        text += "\nSpeed against the CPU path\n";
    }
    for ratio in &report.ratios {
        let even = ratio.break_even_members.map_or(String::new(), |m| format!(", as fast from {m} members"));
        text += &format!("{:>20}: {} {:.3} x {}{even}\n", ratio.name, ratio.device, ratio.speedup, ratio.over);
    }
    text
}

/// The best layouts of each product, and the one that is taken.
fn shown_blocks(report: &Report) -> String {
    let mut text = String::new();
    for product in report.blocks.chunk_by(|a, b| (a.device, a.kernel, a.shape) == (b.device, b.kernel, b.shape)) {
        let [rows, terms, columns] = product[0].shape;
        text += &format!("\n{} of {rows} x {terms} x {columns} on {}\n", product[0].kernel, product[0].device);
        for (_, time) in product.iter().enumerate().filter(|(i, time)| *i < BEST_LAYOUTS || time.chosen) {
            let mark = if time.chosen { " <- taken" } else { "" };
            text += &format!("{:>10.1} GFLOP/s: {}{mark}\n", time.gflops, time.blocks);
        }
    }
    text
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
    pictures::write(&mut dataset, "roofline", &figure)?;
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
