//! `eulerscope sweep`: the stability map.

use crate::cli::console::{self, Console};
use crate::cli::outlook::{self, work};
use crate::cli::{Invocation, tables, thinning};
use crate::dataset::Dataset;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::figure::{Disc, SpectrumScatter, StabilityMap};
use crate::spec::grid::plain;
use crate::spec::{Model, StepScaling, SweepSpec, Weights};
use crate::sweep::{self, Cell, Sweep};
use serde::Serialize;
use serde_json::{Value, json};

/// Rows of the table of trajectories at most; beyond it fewer members are recorded, then fewer grid points.
const MOST_ROWS: usize = 2_000_000;
/// Columns that a map needs in a terminal.
const NARROWEST_MAP: usize = 72;
/// Colours of a map saturate here at the latest: growth of the logarithm a layer.
const COLOUR_RANGE: f64 = 0.5;

/// Runs the command.
pub fn run(console: &Console, invocation: &Invocation, spec: &SweepSpec) -> Result<()> {
    let device = console.open(invocation)?;
    if invocation.plan {
        return outlook::sweep(console, &device, spec);
    }
    let mut dataset = invocation.out.as_deref().map(console::create_folder).transpose()?;
    let work = announce(console, spec);
    let mut progress = console.progress("sweep");
    let result = sweep::run(&device, spec, &mut |fraction| progress.at(fraction))?;
    drop(progress);
    let mut record = record(&device, spec, &result);
    if let Some(dataset) = dataset.take() {
        let folder = dataset.folder().display().to_string();
        let recorded = Recorded::of(spec);
        if !result.interrupted {
            recorded.announce(console, spec);
            record["trajectory_members"] = json!(recorded.members);
            record["trajectory_points"] = json!(recorded.places.len());
        }
        write(dataset, &device, spec, &result, (record.clone(), &recorded))?;
        console.note(&format!("results are in {folder}: run.json, *.parquet, *.png, *.svg"));
    }
    show(console, &device, spec, &result, work)?;
    console.emit(&Whole { record: &record, cells: &result.cells })?;
    ending(&result)
}

/// The record with all cells, which are many: they go to the writer as they are.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    record: &'a Value,
    cells: &'a [Cell],
}

fn to_json(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Bug(error.to_string()))
}

/// What a run was, without its cells.
fn record(device: &Device, spec: &SweepSpec, result: &Sweep) -> Value {
    json!({
        "eulerscope": env!("CARGO_PKG_VERSION"),
        "command": "sweep",
        "stream_version": crate::random::STREAM_VERSION,
        "spec": spec,
        "device": device.description(),
        "timing": result.timing,
        "interrupted": result.interrupted,
        "quantile_members": result.quantile_members,
        "linearised_members": result.linearised_members,
    })
}

fn announce(console: &Console, spec: &SweepSpec) -> f64 {
    let work = work(spec);
    announce_jacobians(console, spec);
    console.note(&format!(
        "{} layers of width {} x {} grid points x {} steps: {:.3e} flop",
        spec.ensemble.layers,
        spec.ensemble.width,
        spec.cells(),
        spec.depth,
        work
    ));
    work
}

/// Says of how many members Jacobians are made, where that is not all.
fn announce_jacobians(console: &Console, spec: &SweepSpec) {
    let steps = sweep::nonlinear::linearised_steps(spec);
    if spec.layer.model == Model::Linear || steps.is_empty() {
        return;
    }
    let order = spec.ensemble.width * spec.layer.tokens;
    let members = sweep::nonlinear::linearised_members(spec, spec.cells(), steps.len());
    let remedy = if members == 0 { "; lower width, tokens or the grid to have some" } else { "" };
    console.note(&format!(
        "Jacobians of {order} x {order} at {} steps, of {members} of {} members{remedy}",
        steps.len(),
        spec.ensemble.layers
    ));
}

/// The map of one damping, from the cells of that damping.
fn map(device: &Device, spec: &SweepSpec, damping: f64, cells: &[Cell]) -> StabilityMap {
    let depth = spec.depth as f64;
    let ensemble = &spec.ensemble;
    let values: Vec<Option<f64>> =
        cells.iter().map(|cell| cell.log_growth.median.map(|growth| growth / depth)).collect();
    StabilityMap {
        step_sizes: spec.step_size.values().iter().map(|&h| spec.effective_step_size(h)).collect(),
        step_label: step_label(spec.step_scaling).to_string(),
        radii: spec.radius.values().to_vec(),
        half_range: colour_range(&values),
        values,
        value_label: "median growth, ln |x_L|/|x_0| a layer".to_string(),
        neutral: 0.0,
        unstable_fraction: cells.iter().map(|cell| cell.unstable_fraction).collect(),
        title: format!("Stability of {} {} layers, damping {damping}", ensemble.layers, spec.layer.model),
        caption: format!(
            "{} {}, width {}, depth {}, {} radius, seed {}; {}",
            spec.layer.weights,
            ensemble.family,
            ensemble.width,
            spec.depth,
            ensemble.radius_kind,
            ensemble.seed,
            console::caption(&device.description())
        ),
    }
}

