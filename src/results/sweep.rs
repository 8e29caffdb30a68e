//! The folder of a sweep: its tables, its figures, and which trajectories it records.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::results::dataset::{Dataset, Landed, TableWriter};
use crate::results::tables::Columns;
use crate::results::{along_depth, curves, maps, pictures, scaling, step_spectrum, tables};
use crate::spec::{Model, SweepSpec};
use crate::sweep::{self, Combination, thinning};
use serde_json::Value;

/// Rows of the table of trajectories at most; beyond it fewer members are recorded, then fewer grid points.
const MOST_ROWS: usize = 2_000_000;

/// Rows of the table of cells that are in memory as columns: it has many of both.
const ROWS_AT_ONCE: usize = 1 << 14;

/// Writes everything and seals the folder with what `record` gives then; `recorded` is none when the sweep was
/// interrupted. What is done is kept, so `progress`, which is told the fraction of files that are written, cannot stop it.
pub fn write(
    mut dataset: Dataset,
    device: &Device,
    spec: &SweepSpec,
    results: &[Combination],
    recorded: Option<&[Recorded]>,
    progress: &mut dyn FnMut(f64),
    record: impl FnOnce() -> Value,
) -> Result<Landed> {
    let maps = maps::maps(device, spec, results);
    let scaling = scaling::figures(device, spec, results);
    let curves: Vec<_> = curves::of(device, spec, results).into_iter().chain(scaling).collect();
    let all = 1 + recorded.map_or(0, <[Recorded]>::len) + maps.len() + curves.len() + 1;
    let mut done = 0;
    let mut next = || {
        done += 1;
        progress(done as f64 / all as f64);
    };
    let text = serde_json::to_string(spec).map_err(|error| Error::Bug(error.to_string()))?;
    dataset.note("spec", &text);
    dataset.note("spec_hash", blake3::hash(text.as_bytes()).to_hex().as_str());
    write_tables(&mut dataset, spec, results)?;
    next();
    if let Some(recorded) = recorded {
        let mut table = dataset.table("trajectories")?;
        for (result, recorded) in results.iter().zip(recorded) {
            append(&mut table, spec, result, trajectories(device, result, recorded)?)?;
            next();
        }
        dataset.finish_table(table)?;
    }
    for (name, map) in &maps {
        pictures::write(&mut dataset, name, map)?;
        next();
    }
    for (name, curves) in &curves {
        pictures::write(&mut dataset, name, curves)?;
        next();
    }
    if let Some(first) = results.first() {
        write_figures(&mut dataset, device, spec, first, recorded.is_some())?;
        next();
    }
    dataset.finish(record())
}

fn write_tables(dataset: &mut Dataset, spec: &SweepSpec, results: &[Combination]) -> Result<()> {
    type Table = (&'static str, fn(&Combination) -> Columns);
    let spectra: Table = ("spectra", |own| tables::spectra(&own.sweep.spectra));
    let members: Table = ("members", |own| tables::members(&own.spec, &own.sweep));
    let linearised: Table = ("linearised", |own| tables::linearised(&own.sweep.cells));
    let linear = spec.layer.model == Model::Linear;
    let mut table = dataset.table("cells")?;
    for result in results {
        for (rows, cells) in (0..).step_by(ROWS_AT_ONCE).zip(result.sweep.cells.chunks(ROWS_AT_ONCE)) {
            append(&mut table, spec, result, tables::cells(&result.spec, rows, cells))?;
        }
    }
    dataset.finish_table(table)?;
    for (name, columns) in [members, spectra].into_iter().chain((!linear).then_some(linearised)) {
        let mut table = dataset.table(name)?;
        for result in results {
            append(&mut table, spec, result, columns(result))?;
        }
        dataset.finish_table(table)?;
    }
    Ok(())
}

/// Appends the rows of a combination, with its outer values in front.
fn append(table: &mut TableWriter, spec: &SweepSpec, result: &Combination, columns: Columns) -> Result<()> {
    table.append(&tables::swept(&spec.sweep_over.keys(), &result.spec, columns))
}

/// What the first combination does along its depth, if it was `finished`, and the eigenvalues of its step.
fn write_figures(
    dataset: &mut Dataset,
    device: &Device,
    spec: &SweepSpec,
    first: &Combination,
    finished: bool,
) -> Result<()> {
    if finished {
        for (name, figure) in along_depth::figures(device, spec, first)? {
            pictures::write(dataset, &name, &figure)?;
        }
    }
    pictures::write(dataset, "spectrum", &step_spectrum::figure(device, spec, first))
}

/// Which trajectories of a plain sweep are recorded: members, and places in the list of grid points.
pub struct Recorded {
    /// The first so many.
    pub members: usize,
    /// Grid points.
    pub places: Vec<usize>,
}

impl Recorded {
    /// As many members as the table has room for, then, when there is room for one only, fewer grid points; nothing if
    /// `combinations` of this depth leave no room at all.
    pub fn of(spec: &SweepSpec, combinations: usize) -> Self {
        let room = MOST_ROWS / combinations.max(1) / (spec.depth + 1);
        if room == 0 {
            return Recorded { members: 0, places: Vec::new() };
        }
        let members = (room / spec.cells()).clamp(1, spec.trajectories.max(1)).min(spec.trajectories);
        Recorded { members, places: thinning::places(spec, room) }
    }

    /// What is left out of this sweep, in a line, if anything is; `at` is where it stands among the combinations.
    pub fn left_out(&self, spec: &SweepSpec, at: &str) -> Option<String> {
        let (members, points) = (self.members, self.places.len());
        if members >= spec.trajectories && points >= spec.cells() {
            return None;
        }
        let at = if at.is_empty() { String::new() } else { format!(" at {at}") };
        Some(format!(
            "trajectories{at}: {members} of {} members at {points} of {} grid points are recorded step by step, \
             {MOST_ROWS} rows at most",
            spec.trajectories,
            spec.cells()
        ))
    }
}

/// The recorded members step by step.
fn trajectories(device: &Device, Combination { spec, sweep }: &Combination, recorded: &Recorded) -> Result<Columns> {
    let all = sweep::points(spec);
    let points: Vec<sweep::Point> = recorded.places.iter().map(|&place| all[place]).collect();
    Ok(tables::trajectories(&sweep.histories(device, spec, &points, recorded.members)?, &points, spec.depth))
}

#[cfg(test)]
mod tests {
    use super::Recorded;
    use crate::spec::{Grid, SweepSpec};

    #[test]
    fn fewer_members_are_recorded_before_fewer_points() {
        let recorded = |depth, combinations| {
            let spec = SweepSpec { depth, damping: Grid::single(0.1), ..SweepSpec::default() };
            let recorded = Recorded::of(&spec, combinations);
            (recorded.members, recorded.places.len())
        };
        assert_eq!(recorded(80, 1), (8, 1024));
        assert_eq!(recorded(1000, 1), (1, 1024));
        let (members, points) = recorded(10_000, 1);
        assert!(members == 1 && (150..200).contains(&points));
        assert_eq!(recorded(1_000_000, 1), (1, 1));
        assert_eq!(recorded(80, 12), (2, 1024));
        assert_eq!(recorded(1_000_000, 2), (0, 0));
    }
}
