//! Scaling: the time of a member's step and the memory of the process must not grow with the number of members.

use super::watch::{News, Watch};
use crate::device::Device;
use crate::error::Result;
use crate::layer::Point;
use crate::rollout::Rollout;
use crate::spec::{EnsembleSpec, LayerSpec, Model};
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::Instant;

/// Numbers of members, the smallest first: memory is that of the process so far, at its most.
const MEMBERS: [usize; 3] = [1_000, 10_000, 100_000];
/// Those of a quick run.
const QUICK_MEMBERS: [usize; 3] = [10, 100, 1_000];
/// Steps of a rollout.
const DEPTH: usize = 10;
/// Grid points.
const POINTS: usize = 64;
/// n.
const WIDTH: usize = 64;
/// Repetitions, of which the median counts; they take turns.
const REPETITIONS: usize = 3;

/// One number of members.
#[derive(Clone, Debug, Serialize)]
pub struct Scaling {
    /// The device.
    pub device: &'static str,
    /// Random layers, each at 64 grid points.
    pub members: usize,
    /// The same, under its older name.
    pub layers: usize,
    /// Seconds of the median repetition, drawing included.
    pub seconds: f64,
    /// Nanoseconds of one member's step at all grid points.
    pub nanoseconds_per_layer_step: f64,
    /// The same over that of the fewest members: 1 is flat.
    pub ratio: f64,
    /// The most memory that the process has held so far, where the system tells.
    pub resident_bytes: Option<u64>,
}

/// Rollouts of ever more members on one device, until `watch` stops.
pub(super) fn scaling(
    device: &Device,
    label: &'static str,
    seed: u64,
    quick: bool,
    watch: &mut Watch<'_>,
) -> Result<Vec<Scaling>> {
    let members = if quick { QUICK_MEMBERS } else { MEMBERS };
    let mut rows = members.map(|members| Scaling {
        device: label,
        members,
        layers: members,
        seconds: 0.0,
        nanoseconds_per_layer_step: 0.0,
        ratio: 0.0,
        resident_bytes: None,
    });
    let mut seconds = members.map(|_| Vec::new());
    for repetition in 0..REPETITIONS {
        for (i, (row, seconds)) in rows.iter_mut().zip(&mut seconds).enumerate() {
            let done = (repetition * members.len() + i) as f64 / (REPETITIONS * members.len()) as f64;
            let start = Instant::now();
            // What is stopped in its middle is no repetition.
            if watch.at(done, "scaling") && rollout(device, row.members, seed, watch)? {
                seconds.push(start.elapsed().as_secs_f64());
                row.resident_bytes = row.resident_bytes.or_else(most_resident_bytes);
            }
        }
    }
    let mut rows: Vec<Scaling> = rows
        .into_iter()
        .zip(seconds)
        .filter_map(|(row, seconds)| {
            (!seconds.is_empty()).then(|| Scaling { seconds: super::median(seconds.into_iter()), ..row })
        })
        .collect();
    let of_step = |row: &Scaling| 1e9 * row.seconds / (row.members * DEPTH) as f64;
    let fewest = rows.first().map_or(f64::NAN, of_step);
    for row in &mut rows {
        row.nanoseconds_per_layer_step = of_step(row);
        row.ratio = row.nanoseconds_per_layer_step / fewest;
        watch.tell(News::Scaling(row));
    }
    Ok(rows)
}

/// Did it come to its end?
fn rollout(device: &Device, members: usize, seed: u64, watch: &mut Watch<'_>) -> Result<bool> {
    let ensemble = EnsembleSpec { width: WIDTH, members, seed, ..EnsembleSpec::default() };
    let layer = LayerSpec::of(Model::Linear);
    let point = |i: usize| Point { step_size: (i + 1) as f64 / POINTS as f64, radius: 1.0, damping: 0.1 };
    let points: Vec<Point> = (0..POINTS).map(point).collect();
    let rollout = Rollout::new(&ensemble, &layer, DEPTH, &points);
    rollout.run(device, 0..members, 0, &mut |outcomes| {
        std::hint::black_box(outcomes.get(0, 0));
        if watch.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(!watch.is_stopped())
}

/// The most memory that this process has held, on Linux.
fn most_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