/// As far as the values reach, so that small growth shows too, but not beyond [`COLOUR_RANGE`].
fn colour_range(values: &[Option<f64>]) -> Option<f64> {
    let finite = values.iter().flatten().filter(|value| value.is_finite());
    let largest = finite.fold(0.0, |largest, value| f64::max(largest, value.abs()));
    Some(largest.min(COLOUR_RANGE)).filter(|&range| range > 0.0)
}

/// The maps, one for each damping.
fn maps(device: &Device, spec: &SweepSpec, result: &Sweep) -> Vec<StabilityMap> {
    let size = spec.radius.len() * spec.step_size.len();
    let dampings = spec.damping.values().iter();
    dampings.zip(result.cells.chunks(size)).map(|(&damping, cells)| map(device, spec, damping, cells)).collect()
}

fn write(
    mut dataset: Dataset,
    device: &Device,
    spec: &SweepSpec,
    result: &Sweep,
    (record, recorded): (Value, &Recorded),
) -> Result<()> {
    let text = to_json(spec)?.to_string();
    dataset.note("spec", &text);
    dataset.note("spec_hash", blake3::hash(text.as_bytes()).to_hex().as_str());
    dataset.write_table("cells", &tables::cells(&result.cells))?;
    if !result.members.is_empty() {
        dataset.write_table("members", &tables::members(&result.members))?;
    }
    if spec.layer.model != Model::Linear {
        dataset.write_table("linearised", &tables::linearised(&result.cells))?;
    }
    dataset.write_table("spectra", &tables::spectra(&result.spectra))?;
    if !result.interrupted {
        dataset.write_table("trajectories", &trajectories(device, spec, result, recorded)?)?;
    }
    for (map, name) in maps(device, spec, result).iter().zip(map_names(spec.damping.values())) {
        let picture = map.draw()?;
        dataset.write_bytes(&format!("{name}.png"), &picture.png)?;
        dataset.write_bytes(&format!("{name}.svg"), picture.svg.as_bytes())?;
    }
    write_spectrum(&mut dataset, device, spec, result)?;
    dataset.finish(record)
}

/// The eigenvalues of the first members: of A at radius 1, or of M in the middle of a nonlinear grid.
fn write_spectrum(dataset: &mut Dataset, device: &Device, spec: &SweepSpec, result: &Sweep) -> Result<()> {
    let linear = spec.layer.model == Model::Linear;
    let of = if linear { "layers at radius 1" } else { "steps in the middle of the grid" };
    let scatter = SpectrumScatter {
        eigenvalues: result.spectra.iter().flat_map(|spectrum| spectrum.eigenvalues.clone()).collect(),
        disc: (linear && spec.ensemble.correlation() == 0.0).then_some(Disc { center: 0.0, radius: 1.0 }),
        levels: None,
        title: format!("Eigenvalues of {} {of}", result.spectra.len()),
        caption: format!(
            "{}, width {}, seed {}; {}",
            spec.ensemble.family,
            spec.ensemble.width,
            spec.ensemble.seed,
            console::caption(&device.description())
        ),
    };
    let picture = scatter.draw()?;
    dataset.write_bytes("spectrum.png", &picture.png)?;
    dataset.write_bytes("spectrum.svg", picture.svg.as_bytes())
}

/// Which trajectories are recorded: members, and places in the list of grid points.
struct Recorded {
    members: usize,
    places: Vec<usize>,
}

impl Recorded {
    /// As many members as the table has room for, then, when there is room for one only, fewer grid points.
    fn of(spec: &SweepSpec) -> Self {
        let room = MOST_ROWS / (spec.depth + 1);
        let members = (room / spec.cells()).clamp(1, spec.trajectories.max(1)).min(spec.trajectories);
        Recorded { members, places: thinning::places(spec, room) }
    }

    /// Says what is left out, if anything is.
    fn announce(&self, console: &Console, spec: &SweepSpec) {
        let (members, points) = (self.members, self.places.len());
        if members < spec.trajectories || points < spec.cells() {
            console.note(&format!(
                "trajectories: {members} of {} members at {points} of {} grid points are recorded step by step, \
                 {MOST_ROWS} rows at most",
                spec.trajectories,
                spec.cells()
            ));
        }
    }
}

