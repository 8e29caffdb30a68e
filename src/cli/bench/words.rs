//! The words of `eulerscope bench`: a line for each thing as soon as it is measured, and the table at the end.

use crate::bench::{BlockTime, News, Peak, Report, Row, Scaling, Soak};
use crate::cli::fit;
use serde_json::Value;

/// Layouts of a product that are shown.
const BEST_LAYOUTS: usize = 4;

/// What is measured, and when.
pub(super) fn header(header: &Value) -> String {
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

fn cells(row: &Row) -> Vec<String> {
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

/// A line or a few for what has just been measured. Shares of ceilings stand in the table at the end: later rows may
/// raise them.
pub(super) fn news(news: &News<'_>) -> String {
    match *news {
        News::Peaks(peaks) => format!("\nCeilings, measured here and now\n{}\n", of_peaks(peaks)),
        News::Row(row) => of_row(row),
        News::Soak(soak) => of_soak(soak),
        News::Scaling(row) => of_scaling(row),
        News::Blocks(times) => of_blocks(times),
    }
}

/// The table of all rows, no wider than `columns`, the ceilings of its shares, and the ratios; nothing without rows.
pub(super) fn summary(report: &Report, columns: usize) -> String {
    if report.rows.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = report.rows.iter().map(cells).collect();
    let mut text = format!("\nAll rows\n{}\n", fit::table(&HEADER, WORDS, &rows, columns));
    text += &format!("\nTheir ceilings, the best that was seen\n{}", of_peaks(&report.peaks));
    if !report.ratios.is_empty() {
        text += "\nSpeed against the CPU path\n";
    }
    for ratio in &report.ratios {
        let even = ratio.break_even_members.map_or(String::new(), |m| format!(", as fast from {m} members"));
        text += &format!("{:>21}: {} {:.3} x {}{even}\n", ratio.name, ratio.device, ratio.speedup, ratio.over);
    }
    text
}

fn of_peaks(peaks: &[Peak]) -> String {
    let line = |peak: &Peak| {
        let Peak { device, gflops, row, gflops_of_one_thread, gigabytes_per_second } = peak;
        let one = maybe(*gflops_of_one_thread, |one| format!(" ({one:.1} with one thread)"));
        let what = row.as_ref().map_or("f32 FMA".to_string(), |row| format!("{row}, which beat the probe"));
        format!("{device:>9}: {gflops:.1} GFLOP/s of {what}{one}, {gigabytes_per_second:.1} GB/s copying\n")
    };
    peaks.iter().map(line).collect()
}

fn of_row(row: &Row) -> String {
    let speed = |value: Option<f64>, unit: &str| maybe(value, |value| format!(" {value:>9.1} {unit}"));
    format!(
        "{:>21} {:>8} {:>9}{}{}\n",
        row.name,
        row.device,
        seconds(row.seconds),
        speed(row.gflops, "GFLOP/s"),
        speed(row.gigabytes_per_second, "GB/s")
    )
}

fn of_soak(soak: &Soak) -> String {
    format!(
        "\nSoak on {}: {} matrices of 8 families, {} wrong, {} failed, {} solved again in f64, worst trace of A^3 {:.2} \
         of 18 n ulp |A|^3, {:.0} s\n",
        soak.device, soak.matrices, soak.wrong, soak.failed, soak.solved_again, soak.worst, soak.seconds
    )
}

fn of_scaling(row: &Scaling) -> String {
    let mebibytes = |bytes: u64| format!(", {:.0} MiB", bytes as f64 / f64::from(1 << 20));
    format!(
        "{:>9}: {} members in {}, {:.0} ns for a member's step, {:.2} x that of the fewest{}\n",
        row.device,
        row.members,
        seconds(row.seconds),
        row.nanoseconds_per_layer_step,
        row.ratio,
        row.resident_bytes.map_or(String::new(), mebibytes)
    )
}

/// The best layouts of a product, and the one that is taken.
fn of_blocks(times: &[BlockTime]) -> String {
    let Some(first) = times.first() else { return String::new() };
    let [rows, terms, columns] = first.shape;
    let mut text = format!("\n{} of {rows} x {terms} x {columns} on {}\n", first.kernel, first.device);
    for (_, time) in times.iter().enumerate().filter(|(i, time)| *i < BEST_LAYOUTS || time.chosen) {
        let mark = if time.chosen { " <- taken" } else { "" };
        text += &format!("{:>10.1} GFLOP/s: {}{mark}\n", time.gflops, time.blocks);
    }
    text
}
