//! `eulerscope sweep`: the stability map, or one for each combination of outer axes.

use crate::cli::console::Console;
use crate::cli::headline::Headline;
use crate::cli::{Invocation, outlook};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::estimate::{self, counted, work};
use crate::results::sweep::{self as folder, Recorded};
use crate::results::timing::set_total;
use crate::results::{maps, scaling, tables};
use crate::spec::{Axis, SweepSpec};
use crate::sweep::{self, Cell, Combination, Timing};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// The widest map in a terminal, in columns: wider ones are too flat, for they have two dozen lines.
const WIDEST_MAP: usize = 160;
/// Maps in a terminal at most; more are for the folder.
const MOST_MAPS: usize = 4;

/// Combinations that are announced one by one at most.
const MOST_ANNOUNCED: usize = 8;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SweepSpec) -> Result<()> {
    let dataset = console.dataset(invocation)?;
    let device = console.open(invocation)?;
    if invocation.plan {
        return outlook::say(console, &device, &json!(spec), |progress| estimate::sweep(&device, spec, progress));
    }
    let opening_seconds = console.seconds();
    announce(console, spec);
    let mut progress = console.progress("sweep");
    let results = sweep::run_all(&device, spec, &estimate::cost, &mut |fraction| progress.at(fraction))?;
    drop(progress);
    let mut record = record(&device, spec, &results, timing(&results, opening_seconds));
    set_total(&mut record, console.seconds());
    if let Some(dataset) = dataset {
        let recorded = (!interrupted(spec, &results)).then(|| recorded(console, spec, &results, &mut record));
        let start = console.seconds();
        let mut progress = console.progress("files");
        let mut told = |fraction| {
            let _ = progress.at(fraction);
        };
        let landed = folder::write(dataset, &device, spec, (&results, recorded.as_deref()), &mut told, || {
            record["timing"]["files_seconds"] = json!(console.seconds() - start);
            set_total(&mut record, console.seconds());
            record.clone()
        })?;
        drop(progress);
        console.landed(&landed);
    }
    show(console, &device, spec, &results)?;
    show_timing(console, spec, &results, &record["timing"])?;
    console.emit(&Whole { record: &record, cells: Cells { spec, results: &results } })?;
    ending(spec, &results)
}

/// The record with all cells, which are many: they go to the writer as they are.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    record: &'a Value,
    cells: Cells<'a>,
}

/// The cells of all combinations in one list.
struct Cells<'a> {
    spec: &'a SweepSpec,
    results: &'a [Combination],
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
fn record(device: &Device, spec: &SweepSpec, results: &[Combination], timing: Value) -> Value {
    let fewest = |f: fn(&sweep::Sweep) -> usize| results.iter().map(|result| f(&result.sweep)).min();
    let mut record = json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "sweep",
        "stream_version": crate::numbers::random::STREAM_VERSION,
        "spec": spec,
        "device": device.description(),
        "timing": timing,
        "interrupted": interrupted(spec, results),
        "headline": Headline::of(spec, results),
        "quantile_members": fewest(|sweep| sweep.quantile_members),
        "linearised_members": fewest(|sweep| sweep.linearised_members),
    });
    if !spec.sweep_over.is_empty() {
        let own = |result: &Combination| {
            let mut own = outer(spec, result);
            own.insert("timing".to_string(), json!(result.sweep.timing));
            own.insert("quantile_members".to_string(), json!(result.sweep.quantile_members));
            own.insert("linearised_members".to_string(), json!(result.sweep.linearised_members));
            own
        };
        record["combinations"] = results.iter().map(own).collect();
    }
    record
}

