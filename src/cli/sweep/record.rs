//! What `run.json` and `--json` say of a sweep.

use super::interrupted;
use crate::cli::console::Console;
use crate::cli::headline::Headline;
use crate::cli::long_run::Done;
use crate::device::Device;
use crate::results::sweep::Recorded;
use crate::results::tables;
use crate::spec::{Axis, SweepSpec};
use crate::sweep::{self, Cell, Combination, Timing};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Combinations whose recorded trajectories are announced one by one at most.
const MOST_ANNOUNCED: usize = 8;

/// The record with all cells, which are many: they go to the writer as they are.
#[derive(Serialize)]
pub(super) struct Whole<'a> {
    #[serde(flatten)]
    pub record: &'a Value,
    pub cells: Cells<'a>,
}

/// The cells of all combinations in one list.
pub(super) struct Cells<'a> {
    pub spec: &'a SweepSpec,
    pub results: &'a [Combination],
}

/// A cell with its outer values.
#[derive(Serialize)]
struct Placed<'a> {
    #[serde(flatten)]
    outer: &'a Map<String, Value>,
    /// Its members, under their older name.
    layers: u64,
    #[serde(flatten)]
    cell: &'a Cell,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_step_size: Option<f64>,
}

impl<'a> Serialize for Cells<'a> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let outer: Vec<_> = self.results.iter().map(|result| outer(self.spec, result)).collect();
        let all = self.results.iter().zip(&outer);
        serializer.collect_seq(all.flat_map(|(result, outer)| {
            let placed = move |(place, cell): (usize, &'a Cell)| Placed {
                outer,
                layers: cell.members,
                cell,
                given_step_size: tables::given_step_size(&result.spec, place),
            };
            result.sweep.cells.iter().enumerate().map(placed)
        }))
    }
}

/// The outer values of a combination by their keys.
fn outer(spec: &SweepSpec, result: &Combination) -> Map<String, Value> {
    let value = |axis: Axis| match axis.of(&result.spec) {
        value if axis.is_whole() => json!(value as u64),
        value => json!(value),
    };
    spec.sweep_over.keys().into_iter().map(|axis| (axis.key().to_string(), value(axis))).collect()
}

/// What a run was, without its cells. With several combinations, counts of members are those of the smallest.
pub(super) fn record(device: &Device, spec: &SweepSpec, done: &Done<Vec<Combination>>) -> Value {
    let results = &done.found;
    let fewest = |f: fn(&sweep::Sweep) -> usize| results.iter().map(|result| f(&result.sweep)).min();
    let mut record = json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "sweep",
        "stream_version": crate::numbers::random::STREAM_VERSION,
        "spec": spec,
        "device": device.description(),
        "timing": timing(done),
        "interrupted": interrupted(spec, results),
        "headline": Headline::of(spec, results),
        "quantile_members": fewest(|sweep| sweep.quantile_members),
        "linearised_members": fewest(|sweep| sweep.linearised_members),
    });
    if !spec.sweep_over.is_empty() {
        let own = |result: &Combination| {
            let mut own = outer(spec, result);
            if done.worker_seconds.is_none() {
                own.insert("timing".to_string(), json!(result.sweep.timing));
            }
            own.insert("quantile_members".to_string(), json!(result.sweep.quantile_members));
            own.insert("linearised_members".to_string(), json!(result.sweep.linearised_members));
            own
        };
        record["combinations"] = results.iter().map(own).collect();
    }
    record
}

/// Decides which trajectories are recorded, says what is left out, and notes it in the record.
pub(super) fn recorded(
    console: &Console,
    spec: &SweepSpec,
    results: &[Combination],
    record: &mut Value,
) -> Vec<Recorded> {
    let recorded: Vec<Recorded> = results.iter().map(|result| Recorded::of(&result.spec, results.len())).collect();
    for (i, (result, own)) in results.iter().zip(&recorded).enumerate() {
        if results.len() <= MOST_ANNOUNCED
            && let Some(line) = own.left_out(&result.spec, &spec.said_of(&result.spec))
        {
            console.note(&line);
        }
        let place = if spec.sweep_over.is_empty() { &mut *record } else { &mut record["combinations"][i] };
        place["trajectory_members"] = json!(own.members);
        place["trajectory_points"] = json!(own.places.len());
    }
    if results.len() > MOST_ANNOUNCED {
        console.note("trajectories: run.json says how many members and grid points each combination has recorded");
    }
    recorded
}

/// Seconds of the parts of the run. Where workers computed, nothing is known here but how long they took, and what follows is
/// the merging of what they made.
fn timing(done: &Done<Vec<Combination>>) -> Value {
    let sum = |f: fn(&Timing) -> f64| done.found.iter().map(|result| f(&result.sweep.timing)).sum::<f64>();
    let parts = match done.worker_seconds {
        Some(seconds) => json!({ "worker_seconds": seconds, "merging_seconds": sum(|own| own.total_seconds) }),
        None => json!({
            "spectra_seconds": sum(|own| own.spectra_seconds),
            "rollout_seconds": sum(|own| own.rollout_seconds),
        }),
    };
    let mut timing = json!({ "opening_seconds": done.opening_seconds, "files_seconds": 0.0 });
    for (name, seconds) in parts.as_object().into_iter().flatten() {
        timing[name] = seconds.clone();
    }
    timing
}