/// The recorded members step by step.
fn trajectories(device: &Device, spec: &SweepSpec, result: &Sweep, recorded: &Recorded) -> Result<tables::Columns> {
    let all = sweep::points(spec);
    let points: Vec<sweep::Point> = recorded.places.iter().map(|&place| all[place]).collect();
    if spec.layer.model != Model::Linear {
        let fewer = SweepSpec { trajectories: recorded.members, ..spec.clone() };
        let seen = sweep::nonlinear::histories(device, &fewer, &points)?;
        return Ok(tables::observations(&seen, &points, spec.depth));
    }
    let own: Vec<_> = points.iter().map(|point| sweep::coefficients(spec, point)).collect();
    let gains: Vec<f64> = result.members.iter().map(|member| member.gain).collect();
    let growth = sweep::rollout(spec, &own, &gains).histories(device, 0..recorded.members)?;
    Ok(tables::trajectories(&growth, &points, spec.depth))
}

/// What the step sizes of the figures are.
fn step_label(scaling: StepScaling) -> &'static str {
    match scaling {
        StepScaling::Constant => "step size h",
        StepScaling::InverseSqrtDepth => "step size h, scaled by 1/sqrt(depth)",
        StepScaling::InverseDepth => "step size h, scaled by 1/depth",
    }
}

/// Names for the maps of several dampings: rounded to 6 significant digits, and none twice.
fn map_names(dampings: &[f64]) -> Vec<String> {
    if dampings.len() == 1 {
        return vec!["stability_map".to_string()];
    }
    let mut names: Vec<String> = Vec::new();
    for (i, damping) in dampings.iter().enumerate() {
        let rounded = format!("{damping:.5e}").parse().unwrap_or(*damping);
        let name = format!("stability_map_damping_{}", plain(rounded));
        let taken = names.contains(&name);
        names.push(if taken { format!("{name}_number_{}", i + 1) } else { name });
    }
    names
}

fn show(console: &Console, device: &Device, spec: &SweepSpec, result: &Sweep, work: f64) -> Result<()> {
    let maps = if console.columns() < NARROWEST_MAP { Vec::new() } else { maps(device, spec, result) };
    for map in maps {
        let text = map.terminal(console.columns(), console.colour())?;
        console.show(&format!("{text}\n"))?;
    }
    let count = |f: &dyn Fn(&Cell) -> bool| result.cells.iter().filter(|cell| f(cell)).count();
    let predicted = |cell: &Cell| cell.unstable_fraction.is_some_and(|share| share > 0.5);
    let grew = |cell: &Cell| cell.grew_fraction.is_some_and(|share| share > 0.5);
    let tied = if spec.layer.weights == Weights::Tied { "" } else { " (of one layer; the layers of a stack differ)" };
    console.show(&format!(
        "most layers are predicted to explode{tied} at {} of {} grid points, most were seen to grow at {}; \
         the two differ at {}\n",
        count(&predicted),
        result.cells.len(),
        count(&grew),
        count(&|cell| predicted(cell) != grew(cell)),
    ))?;
    let timing = &result.timing;
    console.show(&format!(
        "spectra {:.2} s, rollouts {:.2} s ({:.1} GFLOP/s)\n",
        timing.spectra_seconds,
        timing.rollout_seconds,
        work / timing.rollout_seconds / 1e9
    ))
}

fn ending(result: &Sweep) -> Result<()> {
    if result.interrupted {
        return Err(Error::Partial("interrupted: the cells hold the members that were done".to_string()));
    }
    match result.cells.iter().map(|cell| cell.no_spectrum).max().unwrap_or(0) {
        0 => Ok(()),
        failed => {
            Err(Error::Partial(format!("{failed} members have no spectrum; they are missing from the predictions")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Recorded, map_names};
    use crate::spec::SweepSpec;

    #[test]
    fn names_of_maps_are_short_and_differ() {
        assert_eq!(map_names(&[0.1]), ["stability_map"]);
        let names = map_names(&[1.0 / 3.0, 1.0 / 3.0 + 1e-9, 0.5]);
        let ends = ["0.333333", "0.333333_number_2", "0.5"];
        assert_eq!(names, ends.map(|end| format!("stability_map_damping_{end}")));
    }

    #[test]
    fn fewer_members_are_recorded_before_fewer_points() {
        let recorded = |depth| {
            let recorded = Recorded::of(&SweepSpec { depth, ..SweepSpec::default() });
            (recorded.members, recorded.places.len())
        };
        assert_eq!(recorded(80), (8, 1024));
        assert_eq!(recorded(1000), (1, 1024));
        let (members, points) = recorded(10_000);
        assert!(members == 1 && (150..200).contains(&points));
        assert_eq!(recorded(1_000_000), (1, 1));
    }
}
