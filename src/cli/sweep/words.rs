//! What a sweep says before and behind the work.

use super::interrupted;
use crate::cli::console::Console;
use crate::cli::headline::Headline;
use crate::cli::long_run::Done;
use crate::device::Device;
use crate::error::Result;
use crate::estimate::counted;
use crate::results::{curves, maps, scaling};
use crate::spec::SweepSpec;
use crate::sweep::{self, Combination, work};
use serde_json::Value;

/// The widest map in a terminal, in columns: wider ones are too flat, for they have two dozen lines.
const WIDEST_MAP: usize = 160;
/// Maps in a terminal at most; more are for the folder.
const MOST_MAPS: usize = 4;
/// Combinations that are announced one by one at most.
const MOST_ANNOUNCED: usize = 8;

/// Says what will be done, of every combination while they are few.
pub(super) fn announce(console: &Console, spec: &SweepSpec) {
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

pub(super) fn show(console: &Console, device: &Device, spec: &SweepSpec, results: &[Combination]) -> Result<()> {
    show_maps(console, device, spec, results)?;
    let curves = curves::of(device, spec, results);
    for (_, figure) in curves.into_iter().chain(scaling::figures(device, spec, results)) {
        console.show(&format!("{}\n", figure.terminal(console.columns().min(WIDEST_MAP))))?;
    }
    console.show(&Headline::of(spec, results).said())
}

/// Seconds, with a rate where all of the work was done in this call.
pub(super) fn show_timing(
    console: &Console,
    spec: &SweepSpec,
    done: &Done<Vec<Combination>>,
    timing: &Value,
) -> Result<()> {
    let seconds = |name: &str| timing[name].as_f64();
    let work: f64 = done.found.iter().map(|result| work(&result.spec)).sum();
    let rate = |seconds: f64| match done.goes_on || interrupted(spec, &done.found) {
        true => String::new(),
        false => format!(" ({:.1} GFLOP/s)", work / seconds / 1e9),
    };
    let parts = [
        ("opening", "opening_seconds", false),
        ("worker", "worker_seconds", true),
        ("merging", "merging_seconds", false),
        ("spectra", "spectra_seconds", false),
        ("rollouts", "rollout_seconds", true),
        ("files", "files_seconds", false),
    ];
    let said = parts.into_iter().filter_map(|(word, name, is_work)| {
        let seconds = seconds(name)?;
        Some(format!("{word} {seconds:.2} s{}", if is_work { rate(seconds) } else { String::new() }))
    });
    let said: Vec<String> = said.collect();
    let total = seconds("total_seconds").unwrap_or_default();
    console.show(&format!("{total:.2} s in all: {}\n", said.join(", ")))
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