/// Decides which trajectories are recorded, says what is left out, and notes it in the record.
fn recorded(console: &Console, spec: &SweepSpec, results: &[Combination], record: &mut Value) -> Vec<Recorded> {
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

/// Seconds of the parts of the run.
fn timing(results: &[Combination], opening_seconds: f64) -> Value {
    let sum = |f: fn(&Timing) -> f64| results.iter().map(|result| f(&result.sweep.timing)).sum::<f64>();
    json!({
        "opening_seconds": opening_seconds,
        "spectra_seconds": sum(|own| own.spectra_seconds),
        "rollout_seconds": sum(|own| own.rollout_seconds),
        "files_seconds": 0.0,
    })
}

/// Was it stopped before the end of the last combination?
fn interrupted(spec: &SweepSpec, results: &[Combination]) -> bool {
    (results.len() as u128) < spec.sweep_over.combinations() || results.iter().any(|result| result.sweep.interrupted)
}

/// Says what will be done, of every combination while they are few.
fn announce(console: &Console, spec: &SweepSpec) {
    if !spec.sweep_over.is_empty() {
        let flops: f64 = spec.combinations().map(|own| work(&own)).sum();
        let count = spec.sweep_over.combinations();
        console.note(&format!("{count} combinations of {}: {flops:.3e} flop", spec.sweep_over));
        if count > MOST_ANNOUNCED as u128 {
            return;
        }
    }
    spec.combinations().for_each(|own| announce_plain(console, spec, &own));
}

fn announce_plain(console: &Console, spec: &SweepSpec, own: &SweepSpec) {
    let said = spec.said_of(own);
    let at = if said.is_empty() { said } else { format!("{said}: ") };
    announce_jacobians(console, &at, own);
    console.note(&format!(
        "{at}{} of width {} x {} x {}: {:.3e} flop",
        counted(own.ensemble.members, "member"),
        own.ensemble.width,
        counted(own.cells(), "grid point"),
        counted(own.depth, "step"),
        work(own)
    ));
}

/// Says of how many members Jacobians are made, where that is not all.
fn announce_jacobians(console: &Console, at: &str, spec: &SweepSpec) {
    let steps = sweep::linearised_steps(spec);
    if steps.is_empty() {
        return;
    }
    let order = spec.ensemble.width * spec.layer.tokens;
    let members = sweep::linearised_members(spec, spec.cells(), steps.len());
    let remedy = if members == 0 { "; lower width, tokens or the grid to have some" } else { "" };
    console.note(&format!(
        "{at}Jacobians of {order} x {order} at {} steps, of {members} of {} members{remedy}",
        steps.len(),
        spec.ensemble.members
    ));
}

fn show(console: &Console, device: &Device, spec: &SweepSpec, results: &[Combination]) -> Result<()> {
    show_maps(console, device, spec, results)?;
    let curves = maps::curves(device, spec, results);
    for (_, figure) in curves.into_iter().chain(scaling::figures(device, spec, results)) {
        console.show(&format!("{}\n", figure.terminal(console.columns().min(WIDEST_MAP))))?;
    }
    console.show(&Headline::of(spec, results).said())
}

/// Seconds, with a rate where all of the work was done.
fn show_timing(console: &Console, spec: &SweepSpec, results: &[Combination], timing: &Value) -> Result<()> {
    let seconds = |name: &str| timing[name].as_f64().unwrap_or_default();
    let work: f64 = results.iter().map(|result| work(&result.spec)).sum();
    let rate = match interrupted(spec, results) {
        true => String::new(),
        false => format!(" ({:.1} GFLOP/s)", work / seconds("rollout_seconds") / 1e9),
    };
    console.show(&format!(
        "{:.2} s in all: opening {:.2} s, spectra {:.2} s, rollouts {:.2} s{rate}, files {:.2} s\n",
        seconds("total_seconds"),
        seconds("opening_seconds"),
        seconds("spectra_seconds"),
        seconds("rollout_seconds"),
        seconds("files_seconds"),
    ))
}

fn show_maps(console: &Console, device: &Device, spec: &SweepSpec, results: &[Combination]) -> Result<()> {
    let maps = maps::maps(device, spec, results);
    for (_, map) in maps.iter().take(MOST_MAPS) {
        let text = map.terminal(console.columns().min(WIDEST_MAP), console.colour())?;
        console.show(&format!("{text}\n"))?;
    }
    if maps.len() > MOST_MAPS {
        console.show(&format!("{MOST_MAPS} of {} maps: --out DIR draws all of them\n\n", maps.len()))?;
    }
    Ok(())
}

fn ending(spec: &SweepSpec, results: &[Combination]) -> Result<()> {
    if interrupted(spec, results) {
        let all = spec.sweep_over.combinations();
        let begun = if all == 1 { String::new() } else { format!(" of {} of {all} combinations", results.len()) };
        let last = results.last().map(|last| &last.sweep);
        if let Some(last) = last.filter(|last| all == 1 && last.cells.iter().all(|cell| cell.members == 0)) {
            let kept = counted(last.members.len(), "member");
            return Err(Error::Partial(format!(
                "interrupted before the rollouts began: the spectra of {kept} are kept, and cells are empty"
            )));
        }
        return Err(Error::Partial(format!("interrupted: the cells{begun} hold the members that were done")));
    }
    match results.iter().flat_map(|result| &result.sweep.cells).map(|cell| cell.no_spectrum).max().unwrap_or(0) {
        0 => Ok(()),
        failed => {
            Err(Error::Partial(format!("{failed} members have no spectrum; they are missing from the predictions")))
        }
    }
}
